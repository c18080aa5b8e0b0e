"""Emergencies of a whole live bot at the loopback broker: in each, held shares go out, and never more than are held."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.live_account import NUMBER, SUBMIT, LiveAccount, live_account
from tests.support.loopback_broker import acts
from trading_bot.bot import TradeResult, TradeStatus, TradingBot
from trading_bot.order_management.book.exit_facts import ExitEnding

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own


@pytest.fixture
def account(tmp_path):
    with live_account(tmp_path) as account:
        account.log_in()
        account.arm()
        yield account


def down(account: LiveAccount, path: str, status: int = 503, **headers: str) -> None:
    account.server.on_every("GET", path, lambda _heard: acts.reply(status, {"detail": "down"}, **headers))


def nothing_is_wrong(account: LiveAccount) -> None:
    del account


def the_positions_are_down(account: LiveAccount) -> None:
    down(account, "/positions/")


def the_order_list_is_down(account: LiveAccount) -> None:
    down(account, "/orders/")


def the_accounts_are_down(account: LiveAccount) -> None:
    down(account, f"/accounts/{NUMBER}/")


def the_quotes_are_down(account: LiveAccount) -> None:
    down(account, "/quotes/")


def no_instrument_is_told_on_a_new_date(account: LiveAccount) -> None:
    down(account, "/instruments/")


def one_position_row_is_odd(account: LiveAccount) -> None:
    account.book.more_positions.append({"instrument": None, "quantity": "1.0000"})


def the_account_is_flagged(account: LiveAccount) -> None:
    account.book.account_says |= {"only_position_closing_trades": True, "deactivated": True}


def the_arming_expired(account: LiveAccount) -> None:
    account.arm(hours=1)
    account.clock.sleep(timedelta(minutes=61).total_seconds())


EMERGENCIES = (
    nothing_is_wrong,
    the_positions_are_down,
    the_order_list_is_down,
    the_accounts_are_down,
    the_quotes_are_down,
    no_instrument_is_told_on_a_new_date,
    one_position_row_is_odd,
    the_account_is_flagged,
    the_arming_expired,
)


def sell(bot: TradingBot, name: str, shares: int = 10) -> TradeResult:
    return bot.execute_trade(
        "AAPL", "sell", shares, Decimal(100), "an emergency", client_order_id=name, pricing="marketable"
    )


def promised(account: LiveAccount) -> Decimal:
    """The shares that the broker's book has sold, or may still sell."""
    sells = [row for row in account.book.rows.values() if row["side"] == "sell"]
    return sum((Decimal(str(row["quantity"])) for row in sells if row["state"] != "cancelled"), Decimal(0))


@pytest.mark.parametrize("emergency", EMERGENCIES, ids=lambda each: each.__name__.replace("_", " "))
def test_held_shares_go_out_and_never_more_than_are_held(account, emergency: Callable[[LiveAccount], None]):
    bot = account.bot()
    bot.start()
    emergency(account)
    result = sell(bot, "way-out")
    assert result.status is TradeStatus.SUBMITTED, result.message
    for number in range(3):
        sell(bot, f"more-{number}", 30)
    bot.exit_position("AAPL", limit=Decimal(90))
    assert 10 <= promised(account) <= 50
    bot.stop()


def test_a_whole_live_bot_leaves_a_position(account):
    bot = account.bot()
    bot.start()
    result = bot.exit_position("AAPL", reason="news")
    assert result.ending in (ExitEnding.SOLD, ExitEnding.RESTING)
    assert promised(account) == 50
    assert account.server.paths().count(SUBMIT) == len(result.orders)
    bot.stop()


def test_after_hours_the_refusal_names_the_extended_session(account):
    account.clock.sleep(timedelta(hours=7).total_seconds())
    bot = account.bot()
    bot.start()
    refused = sell(bot, "late")
    assert (refused.code, "--extended-hours" in refused.message) == ("market_closed", True)
    assert bot.exit_position("AAPL").code == "market_closed"
    bot.stop()
