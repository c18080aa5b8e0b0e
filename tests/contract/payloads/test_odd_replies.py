"""Whole replies in odd spellings, on every endpoint: a live bot starts, buys, sells and leaves a position all the same.

Each is one that JSON, a proxy or a change at the broker can bring; none of them changes what is said.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.contract.payloads.life import account_with_neighbours, sells_and_leaves, submitted, trades_and_leaves
from tests.support.live_account import NUMBER, LiveAccount
from tests.support.loopback_broker import acts
from tests.support.loopback_broker.server import Heard
from trading_bot.bot import StartError, TradeStatus
from trading_bot.startup.kill import open_kill

pytestmark = pytest.mark.no_cover  # a sweep: each line that it reaches has a test of its own

Speak: TypeAlias = Callable[[object], object]
Spell: TypeAlias = Callable[[Heard, bytes], bytes]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AMOUNT = re.compile(r"-?\d+\.\d+")
_NEEDED = re.compile(rb'("(symbol|quantity|state)": "[^"]*")')
_ANY_FIELD = re.compile(rb'"(account_number|symbol|state)": ')


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with account_with_neighbours(tmp_path) as account:
        yield account


def texts(change: Callable[[str], object], matching: Callable[[str], object] = bool) -> Speak:
    """Change every text of a reply that matches, at any depth."""

    def changed(value: object) -> object:
        if isinstance(value, dict):
            return {name: changed(each) for name, each in value.items()}
        if isinstance(value, list):
            return [changed(each) for each in value]
        return change(value) if isinstance(value, str) and matching(value) else value

    return changed


def amounts(change: Callable[[str], object]) -> Speak:
    return texts(change, _AMOUNT.fullmatch)


def times(change: Callable[[str], object]) -> Speak:
    return texts(change, lambda text: text.startswith("2026-"))


def links(change: Callable[[str], str]) -> Speak:
    return texts(change, lambda text: text.startswith("https://"))


def pages(change: Callable[[dict[str, Any]], object]) -> Speak:
    return lambda body: change(body) if isinstance(body, dict) and "next" in body else body


def rows(change: Callable[[list[Any]], list[Any]]) -> Speak:
    return lambda body: body | {"results": change(body["results"])} if has_rows(body) else body  # type: ignore[operator,index]


def has_rows(body: object) -> bool:
    return isinstance(body, dict) and isinstance(body.get("results"), list)


def others(change: Callable[[object], object]) -> Speak:
    """Change every value that is no text, list or object."""

    def changed(value: object) -> object:
        if isinstance(value, dict):
            return {name: changed(each) if name != "next" else each for name, each in value.items()}
        if isinstance(value, list):
            return [changed(each) for each in value]
        return value if isinstance(value, str) else change(value)

    return changed


def beside(field: bytes) -> Spell:
    """Put something into each row, beside what is read."""
    return lambda _heard, text: _ANY_FIELD.sub(lambda found: field + b", " + found.group(), text)


def older(found: list[Any]) -> list[Any]:
    stale = (row | {"updated_at": "2026-11-23T14:59:00Z"} for row in found if isinstance(row, dict) and "side" in row)
    return [*found, *stale]


def nested(depth: int) -> bytes:
    return b'"note": ' + b"[" * depth + b"]" * depth


SPOKEN: Mapping[str, Speak] = {
    "numbers with an exponent": amounts(lambda text: f"{Decimal(text).normalize():E}"),
    "numbers of JSON": amounts(float),
    "numbers with a plus": amounts(lambda text: f"+{text}"),
    "numbers without a nought": amounts(lambda text: text.removeprefix("0")),
    "numbers with thirty places": amounts(lambda text: text + "0" * 22),
    "numbers with a bare point": amounts(lambda text: text.rstrip("0")),
    "space around every text": texts(lambda text: f"  {text}\n", lambda text: "://" not in text),
    "times with an offset": times(lambda text: text.replace("Z", "+00:00")),
    "times with seven digits": times(lambda _: "2026-11-23T15:00:00.1234567Z"),
    "times with nine digits": times(lambda _: "2026-11-23T15:00:00.123456789Z"),
    "times in small letters": times(str.lower),
    "no times": times(lambda _: None),
    "times as numbers": times(lambda _: 1795446000),
    "links without a lock": links(lambda text: text.replace("https:", "http:")),
    "links with a query": links(lambda text: text if "?" in text else f"{text}?source=app"),
    "links without a last slash": links(lambda text: text.rstrip("/")),
    "links without a host": links(lambda text: text.removeprefix("https://api.robinhood.com")),
    "links with a port": links(lambda text: text.replace(".com", ".com:443")),
    "ids in capitals": texts(str.upper, _UUID.fullmatch),
    "empty slots": rows(lambda found: [None, *found, None]),
    "slots with something else": rows(lambda found: ["", 7, [], *found, {}]),
    "each row twice": rows(lambda found: [row for row in found for _ in range(2)]),
    "each order in an older version too": rows(older),
    "no link to a page before": pages(lambda page: {name: page[name] for name in page if name != "previous"}),
    "an empty link to the next page": pages(lambda page: page | {"next": page["next"] or ""}),
    "flags as text": others(lambda value: str(value) if isinstance(value, bool) else value),
    "flags as numbers": others(lambda value: int(value) if isinstance(value, bool) else value),
    "empty texts for null": others(lambda value: "" if value is None else value),
}

SPELLED: Mapping[str, Spell] = {
    "a byte order mark": lambda _, text: b"\xef\xbb\xbf" + text,
    "space and line ends": lambda _, text: b" \r\n\t" + json.dumps(json.loads(text), indent=2).encode() + b"\r\n",
    "a key twice": beside(b'"note": 1, "note": 2'),
    "a needed key twice, with one value": lambda _, text: _NEEDED.sub(rb"\1, \1", text),
    "numbers that are none": beside(b'"a": NaN, "b": -Infinity, "c": 1e999999999, "d": ' + b"9" * 5000),
    "bytes that are no UTF-8": beside(b'"name": "caf\xe9"'),
    "control characters": beside(b'"name": "a\tb\nc\x00"'),
    "half a character": beside(b'"name": "\\ud800", "\\udfff": 1'),
    "deep nesting": beside(nested(100)),
    "another product's fields": beside(b'"legs": [{}], "currency_pair": {"id": null}, "multiplier": "100.0000"'),
}


@pytest.mark.parametrize("name", SPOKEN)
def test_what_is_spelled_another_way_is_the_same(account, name):
    account.book.speak = SPOKEN[name]
    trades_and_leaves(account)


@pytest.mark.parametrize("name", SPELLED)
def test_text_that_is_odd_beside_what_is_read_hides_nothing(account, name):
    account.book.spell = SPELLED[name]
    trades_and_leaves(account)


@pytest.mark.parametrize("name", [name for name in SPOKEN if name.startswith("links")])
def test_a_list_of_many_pages_is_read_however_its_links_are_spelled(account, name):
    account.book.page_size = 1
    account.book.speak = SPOKEN[name]
    trades_and_leaves(account)


@pytest.mark.parametrize("name", SPELLED)
def test_a_kill_is_confirmed_however_the_replies_are_spelled(account, name):
    bot = account.bot()
    bot.start()
    submitted(bot, "buy", "TSLA", "90")
    submitted(bot, "sell", "AAPL", "150")
    bot.stop()
    account.book.spell = SPELLED[name]
    report = open_kill(account.config, transport=account.transport, clock=account.clock).run("ann", "a test")
    assert (report.problems, report.may_be_live) == ((), ())
    assert {row["state"] for row in account.book.rows.values()} == {"cancelled"}


UNREADABLE_MONEY: tuple[dict[str, object], ...] = (
    {"buying_power": None},
    {"buying_power": "1,000.00"},
    {"buying_power": {"amount": "1.00"}},
    {"account_number": None},
    {"account_number": "https://"},
)


@pytest.mark.parametrize("says", UNREADABLE_MONEY, ids=repr)
def test_an_account_whose_money_cannot_be_read_stops_buying_alone(account, says):
    """Held shares are sold and orders cancelled without a balance, after a start too."""
    account.book.account_says |= says
    bot = account.bot()
    bot.start()
    refused = bot.execute_trade("TSLA", "buy", 10, Decimal(90), "a test")
    assert (refused.status, refused.code) == (TradeStatus.BLOCKED, "no_account_data")
    assert next(iter(says)) in refused.message
    sells_and_leaves(account, bot)
    bot.stop()


@pytest.mark.parametrize("trouble", [acts.reply(503), acts.close], ids=["503", "no reply"])
def test_an_account_that_cannot_be_read_for_now_stops_buying_alone(account, trouble):
    """Its orders and positions answer, so the broker is there: held shares are sold, after a start too."""
    account.server.on_every("GET", f"/accounts/{NUMBER}/", lambda _heard: trouble)
    bot = account.bot()
    bot.start()
    refused = bot.execute_trade("TSLA", "buy", 10, Decimal(90), "a test")
    assert (refused.status, refused.code) == (TradeStatus.BLOCKED, "no_account_data")
    sells_and_leaves(account, bot)
    bot.stop()


def test_another_account_than_the_one_asked_for_stops_the_start(account):
    account.book.account_says |= {"account_number": "5QR19999", "buying_power": None}
    with pytest.raises(StartError, match="answered with another"):
        account.bot().start()
