from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.order_story import (
    MONDAY,
    TERMS,
    Story,
    booked,
    fill,
    intended,
    now_in,
    order_id_of,
    ref_of,
    report,
    told,
)
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.lifecycle import is_legal
from trading_bot.order_management.models import OrderId, OrderReport, OrderState, RefId, Side, TimeInForce
from trading_bot.order_management.reconciliation import filled_quantity, overfills, reconcile, reported_state

S = OrderState
K = EventKind
REPORTABLE = (S.QUEUED, S.CONFIRMED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.FILLED, S.CANCELLED, S.REJECTED)
UNRESOLVED = [state for state in S if state.is_unresolved]
ENDED = [state for state in S if state.is_terminal]


def story_in(state: OrderState) -> Story:
    """An order whose state is on record; the broker's id is known where the broker has answered."""
    before = {S.PENDING_SUBMIT: (), S.PRESUMED_ABSENT: (S.UNKNOWN,), S.NEVER_ACCEPTED: (S.UNKNOWN,)}.get(state, ())
    steps = (*before, *(() if state is S.PENDING_SUBMIT else (state,)))
    known = not state.is_unresolved and state not in {S.NOT_SENT, S.NEVER_ACCEPTED, S.REJECTED}
    filled = Decimal(10) if state is S.FILLED else None
    facts: dict[str, Any] = {"order_id": order_id_of("first") if known else None, "filled_quantity": filled}
    return Story(intended(), *(now_in(step, **facts) for step in steps))


def working() -> Story:
    return story_in(S.CONFIRMED)


def kinds(events) -> list[EventKind]:
    return [event.event for event in events]


def anomalies(events) -> list[str]:
    return [event.reason for event in events if event.event is K.ANOMALY_FOUND]


# What a report adds.


def test_a_report_that_says_nothing_new_adds_nothing():
    assert working().hear(report()) == ()


def test_a_new_state_is_one_event_with_the_brokers_own_word():
    [event] = working().hear(
        report(S.CANCELLED, broker_state="canceled", last_transaction_at=MONDAY, reject_reason="by the user")
    )
    assert (event.event, event.status, event.details) == (K.ORDER_UPDATED, S.CANCELLED, {"broker_state": "canceled"})
    assert (event.occurred_at, event.reason, event.filled_quantity) == (MONDAY, "by the user", 0)
    assert (event.client_order_id, event.ref_id, event.order_id) == ("first", ref_of("first"), order_id_of("first"))
    assert (event.symbol, event.side, event.strategy_name) == ("AAPL", Side.BUY, "momentum")


def test_fills_come_before_the_state():
    """A cancel that lost the race must never hide the fill that won it."""
    story = working()
    events = story.hear(report(S.CANCELLED, fill(1, 4), fill(2, 2), average_price=Decimal("99.90")))
    assert kinds(events) == [K.EXECUTION_BOOKED, K.EXECUTION_BOOKED, K.ORDER_UPDATED]
    first = events[0]
    assert (first.execution_id, first.last_quantity, first.last_price) == ("fill-1", 4, Decimal("99.90"))
    assert first.occurred_at == MONDAY + timedelta(seconds=1)
    assert story.order().executions == (fill(1, 4), fill(2, 2))
    assert (story.order().state, story.order().envelope.filled_quantity) == (S.CANCELLED, 6)
    assert story.order().envelope.average_price == Decimal("99.90")


def test_a_partly_filled_order_that_is_cancelled_keeps_its_fills():
    story = working()
    story.hear(report(S.PARTIALLY_FILLED, fill(1, 4)))
    story.hear(report(S.CANCELLED, cumulative_quantity=Decimal(4)))
    assert (story.order().state, story.order().envelope.filled_quantity) == (S.CANCELLED, 4)
    assert story.order().executions == (fill(1, 4),)
    assert story.order().remaining_quantity == 0


