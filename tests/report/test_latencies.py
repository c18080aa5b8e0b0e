"""From the intent on record to the reply on record."""

from decimal import Decimal
from typing import Any

from tests.support.order_story import told
from tests.support.report_story import ReportStory
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.report.latencies import BOUNDS_MS, latencies_of, latency_ms


def test_a_latency_is_by_the_monotonic_clock_from_intent_to_reply():
    (order,) = ReportStory().order("a", 10, reply_after_s=0.25).orders
    assert latency_ms(order) == 250


def test_a_refusal_is_a_reply_and_what_was_not_sent_or_is_unknown_has_none():
    story = ReportStory()
    for name, event, state in (
        ("refused", EventKind.ORDER_REJECTED, OrderState.REJECTED),
        ("unsent", EventKind.ORDER_NOT_SENT, OrderState.NOT_SENT),
        ("unknown", EventKind.ORDER_OUTCOME_UNKNOWN, OrderState.UNKNOWN),
    ):
        story.order(name, reply_after_s=None).tell(0.1, told(event, name, status=state))
    story.order("waiting", reply_after_s=None)
    found = latencies_of(story.orders)
    assert (found.measured, found.without_reply) == ((Decimal(100),), 3)


def test_clocks_of_two_sessions_cannot_be_compared():
    story = ReportStory().order("a", 10, reply_after_s=None)
    story.session = "session-2"
    story.tell(20, told(EventKind.ORDER_ACCEPTED, "a", status=OrderState.CONFIRMED))
    assert latency_ms(story.orders[0]) is None


def test_each_bar_has_its_upper_bound_in_it():
    story = ReportStory()
    for name, seconds in (("a", 0.001), ("b", 0.0011), ("c", 0.1), ("d", 10), ("e", 10.001)):
        story.order(name, reply_after_s=seconds)
    counts = dict(zip((*BOUNDS_MS, None), latencies_of(story.orders).counts, strict=True))
    assert {bound: count for bound, count in counts.items() if count} == {1: 1, 2: 1, 100: 1, 10_000: 1, None: 1}


def test_percentiles_are_nearest_ranks():
    story = ReportStory()
    for number in range(1, 101):
        story.order(f"order-{number}", reply_after_s=number / 1000)
    found = latencies_of(story.orders)
    assert [found.percentile(part) for part in (50, 90, 99, 100)] == [50, 90, 99, 100]


def test_a_clock_that_stood_still_measures_nothing():
    found: Any = latencies_of(ReportStory().order("a", reply_after_s=0).orders)
    assert (found.measured, found.is_measured, found.percentile(50)) == ((0,), False, None)
    assert not latencies_of(()).is_measured
