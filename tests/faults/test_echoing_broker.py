"""A broker that echoes account number, mail address and bearer token in every text: none of them gets anywhere."""

import io
import json
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.live_account import NUMBER, TOKEN, LiveAccount
from tests.support.loopback_broker.acts import Act, reply
from tests.support.loopback_broker.bench import authority
from tests.support.loopback_broker.book import LoopbackBook
from tests.support.loopback_broker.server import LoopbackServer
from trading_bot.bot import TradingBot
from trading_bot.cli.render.kill_text import kill_lines
from trading_bot.logging.setup import configure_logging
from trading_bot.order_json import envelope_json, status_json, sync_summary_json, trade_result_json
from trading_bot.order_management.exceptions import OrderError
from trading_bot.startup.kill import open_kill

MAIL = "canary.user@mail.example.com"
BEARER = "canary7-Jx0Qm4-uZ8rT1v-pL6sW3y-bN5dK9h-fG2cE7a"
SECRETS = (NUMBER, MAIL, quote(MAIL), BEARER)
ECHO = f"account {NUMBER} ({NUMBER.lower()}) of {MAIL}, {quote(MAIL)}: Bearer {BEARER}, token={BEARER}, {BEARER}"
WORDS = (f"held {NUMBER}", f"ask {MAIL}", BEARER)
"""For a state, which is one word of at most 64 characters."""

REFUSAL = {"detail": ECHO, "price": [ECHO], ECHO: {"deeper": [ECHO]}}
ANSWERS = {
    **{str(status): reply(status, REFUSAL) for status in (302, 400, 401, 403, 404, 409, 422, 429, 500)},
    "a page": reply(403, f"<html>{ECHO}</html>".encode()),
    "an order of nobody": reply(201, {"id": ECHO, "state": ECHO}),
    "no order": reply(200, ECHO.encode()),
}
"""What comes back for one order."""

NEEDED = {
    *("id", "ref_id", "url", "account", "account_number", "instrument", "instrument_id", "cancel", "symbol", "next"),
    *("side", "type", "time_in_force", "state", "tradability", "created_at", "updated_at", "last_transaction_at"),
    *("timestamp", "access_token", "refresh_token", "token_type"),
}
"""What has to stay as it is for the reply to be about anything; numbers stay too."""


class EchoingBook(LoopbackBook):
    """Adds its echo to every reply, in every text that may be anything."""

    def _reply(self, status: int, body: object) -> Act:
        return super()._reply(status, _echoing(body))


def _echoing(value: object, name: str = "") -> object:
    match value:
        case dict():
            told = {key: _echoing(item, str(key)) for key, item in value.items()}
            return {"note": ECHO, "reject_reason": ECHO, "detail": ECHO} | told
        case list():
            return [_echoing(item) for item in value]
        case str() if name not in NEEDED and not value.replace(".", "").isdigit():
            return f"{value} {ECHO}"
        case None if name == "reject_reason":
            return ECHO
        case _:
            return value


class Story:
    """What people and programs get to see."""

    def __init__(self, account: LiveAccount) -> None:
        self.account = account
        self.seen: list[str] = []

    def attempt(self, step: Callable[[], object], told: Callable[..., object] = repr) -> None:
        try:
            result = step()
            self.seen += [repr(result), str(told(result))]
        except OrderError as error:
            self.seen += [repr(error), "".join(traceback.format_exception(error))]

    def buy(self, bot: TradingBot, name: str, symbol: str = "AAPL", price: str = "90") -> None:
        self.attempt(
            lambda: bot.execute_trade(symbol, "buy", 1, Decimal(price), "a test", client_order_id=name),
            lambda result: json.dumps(trade_result_json(result)),
        )

    def status(self, bot: TradingBot, name: str) -> None:
        self.attempt(lambda: bot.order_status(name), lambda status: json.dumps(status_json(status)))

    def sync(self, bot: TradingBot) -> None:
        self.account.clock.sleep(5)
        self.attempt(bot.synchronize_open_orders, lambda summary: json.dumps(sync_summary_json(summary)))
        self.seen.append(json.dumps([envelope_json(order) for order in bot.orders()]))


@pytest.fixture
def story(tmp_path: Path):
    book = EchoingBook(account_number=NUMBER, shares=50)
    book.bearers = {BEARER}
    with LoopbackServer(authority().certify().server_context(), book) as server:
        account = LiveAccount(tmp_path, server, book)
        account.settings["order_management"] = {"duplicate_window_s": 0, "max_pending_per_side": 20}
        account.log_in(BEARER)
        account.arm()
        yield Story(account)
        account.transport.close()


def tell(story: Story, act: Act) -> None:
    account, on = story.account, story.account.server.on
    book, echo = account.book, REFUSAL
    bot = account.bot()
    bot.start()
    for number, word in enumerate(("confirmed", *WORDS)):
        story.buy(bot, f"resting-{number}", price=str(50 + number))
        list(book.rows.values())[-1]["state"] = word
    story.sync(bot)
    for number in range(1 + len(WORDS)):
        story.status(bot, f"resting-{number}")
    on("POST", "/orders/", act)
    story.buy(bot, "refused", "MSFT")
    order_id = next(iter(book.rows))
    for status in (403, 500, 404):
        on("POST", f"/orders/{order_id}/cancel/", reply(status, echo))
        story.attempt(lambda: bot.cancel_order("resting-0"))
    for path in ("/orders/", "/positions/", f"/accounts/{NUMBER}/", f"/orders/{order_id}/"):
        for failure in (reply(500, echo), reply(404, echo), reply(200, {"results": ECHO, "next": ECHO})):
            on("GET", path, failure, failure, failure)
            story.sync(bot)
            bot.account.invalidate_cache()
            story.attempt(bot.account.positions)
            story.attempt(bot.account.account)
            story.status(bot, "resting-0")
    for row in book.rows.values():
        row |= {"state": "rejected", "reject_reason": None, "cancel": None}
    story.sync(bot)
    book.revoke_all()
    on(*TOKEN, reply(401, echo))
    story.sync(bot)
    bot.stop()
    report = open_kill(account.config, transport=account.transport, surroundings=account.around).run("ann", "a test")
    story.seen += [repr(report), *kill_lines(report)]


@pytest.mark.parametrize("act", ANSWERS.values(), ids=ANSWERS)
def test_no_secret_is_in_any_file_log_message_or_answer(story: Story, act: Act, capfd, caplog):
    stream = io.StringIO()
    configure_logging(stream=stream, level="DEBUG", json=True)
    tell(story, act)
    out, err = capfd.readouterr()
    files = {path: path.read_bytes().decode("utf-8", "replace") for path in _files(story)}
    sinks = {"answers": "\n".join(story.seen), "log": stream.getvalue() + caplog.text, "streams": out + err}
    sinks |= {str(path): text for path, text in files.items()}
    assert {"journal.sqlite3", "trades.jsonl"} <= {path.name for path in files}
    assert sum("****0001" in text for text in sinks.values()) >= 3  # the echoes were there, and were masked
    leaks = {(name, secret) for name, text in sinks.items() for secret in SECRETS if secret.lower() in text.lower()}
    assert leaks == set()


def _files(story: Story) -> list[Path]:
    """All that was written, but for the login, which holds its token."""
    session = story.account.state().session
    return [path for path in story.account.folder.rglob("*") if path.is_file() and path != session]


def test_the_broker_did_echo_every_secret(story: Story):
    tell(story, ANSWERS["400"])
    assert all(secret in ECHO for secret in SECRETS)
    assert all(f"Bearer {BEARER}" in heard.headers["authorization"] for heard in story.account.server.heard[:5])
