"""A split and a late list of executions, seen through the whole bot: the limits count what is true."""

import json
import threading
from decimal import Decimal

import pytest

from tests.support.bot_bench import POSITIONS, BotBench
from tests.support.scripted_broker import reply, response
from trading_bot.bot import TradeStatus
from trading_bot.order_management.models import OrderRequest, Side
from trading_bot.startup import create_bot

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

BOUGHT, SOLD = "b1", "s1"
SPLIT = {"by": "me", "reason": "a split"}


@pytest.fixture
def bench(tmp_path) -> BotBench:
    return BotBench(tmp_path).started()


def changed(change):
    """Let the broker answer as it would, but for ``change``, which is handed each row of the reply."""

    def tamper(forward, request):
        body = json.loads(forward().content)
        for row in body.get("results", [body]):
            change(row)
        return response(request, reply(200, body))

    return tamper


def without_executions(row) -> None:
    row["executions"] = []


def order_route(bench: BotBench, name: str) -> str:
    return f"GET /orders/{bench.bot.order_status(name).order_id}/"


def buy_ten(bench: BotBench) -> None:
    """Buy ten at 100.00 or less; a minute later the market is at 99.70 to 99.80."""
    bench.trade("buy", 10, client_order_id=BOUGHT, pricing="marketable")
    bench.let_it_fill()
    assert bench.bot.order_status(BOUGHT).state == "filled"


class TestFilledBeforeItsExecutionsAreListed:
    def sold_without_executions(self, bench: BotBench) -> str:
        buy_ten(bench)
        bench.trade("sell", 10, price="99.70", client_order_id=SOLD, pricing="marketable")
        route = order_route(bench, SOLD)
        bench.broker.standing[route] = changed(without_executions)
        bench.let_it_fill()
        return route

    def test_it_counts_at_once_is_read_again_and_counts_once(self, bench):
        route = self.sold_without_executions(bench)
        status = bench.bot.order_status(SOLD)
        assert (status.state, status.executions, status.executions_outstanding) == ("filled", (), Decimal(10))
        estimated = bench.bot.risk_state()
        assert estimated.estimated_sales_today == 1
        assert estimated.realised_today < 0
        del bench.broker.standing[route]
        bench.bot.synchronize_open_orders()
        assert bench.bot.order_status(SOLD).executions_outstanding == 0
        final = bench.bot.risk_state()
        assert (final.estimated_sales_today, final.realised_today) == (0, estimated.realised_today)

    def test_the_loss_limit_halts_buys_meanwhile(self, tmp_path):
        bench = BotBench(tmp_path)
        bench.settings["risk_management"] = {"account_cache_ttl_s": 300, "max_daily_loss": "1"}
        bench.bot = bench.new_bot()
        bench.bot.start()
        self.sold_without_executions(bench)
        result = bench.trade("buy", 1, client_order_id="next")
        assert (result.status, result.code) == (TradeStatus.BLOCKED, "risk_halt")
        assert result.message.startswith("the realised loss of")


class TestSplit:
    def after_a_split(self, bench: BotBench) -> None:
        """Ten of sixty shares were bought here; the broker shows six hundred, and the bot restarts."""
        buy_ten(bench)

        def ten_for_one(row) -> None:
            row["quantity"] = f"{Decimal(row['quantity']) * 10:.8f}"

        bench.broker.standing[POSITIONS] = changed(ten_for_one)
        bench.restart()

    def test_before_it_is_accepted_its_price_halts_nothing(self, bench):
        self.after_a_split(bench)
        bench.bot.account.invalidate_cache()
        bench.trade("buy", 1, client_order_id="next", price="100")
        state = bench.bot.risk_state()
        assert (state.halted_because, state.unrealised_today, state.unmarked) == (None, 0, ("AAPL",))

    def test_with_its_ratio_the_cost_stays_and_without_one_it_is_unknown(self, bench):
        self.after_a_split(bench)
        assert bench.bot.manager.decisions.accept_position("AAPL", ratio="10:1", **SPLIT) == 600
        state = bench.bot.risk_state()
        assert (state.unknown_cost, state.unmarked) == ((), ("AAPL",))

    def test_without_its_ratio_the_cost_is_unknown_and_said(self, bench):
        self.after_a_split(bench)
        assert bench.bot.manager.decisions.accept_position("AAPL", **SPLIT) == 600
        state = bench.bot.risk_state()
        assert (state.unknown_cost, state.unmarked) == (("AAPL",), ())


@pytest.fixture
def losing(tmp_path) -> BotBench:
    """Ten bought at 100.00; a minute later the market is at 99.75, and two dollars are the limit."""
    bench = BotBench(tmp_path)
    bench.settings["risk_management"] = {"account_cache_ttl_s": 300, "max_daily_loss": "2"}
    bench.bot = bench.new_bot()
    bench.bot.start()
    buy_ten(bench)
    return bench


def test_a_preview_judges_by_prices_of_now(losing):
    request = OrderRequest(symbol="AAPL", side=Side.BUY, quantity=1, reference_price=Decimal("99.80"))
    refusal = losing.bot.preview_trade(request).refusal
    assert refusal is not None
    assert refusal.code == "risk_halt"


def test_a_running_bot_reads_prices_after_each_synchronisation(losing):
    """A loss by marks is on record though nobody asks for a trade."""
    read = threading.Event()

    def note(forward, request):
        read.set()
        return forward()

    losing.bot.stop()
    losing.broker.standing["GET /quotes/"] = note
    losing.settings["order_management"] = {"poll_interval_seconds": 1}
    running = create_bot(
        losing.config, transport=losing.broker, surroundings=losing.surroundings(), background_sync=True
    )
    running.start()
    try:
        assert read.wait(timeout=20)
    finally:
        running.stop()


def test_what_the_held_shares_lost_halts_entries_and_no_exit(losing):
    bench = losing
    refused = bench.trade("buy", 1, price="99.80", client_order_id="next")
    assert (refused.status, refused.code) == (TradeStatus.BLOCKED, "risk_halt")
    assert "on held shares by their latest prices" in refused.message
    seen = len(bench.broker.seen)
    sold = bench.trade("sell", 10, price="99.70", client_order_id=SOLD, pricing="marketable")
    assert sold.status is TradeStatus.SUBMITTED
    assert "GET /quotes/" not in bench.broker.seen[seen:]