def test_each_fill_is_booked_once_however_often_it_is_reported():
    story = working()
    story.hear(report(S.PARTIALLY_FILLED, fill(1, 4)))
    events = story.hear(report(S.PARTIALLY_FILLED, fill(1, 4), fill(2, 1)))
    assert [event.execution_id for event in events if event.event is K.EXECUTION_BOOKED] == ["fill-2"]


def test_a_fill_named_twice_in_one_report_is_booked_once():
    story = working()
    story.hear(report(S.PARTIALLY_FILLED, fill(1, 4), fill(1, 4), cumulative_quantity=Decimal(4)))
    assert story.order().executions == (fill(1, 4),)


def test_a_fill_that_wins_against_a_cancel_is_the_end():
    story = story_in(S.PENDING_CANCEL)
    story.hear(report(S.FILLED, fill(1, 10)))
    assert (story.order().state, story.order().envelope.filled_quantity) == (S.FILLED, 10)


def test_a_partial_fill_under_a_cancel_is_booked_and_the_cancel_goes_on():
    story = story_in(S.PENDING_CANCEL)
    events = story.hear(report(S.PARTIALLY_FILLED, fill(1, 4)))
    assert kinds(events) == [K.EXECUTION_BOOKED, K.ORDER_UPDATED]
    assert (story.order().state, story.order().envelope.filled_quantity) == (S.PENDING_CANCEL, 4)


def test_a_better_average_alone_is_worth_an_event():
    story = working()
    story.hear(report(S.PARTIALLY_FILLED, fill(1, 4), average_price=Decimal("99.90")))
    [event] = story.hear(report(S.PARTIALLY_FILLED, fill(1, 4), average_price=Decimal("99.91")))
    assert (event.event, event.average_price) == (K.ORDER_UPDATED, Decimal("99.91"))
    assert story.hear(report(S.PARTIALLY_FILLED, fill(1, 4), average_price=None)) == ()


@pytest.mark.parametrize("state", UNRESOLVED)
@pytest.mark.parametrize("found_as", [K.ORDER_ADOPTED, K.ORDER_ACCEPTED])
def test_a_report_ends_the_doubt_about_an_order(state, found_as):
    story = story_in(state)
    [event] = story.hear(report(), found_as=found_as)
    assert (event.event, event.status, event.order_id) == (found_as, S.CONFIRMED, order_id_of("first"))
    assert story.book.by_order_id(order_id_of("first")) is story.order()


def test_an_order_that_nobody_answered_for_is_adopted():
    assert kinds(story_in(S.UNKNOWN).hear(report())) == [K.ORDER_ADOPTED]


def test_an_order_found_without_its_key_is_taken_for_ours():
    """Listings of old orders lack the key; whoever asked for this order by its id knows which one it is."""
    assert kinds(working().hear(report(S.CANCELLED, ref_id=None))) == [K.ORDER_UPDATED]


# How many are filled, and in which state that leaves the order.


@pytest.mark.parametrize(
    ("on_record", "total", "fills", "filled"),
    [
        (0, 0, (), 0),
        (0, 5, (), 5),
        (6, 5, (), 6),
        (0, 3, (fill(1, 4),), 4),
        (4, 6, (fill(2, 1),), 6),
        (0, 4, (fill(1, 4),), 4),
    ],
)
def test_the_most_that_any_evidence_shows_is_filled(on_record, total, fills, filled):
    story = working().tell(now_in(S.PARTIALLY_FILLED, filled_quantity=Decimal(on_record)))
    told_now = report(S.PARTIALLY_FILLED, *fills, cumulative_quantity=Decimal(total))
    assert filled_quantity(story.order(), told_now) == filled


def test_booked_and_new_fills_count_together():
    story = working()
    story.hear(report(S.PARTIALLY_FILLED, fill(1, 4)))
    assert filled_quantity(story.order(), report(S.PARTIALLY_FILLED, fill(1, 4), fill(2, 3))) == 7
    assert filled_quantity(story.order(), report(S.PARTIALLY_FILLED, fill(2, 3))) == 7


