"""One life of a live bot at an account that holds something odd: what must work whatever that is."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from tests.support.live_account import NUMBER, LiveAccount, live_account
from tests.support.loopback_broker.book import INSTRUMENTS
from tests.support.loopback_broker.odd_rows import order
from trading_bot.bot import TradeStatus, TradingBot
from trading_bot.order_management.book.exit_facts import ExitEnding

TSLA = "e39ed23a-7bd1-4587-b060-71988d9ef483"


@contextmanager
def account_with_neighbours(folder: Path) -> Iterator[LiveAccount]:
    """50 AAPL are held and TSLA can be bought; two MSFT and an order for MSFT were placed elsewhere."""
    with live_account(folder) as account:
        account.log_in()
        account.arm()
        account.book.instruments["TSLA"] = TSLA
        account.book.more_orders.append(order(1))
        held = {"instrument_id": INSTRUMENTS["MSFT"], "symbol": "MSFT", "quantity": "2.00000000"}
        account.book.more_positions.append(held | {"account_number": NUMBER})
        yield account


def trades_and_leaves(account: LiveAccount) -> None:
    """The bot starts, buys TSLA, sells AAPL and leaves AAPL; it reads the account whole."""
    bot = account.bot()
    bot.start()
    try:
        submitted(bot, "buy", "TSLA", "90")
        sells_and_leaves(account, bot)
        assert bot.synchronize_open_orders().is_view
    finally:
        bot.stop()


def sells_and_leaves(account: LiveAccount, bot: TradingBot) -> None:
    """Some AAPL are offered high; then all of them are offered at the market, and never more than are held."""
    submitted(bot, "sell", "AAPL", "150")
    left = bot.exit_position("AAPL")
    assert left.ending in (ExitEnding.SOLD, ExitEnding.RESTING), left.message
    sells = [row for row in account.book.rows.values() if row["side"] == "sell" and row["state"] != "cancelled"]
    assert sum(Decimal(str(row["quantity"])) for row in sells) == 50


def submitted(bot: TradingBot, action: str, symbol: str, price: str) -> None:
    """The broker has the order."""
    result = bot.execute_trade(symbol, action, 10, Decimal(price), "a test", client_order_id=f"{action}-{symbol}")
    assert result.status is TradeStatus.SUBMITTED, result.message
