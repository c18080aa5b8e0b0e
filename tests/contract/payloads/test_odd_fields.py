"""Rows of the account, of instruments, quotes and positions with every field odd, beside a healthy symbol.

For each way of being odd, all fields are so at once, but for those that a decision needs: these are in the tables here
and in the ``NEEDED`` tables of the readers, with their reasons, and are odd one at a time.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.payloads.corpus import Change, changes, sample_row, samples
from tests.contract.payloads.life import account_with_neighbours, sells_and_leaves, submitted, trades_and_leaves
from tests.support.live_account import NUMBER, LiveAccount
from tests.support.loopback_broker.book import BASE
from trading_bot.bot import TradeStatus
from trading_bot.robinhood.account_wire import NEEDED_OF_ACCOUNT, NEEDED_OF_INSTRUMENT, NEEDED_OF_QUOTE

pytestmark = pytest.mark.no_cover  # a sweep: each line that it reaches has a test of its own

HOWS = ("removed", "null", "re-cased", "empty", "retyped", "strange", "no-address")
Row = dict[str, Any]

FORBIDS_BUYING: Mapping[str, str] = dict.fromkeys(
    ("deactivated", "permanently_deactivated", "locked", "only_position_closing_trades"),
    "a documented flag; with another value it forbids buying",
)
SPENDABLE: Mapping[str, str] = dict.fromkeys(
    ("cash_held_for_orders", "cash_held_for_options_collateral"),
    "money promised already cannot be spent again; another amount is another amount",
)
FORBIDS_TRADING: Mapping[str, str] = {"tradeable": "a documented flag; with another value the broker takes no order"}
HALTS: Mapping[str, str] = {
    "trading_halted": "a documented flag; with another value nothing is bought",
    "last_extended_hours_trade_price": "a quote is compared with the last trade; another price is another price",
}
NEEDED_TO_BUY: Mapping[str, str] = {
    "last_trade_price": "a quote is compared with the last trade before anything is bought"
}


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with account_with_neighbours(tmp_path) as account:
        yield account


def put(account: LiveAccount, mark: str, change: Callable[[Row], object]) -> None:
    """Put another row in the place of each that has the field ``mark``, wherever it is in a reply."""

    def spoken(body: object) -> object:
        if isinstance(body, dict) and isinstance(body.get("results"), list):
            return body | {"results": [spoken(row) for row in body["results"]]}
        return change(body) if isinstance(body, dict) and mark in body else body

    account.book.speak = spoken


def all_at_once(row: Row, how: str, *, but: Mapping[str, str]) -> Row:
    """Return the row with every field odd in one way, but for some."""
    odd = dict(row)
    for change in changes(row):
        if change.how == how and change.field == change.top and change.field not in but:
            odd.pop(change.field)
            odd |= {name: value for name, value in change.row.items() if name == change.field}
    return odd


def one_at_a_time(row: Row, table: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(change for change in changes(row) if change.field in table)


def whole_account() -> Row:
    ours = {"account_number": NUMBER, "url": f"{BASE}/accounts/{NUMBER}/"}
    return sample_row("accounts", "margin_2024_10") | ours


@pytest.mark.parametrize("how", HOWS)
def test_all_odd_fields_of_the_account_at_once_stop_nothing(account, how):
    kept = {**FORBIDS_BUYING, **SPENDABLE} if how == "strange" else {}
    row = all_at_once(whole_account(), how, but={**NEEDED_OF_ACCOUNT, **kept})
    put(account, "buying_power", lambda _: row)
    trades_and_leaves(account)


@pytest.mark.parametrize("change", one_at_a_time(whole_account(), NEEDED_OF_ACCOUNT), ids=str)
def test_a_needed_field_of_the_account_stops_buying_alone(account, change):
    put(account, "buying_power", lambda _: change.row)
    bot = account.bot()
    bot.start()
    sells_and_leaves(account, bot)
    bot.stop()


@pytest.mark.parametrize(
    "name", [each.name for each in samples("accounts") if isinstance(each.body, dict) and "buying_power" in each.body]
)
def test_an_account_as_published_may_buy_what_its_money_allows(account, name):
    row = sample_row("accounts", name) | {"account_number": NUMBER, "url": f"{BASE}/accounts/{NUMBER}/"}
    put(account, "buying_power", lambda _: row)
    bot = account.bot()
    bot.start()
    result = bot.execute_trade("TSLA", "buy", 2, Decimal(40), "a test")
    if name in HAVE_NO_MONEY:
        assert (result.status, result.code) == (TradeStatus.BLOCKED, "insufficient_buying_power")
    else:
        assert result.status is TradeStatus.SUBMITTED, result.message
    sells_and_leaves(account, bot)
    bot.stop()


HAVE_NO_MONEY: Mapping[str, str] = {"margin_2018_negative_cash": "its publisher set the amounts to zero"}


LOCKS: tuple[object, ...] = ("no_trade_locks", "NO_TRADE_LOCKS", "unlocked", "sell_only", "", None, False, True, 3, [])
KINDS: tuple[object, ...] = ("cash", "margin", "CASH ", "instant", "prime_2027", None, 7)


@pytest.mark.parametrize(
    "says",
    [
        *({"equity_trading_lock": word, "option_trading_lock": word} for word in LOCKS),
        *({"type": word, "brokerage_account_type": word} for word in KINDS),
    ],
    ids=repr,
)
def test_no_word_of_a_lock_or_of_a_kind_of_account_stops_a_buy(account, says):
    account.book.account_says |= says
    bot = account.bot()
    bot.start()
    submitted(bot, "buy", "TSLA", "90")
    bot.stop()


def instrument_of(account: LiveAccount, row: Row) -> Row:
    """Return a whole published instrument with the names that the row has."""
    return sample_row("instruments", "row_2026_03") | {name: row[name] for name in ("id", "url", "symbol")}


@pytest.mark.parametrize("how", HOWS)
def test_all_odd_fields_of_every_instrument_at_once_stop_nothing(account, how):
    kept = FORBIDS_TRADING if how == "strange" else {}
    but = {**NEEDED_OF_INSTRUMENT, **kept}
    put(account, "tradability", lambda row: all_at_once(instrument_of(account, row), how, but=but))
    trades_and_leaves(account)


@pytest.mark.parametrize("how", HOWS)
def test_an_instrument_that_is_odd_in_every_field_concerns_itself_alone(account, how):
    def odd(row: Row) -> Row:
        whole = instrument_of(account, row)
        return all_at_once(whole, how, but={}) if row["symbol"] == "MSFT" else whole

    put(account, "tradability", odd)
    account.book.more_positions[0].pop("symbol")
    trades_and_leaves(account)


def quote_of(row: Row) -> Row:
    return sample_row("quotes", "row_2026_03") | row


@pytest.mark.parametrize("how", HOWS)
def test_all_odd_fields_of_every_quote_at_once_stop_nothing(account, how):
    kept = {**NEEDED_TO_BUY, **(HALTS if how == "strange" else {})}
    put(account, "bid_price", lambda row: all_at_once(quote_of(row), how, but={**NEEDED_OF_QUOTE, **kept}))
    trades_and_leaves(account)


@pytest.mark.parametrize("how", HOWS)
def test_quotes_that_are_odd_in_every_field_concern_their_own_symbols_alone(account, how):
    """Another symbol is still left at its own bid."""

    def odd(row: Row) -> Row:
        return quote_of(row) if row["symbol"] == "AAPL" else all_at_once(quote_of(row), how, but={})

    put(account, "bid_price", odd)
    bot = account.bot()
    bot.start()
    sells_and_leaves(account, bot)
    bot.stop()


def test_all_odd_fields_of_a_position_at_once_as_rows_of_their_own_stop_nothing(account):
    plain = {"account": f"{BASE}/accounts/{NUMBER}/", "account_number": NUMBER, "symbol": "ODD"}
    base = numbered(sample_row("positions", "row_2024_10") | plain, 0)
    odd = (each for each in changes(base) if (each.top, each.how) not in STRANGERS)
    rows = [numbered(each.row, number) for number, each in enumerate(odd, start=1)]
    assert len(rows) > 150
    account.book.more_positions += rows
    trades_and_leaves(account)


STRANGERS = {("account", "strange"), ("account_number", "strange")}


def numbered(row: Row, number: int) -> Row:
    """Name another instrument in a row, wherever it names one as the sample does."""
    [known] = {sample_row("positions", "row_2024_10")["instrument_id"]}
    return dict(json.loads(json.dumps(row).replace(str(known), f"0ddba11f-2222-4222-8222-{number:012d}")))


def test_every_published_order_as_a_neighbour_stops_nothing(account):
    rows = [row for each in samples("orders_equity") if each.year >= 2021 for row in each.rows]
    account.book.more_orders += [of_ours(row) for row in rows]
    trades_and_leaves(account)


def test_every_published_position_as_a_neighbour_stops_nothing(account):
    rows = [row for each in samples("positions") if each.year >= 2021 for row in each.rows]
    account.book.more_positions += [of_ours(row) for row in rows]
    trades_and_leaves(account)


def of_ours(row: object) -> object:
    """Put our account in the place of the one of a published row."""
    if not isinstance(row, dict):
        return row
    ours = {"account": f"{BASE}/accounts/{NUMBER}/", "account_number": NUMBER}
    return row | {name: value for name, value in ours.items() if name in row}


def test_every_table_gives_a_reason():
    tables = (FORBIDS_BUYING, SPENDABLE, FORBIDS_TRADING, HALTS, NEEDED_TO_BUY, HAVE_NO_MONEY)
    assert all(reason for table in tables for reason in table.values())