READ_AS = {
    (S.QUEUED, 0): S.QUEUED,
    (S.QUEUED, 4): S.PARTIALLY_FILLED,
    (S.QUEUED, 10): S.FILLED,
    (S.CONFIRMED, 0): S.CONFIRMED,
    (S.CONFIRMED, 4): S.PARTIALLY_FILLED,
    (S.CONFIRMED, 10): S.FILLED,
    (S.PARTIALLY_FILLED, 0): S.PARTIALLY_FILLED,
    (S.PARTIALLY_FILLED, 4): S.PARTIALLY_FILLED,
    (S.PARTIALLY_FILLED, 10): S.PARTIALLY_FILLED,
    (S.PENDING_CANCEL, 0): S.PENDING_CANCEL,
    (S.PENDING_CANCEL, 4): S.PENDING_CANCEL,
    (S.PENDING_CANCEL, 10): S.PENDING_CANCEL,
    (S.FILLED, 0): S.CONFIRMED,
    (S.FILLED, 4): S.PARTIALLY_FILLED,
    (S.FILLED, 10): S.FILLED,
    (S.CANCELLED, 0): S.CANCELLED,
    (S.CANCELLED, 4): S.CANCELLED,
    (S.CANCELLED, 10): S.CANCELLED,
    (S.REJECTED, 0): S.REJECTED,
    (S.REJECTED, 4): S.REJECTED,
    (S.REJECTED, 10): S.REJECTED,
}


@pytest.mark.parametrize("filled", [0, 4, 10])
@pytest.mark.parametrize("state", REPORTABLE)
def test_a_reported_state_is_read_together_with_its_fills(state, filled):
    told_now = report(state, cumulative_quantity=Decimal(filled))
    assert reported_state(working().order(), told_now) is READ_AS[state, filled]


def test_filled_with_missing_shares_is_not_filled():
    story = working()
    events = story.hear(report(S.FILLED, cumulative_quantity=Decimal(4)))
    assert anomalies(events) == ["reported as filled with 4 of 10 shares"]
    assert (story.order().state, story.order().remaining_quantity) == (S.PARTIALLY_FILLED, 6)


# What does not fit.


def test_a_second_order_under_our_key_freezes_the_symbol_once_and_changes_nothing_else():
    story = working()
    before = story.order()
    events = story.hear(report(S.FILLED, fill(1, 10), order_id=OrderId("second")))
    assert kinds(events) == [K.ANOMALY_FOUND, K.SYMBOL_FROZEN]
    assert "two orders for client order id first" in anomalies(events)[0]
    assert replace(story.order(), anomalies=before.anomalies) == before
    assert story.hear(report(S.FILLED, fill(1, 10), order_id=OrderId("second"))) == ()


@pytest.mark.parametrize(
    "changes",
    [{"order_id": OrderId("somebody-elses"), "ref_id": None}, {"ref_id": RefId("somebody-elses")}],
    ids=["another id", "another key"],
)
def test_the_report_of_another_order_is_noted_and_otherwise_ignored(changes):
    story = working()
    before = story.order()
    events = story.hear(report(S.FILLED, fill(1, 10), symbol="MSFT", **changes))
    assert kinds(events) == [K.ANOMALY_FOUND]
    assert "another order" in anomalies(events)[0]
    assert replace(story.order(), anomalies=before.anomalies) == before


