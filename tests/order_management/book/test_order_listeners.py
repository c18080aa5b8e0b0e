"""Who is told of what, in which order, and what an error of a listener does to the others: nothing."""

import logging

import pytest

from tests.support.order_story import Story, intended, now_in
from trading_bot.order_management.book.order_listeners import Listeners, OrderChange, PlainFact, news_of
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderState

STORY = Story(OrderEvent(event=EventKind.TRADING_HALTED, reason="odd"), intended(), now_in(OrderState.CONFIRMED))
HALT, INTENT, UPDATE = STORY.records
AFTER = STORY.order()


def test_a_record_of_no_order_is_news_of_a_fact_and_any_other_of_its_order():
    assert news_of(HALT, before=None, after=None) == PlainFact(event=HALT.fact, at=HALT.ts)
    assert news_of(UPDATE, before=None, after=AFTER) == OrderChange(event=UPDATE.fact, order=AFTER, at=UPDATE.ts)


def test_news_wait_until_they_are_told_and_are_told_in_the_order_of_their_commits():
    listeners = Listeners()
    told: list[EventKind] = []
    listeners.of_changes.append(lambda change: told.append(change.event.event))
    for record in (INTENT, UPDATE):
        assert listeners.note([news_of(record, before=None, after=AFTER)]) == {"first"}
    listeners.tell({"second"})
    assert told == []
    listeners.tell({"first"})
    assert told == [EventKind.ORDER_INTENDED, EventKind.ORDER_UPDATED]
    listeners.tell({"first"})
    assert len(told) == 2


def test_what_a_listener_causes_is_told_behind_what_it_hears_of():
    """A listener that records something more must not make others hear of it first."""
    listeners = Listeners()
    heard: list[EventKind] = []

    def goes_on(change: OrderChange) -> None:
        if change.event is INTENT.fact:
            listeners.tell(listeners.note([news_of(UPDATE, before=None, after=AFTER)]))

    listeners.of_changes += [goes_on, lambda change: heard.append(change.event.event)]
    listeners.tell(listeners.note([news_of(INTENT, before=None, after=AFTER)]))
    assert heard == [EventKind.ORDER_INTENDED, EventKind.ORDER_UPDATED]


@pytest.mark.parametrize(
    ("record", "after", "name"),
    [(HALT, None, "fact_listener_failed"), (UPDATE, AFTER, "order_listener_failed")],
    ids=["fact", "order"],
)
def test_an_error_of_a_listener_is_logged_and_the_next_one_is_told(caplog, record, after, name):
    def fails(news: object) -> None:
        raise RuntimeError("mine")

    listeners = Listeners()
    heard: list[object] = []
    for kind in (listeners.of_changes, listeners.of_facts):
        kind += [fails, heard.append]
    news = news_of(record, before=None, after=after)
    with caplog.at_level(logging.ERROR):
        listeners.tell(listeners.note([news]))
    assert heard == [news]
    assert name in caplog.text
