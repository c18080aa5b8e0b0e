"""Between orders: old orders leave the book, and the journal tidies itself."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.journal_bench import JournalBench
from tests.support.jumpy_clock import JumpyClock
from tests.support.order_story import MONDAY, Story, fill, intended, now_in, told
from trading_bot.order_management.book.housekeeping import ALERT_EVERY_S, ENOUGH, LOOK_EVERY_S, PART, RECENT, is_recent
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.journal.port import CheckpointAlert
from trading_bot.order_management.models import OrderState

TWO_DAYS_S = 172_800


def ended(bench: JournalBench, count: int) -> JournalBench:
    for number in range(count):
        bench.store.record_facts((intended(f"c{number}"), now_in(OrderState.CANCELLED, f"c{number}")))
    bench.clock.sleep(TWO_DAYS_S)
    return bench


def change_something(bench: JournalBench, event: EventKind = EventKind.ANOMALY_FOUND) -> None:
    bench.store.record_facts((intended("new"), told(event, "new", reason="odd", attempt=1)))


@pytest.mark.parametrize(("count", "left"), [(ENOUGH - 1, ENOUGH), (ENOUGH, 1)])
def test_old_orders_leave_once_there_are_enough_of_them(count, left):
    bench = ended(JournalBench(), count)
    change_something(bench)
    assert len(bench.book) == left
    assert (EventKind.POSITIONS_NOTED in bench.journal.kinds) is (left == 1)


@pytest.mark.parametrize(("short_of_s", "left"), [(0, 1), (1, ENOUGH + 1)])
def test_orders_are_old_26_hours_after_they_were_begun_to_the_second(short_of_s, left):
    bench = JournalBench()
    for number in range(ENOUGH):
        bench.store.record_facts((intended(f"c{number}"), now_in(OrderState.CANCELLED, f"c{number}")))
    bench.clock.sleep(RECENT.total_seconds() - short_of_s)
    change_something(bench)
    assert len(bench.book) == left


def test_nobody_leaves_while_an_order_is_being_sent():
    """The commit would come between an order and the broker's answer to it."""
    bench = ended(JournalBench(), ENOUGH)
    bench.store.record_fact(intended("new"))
    bench.store.record_fact(told(EventKind.SUBMIT_ATTEMPTED, "new", attempt=1))
    assert len(bench.book) == ENOUGH + 1