@pytest.mark.parametrize(
    ("says", "shown"),
    [
        ({"waits_for_stop": True}, Decimal(95)),
        ({"stop_triggered_at": MONDAY}, Decimal(95)),
        ({"cumulative_quantity": Decimal(1)}, Decimal(95)),
        ({"waits_for_stop": True, "stop_price": Decimal(94)}, Decimal(94)),
        ({}, None),
    ],
)
def test_a_stop_that_does_not_say_its_price_any_more_has_the_one_we_sent(says, shown):
    assert report(**says).stop_price_beside(Decimal(95)) == shown


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"symbol": "MSFT"}, "MSFT buy 10 100.00 gfd"),
        ({"side": Side.SELL}, "AAPL sell 10 100.00 gfd"),
        ({"quantity": Decimal(100)}, "AAPL buy 100 100.00 gfd"),
        ({"limit_price": Decimal("100.01")}, "AAPL buy 10 100.01 gfd"),
        ({"limit_price": None}, "AAPL buy 10 None gfd"),
        ({"time_in_force": TimeInForce.GTC}, "AAPL buy 10 100.00 gtc"),
        ({"stop_price": Decimal(101)}, "AAPL buy 10 100.00 gfd with a stop at 101"),
    ],
    ids=str,
)
def test_terms_that_differ_freeze_the_symbol_and_ours_are_kept(changes, shown):
    story = working()
    events = story.hear(report(**changes))
    assert kinds(events) == [K.ANOMALY_FOUND, K.SYMBOL_FROZEN]
    assert anomalies(events) == [f"the broker's terms differ from ours: {shown}"]
    assert story.book.frozen_symbols() == {"AAPL": anomalies(events)[0]}
    envelope = story.order().envelope
    assert (envelope.symbol, envelope.side, envelope.quantity, envelope.limit_price) == (
        "AAPL",
        Side.BUY,
        10,
        Decimal("100.00"),
    )


def test_equal_prices_in_other_digits_are_equal():
    assert working().hear(report(limit_price=Decimal("100.00000000"), quantity=Decimal("10.00000000"))) == ()


def test_more_filled_than_ordered_is_booked_and_freezes_the_symbol():
    story = working()
    events = story.hear(report(S.FILLED, fill(1, 12)))
    assert kinds(events) == [K.EXECUTION_BOOKED, K.ORDER_UPDATED, K.ANOMALY_FOUND, K.SYMBOL_FROZEN]
    assert anomalies(events) == ["more was filled (12) than ordered (10)"]
    assert story.order().envelope.filled_quantity == 12
    assert "AAPL" in story.book.frozen_symbols()


@pytest.mark.parametrize(
    ("told_of", "shown"),
    [
        ([booked(fill(quantity=10)), now_in(S.FILLED, filled_quantity=Decimal(10))], []),
        ([booked(fill(quantity=11))], ["more was filled (11) than ordered (10)"]),
        ([now_in(S.FILLED, filled_quantity=Decimal(12))], ["more was filled (12) than ordered (10)"]),
    ],
)
def test_more_fills_on_record_than_shares_are_an_anomaly_that_freezes_once(told_of, shown):
    story = working()
    story.tell(*told_of)
    events = overfills(story.order())
    assert anomalies(events) == shown
    assert kinds(events) == [K.ANOMALY_FOUND, K.SYMBOL_FROZEN][: 2 * len(shown)]
    story.tell(*events)
    assert overfills(story.order()) == ()


def test_a_filled_quantity_never_goes_back():
    story = working()
    story.hear(report(S.PARTIALLY_FILLED, fill(1, 5)))
    events = story.hear(report(S.PARTIALLY_FILLED, cumulative_quantity=Decimal(3)))
    assert anomalies(events) == ["the filled quantity went back from 5 to 3"]
    assert story.order().envelope.filled_quantity == 5
    assert story.book.frozen_symbols() == {}


def test_an_unknown_word_counts_as_working_and_is_noted_once():
    story = working()
    odd = report(S.CONFIRMED, broker_state="hibernating", state_is_known=False)
    assert anomalies(story.hear(odd)) == ["the broker uses a state word we do not know: hibernating"]
    assert story.hear(odd) == ()
    assert story.order().state is S.CONFIRMED


