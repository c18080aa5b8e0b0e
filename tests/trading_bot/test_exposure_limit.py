"""All that the account holds and may still buy has one limit in dollars, on a whole bot."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.bot_bench import SUBMIT, BotBench, request_lost

HELD = Decimal("4999.50")
"""Fifty shares of AAPL in the middle between 99.98 and 100.00."""


def bench_with(folder: Path, limit: str) -> BotBench:
    bench = BotBench(folder, buy_offset=0, max_pending_per_side=5)
    bench.settings["risk_management"] = {"max_gross_exposure": limit}
    bench.bot = bench.new_bot()
    return bench.started()


@pytest.mark.parametrize(("room", "status"), [("1000", "submitted"), ("999.99", "blocked")])
def test_a_buy_may_reach_the_limit_and_no_cent_more(tmp_path, room, status):
    bench = bench_with(tmp_path, str(HELD + Decimal(room)))
    result = bench.trade("buy", 10, "100")
    assert result.status == status
    if status == "blocked":
        assert result.code == "max_gross_exposure"
        assert "would bring all positions and open buys to 5999.50" in result.message


@pytest.mark.parametrize("lost", [False, True], ids=["working", "in doubt"])
def test_an_entry_that_has_not_ended_takes_its_part(tmp_path, lost):
    bench = bench_with(tmp_path, str(HELD + 1500))
    if lost:
        bench.broker.tampers[SUBMIT].append(request_lost)
    bench.trade("buy", 10, "99")
    assert bench.trade("buy", 10, "100", client_order_id="c2").code == "max_gross_exposure"
    assert bench.trade("buy", 5, "100", client_order_id="c3").status == "submitted"


def test_a_replacement_gives_back_what_it_replaces(tmp_path):
    bench = bench_with(tmp_path, str(HELD + 1000))
    bench.trade("buy", 10, "99")
    replaced = bench.bot.replace_order("c1", reference_price=Decimal("99.5"))
    assert replaced.limit_price == Decimal("99.5")


def test_without_a_price_the_shares_count_at_what_they_cost(tmp_path):
    """Outside of the session no marks are read: fifty shares at the 90 dollars that the broker says they cost."""
    bench = bench_with(tmp_path, "5500")
    bench.settings["trading"] = {"queue_for_open": True, "calendar": "NYSE"}
    bench.restart()
    bench.clock.sleep(12 * 3600)
    bench.bot.synchronize_open_orders()
    assert bench.trade("buy", 10, "100").status == "submitted"
    assert bench.trade("buy", 1, "100", client_order_id="c2").code == "max_gross_exposure"


def test_an_exit_goes_whatever_the_exposure_is(tmp_path):
    bench = bench_with(tmp_path, "1")
    assert bench.trade("buy", 1).code == "max_gross_exposure"
    assert bench.trade("sell", 50, "99.90", client_order_id="c2").status == "submitted"
