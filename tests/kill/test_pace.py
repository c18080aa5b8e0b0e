"""Many orders: the time that is stated, the progress that is shown, and how a kill goes on or is interrupted."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.kill_fakes import DEADLINE_S, KillBench, open_order, our_ref
from tests.support.order_story import Story, intended, now_in, order_id_of, ref_of
from trading_bot.kill.progress import KillProgress, Stage
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import KillReport
from trading_bot.order_management.models import OrderId, OrderState
from trading_bot.order_management.outcomes import CancelTaken, Listing
from trading_bot.order_management.ports import BrokerCapabilities

MANY = 500
A_CANCEL_S = 0.3
"""At four cancels a second, and a fifth more."""


@pytest.fixture
def bench(tmp_path: Path) -> KillBench:
    return KillBench(folder=tmp_path / "kills")


def on_record(bench: KillBench, count: int) -> None:
    story = Story()
    for number in range(count):
        name = f"c{number}"
        story.tell(intended(name), now_in(OrderState.CONFIRMED, name, order_id=order_id_of(name)))
        bench.broker.add(open_order(order_id_of(name), ref_id=ref_of(name)))
    bench.known = KnownOrders(orders=story.book.orders())


def test_many_orders_are_read_by_lists_and_not_one_by_one(bench: KillBench):
    """At two reads a second, five hundred of them would take four minutes."""
    on_record(bench, MANY)
    report = bench.kill()
    assert report.is_confirmed
    assert len(report.orders) == MANY
    assert len(bench.broker.fetched) == 0
    assert len(bench.broker.since) < 5


def test_of_a_broker_that_lists_by_creation_those_lists_go_back_to_the_oldest_of_them(bench: KillBench):
    on_record(bench, 10)
    bench.broker.capabilities = BrokerCapabilities(lists_by_change=False)
    made_at = bench.known.orders[0].envelope.created_at
    bench.broker.orders = {name: replace(report, created_at=made_at) for name, report in bench.broker.orders.items()}
    bench.clock.sleep(3 * 86400)
    assert bench.kill().is_confirmed
    assert (bench.broker.fetched, min(bench.broker.since)) == ([], made_at - timedelta(minutes=10))


def test_the_time_that_is_stated_grows_with_the_count_and_is_kept(bench: KillBench):
    on_record(bench, MANY)
    bench.broker.answers = dict.fromkeys(bench.broker.orders, CancelTaken())  # and none of them ends
    report = bench.kill()
    stated = [step.verdict_within_s for step in bench.progress if step.verdict_within_s is not None]
    assert stated[0] == DEADLINE_S
    assert max(stated) == pytest.approx(DEADLINE_S + MANY * A_CANCEL_S)
    assert not report.is_confirmed
    assert bench.clock.monotonic() <= DEADLINE_S + MANY * A_CANCEL_S


def test_a_slower_broker_is_given_more_time(bench: KillBench):
    on_record(bench, 10)
    bench.broker.capabilities = BrokerCapabilities(cancels_at_once=3, cancel_every_s=2)
    bench.kill()
    stated = [step.verdict_within_s for step in bench.progress if step.verdict_within_s is not None]
    assert max(stated) == pytest.approx(DEADLINE_S + 10 * 2.4)


def test_orders_that_only_a_listing_shows_add_to_the_time_as_well(bench: KillBench):
    for number in range(100):
        bench.broker.add(open_order(f"o{number}"))
    bench.broker.answers = dict.fromkeys(bench.broker.orders, CancelTaken())
    bench.kill()
    assert DEADLINE_S + 25 < bench.clock.monotonic() <= DEADLINE_S + 100 * A_CANCEL_S


def test_progress_is_shown_every_few_answers_and_at_the_last(bench: KillBench):
    on_record(bench, 60)
    bench.kill()
    asked = [(step.count, step.total) for step in bench.progress if step.stage is Stage.ASKING]
    assert asked == [(0, 60), (25, 60), (50, 60), (60, 60)]
    assert bench.progress[0].stage is Stage.TRADING_OFF


def test_what_is_left_open_is_told_when_it_changes(bench: KillBench):
    bench.broker.add(open_order("a"))
    bench.kill()
    left = [step for step in bench.progress if step.stage is Stage.OPEN]
    assert left == [
        KillProgress(stage=Stage.OPEN, count=1, total=1),
        KillProgress(stage=Stage.OPEN, count=0, total=1),
    ]


class TestGoingOn:
    def until_confirmed(self, bench: KillBench) -> tuple[KillReport, list[KillReport]]:
        told: list[KillReport] = []
        return bench.switch().run_until_confirmed("ann", "a test", on_verdict=told.append), told

    def test_a_verdict_comes_at_the_bound_and_the_kill_goes_on_until_it_is_confirmed(self, bench: KillBench):
        bench.broker.problem = "no network"
        bench.broker.at(3 * DEADLINE_S, lambda: setattr(bench.broker, "problem", None))
        report, told = self.until_confirmed(bench)
        assert [first.is_confirmed for first in told] == [False]
        assert report.is_confirmed
        assert bench.clock.monotonic() > 3 * DEADLINE_S

    def test_a_list_that_takes_longer_than_the_first_tries_is_read_in_a_later_one(self, bench: KillBench):
        list_open = bench.broker.list_open_orders

        def slowly() -> Listing:
            listing, deadline = list_open(), bench.broker.deadline
            bench.clock.sleep(150)
            assert deadline is not None
            if bench.clock.monotonic() <= deadline:
                return listing
            return replace(listing, complete=False, has_all_pages=False, problem="no time was left")

        bench.broker.list_open_orders = slowly  # type: ignore[method-assign]  # the fake's own, for one test
        bench.is_interrupted = lambda: bench.clock.monotonic() > 3_600
        assert self.until_confirmed(bench)[0].is_confirmed

    def test_it_ends_when_it_is_interrupted(self, bench: KillBench):
        bench.broker.problem = "no network"
        bench.is_interrupted = lambda: bench.clock.monotonic() > 2 * DEADLINE_S
        report, told = self.until_confirmed(bench)
        assert len(told) == 1
        assert not report.is_confirmed
        assert 2 * DEADLINE_S < bench.clock.monotonic() < 2 * DEADLINE_S + 5

    def test_a_first_verdict_that_is_the_last_one_is_told_once(self, bench: KillBench):
        report, told = self.until_confirmed(bench)
        assert (report.is_confirmed, told) == (True, [])

    def test_where_no_connection_could_be_built_it_does_not_go_on(self, bench: KillBench):
        bench.broker.problem, bench.broker.is_reachable = "no way there", False
        report, told = self.until_confirmed(bench)
        assert (report.problems, told) == (("no way there",), [])


class TestInterruption:
    def test_the_cancels_on_record_one_listing_and_a_verdict_come_all_the_same(self, bench: KillBench):
        on_record(bench, 3)
        bench.broker.add(open_order("found", ref_id=our_ref("found")))
        bench.is_interrupted = lambda: True
        report = bench.kill()
        assert bench.journal[:5] == ["engage", "lock", "read journal", "cancel", "list"]
        assert [len(asked) for asked in bench.broker.asked] == [3, 1]
        assert len(bench.broker.listed_at) == 1
        assert not report.is_confirmed
        assert report.problems[-1] == "it was interrupted before the proof; kill again to verify"
        assert {order.state for order in report.orders} == {OrderState.CANCELLED}

    def test_a_pause_ends_at_once(self, bench: KillBench):
        bench.is_interrupted = lambda: bench.clock.monotonic() >= 6
        bench.kill()
        assert bench.broker.listed_at[-2:] == [5.5, 6], "one last look"
        assert bench.clock.monotonic() == 6

    def test_orders_that_hang_do_not_hold_the_last_look_up(self, bench: KillBench):
        on_record(bench, 3)
        bench.broker.answers = dict.fromkeys(bench.broker.orders, CancelTaken())
        bench.is_interrupted = lambda: True
        bench.broker.call_takes_s = 4
        bench.kill()
        assert bench.broker.fetched == [OrderId(order_id_of("c0")), OrderId(order_id_of("c1"))]
