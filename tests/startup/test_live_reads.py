"""What a strategy reads in live mode, over our own connections: at its own pace, armed or not."""

from decimal import Decimal

import pytest

from tests.support.live_account import NUMBER, live_account
from tests.support.loopback_broker.acts import reply
from trading_bot.account.market_data import QUOTES_LAST_S, READ_WITHIN_S
from trading_bot.account_summary import EquitySource


@pytest.fixture
def account(tmp_path):
    with live_account(tmp_path) as made:
        made.log_in()
        yield made


@pytest.fixture
def bot(account):
    made = account.bot()
    made.start()
    yield made
    made.stop()


def test_an_account_that_is_not_armed_can_be_read_in_all_ways(bot):
    assert bot.execute_trade("AAPL", "buy", 1, Decimal(100), "a test").code == "trading_halted"
    assert bot.quotes(["AAPL", "NOSUCH"])["AAPL"].ask_price == 100
    assert [bar.volume for bar in bot.history("AAPL")] == [100, 100]
    assert [(held.symbol, held.quantity, held.average_buy_price) for held in bot.positions()] == [("AAPL", 50, 90)]
    summary = bot.account_summary()
    assert (summary.cash, summary.equity, summary.equity_from) == (100_000, Decimal("104999.0000"), EquitySource.BROKER)
    assert (summary.unknown_cost, summary.problems) == (("AAPL",), ())


def test_a_strategy_that_asks_all_the_time_is_slowed_down_and_an_order_is_not(account, bot):
    account.arm()
    began = account.clock.monotonic()
    for _ in range(120):
        bot.quotes(["AAPL"])
        bot.history("AAPL")
        account.clock.sleep(QUOTES_LAST_S / 10)
    asked = [path for path in account.server.paths() if path.startswith(("GET /quotes", "GET /marketdata"))]
    seconds = account.clock.monotonic() - began
    assert len(asked) <= seconds + 4
    before = account.clock.monotonic()
    assert bot.execute_trade("AAPL", "buy", 1, Decimal(100), "a test").status.value == "submitted"
    assert account.clock.monotonic() == before


def test_a_throttled_portfolio_costs_its_own_figure_alone(account, bot):
    throttled = reply(429, {"detail": "Request was throttled. Expected available in 600 seconds."})
    account.server.on_every("GET", f"/portfolios/{NUMBER}/", lambda _: throttled)
    began = account.clock.monotonic()
    summary = bot.account_summary()
    assert (summary.equity, summary.equity_from) == (100_000 + 50 * Decimal("99.99"), EquitySource.QUOTES)
    assert "429" in summary.problems[0]
    assert account.clock.monotonic() - began <= READ_WITHIN_S
