"""A start refolds the standing records alone, in the order of their numbers, and gets the same book."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.order_management.book.test_order_book import next_event, step
from tests.support.order_story import MONDAY, Story, booked, fill, intended, now_in, order_id_of, told
from trading_bot.order_management.book.acceptances import acceptance_event, parse_ratio
from trading_bot.order_management.book.exit_facts import ExitEnding, ExitOrigin, exit_begun, exit_ended, exit_leg
from trading_bot.order_management.book.freezes import CAUSE, Cause, frozen, halted
from trading_bot.order_management.book.order_book import OrderBook, pointers_to_standing
from trading_bot.order_management.book.pointers import StandingKind, StandingPointers, pointer
from trading_bot.order_management.book.position_watch import (
    INSTRUMENT_ID,
    agreed,
    baseline,
    baseline_taken,
    instrument_named,
    with_instrument,
)
from trading_bot.order_management.book.protections import (
    Plan,
    PlanChange,
    PlanEnding,
    Suspension,
    protection_changed,
    protection_ended,
    protection_set,
)
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.port import OrderKeyKind
from trading_bot.order_management.models import ClientOrderId, OrderState, Side

S = OrderState
SYMBOLS = ("AAPL", "MSFT", "METX")
IDS = ("i-1", "i-2")


def refolded(story: Story) -> OrderBook:
    """The book as a start has it."""
    standing = {one.seq for one in story.book.pointers.all()}
    return OrderBook.replayed(record for record in story.records if record.seq in standing)


def prune(story: Story, *, keep: int = 0) -> None:
    """Note the positions, and forget the orders that have ended but the last ``keep``."""
    ended = [order.client_order_id for order in story.book if order.state.is_terminal]
    gone = set(ended[: len(ended) - keep])
    story.tell(*story.book.positions.noted())
    story.book.forget([order.client_order_id for order in story.book if order.client_order_id not in gone])


def bring_back(story: Story, name: str) -> None:
    story.book.bring_back(record for record in story.records if record.fact.client_order_id == name)


def split(symbol: str, quantity: int, *, before: int) -> OrderEvent:
    ratio = parse_ratio(f"{quantity}:{before}", symbol=symbol) if quantity != before and before and quantity else None
    return acceptance_event(
        symbol, Decimal(quantity), before=Decimal(before), ratio=ratio, by="ada", reason="they moved"
    )


def a_plan(name: str, symbol: str, **others: Any) -> Plan:
    return Plan(plan_id=name, symbol=symbol, set_for=symbol, quantity=Decimal(5), stop=Decimal(90), **others)


facts = st.builds(
    lambda what, symbol, other, number, key: {
        "freeze": frozen(symbol, list(Cause)[number % len(Cause)], "why"),
        "old freeze": OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol=symbol, reason="no cause"),
        "release": OrderEvent(event=EventKind.SYMBOL_RELEASED, symbol=symbol),
        "halt": halted(list(Cause)[number % len(Cause)], "why"),
        "short": replace(halted(Cause.NEGATIVE_POSITION, "short"), symbol=symbol),
        "resume": OrderEvent(event=EventKind.TRADING_RESUMED),
        "resume one": OrderEvent(
            event=EventKind.TRADING_RESUMED, details={CAUSE: list(Cause)[number % len(Cause)].value}
        ),
        "approval": told(EventKind.APPROVAL_AWAITED, f"n{number}"),
        "kill": OrderEvent(event=EventKind.KILL_IMPORTED, details={"file": f"kill-{number}"}),
        "exit": exit_begun(f"e{number}", symbol, origin=ExitOrigin.STRATEGY, by="s", reason="enough"),
        "leg": exit_leg(f"e{number}", symbol, f"leg-{key}"),
        "left": exit_ended(f"e{number}", symbol, ExitEnding.SOLD, reason="sold"),
        "plan": protection_set(a_plan(f"p{number}", symbol), reason="r"),
        "changed plan": protection_changed(
            a_plan(f"p{number}", symbol, entries=(ClientOrderId(f"n{number}"),), suspended=Suspension.DRIFT),
            PlanChange.SUSPENDED,
        ),
        "ended plan": protection_ended(a_plan(f"p{number}", symbol), PlanEnding.OFF, reason="r"),
        "looked": baseline_taken(MONDAY),
        "held": with_instrument(baseline(symbol, Decimal(number)), key if number % 2 else None),
        "accepted": split(symbol, number, before=3),
        "differed": OrderEvent(
            event=EventKind.POSITION_DIFFERED, symbol=symbol, occurred_at=MONDAY, details={"broker": str(number)}
        ),
        "agreed": agreed(symbol),
        "name": instrument_named(symbol, key),
        "rename": instrument_named(symbol, key, was=other),
        "traded": intended(f"n{number}", symbol=symbol, details={**intended().details, INSTRUMENT_ID: key}),
    }[what],
    st.sampled_from(
        [
            "freeze",
            "old freeze",
            "release",
            "halt",
            "short",
            "resume",
            "resume one",
            "approval",
            "kill",
            "exit",
            "leg",
            "left",
            "plan",
            "changed plan",
            "ended plan",
            "looked",
            "held",
            "accepted",
            "differed",
            "agreed",
            "name",
            "rename",
            "traded",
        ]
    ),
    st.sampled_from(SYMBOLS),
    st.sampled_from(SYMBOLS),
    st.integers(0, 12),
    st.sampled_from(IDS),
)
happens = st.one_of(
    step, facts, st.tuples(st.just("prune"), st.integers(0, 2)), st.tuples(st.just("wait"), st.integers(1, 40))
)


def live(story: Story, happened) -> None:
    if isinstance(happened, OrderEvent):
        known = happened.client_order_id and story.book.get(happened.client_order_id)
        names = {record.fact.client_order_id for record in story.records}
        if known is None and happened.client_order_id in names:
            return
        if known is None:
            story.tell(happened)
    elif happened[0] == "prune":
        prune(story, keep=happened[1])
    elif happened[0] == "wait":
        story.now += timedelta(hours=happened[1])
    else:
        name = happened[0]
        if story.book.get(name) is None and any(record.fact.client_order_id == name for record in story.records):
            bring_back(story, name)
        if event := next_event(story, happened):
            story.tell(event)


@given(history=st.lists(happens, max_size=50))
@example(
    history=[
        intended("n1"),
        ("prune", 0),
        frozen("AAPL", Cause.DUPLICATE_REF_ID, "a"),
        frozen("MSFT", Cause.DUPLICATE_REF_ID, "b"),
    ]
)
def test_the_standing_records_alone_make_the_same_book(history):
    story = Story()
    for happened in history:
        live(story, happened)
        again = refolded(story)
        assert again == story.book
        assert again.orders() == story.book.orders()
        assert again.halt_fact == story.book.halt_fact
        assert again.pointers.all() == story.book.pointers.all()


@given(history=st.lists(happens, max_size=50))
def test_all_records_together_tell_the_same_of_what_is_kept(history):
    story = Story()
    for happened in history:
        live(story, happened)
    whole = OrderBook.replayed(story.records)
    for order in story.book:
        assert whole.get(order.client_order_id) == order
    assert [order for order in whole if not order.state.is_terminal] == list(story.book.active())
    assert whole.standing_facts() == story.book.standing_facts()
    assert set(whole.exits.all()) == set(story.book.exits.all())
    assert whole.positions == story.book.positions
    assert set(whole.acceptances()) >= set(story.book.acceptances())


def ended(name: str, *, side: Side = Side.BUY) -> tuple[OrderEvent, ...]:
    return (
        intended(name, side=side),
        booked(fill(1, 4), name),
        now_in(S.CANCELLED, name, filled_quantity=Decimal(4), order_id=order_id_of(name)),
    )


def test_an_order_that_was_forgotten_leaves_its_shares():
    story = Story(baseline("AAPL", Decimal(10)), baseline_taken(MONDAY), *ended("old"))
    prune(story)
    assert (story.book.orders(), story.book.expected_positions()) == ((), {"AAPL": Decimal(14)})
    assert refolded(story).expected_positions() == {"AAPL": Decimal(14)}
    assert len(story.book.pointers.all()) == 1


def test_positions_that_were_noted_need_no_record_before():
    story = Story(*(baseline("AAPL", Decimal(number)) for number in range(30)), baseline_taken(MONDAY))
    assert len(story.book.pointers.all()) == 31
    prune(story)
    assert [one.seq for one in story.book.pointers.all()] == [32]
    assert refolded(story).knows_positions


def test_many_positions_are_noted_in_several_records():
    story = Story(*(instrument_named(f"S{number}", f"i-{number}") for number in range(1300)))
    story.tell(*(baseline(f"S{number}", Decimal(number + 1)) for number in range(1300)))
    before = story.book.expected_positions()
    prune(story)
    assert story.book.expected_positions() == refolded(story).expected_positions() == before
    assert len(story.book.pointers.all()) == 6


def test_an_order_brought_back_stands_where_it_stood_and_its_shares_are_not_counted_twice():
    story = Story(baseline_taken(MONDAY), *ended("old"), *ended("new"))
    prune(story, keep=1)
    assert [order.client_order_id for order in story.book] == ["new"]
    bring_back(story, "old")
    assert [order.client_order_id for order in story.book] == ["old", "new"]
    story.tell(now_in(S.CANCELLED, "old", filled_quantity=Decimal(6)))
    assert story.book.expected_positions() == {"AAPL": Decimal(10)}
    assert refolded(story) == story.book


def test_a_record_that_cannot_follow_changes_nothing():
    story = Story(intended(details={**intended().details, INSTRUMENT_ID: "i-1"}))
    before = story.book.pointers.all()
    other = Story(intended(symbol="MSFT", details={**intended().details, INSTRUMENT_ID: "i-1"})).records[0]
    with pytest.raises(Exception, match="cannot be true"):
        story.book.apply(other)
    assert story.book.positions.symbol_of("i-1") == "AAPL"
    assert story.book.pointers.all() == before


def test_changes_of_pointers_are_told_once_and_netted():
    book = Story(frozen("AAPL", Cause.DUPLICATE_REF_ID, "a")).book
    added, gone = book.pointers.take_changes()
    assert ([one.seq for one in added], gone) == ([1], ())
    assert book.pointers.take_changes() == ((), ())
    story = Story(frozen("AAPL", Cause.DUPLICATE_REF_ID, "a"), frozen("AAPL", Cause.DUPLICATE_REF_ID, "b"))
    added, gone = story.book.pointers.take_changes()
    assert ([one.seq for one in added], gone) == ([2], ())


def test_what_ended_and_stands_again_before_anybody_asked_is_no_change():
    pointers = StandingPointers()
    one = pointer(StandingKind.ORDER, "c1", 7)
    pointers.add(one)
    pointers.take_changes()
    pointers.end([one])
    pointers.add(one)
    pointers.add(one)
    assert pointers.take_changes() == ((), ())
    assert pointers.all() == {one}
    pointers.end([one])
    assert pointers.take_changes() == ((), (one,))


def test_the_pointer_of_an_intent_may_be_stored_before_it_is_folded():
    story = Story(intended())
    story.book.pointers.note_stored([story.book.pointer_of(story.records[0])])
    assert story.book.pointers.take_changes() == ((), ())
    assert len(story.book.pointers.all()) == 1


def test_whoever_imports_a_journal_is_told_which_records_count():
    story = Story(
        *ended("old"), frozen("AAPL", Cause.DUPLICATE_REF_ID, "a"), frozen("AAPL", Cause.DUPLICATE_REF_ID, "b")
    )
    found = pointers_to_standing(story.records)
    assert found == story.book.pointers.all()
    assert {one.seq for one in found} == {1, 2, 3, 5}


def test_a_dead_orders_story_is_an_order():
    """The helper above is only as good as what it makes."""
    story = Story(*ended("old"), told(EventKind.ANOMALY_FOUND, "old", reason="odd"))
    assert isinstance(story.order("old"), TrackedOrder)


class Archive:
    """The orders that have left, and what happens elsewhere while they are looked for."""

    def __init__(self, *orders: TrackedOrder) -> None:
        self.orders = orders
        self.meanwhile: Callable[[], object] = list

    def find(self, kind: OrderKeyKind, name: str) -> TrackedOrder | None:
        self.meanwhile()
        return next((order for order in self.orders if name == getattr(order.envelope, kind.value)), None)


LOOK_UPS: tuple[Callable[[OrderBook], TrackedOrder | None], ...] = (
    lambda book: book.get(ClientOrderId("first")),
    lambda book: book.by_ref_id("ref-of-first"),
    lambda book: book.by_order_id("broker-id-of-first"),
)


@pytest.mark.parametrize("look_up", LOOK_UPS)
def test_an_order_that_left_is_found_under_the_symbol_that_its_instrument_has_now(look_up):
    intent = intended(details={**intended().details, INSTRUMENT_ID: "i-1"})
    old = Story(intent, now_in(S.CANCELLED, order_id=order_id_of("first"))).order()
    book = OrderBook(past=Archive(old))
    for record in Story(instrument_named("METX", "i-1", was="AAPL")).records:
        book.apply(record)
    assert look_up(book).envelope.symbol == "METX"
    assert look_up(book).envelope.symbol_was == "AAPL"


@pytest.mark.parametrize("look_up", LOOK_UPS)
def test_an_order_that_comes_while_the_past_is_asked_for_it_is_found(look_up):
    """The book is let go meanwhile; an order of ours that is not found is taken for somebody else's."""
    archive = Archive()
    book = OrderBook(past=archive)
    (record,) = Story(intended(order_id=order_id_of("first"))).records
    archive.meanwhile = lambda: book.apply(record)
    assert look_up(book).client_order_id == "first"


def test_an_order_that_had_two_ids_leaves_with_both():
    story = Story(intended(), now_in(S.CONFIRMED, order_id=order_id_of("first")))
    story.tell(now_in(S.CANCELLED, order_id=order_id_of("another")))
    prune(story)
    assert story.book.by_order_id(order_id_of("first")) is None
    assert story.book.by_order_id(order_id_of("another")) is None


def test_an_id_that_a_later_order_has_as_well_stays_with_that_one():
    story = Story(intended(), now_in(S.CANCELLED, order_id=order_id_of("same")))
    story.tell(intended("second"), now_in(S.CONFIRMED, "second", order_id=order_id_of("same")))
    prune(story)
    assert story.book.by_order_id(order_id_of("same")) == story.order("second")
