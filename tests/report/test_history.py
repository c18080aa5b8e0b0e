"""Which moments of an order figures are made of."""

from datetime import timedelta
from decimal import Decimal

from tests.support.order_story import told
from tests.support.report_story import ReportStory, at
from trading_bot.order_management.book.carrying import carried_events
from trading_bot.order_management.book.exit_facts import exit_leg
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState


def test_an_order_has_the_moments_of_its_intent_reply_and_end():
    (order,) = ReportStory().order("first", 10).ends("first", 60).orders
    assert (order.intended.at, order.intended.mono) == (at(10), Decimal(10))
    assert order.replied is not None
    assert (order.reply, order.replied.at) == (EventKind.ORDER_ACCEPTED, at(10.5))
    assert order.ended_at == at(60)


def test_what_is_told_after_the_end_does_not_move_it():
    story = ReportStory().order("first").ends("first", 60, filled_quantity=Decimal(4))
    story.execution("first", 90, 4, "99.90")
    assert story.orders[0].ended_at == at(60)


def test_an_order_that_was_not_sent_and_is_sent_again_begins_anew():
    story = ReportStory().order("first", reply_after_s=None)
    story.tell(1, told(EventKind.ORDER_NOT_SENT, "first", status=OrderState.NOT_SENT, reason="the network was down"))
    (order,) = story.order("first", 20, reply_after_s=2).orders
    assert (order.intended.at, order.ended_at) == (at(20), None)
    assert order.replied is not None
    assert order.replied.at - order.intended.at == timedelta(seconds=2)


def test_the_offset_is_positive_where_the_limit_waits_and_negative_where_it_crosses():
    waiting, crossing = ReportStory().order("a", limit="99.85").order("b", limit="100.20").orders
    assert (waiting.offset_bps, crossing.offset_bps) == (15, -20)
    (sell,) = ReportStory().sell("c", limit="100.30").orders
    assert (sell.offset_bps, sell.sign) == (30, -1)


def test_shares_reported_filled_without_an_execution_are_one_fill_by_the_average():
    facts = {"filled_quantity": Decimal(10), "average_price": Decimal("99.80")}
    (order,) = ReportStory().order("first").ends("first", 5, OrderState.FILLED, **facts).orders
    assert [(fill.quantity, fill.price) for fill in order.fills] == [(10, Decimal("99.80"))]
    assert order.filled == 10


def test_what_was_left_of_a_replaced_order_went_on_in_another_one():
    story = ReportStory().order("old").ends("old", 5).order("new", 6, details={"replaces": "old"})
    assert {order.order.client_order_id: order.went_on for order in story.orders} == {"old": True, "new": False}


def test_what_was_left_of_a_leg_of_an_exit_went_on_in_the_next_one():
    story = ReportStory()
    for second, name in ((0, "leg-1"), (10, "leg-2")):
        story.tell(second, exit_leg("exit-1", "AAPL", name)).sell(name, second + 1).ends(name, second + 5)
    assert [order.went_on for order in story.orders] == [True, False]


def test_an_order_adopted_from_the_broker_was_not_decided_here():
    (order,) = ReportStory().order("theirs").history.tracked
    story = ReportStory()
    for event in carried_events(order):
        story.tell(0, event)
    assert story.orders == ()
    assert len(story.history.tracked) == 1


def test_the_history_says_how_much_is_on_record_and_of_when():
    history = ReportStory().order("first", 10).history
    assert (history.records, history.first_at, history.last_at, history.mode) == (2, at(10), at(10.5), "paper")