@pytest.mark.parametrize("reported", REPORTABLE)
@pytest.mark.parametrize("ended", ENDED)
def test_an_end_on_record_is_final_whatever_is_reported(ended, reported):
    story = story_in(ended)
    filled = story.order().envelope.filled_quantity or (Decimal(10) if reported is S.FILLED else Decimal(0))
    told_now = report(reported, cumulative_quantity=filled)
    events = story.hear(told_now)
    assert story.order().state is ended
    agrees = reported is ended or (ended is S.FILLED and reported in {S.QUEUED, S.CONFIRMED})
    expected = [] if agrees else [f"reported as {reported} after it had ended as {ended}"]
    assert anomalies(events) == expected


@pytest.mark.parametrize("ended", [S.CANCELLED, S.REJECTED, S.NOT_SENT, S.NEVER_ACCEPTED])
def test_a_fill_after_the_end_is_booked_all_the_same(ended):
    """The shares are in the account whatever we thought; only the state stays."""
    story = story_in(ended)
    events = story.hear(report(S.FILLED, fill(1, 10)))
    assert kinds(events) == [K.EXECUTION_BOOKED, K.ORDER_UPDATED, K.ANOMALY_FOUND]
    assert (story.order().state, story.order().envelope.filled_quantity) == (ended, 10)


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("reported", REPORTABLE)
def test_a_report_that_lags_behind_changes_no_state(state, reported):
    story = story_in(state)
    story.hear(report(reported))
    kept = story.order().state
    assert kept is state or is_legal(state, kept)


# Fills that are annulled.


def bust_story() -> Story:
    story = working()
    story.hear(report(S.PARTIALLY_FILLED, fill(1, 4), fill(2, 2)))
    return story


def test_an_annulled_fill_is_taken_back():
    story = bust_story()
    voided = report(S.PARTIALLY_FILLED, fill(2, 2), voided=True)
    events = story.hear(voided)
    busted = events[0]
    assert (busted.event, busted.execution_id, busted.last_quantity) == (K.EXECUTION_BUSTED, "fill-1", 4)
    assert (busted.filled_quantity, busted.reason) == (2, "the broker annulled this execution")
    assert story.order().executions == (fill(2, 2),)
    assert story.order().envelope.filled_quantity == 2
    assert anomalies(events) == []
    assert story.hear(voided) == ()


def test_without_the_word_for_it_a_missing_fill_is_not_annulled():
    story = bust_story()
    events = story.hear(report(S.PARTIALLY_FILLED, fill(2, 2)))
    assert K.EXECUTION_BUSTED not in kinds(events)
    assert len(anomalies(events)) == 1
    assert story.order().executions == (fill(1, 4), fill(2, 2))


def test_a_void_that_takes_no_fill_back_keeps_them_all():
    story = bust_story()
    story.hear(report(S.CANCELLED, cumulative_quantity=Decimal(6), voided=True))
    assert story.order().executions == (fill(1, 4), fill(2, 2))
    assert (story.order().state, story.order().envelope.filled_quantity) == (S.CANCELLED, 6)


def test_a_total_that_falls_without_its_fills_is_an_anomaly_and_noted_once():
    story = working()
    story.hear(report(S.PARTIALLY_FILLED, cumulative_quantity=Decimal(5)))
    voided = report(S.PARTIALLY_FILLED, cumulative_quantity=Decimal(2), voided=True)
    assert len(anomalies(story.hear(voided))) == 1
    assert story.hear(voided) == ()


def test_what_is_annulled_while_the_order_ends_stays_taken_back():
    story = bust_story()
    *_, end = story.hear(report(S.CANCELLED, fill(2, 2), voided=True))
    assert (end.event, end.status, end.filled_quantity) == (K.ORDER_UPDATED, S.CANCELLED, None)
    assert (story.order().state, story.order().envelope.filled_quantity) == (S.CANCELLED, 2)


# Stops.


def resting_stop() -> Story:
    stop = intended(side=Side.SELL, limit_price=Decimal(94), details={**TERMS, "stop_price": "95"})
    return Story(stop, now_in(S.CONFIRMED, order_id=order_id_of("first")))


