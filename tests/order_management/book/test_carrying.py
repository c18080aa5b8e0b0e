"""An order that is carried over reads the same as its whole history."""

import json
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.order_management.book.test_order_book import next_event, step
from tests.support.order_story import MONDAY, Story, booked, fill, intended, now_in, order_id_of, told
from trading_bot.order_management.book.anomalies import anomaly_in_words
from trading_bot.order_management.book.carrying import carried_events
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.chain import MAX_LINE_BYTES, MAX_TEXT, encode
from trading_bot.order_management.models import ClientOrderId, ExecutionId, OrderEnvelope, OrderState


def carried(order: TrackedOrder) -> TrackedOrder:
    """The order as the bytes of its carried records tell it."""
    story = Story(*carried_events(order))
    found = story.replayed().get(order.client_order_id)
    assert found is not None
    return found


DOUBT = {"surely_there": "true", "sender_may_live": "true"}
FULL = Story(
    OrderEvent(event=EventKind.SESSION_STARTED),
    replace(
        intended(),
        correlation_id="rebalance-7",
        details={**intended().details, "stop_price": "101.50", "reprices": "2"},
    ),
    told(EventKind.ORDER_OUTCOME_UNKNOWN, status=OrderState.UNKNOWN, details=DOUBT),
    told(EventKind.ABSENCE_NOTED, occurred_at=MONDAY),
    told(EventKind.CANCEL_REQUESTED, correlation_id="stop-7", reason="enough", latency_ms=Decimal("1.5")),
    told(EventKind.APPROVAL_AWAITED),
    booked(fill(1)),
    booked(fill(2, 3)),
    now_in(
        OrderState.PARTIALLY_FILLED,
        order_id=order_id_of("first"),
        filled_quantity=Decimal(7),
        average_price=Decimal("99.905"),
        occurred_at=MONDAY + timedelta(microseconds=1),
        details={
            "broker_state": "parked",
            "state_is_known": "false",
            "instrument_id": "I1",
            "stop_triggered_at": MONDAY.isoformat(),
        },
    ),
    OrderEvent(
        event=EventKind.INSTRUMENT_NAMED, symbol="METX", details={"instrument_id": "I1", "was": intended().symbol or ""}
    ),
    told(EventKind.ANOMALY_FOUND, reason="odd"),
    told(EventKind.ANOMALY_FOUND, reason="odder"),
).order()


def test_every_fact_of_an_order_is_carried():
    assert carried(FULL) == FULL


def test_no_fact_of_an_order_is_left_out_of_the_comparison():
    """A new field fails here until it is carried, and stands in the order above with a value of its own."""
    plain = Story(intended()).order()
    same = {f.name for f in fields(TrackedOrder) if getattr(FULL, f.name) == getattr(plain, f.name)}
    assert same == set()
    terms = {f.name for f in fields(OrderEnvelope) if getattr(FULL.envelope, f.name) == getattr(plain.envelope, f.name)}
    assert terms == {
        "client_order_id",
        "ref_id",
        "side",
        "quantity",
        "limit_price",
        "reference_price",
        "time_in_force",
        "extended_hours",
        "execution_mode",
        "strategy_name",
        "duplicate_of",
    }


def test_an_order_that_stands_for_another_is_carried_as_such():
    order = replace(FULL, envelope=replace(FULL.envelope, duplicate_of=ClientOrderId("other"), extended_hours=True))
    assert carried(order) == order


@given(steps=st.lists(step, max_size=40))
def test_whatever_became_of_it_an_order_is_carried_whole(steps):
    story = Story()
    for drawn in steps:
        if event := next_event(story, drawn):
            story.tell(event)
    for order in story.book:
        assert carried(order) == order


def test_many_executions_and_long_anomalies_take_several_lines_and_none_too_long():
    fills = tuple(replace(fill(number), execution_id=ExecutionId(f"{number:036}")) for number in range(1, 1001))
    anomalies = frozenset(anomaly_in_words(f"{number}" + "\N{GRINNING FACE}" * (MAX_TEXT - 1)) for number in range(6))
    reason = "\N{GRINNING FACE}" * MAX_TEXT
    order = replace(FULL, executions=fills, anomalies=anomalies, envelope=replace(FULL.envelope, reason=reason))
    records = Story(*carried_events(order)).records
    assert len(records) > 1
    assert max(len(encode(record)) for record in records) <= MAX_LINE_BYTES
    assert carried(order) == order


def test_told_once_more_in_full_it_is_still_the_same():
    """Whoever reads all segments meets the order twice."""
    story = Story(intended(), booked(fill(1)), now_in(OrderState.CONFIRMED))
    order = story.order()
    story.tell(*carried_events(order))
    assert story.order() == order
    assert story.book == story.replayed()


def test_more_of_an_order_that_was_not_told_is_damage():
    first, second, *_ = carried_events(replace(FULL, executions=tuple(fill(number) for number in range(1, 400))))
    assert first.details["part"] == "1"
    with pytest.raises(OrderLogDamagedError, match=r"record 1 \(order_carried\) cannot be true.*was not told"):
        Story(second)


@pytest.mark.parametrize(
    "details",
    [{"cancel_wanted": "maybe"}, {"created_at": "today"}, {"execution-000000": "[]"}, {"execution-000000": "rubbish"}],
    ids=str,
)
def test_a_carried_order_is_read_as_it_stands_or_not_at_all(details):
    (event,) = carried_events(FULL)
    with pytest.raises(OrderLogDamagedError, match="cannot be true"):
        Story(replace(event, details={**event.details, **details}))


@pytest.mark.parametrize("name", ["cancel_wanted", "surely_there", "created_at", "reference_price", "part"])
def test_a_carried_order_without_a_fact_is_damage(name):
    (event,) = carried_events(FULL)
    with pytest.raises(OrderLogDamagedError, match=name):
        Story(replace(event, details={key: text for key, text in event.details.items() if key != name}))


@pytest.mark.parametrize(
    "name",
    ["ref_id", "symbol", "side", "quantity", "limit_price", "status", "execution_mode", "filled_quantity"],
)
def test_damage_to_a_carried_order_names_what_is_missing_and_whose_it_is(name):
    (event,) = carried_events(FULL)
    lacking: dict[str, Any] = {name: None}
    with pytest.raises(OrderLogDamagedError, match=f"missing or wrong: '{name}'") as caught:
        Story(replace(event, **lacking))
    assert caught.value.client_order_id == "first"


def test_no_record_of_a_carried_order_has_more_than_16_kib_of_executions_and_anomalies():
    fills = tuple(replace(fill(number), execution_id=ExecutionId(f"{number:036}")) for number in range(1, 1001))
    lists = [
        [[key, text] for key, text in event.details.items() if key.startswith("execution-")]
        for event in carried_events(replace(FULL, executions=fills))
    ]
    sizes = [sum(len(json.dumps(entry)) for entry in entries) for entries in lists]
    assert max(sizes) <= 16 * 1024
    assert min(sizes[:-1]) > 15 * 1024
