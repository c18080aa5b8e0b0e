"""The limits of a day on a whole bot: from fills on the wire to refused buys, over a restart and into the next day."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.bot_bench import SUBMIT, BotBench, request_lost

DAY_S = 24 * 3600


def bench_with(folder: Path, **limits: object) -> BotBench:
    bench = BotBench(folder)
    bench.settings["risk_management"] = limits
    bench.bot = bench.new_bot()
    return bench.started()


def lose_a_dollar(bench: BotBench) -> None:
    """Ten shares bought as the market comes down, and sold at once into the lower bid."""
    bench.trade("buy", 10, "100", client_order_id="in")
    bench.let_it_fill()
    bench.trade("sell", 10, "99.70", client_order_id="out", pricing="marketable")
    bench.clock.sleep(30)
    bench.bot.synchronize_open_orders()
    assert [order.state for order in bench.bot.orders()] == ["filled", "filled"]


@pytest.mark.parametrize("limit", [{"max_daily_loss": "0.50"}, {"max_consecutive_losses": 1}])
def test_a_limit_that_fills_have_reached_stops_buys_over_a_restart_and_a_changed_limit(tmp_path, limit):
    bench = bench_with(tmp_path, **limit)
    lose_a_dollar(bench)
    assert bench.trade("buy", 1, client_order_id="c2").code == "risk_halt"
    bench.settings["risk_management"] = dict.fromkeys(limit)
    bench.restart()
    assert bench.trade("buy", 1, client_order_id="c3").code == "risk_halt"
    assert bench.trade("sell", 10, client_order_id="c4").status == "submitted"


def test_a_limit_is_on_record_as_soon_as_the_fill_is_booked(tmp_path):
    bench = bench_with(tmp_path, max_daily_loss="0.50")
    lose_a_dollar(bench)
    assert "reached" in (bench.state / "risk.json").read_text(encoding="utf-8")


def test_the_next_exchange_day_takes_buys_again_after_a_daily_loss(tmp_path):
    bench = bench_with(tmp_path, max_daily_loss="0.50")
    lose_a_dollar(bench)
    bench.clock.sleep(DAY_S)
    assert bench.trade("buy", 1, "99.80", client_order_id="c2").status == "submitted"


def test_shares_from_elsewhere_are_sold_without_a_result(tmp_path):
    bench = bench_with(tmp_path, max_daily_loss="0.01", max_consecutive_losses=1)
    bench.trade("sell", 50, "50", client_order_id="out", pricing="marketable")
    bench.clock.sleep(30)
    bench.bot.synchronize_open_orders()
    assert bench.bot.orders()[0].state == "filled"
    assert bench.trade("buy", 1, "99.80", client_order_id="c2").status == "submitted"


def test_a_buy_in_doubt_keeps_its_cash(tmp_path):
    bench = bench_with(tmp_path, max_order_notional=None, max_position_notional=None)
    bench.broker.tampers[SUBMIT].append(request_lost)
    assert bench.trade("buy", 600, "100", client_order_id="in-doubt").status == "unknown"
    assert bench.bot.account.buying_power() == Decimal(100_000)
    refused = bench.trade("buy", 500, "99", client_order_id="c2")
    assert refused.code == "insufficient_buying_power"


def test_the_orders_of_a_day_are_counted_over_a_restart(tmp_path):
    bench = bench_with(tmp_path, max_trades_per_day=1)
    assert bench.trade("buy", 1, client_order_id="c1").status == "submitted"
    bench.restart()
    assert bench.trade("buy", 2, client_order_id="c2").code == "max_trades_per_day"
    bench.clock.sleep(DAY_S)
    bench.bot.synchronize_open_orders()
    assert bench.trade("buy", 2, "99.80", client_order_id="c3").status == "submitted"