def of_the_stop(**changes: Any) -> OrderReport:
    return report(side=Side.SELL, limit_price=Decimal(94), **changes)


def test_a_stop_that_waits_on_is_no_news_even_if_its_price_is_not_repeated():
    assert resting_stop().hear(of_the_stop(waits_for_stop=True, stop_price=Decimal(95))) == ()
    assert resting_stop().hear(of_the_stop(waits_for_stop=True)) == ()


def test_a_stop_whose_price_was_reached_is_recorded_once():
    story = resting_stop()
    reached = of_the_stop(stop_triggered_at=MONDAY)
    [event] = story.hear(reached)
    assert event.details["stop_triggered_at"] == MONDAY.isoformat()
    assert story.hear(reached) == ()


# What else a report names.


def test_the_instrument_is_recorded_once():
    story = working()
    assert story.hear(report(S.PENDING_CANCEL, instrument_id="of-aapl"))[0].details["instrument_id"] == "of-aapl"
    assert "instrument_id" not in story.hear(report(S.CANCELLED, instrument_id="of-aapl"))[0].details


def test_the_instrument_of_another_symbol_is_not_taken_for_the_orders_own():
    update, *_ = working().hear(report(S.PENDING_CANCEL, symbol="MSFT", instrument_id="of-msft"))
    assert update.event is K.ORDER_UPDATED
    assert "instrument_id" not in update.details


def test_a_problem_already_noted_hides_no_new_one():
    story = working()
    story.hear(report(limit_price=Decimal("100.01")))
    odd = report(limit_price=Decimal("100.01"), broker_state="hibernating", state_is_known=False)
    assert anomalies(story.hear(odd)) == ["the broker uses a state word we do not know: hibernating"]


# Whatever is reported, in whatever order.


def total_of(executions) -> Decimal:
    return sum((one.quantity for one in executions), Decimal(0))


quantities = st.integers(0, 12).map(Decimal)
fills = st.integers(0, 4).map(lambda count: tuple(fill(number, number) for number in range(1, count + 1)))
any_report = st.builds(
    lambda state, total, executions, changes: report(
        state, *executions, **{"cumulative_quantity": max(total, total_of(executions)), **changes}
    ),
    st.sampled_from(REPORTABLE),
    quantities,
    fills,
    st.fixed_dictionaries(
        {},
        optional={
            "order_id": st.sampled_from([order_id_of("first"), OrderId("other")]),
            "ref_id": st.sampled_from([ref_of("first"), None, RefId("other")]),
            "limit_price": st.sampled_from([Decimal("100.00"), Decimal("99.99"), None]),
            "average_price": st.sampled_from([None, Decimal("99.90"), Decimal("99.95")]),
            "state_is_known": st.booleans(),
        },
    ),
)
story_states = st.sampled_from(S)


def is_contrary(told_now: OrderReport, state: OrderState) -> bool:
    return state.is_terminal and told_now.state.is_terminal and told_now.state is not state


@given(state=story_states, reports=st.lists(any_report, max_size=12))
def test_the_record_stays_true_to_the_table_and_fills_never_fall(state, reports):
    story = story_in(state)
    for told_now in reports:
        before = story.order()
        story.hear(told_now)  # the book raises on an illegal change, on a fill booked twice, and on a total that falls
        after = story.order()
        assert after.state is before.state or is_legal(before.state, after.state)
        assert after.state is before.state or not before.state.is_terminal
        assert after.envelope.filled_quantity >= before.envelope.filled_quantity
        assert after.envelope.filled_quantity >= after.executed_quantity
        assert len({one.execution_id for one in after.executions}) == len(after.executions)
        assert after.anomalies >= before.anomalies
        assert after.anomalies or not is_contrary(told_now, before.state)
        assert reconcile(after, told_now) == ()
    assert story.book == story.replayed()