class Needing:
    """Needs every order, and notes how many it was asked about."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, orders, acceptances, since):
        self.asked.append(len(orders))
        return [order.client_order_id for order in orders]


def trade_for_a_while(bench: JournalBench, *, changes: int) -> None:
    for number in range(changes):
        bench.clock.sleep(LOOK_EVERY_S / 2)
        bench.store.record_facts((intended(f"n{number}"), now_in(OrderState.CONFIRMED, f"n{number}")))


def test_orders_of_today_cost_no_walk_through_the_book():
    bench = JournalBench(needed=(needing := Needing()))
    trade_for_a_while(bench, changes=2 * ENOUGH)
    assert needing.asked == []


def test_old_orders_that_have_to_stay_are_walked_through_once():
    """Until as many more have become old: each walk costs the whole book."""
    bench = ended(JournalBench(needed=(needing := Needing())), ENOUGH)
    trade_for_a_while(bench, changes=10)
    assert needing.asked == [ENOUGH + 1]


def test_of_a_large_book_one_part_in_ten_leaves_together():
    """What it costs to let orders leave grows with those that stay."""
    bench = ended(JournalBench(), ENOUGH)
    with bench.store.one_commit():
        bench.store.record_facts(intended(f"new{number}") for number in range(ENOUGH * PART))
    bench.store.record_fact(now_in(OrderState.CONFIRMED, "new1"))
    assert len(bench.book) == ENOUGH + ENOUGH * PART


def test_a_journal_that_has_failed_is_left_alone():
    bench = ended(JournalBench(), 1)
    bench.journal.broken = True
    bench.store.record_fact(told(EventKind.SESSION_STARTED))
    assert bench.prune().housekeeping.let_old_orders_go(at_least=1) == 0
    assert len(bench.book) == 1


def test_orders_that_later_figures_rest_on_stay():
    bench = ended(JournalBench(needed=lambda orders, acceptances, since: [orders[0].client_order_id]), 3)
    assert [order.client_order_id for order in bench.prune().book] == ["c0"]


def test_a_journal_that_cannot_tidy_itself_is_told_of(caplog):
    bench = JournalBench()
    bench.journal.alert = CheckpointAlert(message="a reader holds the log; end it", log_bytes=99)
    change_something(bench)
    assert "a reader holds the log" in caplog.text


def test_it_is_told_once_and_again_an_hour_later(caplog):
    """A program that reads for long hinders every checkpoint: one alert for each order would drown all others."""
    bench = JournalBench()
    bench.journal.alert = CheckpointAlert(message="a reader holds the log; end it", log_bytes=99)
    bench.store.record_fact(intended())
    for number in range(10):
        bench.store.record_fact(told(EventKind.ANOMALY_FOUND, reason=f"odd {number}"))
    assert caplog.text.count("a reader holds the log") == 1
    bench.clock.sleep(ALERT_EVERY_S)
    bench.store.record_fact(told(EventKind.ANOMALY_FOUND, reason="odd again"))
    assert caplog.text.count("a reader holds the log") == 2


def test_a_clock_that_is_set_ahead_makes_no_order_old():
    """What was filled today would be missing from today's limits, and from the duplicate window."""
    clock = JumpyClock(MONDAY)
    bench = JournalBench(clock=clock).tell(intended("c1"), now_in(OrderState.CANCELLED, "c1"))
    clock.jump(TWO_DAYS_S)
    assert len(bench.prune().book) == 1
    clock.jump(-TWO_DAYS_S)
    clock.sleep(TWO_DAYS_S)
    assert len(bench.prune().book) == 0


def test_a_clock_that_is_set_back_makes_no_order_old():
    clock = JumpyClock(MONDAY)
    bench = JournalBench(clock=clock)
    clock.jump(-TWO_DAYS_S)
    bench.tell(intended("c1"), now_in(OrderState.CANCELLED, "c1"))
    assert len(bench.prune().book) == 1


def test_an_order_of_whom_something_waits_for_its_commit_stays():
    """Brought back from the journal before that commit, it would lack what waits, and stand without it."""
    bench = ended(JournalBench(), 2)
    with bench.store.one_commit():
        bench.store.record_fact(told(EventKind.ANOMALY_FOUND, "c0", reason="odd"))
        bench.prune()
        bench.store.record_fact(told(EventKind.ANOMALY_FOUND, "c0", reason="odd, too"))
    assert [order.client_order_id for order in bench.book] == ["c0"]
    assert [len(order.anomalies) for order in bench.book] == [2]
    assert [len(order.anomalies) for order in bench.restart().book] == [2]


def test_an_order_is_recent_while_it_lives_and_for_a_day_after_anything_happened_to_it():
    ended = Story(intended(), now_in(OrderState.CANCELLED)).order()
    assert is_recent(ended, since=MONDAY - timedelta(seconds=1))
    assert not is_recent(ended, since=MONDAY + timedelta(hours=1))
    assert is_recent(Story(intended()).order(), since=MONDAY + timedelta(days=90))
    late = replace(ended, executions=(replace(fill(1), executed_at=MONDAY + timedelta(hours=2)),))
    assert is_recent(late, since=MONDAY + timedelta(hours=1))
    for moment in ("filled_at", "last_transaction_at"):
        assert is_recent(replace(ended, **{moment: MONDAY + timedelta(hours=2)}), since=MONDAY + timedelta(hours=1))


def test_recent_is_longer_than_the_longest_exchange_day():
    assert timedelta(hours=25) < RECENT
