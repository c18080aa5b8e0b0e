"""An order rests on a view of the broker that is young enough, or there is no order."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.fake_gateway import REPLY_LOST, CancelStep
from tests.support.jumpy_clock import JumpyClock
from tests.support.manager_bench import MONDAY, ManagerBench
from trading_bot.clock import Moment, VirtualClock
from trading_bot.order_management.exceptions import (
    OrderError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    TradingHaltedError,
)
from trading_bot.order_management.models import ClientOrderId, OrderRequest, OrderState, Side
from trading_bot.order_management.outcomes import CancelTaken
from trading_bot.order_management.sync.freshness import Freshness

YOUNG_ENOUGH_S = 60


@pytest.fixture
def clock() -> JumpyClock:
    return JumpyClock(MONDAY)


def bench_on(clock: VirtualClock) -> ManagerBench:
    bench = ManagerBench(clock=clock)
    bench.gateway.deadlines.clear()
    return bench


def request() -> OrderRequest:
    return OrderRequest(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100))


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
        freshness.note(Moment.of(clock), broker_time=None)
        clock.sleep(limit_s)
        assert not freshness.is_stale
        clock.sleep(0.5)
        assert f"{limit_s} s ago" in str(freshness.stale_because())

    def test_a_sleep_of_the_machine_ends_it_at_once(self, clock):
        freshness = Freshness(clock=clock, poll_interval_s=15)
        freshness.note(Moment.of(clock), broker_time=None)
        clock.jump(2)
        assert not freshness.is_stale, "a clock that is corrected by a second or two is no sleep"
        clock.jump(1)
        assert "slept" in str(freshness.stale_because())

    def test_a_clock_found_wrong_stays_so_until_the_broker_tells_the_same_time(self, clock):
        freshness = Freshness(clock=clock, poll_interval_s=15)
        freshness.note(Moment.of(clock), broker_time=clock.now() - timedelta(minutes=6))
        freshness.note(Moment.of(clock), broker_time=None)
        assert "+360 s off the broker's" in str(freshness.stale_because())
        freshness.note(Moment.of(clock), broker_time=clock.now())
        assert not freshness.is_stale

    def test_a_wall_clock_set_back_makes_it_no_younger(self, clock):
        freshness = Freshness(clock=clock, poll_interval_s=15)
        freshness.note(Moment.of(clock), broker_time=None)
        clock.jump(-3600)
        clock.sleep(61)
        assert freshness.is_stale


class TestOrders:
    def test_a_young_view_costs_no_request(self, clock):
        bench = bench_on(clock)
        clock.sleep(YOUNG_ENOUGH_S)
        bench.buy("c1")
        assert len(bench.gateway.deadlines) == 1, "the order itself is prepared by one, and nothing is read"

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

    def test_its_age_counts_from_when_it_was_begun(self, clock, monkeypatch):
        """What was read at the beginning of a long synchronisation is as old as that."""
        bench = bench_on(clock)
        read = bench.gateway.list_open_orders

        def slowly():
            listing = read()
            clock.sleep(50)
            return listing

        monkeypatch.setattr(bench.gateway, "list_open_orders", slowly)
        bench.sync()
        monkeypatch.undo()
        bench.gateway.listing_problem = "HTTP 503"
        clock.sleep(11)
        assert blocked(bench).code == "view_too_old"

    def test_renewing_takes_no_longer_than_a_price_lives(self, clock):
        bench = bench_on(clock)
        clock.sleep(61)
        bench.buy("c1")
        assert set(bench.gateway.deadlines) == {61 + bench.settings.intent_ttl_s}

    @pytest.mark.parametrize("where", ["at its approval", "in its preparation", "before the view is renewed"])
    @pytest.mark.parametrize("how", ["slow", "asleep"])
    def test_a_price_that_ages_before_the_intent_is_not_sent(self, clock, where, how):
        bench = bench_on(clock)

        def pass_time() -> None:
            bench.before_sync.clear()
            clock.sleep(11) if how == "slow" else clock.jump(11)

        if where == "in its preparation":
            bench.gateway.on_prepare = pass_time
        if where == "before the view is renewed":
            clock.sleep(61)
            bench.before_sync.append(pass_time)
        with pytest.raises(OrderError) as caught:
            bench.manager.place_limit_order(
                request(), approve=lambda _: pass_time() if where == "at its approval" else None
            )
        assert isinstance(caught.value, OrderNotSentError | TradingHaltedError)
        assert bench.gateway.calls == []

    def test_the_end_of_somebody_elses_cancel_is_not_waited_for(self, clock):
        bench = bench_on(clock)
        bench.buy("c0", symbol="MSFT")
        bench.gateway.cancels.append(CancelStep(drops=True))
        bench.manager.cancel_order("c0")
        bench.gateway.order().state = OrderState.CONFIRMED
        bench.gateway.answer_cancels(CancelTaken())
        with bench.store.open_book() as book:
            assert book.get(ClientOrderId("c0")) is not None
        clock.sleep(61)
        before = clock.monotonic()
        bench.buy("c1")
        assert clock.monotonic() - before <= 2

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_a_clock_that_does_not_agree_with_the_brokers_carries_no_order(self, clock, minutes):
        """The times by which an order is searched for are ours."""
        bench = bench_on(clock)
        bench.gateway.broker_time = lambda: clock.now() + timedelta(minutes=minutes)
        bench.sync()
        error = blocked(bench)
        assert (error.code, "set it" in str(error)) == ("view_too_old", True)
        bench.gateway.broker_time = lambda: clock.now() + timedelta(minutes=minutes / 2)
        bench.sync()
        assert bench.buy("c1").order_id is not None

    def test_a_row_that_nobody_can_read_stops_no_other_symbol(self, clock):
        bench = bench_on(clock)
        bench.gateway.listing_problem, bench.gateway.only_rows_are_bad = "a row is unreadable", True
        clock.sleep(61)
        assert bench.buy("c1").order_id is not None

    def test_an_order_whose_look_up_fails_stops_no_other_symbol(self, clock):
        bench = bench_on(clock)
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.lookup_problem = "HTTP 503"
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("c0", symbol="MSFT")
        clock.sleep(61)
        assert bench.buy("c1").order_id is not None

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
        assert len(set(bench.gateway.deadlines)) == 1
        assert len(bench.gateway.deadlines) == 3, "one reads, and each is prepared"
