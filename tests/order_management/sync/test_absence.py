"""What one complete listing without an order proves: nothing, that it was missed, or that it never came to be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.order_story import MONDAY, Story, intended, now_in, told
from trading_bot.clock import CLOCKS_AGREE_WITHIN
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.sync.absence import LISTINGS_APART_S, classify_absence
from trading_bot.values import replace

SENT_UNTIL = MONDAY + timedelta(seconds=80)
RESTED_UNTIL = datetime(2026, 11, 23, 21, tzinfo=UTC)
LATER = MONDAY + timedelta(minutes=5)
A_TICK = timedelta(microseconds=1)


def in_doubt(*events: OrderEvent, **terms: Any) -> TrackedOrder:
    unknown = told(EventKind.ORDER_OUTCOME_UNKNOWN, status=OrderState.UNKNOWN)
    order: TrackedOrder = Story(intended(**terms), unknown, *events).order()
    return order


MISSED = told(EventKind.ABSENCE_NOTED, occurred_at=LATER)
PRESUMED = told(EventKind.ORDER_PRESUMED_ABSENT, status=OrderState.PRESUMED_ABSENT)


def concluded(order: TrackedOrder, **facts: Any) -> OrderEvent | None:
    """What a listing begun at ``LATER``, by both clocks, concludes; each fact can be another one."""
    began = facts.get("listing_began", LATER)
    plain = {
        "listing_began": began,
        "broker_time": began,
        "sent_until": SENT_UNTIL,
        "rested_until": RESTED_UNTIL,
        "watched_s": LISTINGS_APART_S,
    }
    return classify_absence(order, **{**plain, **facts})


def kind(order: TrackedOrder, **facts: Any) -> EventKind | None:
    event = concluded(order, **facts)
    return None if event is None else event.event


def test_the_first_listing_without_it_is_noted():
    event = concluded(in_doubt())
    assert event is not None
    assert (event.event, event.occurred_at, event.status) == (EventKind.ABSENCE_NOTED, LATER, None)
    assert (event.client_order_id, event.symbol) == ("first", "AAPL")


@pytest.mark.parametrize("off_by_s", [-30, 30])
def test_it_is_noted_as_of_the_later_of_both_clocks(off_by_s):
    theirs = LATER + timedelta(seconds=off_by_s)
    event = concluded(in_doubt(), broker_time=theirs)
    assert event is not None
    assert event.occurred_at == max(LATER, theirs)


def test_without_a_time_of_the_brokers_it_is_noted_as_of_ours():
    event = concluded(in_doubt(), broker_time=None)
    assert event is not None
    assert event.occurred_at == LATER


def test_a_listing_begun_as_the_last_byte_can_arrive_proves_nothing_and_one_begun_after_it_does():
    assert kind(in_doubt(), listing_began=SENT_UNTIL) is None
    assert kind(in_doubt(), listing_began=SENT_UNTIL + A_TICK) is EventKind.ABSENCE_NOTED


@pytest.mark.parametrize("direction", [-1, 1])
def test_clocks_that_are_apart_by_no_more_than_they_may_be_agree(direction):
    assert kind(in_doubt(), broker_time=LATER + direction * CLOCKS_AGREE_WITHIN) is EventKind.ABSENCE_NOTED
    assert kind(in_doubt(), broker_time=LATER + direction * (CLOCKS_AGREE_WITHIN + A_TICK)) is None


def test_an_order_that_is_known_to_be_there_or_whose_sender_may_live_is_never_absent():
    assert kind(replace(in_doubt(), surely_there=True)) is None
    assert kind(replace(in_doubt(), sender_may_live=True)) is None


def test_an_order_whose_outcome_is_known_is_never_absent():
    assert kind(in_doubt(now_in(OrderState.CONFIRMED))) is None


def test_the_second_listing_counts_a_minute_after_the_first():
    order = in_doubt(MISSED)
    assert kind(order, watched_s=LISTINGS_APART_S - 0.001) is None
    event = concluded(order, watched_s=LISTINGS_APART_S)
    assert event is not None
    assert (event.event, event.status) == (EventKind.ORDER_PRESUMED_ABSENT, OrderState.PRESUMED_ABSENT)
    assert (event.occurred_at, event.client_order_id) == (LATER, "first")


def test_it_was_never_accepted_once_both_clocks_are_past_the_end_of_its_session():
    order, over = in_doubt(MISSED, PRESUMED), RESTED_UNTIL + A_TICK
    assert kind(order, listing_began=RESTED_UNTIL, broker_time=over) is None
    assert kind(order, listing_began=over, broker_time=RESTED_UNTIL) is None
    assert kind(order, listing_began=over, broker_time=None) is None
    event = concluded(order, listing_began=over)
    assert event is not None
    assert (event.event, event.status) == (EventKind.ORDER_NEVER_ACCEPTED, OrderState.NEVER_ACCEPTED)
    assert (event.occurred_at, event.client_order_id) == (over, "first")


def test_an_order_that_rests_for_longer_than_its_session_is_for_a_person_to_decide():
    terms = {**intended().details, "time_in_force": "gtc"}
    order = in_doubt(MISSED, PRESUMED, details=terms)
    assert kind(order, listing_began=RESTED_UNTIL + timedelta(days=90)) is None