@given(
    sizes=st.lists(st.integers(1, 4), max_size=5).filter(lambda found: sum(found) <= 10),
    ends=st.sampled_from([None, S.CANCELLED]),
    order=st.randoms(use_true_random=False),
    whole=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_late_and_repeated_reports_of_an_honest_broker_end_in_the_brokers_own_figures(sizes, ends, order, whole):
    history = [report(S.CONFIRMED)]
    for count in range(1, len(sizes) + 1):
        done = tuple(fill(number, size) for number, size in enumerate(sizes[:count], 1))
        total = sum(sizes[:count])
        state = S.FILLED if total == 10 else S.PARTIALLY_FILLED
        # A listing has the total only, a single read has the fills too.
        history.append(report(state, *done) if whole[count] else report(state, cumulative_quantity=Decimal(total)))
    everything = tuple(fill(number, size) for number, size in enumerate(sizes, 1))
    last = replace(history[-1], executions=everything)
    if ends and last.state is not S.FILLED:
        last = replace(last, state=ends, broker_state=ends.value)
    late = [*history, *history]
    order.shuffle(late)
    story = story_in(S.PENDING_SUBMIT)
    for told_now in late:
        story.hear(told_now)
        assert 0 <= story.order().envelope.filled_quantity <= last.cumulative_quantity <= 10
        assert story.order().executed_quantity <= story.order().envelope.filled_quantity
    story.hear(last)
    assert story.order().state is last.state
    assert story.order().envelope.filled_quantity == story.order().executed_quantity == last.cumulative_quantity


def test_a_total_that_lags_behind_its_own_fills_adds_nothing_when_it_is_repeated():
    story = working()
    lagging = report(S.PARTIALLY_FILLED, fill(1, 4), cumulative_quantity=Decimal(0))
    story.hear(lagging)
    assert story.order().envelope.filled_quantity == 4
    assert story.hear(lagging) == ()


@given(told_now=any_report)
def test_a_report_is_only_read(told_now):
    order = working().order()
    first = reconcile(order, told_now)
    assert reconcile(order, told_now) == first
    assert all(isinstance(event, OrderEvent) for event in first)
    assert order == working().order()


def test_an_anomaly_that_is_on_record_is_not_noted_again():
    odd = "the filled quantity went back from 5 to 3"
    story = working().tell(now_in(S.PARTIALLY_FILLED, filled_quantity=Decimal(5)), told(K.ANOMALY_FOUND, reason=odd))
    assert story.hear(report(S.PARTIALLY_FILLED, cumulative_quantity=Decimal(3))) == ()


def fees_in(events) -> list[str | None]:
    return [event.details.get("order_fees") for event in events]


def test_fees_are_recorded_with_the_fill_that_brings_them():
    events = working().hear(report(OrderState.FILLED, fill(1, 10), fees=Decimal("0.04")))
    assert kinds(events) == [EventKind.EXECUTION_BOOKED, EventKind.ORDER_UPDATED]
    assert fees_in(events) == ["0.04", "0.04"]


@pytest.mark.parametrize("later", [None, Decimal("0.04"), Decimal(0)])
def test_a_change_of_fees_alone_is_no_news(later):
    story = working()
    story.hear(report(OrderState.FILLED, fill(1, 10), fees=Decimal("0.02")))
    assert story.hear(report(OrderState.FILLED, fill(1, 10), fees=later)) == ()


def test_unknown_fees_and_those_of_an_order_without_fills_are_not_recorded():
    assert fees_in(working().hear(report(OrderState.FILLED, fill(1, 10)))) == [None, None]
    assert fees_in(working().hear(report(OrderState.CANCELLED, fees=Decimal(0)))) == [None]


@pytest.mark.parametrize("ends", [OrderState.FILLED, OrderState.CANCELLED])
def test_fees_change_nothing_of_an_order(ends):
    bare, charged = working(), working()
    bare.hear(report(ends, fill(1, 4)))
    charged.hear(report(ends, fill(1, 4), fees=Decimal("0.04")))
    assert charged.order() == bare.order()
