"""Fill ratio and time to fill by the offset that was really used."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.support.order_story import told
from tests.support.report_story import ReportStory
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.report.fill_quality import fills_by_offset, time_to_first_fill, time_to_last_fill


def test_orders_are_put_together_by_the_nearest_whole_basis_point():
    story = ReportStory()
    for name, limit in (("a", "99.90"), ("b", "99.896"), ("c", "99.80"), ("d", "100.05")):
        story.order(name, limit=limit).ends(name, 60)
    assert [(one.offset_bps, one.orders) for one in fills_by_offset(story.orders)] == [(-5, 1), (10, 2), (20, 1)]


def test_the_ratio_is_shares_filled_by_shares_ordered_of_those_that_ended():
    """Ten of ten after 30 s, four of ten after 90 s: 14 of 20; the one that rests still says nothing."""
    story = ReportStory().order("a").fill("a", 30, 10, "99.90", total=10)
    story.order("b").fill("b", 90, 4, "99.90", total=4).ends("b", 100).order("open")
    one: Any = fills_by_offset(story.orders)[0]
    assert (one.orders, one.filled_in_full, one.ordered, one.filled) == (2, 1, 20, 14)
    assert one.fill_ratio == Decimal("0.7")
    assert (one.to_first_fill, one.to_full_fill) == (timedelta(seconds=30), timedelta(seconds=30))


def test_the_time_is_from_the_intent_to_the_first_and_to_the_last_execution():
    story = ReportStory().order("a", 10).fill("a", 30, 4, "99.90", total=4).fill("a", 75, 6, "99.90", total=10)
    (order,) = story.orders
    assert (time_to_first_fill(order), time_to_last_fill(order)) == (timedelta(seconds=20), timedelta(seconds=65))


def test_an_execution_before_the_intent_by_the_brokers_clock_took_no_time():
    (order,) = ReportStory().order("a", 10, reply_after_s=0).fill("a", 9.5, 10, "99.90", total=10).orders
    assert (time_to_first_fill(order), time_to_last_fill(order)) == (timedelta(0), timedelta(0))


def test_without_a_fill_there_is_no_time():
    story = ReportStory().order("a").ends("a", 60)
    assert time_to_first_fill(story.orders[0]) is None
    assert time_to_last_fill(story.orders[0]) is None
    one: Any = fills_by_offset(story.orders)[0]
    assert (one.fill_ratio, one.to_first_fill, one.to_full_fill) == (0, None, None)


def test_a_stop_has_no_offset():
    story = ReportStory().sell("a", limit="97.00", details={"stop_price": "98.00"}).ends("a", 5)
    assert fills_by_offset(story.orders) == ()
    figures = story.figures()
    assert (figures.orders, figures.ordered, figures.prices["AAPL"].references) == (1, 0, ())


def test_what_the_broker_refused_says_nothing_of_its_offset():
    story = ReportStory().order("a", reply_after_s=None)
    story.tell(1, told(EventKind.ORDER_REJECTED, "a", status=OrderState.REJECTED))
    assert fills_by_offset(story.orders) == ()
