"""What a book goes on with: after it was emptied, under other names, and with orders that are told whole."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.support.order_story import MONDAY, Story, intended, now_in, order_id_of, told
from trading_bot.order_management.book.acceptances import acceptance_event
from trading_bot.order_management.book.carrying import carried_events
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import INSTRUMENT_ID, agreed, baseline, instrument_named
from trading_bot.order_management.book.protections import Plan, protection_set
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, Side

ASKED = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal(100))
FILLED = now_in(OrderState.FILLED, filled_quantity=Decimal(10), order_id=order_id_of("first"))
METX_IS_AAPL = instrument_named("METX", "i-1", was="AAPL")
PLAN = Plan(plan_id="p1", symbol="AAPL", set_for="AAPL", quantity=Decimal(5), stop=Decimal(90))


def standing(story: Story) -> object:
    return story.book.standing_for(ASKED, now=story.now, window=timedelta(seconds=10))


# Emptied.


def test_a_book_that_was_emptied_is_a_new_one():
    book = Story(
        intended(),
        now_in(OrderState.CONFIRMED, order_id=order_id_of("first")),
        frozen("AAPL", Cause.EXIT, "left"),
        protection_set(PLAN, reason="r"),
        baseline("AAPL", Decimal(7)),
        acceptance_event("AAPL", Decimal(9), before=Decimal(7), ratio=None, by="ada", reason="r"),
    ).book
    mark = book.change_mark
    book.clear()
    assert book == OrderBook()
    assert (book.orders(), book.active(), book.pending_on("AAPL", Side.BUY), book.unbacked()) == ((), (), (), ())
    assert book.by_ref_id("ref-of-first") is book.by_order_id(order_id_of("first")) is None
    assert (book.freezes(), book.protections.all(), book.acceptances()) == ((), (), ())
    assert (dict(book.expected_positions()), book.pointers.all()) == ({}, frozenset())
    assert book.change_mark.removals == mark.removals + 1


def test_orders_leave_a_book_that_was_folded_anew_as_they_leave_any_other():
    story = Story(intended(), FILLED)
    story.book.refold(story.records)
    assert {one.seq for one in story.book.pointers.all()} == {1, 2}
    story.book.forget([])
    assert (story.book.orders(), story.book.pointers.all()) == ((), frozenset())


def test_a_filled_order_that_has_left_stands_for_no_other():
    story = Story(intended(), FILLED)
    assert standing(story) is story.order()
    story.book.forget([])
    assert standing(story) is None


# Told whole.


def test_a_filled_order_that_is_told_whole_stands_for_an_equal_one_as_if_it_had_been_told_step_by_step():
    (whole,) = carried_events(Story(intended(), FILLED).order())
    story = Story(whole)
    assert standing(story) is story.order()


# Under other names.


def test_what_was_accepted_and_planned_for_a_symbol_goes_on_under_its_next_name():
    accepted = acceptance_event("AAPL", Decimal(9), before=Decimal(7), ratio=None, by="ada", reason="r")
    other = replace(PLAN, plan_id="p2", symbol="MSFT", set_for="MSFT")
    story = Story(accepted, protection_set(PLAN, reason="r"), protection_set(other, reason="r"), METX_IS_AAPL)
    assert [one.symbol for one in story.book.acceptances()] == ["METX"]
    assert story.book.protections.of("METX") == replace(PLAN, symbol="METX")
    assert story.book.protections.of("AAPL") is None
    assert story.book.protections.of("MSFT") == other
    assert story.book.positions.was("METX") == "AAPL"


def test_a_name_without_one_before_moves_nothing():
    accepted = acceptance_event("AAPL", Decimal(9), before=Decimal(7), ratio=None, by="ada", reason="r")
    story = Story(accepted, protection_set(PLAN, reason="r"), instrument_named("METX", "i-1"))
    assert [one.symbol for one in story.book.acceptances()] == ["AAPL"]
    assert story.book.protections.of("AAPL") == PLAN
    assert story.book.positions.was("METX") is None


def test_an_order_goes_by_the_name_that_a_position_says_its_instrument_has():
    story = Story(
        intended(details={**intended().details, INSTRUMENT_ID: "i-1"}),
        baseline("METX", Decimal(0), instrument_id="i-1"),
    )
    assert story.order().envelope.symbol == "METX"
    assert story.book.pending_on("METX", Side.BUY) == (story.order(),)


def test_an_order_that_a_position_gave_another_name_has_it_after_a_restart_from_the_noted_positions_too():
    story = Story(
        intended(details={**intended().details, INSTRUMENT_ID: "i-1"}),
        baseline("METX", Decimal(0), instrument_id="i-1"),
    )
    story.tell(*story.book.positions.noted())
    standing_records = {one.seq for one in story.book.pointers.all()}
    assert standing_records == {1, 3}
    again = OrderBook.replayed(record for record in story.records if record.seq in standing_records)
    assert [order.envelope.symbol for order in again] == ["METX"]


def test_noted_names_are_those_from_before():
    story = Story(instrument_named("AAPL", "i-1"), instrument_named("AAPL", "i-2"))
    story.tell(*story.book.positions.noted())
    assert story.book.positions.instrument_of("AAPL") == "i-2"
    assert [story.book.positions.symbol_of(name) for name in ("i-1", "i-2")] == ["AAPL", "AAPL"]


# Counted once.


def test_a_difference_that_is_told_again_rests_on_its_latest_record_and_ends_with_agreement():
    differed = OrderEvent(event=EventKind.POSITION_DIFFERED, symbol="AAPL", occurred_at=MONDAY)
    story = Story(differed, differed)
    assert {one.seq for one in story.book.pointers.all()} == {2}
    assert story.book.positions.differing() == ("AAPL",)
    story.tell(agreed("AAPL"))
    assert (story.book.positions.differing(), story.book.pointers.all()) == ((), frozenset())


def test_a_name_that_is_told_again_rests_on_its_latest_record():
    story = Story(instrument_named("AAPL", "i-1"), instrument_named("AAPL", "i-1"))
    assert {one.seq for one in story.book.pointers.all()} == {2}


def test_each_kill_stands_for_itself():
    kills = [OrderEvent(event=EventKind.KILL_IMPORTED, details={"file": name}) for name in ("one", "two", "two")]
    assert Story(*kills).book.standing_facts() == (kills[0], kills[2])


def test_positions_count_as_noted_only_once_orders_may_have_left_with_their_fills():
    story = Story(baseline("AAPL", Decimal(7)))
    assert not story.book.positions.are_noted
    assert story.tell(*story.book.positions.noted()).book.positions.are_noted


def test_a_plan_covers_the_order_that_replaces_its_entry_and_no_other():
    story = Story(protection_set(replace(PLAN, entries=(ClientOrderId("first"),)), reason="r"))
    story.tell(intended(), intended("stranger"))
    story.tell(intended("second", details={**intended().details, "replaces": "first"}))
    assert story.book.protections.all()[0].entries == ("first", "second")


def test_an_intent_that_is_told_while_its_order_is_here_already_is_the_same_order():
    story = Story(intended())
    (record,) = story.records
    assert story.book.apply_stored_intent(record, story.order()) is story.order()
    empty = OrderBook()
    assert empty.apply_stored_intent(record, empty.check(record)) == story.order()
    assert empty.pointers.take_changes() == ((), ())


def test_an_order_that_was_not_sent_is_sent_again_for_another_request_and_on_the_same_terms_only():
    """It is one order, under one ref_id, whoever asks for it."""
    story = Story(intended(correlation_id="one"), now_in(OrderState.NOT_SENT, reason="offline"))
    story.tell(intended(correlation_id="two"))
    assert (story.order().state, story.order().envelope.correlation_id) == (OrderState.PENDING_SUBMIT, "two")
    assert story.order().envelope.reason is None


def test_a_cancel_is_known_by_the_request_that_asked_for_it_last():
    story = Story(intended(), *(told(EventKind.CANCEL_REQUESTED, correlation_id=name) for name in ("one", "two")))
    assert story.order().cancel_of == "two"
