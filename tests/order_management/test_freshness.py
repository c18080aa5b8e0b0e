"""An order rests on a view of the broker that is young enough, or there is no order."""

import threading

import pytest

from tests.support.jumpy_clock import JumpyClock
from tests.support.manager_bench import MONDAY, ManagerBench
from trading_bot.clock import Moment, VirtualClock
from trading_bot.order_management.exceptions import TradingHaltedError
from trading_bot.order_management.freshness import Freshness

YOUNG_ENOUGH_S = 60


@pytest.fixture
def clock() -> JumpyClock:
    return JumpyClock(MONDAY)


def bench_on(clock: VirtualClock) -> ManagerBench:
    bench = ManagerBench(clock=clock)
    bench.gateway.deadlines.clear()
    return bench


def blocked(bench: ManagerBench) -> TradingHaltedError:
    with pytest.raises(TradingHaltedError) as caught:
        bench.buy("c1")
    assert bench.gateway.calls == []
    return caught.value


class TestAge:
    def test_before_the_first_comparison_there_is_no_view(self, clock):
        assert "synchronise first" in str(Freshness(clock=clock, poll_interval_s=15).stale_because())

    @pytest.mark.parametrize(("poll_interval_s", "limit_s"), [(1, 60), (15, 60), (20, 60), (60, 180)])
    def test_it_carries_an_order_for_three_rounds_and_a_minute_at_least(self, clock, poll_interval_s, limit_s):
        freshness = Freshness(clock=clock, poll_interval_s=poll_interval_s)
        freshness.note(Moment.of(clock))
        clock.sleep(limit_s)
        assert not freshness.is_stale
        clock.sleep(0.5)
        assert f"{limit_s} s ago" in str(freshness.stale_because())

    def test_a_sleep_of_the_machine_ends_it_at_once(self, clock):
        freshness = Freshness(clock=clock, poll_interval_s=15)
        freshness.note(Moment.of(clock))
        clock.jump(2)
        assert not freshness.is_stale, "a clock that is corrected by a second or two is no sleep"
        clock.jump(1)
        assert "slept" in str(freshness.stale_because())

    def test_a_wall_clock_set_back_makes_it_no_younger(self, clock):
        freshness = Freshness(clock=clock, poll_interval_s=15)
        freshness.note(Moment.of(clock))
        clock.jump(-3600)
        clock.sleep(61)
        assert freshness.is_stale


class TestOrders:
    def test_a_young_view_costs_no_request(self, clock):
        bench = bench_on(clock)
        clock.sleep(YOUNG_ENOUGH_S)
        bench.buy("c1")
        assert bench.gateway.deadlines == []

    @pytest.mark.parametrize("ages", ["a minute", "a sleep"])
    def test_an_old_view_is_renewed_before_the_order(self, clock, ages):
        bench = bench_on(clock)
        bench.buy("c0", symbol="MSFT")
        bench.gateway.order().fill()
        clock.sleep(61) if ages == "a minute" else clock.jump(3600)
        bench.buy("c1")
        assert bench.state("c0") == "filled"
        assert len(bench.gateway.posts) == 2

    @pytest.mark.parametrize("ages", ["a minute", "a sleep"])
    def test_one_that_cannot_be_renewed_carries_no_order(self, clock, ages):
        bench = bench_on(clock)
        bench.gateway.listing_problem = "HTTP 503"
        clock.sleep(61) if ages == "a minute" else clock.jump(3600)
        assert blocked(bench).code == "view_too_old"
        bench.gateway.listing_problem = None
        assert bench.buy("c1").order_id is not None

    def test_renewing_takes_no_longer_than_a_submit_may(self, clock):
        bench = bench_on(clock)
        clock.sleep(61)
        bench.buy("c1")
        assert bench.gateway.deadlines[0] == 61 + bench.settings.submit_deadline_s

    def test_a_view_that_ages_while_the_order_is_prepared_carries_none(self, clock):
        bench = bench_on(clock)
        bench.gateway.on_prepare = lambda: clock.sleep(61)
        assert blocked(bench).code == "view_too_old"

    def test_the_end_of_a_cancel_needs_no_young_view(self, clock):
        bench = bench_on(clock)
        bench.buy("c1")
        bench.gateway.listing_problem = "HTTP 503"
        clock.sleep(3600)
        assert bench.manager.cancel_order("c1").is_proven_closed

    def test_of_two_orders_one_alone_renews_the_view(self, clock):
        bench = bench_on(clock)
        clock.sleep(61)
        other = threading.Thread(target=lambda: bench.buy("c2", symbol="MSFT"))

        def second_order() -> None:
            bench.before_sync.clear()
            other.start()
            other.join(0.05)

        bench.before_sync.append(second_order)
        bench.buy("c1")
        other.join(10)
        assert len(bench.gateway.posts) == 2
        assert len(bench.gateway.deadlines) == 1
