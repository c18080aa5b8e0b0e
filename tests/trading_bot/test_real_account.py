"""A live account as people have them, from the first start to the kill: what is odd stays odd, all else works.

It holds a delisted share that the broker knows no instrument for, a fraction of a share and a short position; an order
in dollars and a short sale were placed in the broker's app; its words are in capitals, and its lock says that there is
none.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.live_account import LiveAccount, live_account
from tests.support.loopback_broker.book import BASE
from tests.support.loopback_broker.odd_rows import DOLLARS, FRACTIONAL, NAMELESS, in_capitals, order
from trading_bot.bot import TradeResult, TradeStatus, TradingBot
from trading_bot.checkup import Check, CheckResult
from trading_bot.cli.render import answers as words
from trading_bot.cli.work.doctor_checks import live_access
from trading_bot.lease import this_process
from trading_bot.operations import ListOrders, ListPositions, Operations
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.results import CancelVerdict
from trading_bot.startup.kill import open_kill
from trading_bot.startup.login import LiveDoor, open_live_door

FORD = "6df56bd0-0bf2-44ab-8875-f94fd8526942"
TSLA = "e39ed23a-7bd1-4587-b060-71988d9ef483"
DOLLAR_ORDER = order(1, **DOLLARS)
SHORT_SALE = order(
    2,
    side="sell_short",
    position_effect="open",
    instrument_id=FORD,
    instrument=f"{BASE}/instruments/{FORD}/",
)
POSITIONS = (
    {"instrument_id": NAMELESS, "instrument": f"{BASE}/instruments/{NAMELESS}/", "quantity": "3.00000000"},
    {"instrument_id": FRACTIONAL, "symbol": "MSFT", "quantity": "0.88554300", "shares_held_for_sells": "0.00000000"},
    {"instrument_id": FORD, "symbol": "F", "quantity": "-5.00000000", "type": "short"},
)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as account:
        account.book.instruments |= {"F": FORD, "TSLA": TSLA}
        account.book.more_positions += POSITIONS
        account.book.more_orders += (DOLLAR_ORDER, SHORT_SALE)
        account.book.account_says |= {"equity_trading_lock": "no_trade_locks", "type": "margin", "state": "active"}
        account.book.speak = in_capitals
        account.log_in()
        account.arm()
        yield account


def trade(bot: TradingBot, action: str, symbol: str, price: str, name: str) -> TradeResult:
    return bot.execute_trade(symbol, action, 10, Decimal(price), "a test", client_order_id=name)


def states(account: LiveAccount) -> dict[str, object]:
    names = {known: name for name, known in account.book.instruments.items()}
    return {f"{row['side']} {names[str(row['instrument_id'])]}": row["state"] for row in account.book.rows.values()}


def doctor(account: LiveAccount) -> dict[str, Check]:
    def door() -> LiveDoor:
        return open_live_door(account.config, transport=account.transport, surroundings=account.around)

    return {check.name: check for check in live_access(door)}


def test_it_starts_buys_sells_exits_cancels_kills_and_explains_itself(account):
    bot = account.bot()
    bot.start()
    bench = Operations(bot, holder=this_process())

    bought = trade(bot, "buy", "TSLA", "90", "entry")
    assert bought.status is TradeStatus.SUBMITTED, bought.message
    sold = trade(bot, "sell", "AAPL", "150", "profit")
    assert sold.status is TradeStatus.SUBMITTED, sold.message
    assert states(account) == {"buy TSLA": "confirmed", "sell AAPL": "confirmed"}

    explains_the_orders(bench)
    explains_the_positions(bench)

    left = bot.exit_position("AAPL", reason="news")
    assert left.ending in (ExitEnding.SOLD, ExitEnding.RESTING), left.message
    open_sells = [row for row in account.book.rows.values() if row["side"] == "sell" and row["state"] == "confirmed"]
    assert sum(Decimal(str(row["quantity"])) for row in open_sells) == account.book.shares

    assert bot.cancel_order("entry").verdict is CancelVerdict.CANCELLED
    assert states(account)["buy TSLA"] == "cancelled"
    assert trade(bot, "buy", "TSLA", "89", "again").status is TradeStatus.SUBMITTED
    bot.stop()

    explains_what_is_not_understood(account)

    report = open_kill(account.config, transport=account.transport, clock=account.clock).run("ann", "a test")
    assert (report.is_confirmed, report.problems) == (True, ())
    assert set(states(account).values()) == {"cancelled"}
    assert {held.symbol: held.quantity for held in report.holdings.shares}["AAPL"] == 50
    cancelled = {path.split("/")[2] for path in account.server.paths() if path.endswith("/cancel/")}
    assert not cancelled & {DOLLAR_ORDER["id"], SHORT_SALE["id"]}
    assert "2 orders placed elsewhere" in report.covers


def explains_the_orders(bench: Operations) -> None:
    answer = bench.perform(ListOrders(all_origins=True))
    assert (answer["complete"], answer["external_orders"]) == (True, 2)
    told = {row[0]: row for row in words.external_rows(words.parts(answer, "external"))}
    assert (told[str(DOLLAR_ORDER["id"])][1], "quantity" in told[str(DOLLAR_ORDER["id"])][-1]) == ("MSFT", True)
    assert (told[str(SHORT_SALE["id"])][1], "side" in told[str(SHORT_SALE["id"])][-1]) == ("F", True)


def explains_the_positions(bench: Operations) -> None:
    answer = bench.perform(ListPositions())
    shown = {row[0]: row for row in words.position_rows(words.parts(answer, "positions"))}
    assert "50" in shown["AAPL"]
    assert "0.885543" in shown["MSFT"]
    assert "-5" in shown["F"]
    assert "3" in shown[NAMELESS]


def explains_what_is_not_understood(account: LiveAccount) -> None:
    told = doctor(account)
    assert told["account"].result is CheckResult.OK
    assert told["broker's data"].result is CheckResult.WARNING
    for name in (DOLLAR_ORDER["id"], SHORT_SALE["id"], NAMELESS):
        assert str(name) in told["broker's data"].detail


@pytest.mark.parametrize(("symbol", "action"), [("F", "buy"), ("F", "sell"), ("MSFT", "sell"), ("MSFT", "buy")])
def test_what_is_odd_is_neither_bought_nor_sold_and_says_why(account, symbol, action):
    bot = account.bot()
    bot.start()
    refused = trade(bot, action, symbol, "90", "odd")
    assert refused.status is TradeStatus.BLOCKED
    assert symbol in refused.message
    assert account.submits == 0
    bot.stop()


def test_the_second_start_of_the_day_is_as_good_as_the_first(account):
    for name in ("first", "second"):
        bot = account.bot()
        bot.start()
        assert trade(bot, "buy", "TSLA", {"first": "90", "second": "89"}[name], name).status is TradeStatus.SUBMITTED
        bot.cancel_order(name)
        bot.stop()
