"""A whole bot at a stand-in whose account holds what real accounts hold: it starts, buys, sells and kills."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.contract.payloads.corpus import changes
from tests.support.live_account import NUMBER, LiveAccount, live_account
from tests.support.loopback_broker.odd_rows import ODD_ORDERS, ODD_POSITIONS, in_capitals, order
from trading_bot.bot import TradeResult, TradeStatus, TradingBot
from trading_bot.startup.kill import open_kill

pytestmark = pytest.mark.no_cover  # a sweep: each line that it reaches has a test of its own


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as account:
        account.log_in()
        account.arm()
        yield account


def trade(bot: TradingBot, action: str, price: str) -> TradeResult:
    return bot.execute_trade("AAPL", action, 10, Decimal(price), "a test", client_order_id=f"{action}-{price}")


def trades_on(account: LiveAccount) -> None:
    """Another symbol is bought, and held shares are sold."""
    bot = account.bot()
    bot.start()
    try:
        bought, sold = trade(bot, "buy", "90"), trade(bot, "sell", "150")
    finally:
        bot.stop()
    assert (bought.status, bought.message) == (TradeStatus.SUBMITTED, bought.message)
    assert (sold.status, sold.message) == (TradeStatus.SUBMITTED, sold.message)
    assert account.submits == 2


@pytest.mark.parametrize("name", ODD_ORDERS)
def test_an_odd_order_placed_elsewhere_holds_up_no_other_symbol(account, name):
    account.book.more_orders.append(ODD_ORDERS[name])
    trades_on(account)


@pytest.mark.parametrize("name", ODD_POSITIONS)
def test_an_odd_position_holds_up_no_other_symbol(account, name):
    account.book.more_positions.append(ODD_POSITIONS[name])
    trades_on(account)


@pytest.mark.parametrize(
    "says",
    [
        {"equity_trading_lock": "no_trade_locks"},
        {"equity_trading_lock": "A_WORD_NOBODY_KNOWS", "state": "odd"},
        {"deactivated": None, "locked": None, "only_position_closing_trades": None, "cash": None},
    ],
    ids=repr,
)
def test_a_word_of_the_account_that_nobody_knows_stops_nothing(account, says):
    account.book.account_says |= says
    trades_on(account)


@pytest.mark.parametrize("name", ["locked", "deactivated", "only_position_closing_trades"])
def test_a_documented_flag_stops_buying_and_leaves_the_way_out(account, name):
    account.book.account_says[name] = True
    bot = account.bot()
    bot.start()
    bought, sold = trade(bot, "buy", "90"), trade(bot, "sell", "150")
    bot.stop()
    assert (bought.status, sold.status) == (TradeStatus.BLOCKED, TradeStatus.SUBMITTED)
    assert name in bought.message


def test_words_in_capitals_are_the_same_words(account):
    account.book.speak = in_capitals
    trades_on(account)


def test_a_broker_that_names_instruments_to_nobody_costs_no_known_name(account):
    """What was learned once is kept in the state folder."""
    trades_on(account)
    for _ in range(20):
        account.server.on("GET", "/instruments/", lambda connection, stop: False)
    bot = account.bot()
    bot.start()
    assert set(bot.account.positions()) == {"AAPL"}
    bot.stop()


NO_REFERENCE = "recurring purchase without a reference"


def make_odd(account: LiveAccount, *, without: str | None = None) -> None:
    account.book.speak = in_capitals
    account.book.more_orders += (row for name, row in ODD_ORDERS.items() if name != without)
    account.book.more_positions += ODD_POSITIONS.values()
    account.book.account_says["equity_trading_lock"] = "no_trade_locks"


def kill_ends_ours_alone(account: LiveAccount) -> None:
    report = open_kill(account.config, transport=account.transport, clock=account.clock).run("ann", "a test")
    assert {row["state"] for row in account.book.rows.values()} == {"cancelled"}
    assert report.may_be_live == ()
    cancels = [path for path in account.server.paths() if path.endswith("/cancel/")]
    assert {path.split("/")[2] for path in cancels} == set(account.book.rows)


def test_all_of_it_together_starts_buys_and_sells(account):
    make_odd(account)
    trades_on(account)


def test_a_kill_ends_our_orders_among_all_of_it_and_no_others(account):
    trades_on(account)
    make_odd(account, without=NO_REFERENCE)
    kill_ends_ours_alone(account)


def test_a_kill_leaves_a_recurring_purchase_of_the_owner_alone(account):
    trades_on(account)
    make_odd(account)
    kill_ends_ours_alone(account)


def test_every_odd_field_of_an_order_at_once_holds_up_no_other_symbol(account):
    """The mechanical changes of one foreign row, each as a row of its own."""
    plain = order(0, account=f"https://api.robinhood.com/accounts/{NUMBER}/")
    rows = (change.row for change in changes(plain) if (change.top, change.how) != ("account", "strange"))
    account.book.more_orders += (
        row | ({"id": order(number)["id"]} if "id" in row and row["id"] == plain["id"] else {})
        for number, row in enumerate(rows, start=1)
    )
    trades_on(account)
