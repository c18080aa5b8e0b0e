from dataclasses import replace
from datetime import timedelta
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.order_story import MONDAY, TERMS, Story, booked, fill, intended, now_in, order_id_of, ref_of, told
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.lifecycle import is_legal
from trading_bot.order_management.models import (
    ClientOrderId,
    ExecutionMode,
    OrderEnvelope,
    OrderState,
    OrderTerms,
    Side,
    TimeInForce,
)

S = OrderState
FROZEN = OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="terms differ")
RELEASED = OrderEvent(event=EventKind.SYMBOL_RELEASED, symbol="AAPL")
HALTED = OrderEvent(event=EventKind.TRADING_HALTED, reason="a strange order")
RESUMED = OrderEvent(event=EventKind.TRADING_RESUMED)
WINDOW = timedelta(seconds=10)


def names(orders) -> list[str]:
    return [order.client_order_id for order in orders]


def told_of(state: OrderState, name: str = "first", **changes) -> tuple[OrderEvent, ...]:
    """The shortest story of an order in ``state``."""
    before = {S.PENDING_SUBMIT: (), S.PRESUMED_ABSENT: (S.UNKNOWN,), S.NEVER_ACCEPTED: (S.UNKNOWN,)}.get(state, ())
    steps = (*before, *(() if state is S.PENDING_SUBMIT else (state,)))
    return (intended(name, **changes), *(now_in(step, name) for step in steps))


# What one order is.


def test_an_order_begins_with_its_intent():
    story = Story(intended(details={**TERMS, "time_in_force": "gtc", "extended_hours": "true"}))
    assert story.order().envelope == OrderEnvelope(
        client_order_id=ClientOrderId("first"),
        ref_id=ref_of("first"),
        order_id=None,
        symbol="AAPL",
        side=Side.BUY,
        quantity=10,
        limit_price=Decimal("100.00"),
        reference_price=Decimal("100.15"),
        time_in_force=TimeInForce.GTC,
        extended_hours=True,
        state=S.PENDING_SUBMIT,
        execution_mode=ExecutionMode.PAPER,
        strategy_name="momentum",
        created_at=MONDAY,
    )
    assert story.order().executions == ()
    assert not story.order().cancel_wanted


def test_later_records_add_what_they_know_and_forget_nothing():
    story = Story(
        intended(),
        told(EventKind.ORDER_ACCEPTED, status=S.CONFIRMED, order_id=order_id_of("first"), latency_ms=Decimal(12)),
        now_in(
            S.PARTIALLY_FILLED,
            filled_quantity=Decimal(4),
            average_price=Decimal("99.90"),
            occurred_at=MONDAY,
            reason="late",
        ),
        told(EventKind.CANCEL_ANSWERED),
    )
    envelope = story.order().envelope
    assert (envelope.order_id, envelope.latency_ms, envelope.state) == (order_id_of("first"), 12, S.PARTIALLY_FILLED)
    assert (envelope.filled_quantity, envelope.average_price, envelope.reason) == (4, Decimal("99.90"), "late")
    assert story.order().last_transaction_at == MONDAY
    assert story.order().filled_at == MONDAY + timedelta(seconds=2)


def test_an_order_without_a_new_fill_keeps_the_time_of_the_last_one():
    story = Story(intended(), now_in(S.PARTIALLY_FILLED, filled_quantity=Decimal(4)))
    filled_at = story.order().filled_at
    story.tell(now_in(S.CANCELLED, filled_quantity=Decimal(4)))
    assert story.order().filled_at == filled_at is not None


def test_fills_are_kept_in_order_and_summed():
    story = Story(intended(), now_in(S.CONFIRMED), booked(fill(1, 4)), booked(fill(2, "2.5")))
    assert story.order().executions == (fill(1, 4), fill(2, "2.5"))
    assert story.order().executed_quantity == Decimal("6.5")


def test_a_bust_takes_its_own_fill_back_and_no_other():
    story = Story(
        intended(),
        booked(fill(1, 4)),
        booked(fill(2, 2)),
        now_in(S.PARTIALLY_FILLED, filled_quantity=Decimal(6)),
        booked(fill(1, 4), event=EventKind.EXECUTION_BUSTED, filled_quantity=Decimal(2)),
    )
    assert story.order().executions == (fill(2, 2),)
    assert story.order().envelope.filled_quantity == 2


def test_a_wish_to_cancel_is_remembered_even_where_it_changes_no_state():
    story = Story(*told_of(S.UNKNOWN), told(EventKind.CANCEL_REQUESTED))
    assert (story.order().cancel_wanted, story.order().state) == (True, S.UNKNOWN)


def test_a_cancel_on_its_way_is_a_state():
    story = Story(*told_of(S.CONFIRMED), told(EventKind.CANCEL_REQUESTED, status=S.PENDING_CANCEL))
    assert (story.order().cancel_wanted, story.order().state) == (True, S.PENDING_CANCEL)
    story.tell(told(EventKind.CANCEL_ANSWERED, status=S.CONFIRMED))
    assert (story.order().cancel_wanted, story.order().state) == (True, S.CONFIRMED)


def test_anomalies_pile_up():
    story = Story(intended(), *(told(EventKind.ANOMALY_FOUND, reason=reason) for reason in ("odd", "odder", "odd")))
    assert {anomaly.evidence for anomaly in story.order().anomalies} == {"odd", "odder"}


def test_the_first_listing_without_an_order_is_the_one_that_counts():
    first, later = MONDAY + timedelta(minutes=1), MONDAY + timedelta(minutes=2)
    story = Story(*told_of(S.UNKNOWN), *(told(EventKind.ABSENCE_NOTED, occurred_at=when) for when in (first, later)))
    assert (story.order().absent_since, story.order().state) == (first, S.UNKNOWN)


def test_an_order_that_is_surely_there_stays_so():
    sure = told(EventKind.ORDER_OUTCOME_UNKNOWN, status=S.UNKNOWN, details={"surely_there": "true"})
    story = Story(intended(), sure, told(EventKind.ORDER_OUTCOME_UNKNOWN, status=S.UNKNOWN))
    assert story.order().surely_there
    assert not Story(intended(), told(EventKind.ORDER_OUTCOME_UNKNOWN, status=S.UNKNOWN)).order().surely_there


@pytest.mark.parametrize("state", S)
def test_what_may_still_trade_is_nothing_once_the_order_has_ended(state):
    story = Story(*told_of(state), told(EventKind.CANCEL_ANSWERED, filled_quantity=Decimal(4)))
    assert story.order().remaining_quantity == (0 if state.is_terminal else 6)


def test_an_order_filled_beyond_its_quantity_has_nothing_left_and_never_less():
    """A remainder below zero would free cash that other orders need."""
    story = Story(*told_of(S.PARTIALLY_FILLED), now_in(S.PARTIALLY_FILLED, filled_quantity=Decimal(12)))
    assert story.order().remaining_quantity == 0


def test_the_public_view_says_what_the_order_says():
    story = Story(
        intended(),
        booked(fill(1, 4)),
        now_in(
            S.PARTIALLY_FILLED,
            order_id=order_id_of("first"),
            filled_quantity=Decimal(4),
            average_price=Decimal("99.90"),
            occurred_at=MONDAY,
            reason="why",
            details={"broker_state": "partially_filled"},
        ),
    )
    status = story.order().status()
    assert (status.client_order_id, status.order_id) == ("first", order_id_of("first"))
    assert (status.symbol, status.side, status.state) == ("AAPL", Side.BUY, S.PARTIALLY_FILLED)
    assert (status.quantity, status.filled_quantity, status.remaining_quantity) == (10, 4, 6)
    assert (status.average_price, status.limit_price) == (Decimal("99.90"), Decimal("100.00"))
    assert (status.executions, status.broker_state) == ((fill(1, 4),), "partially_filled")
    assert (status.last_transaction_at, status.reason) == (MONDAY, "why")


# Stories that cannot be true.

FILLED = now_in(S.FILLED, filled_quantity=Decimal(10))
IMPOSSIBLE = {
    "an update before the intent": ((FILLED,), "no intent"),
    "a fill before the intent": ((booked(fill()),), "no intent"),
    "a bust before the intent": ((booked(fill(), event=EventKind.EXECUTION_BUSTED),), "no intent"),
    "a cancel before the intent": ((told(EventKind.CANCEL_REQUESTED),), "no intent"),
    "an anomaly before the intent": ((told(EventKind.ANOMALY_FOUND),), "no intent"),
    "an absence before the intent": ((told(EventKind.ABSENCE_NOTED),), "no intent"),
    "a doubt before the intent": ((told(EventKind.ORDER_OUTCOME_UNKNOWN),), "no intent"),
    "an id used twice": ((intended(), intended()), "used before"),
    "an id used again after its end": ((intended(), FILLED, intended()), "used before"),
    "a filled order at work again": ((intended(), FILLED, now_in(S.CONFIRMED)), "from filled to confirmed"),
    "a filled order cancelled": ((intended(), FILLED, now_in(S.CANCELLED)), "from filled to cancelled"),
    "an unknown order that was not sent": ((*told_of(S.UNKNOWN), now_in(S.NOT_SENT)), "from unknown to not_sent"),
    "a fill that shrinks": (
        (
            intended(),
            now_in(S.PARTIALLY_FILLED, filled_quantity=Decimal(5)),
            now_in(S.CANCELLED, filled_quantity=3 * Decimal(1)),
        ),
        "falls only by a bust",
    ),
    "a fill booked twice": ((intended(), booked(fill()), booked(fill())), "booked before"),
    "a fill without a name": ((intended(), booked(fill(), execution_id=None)), "execution_id"),
    "a fill without a price": ((intended(), booked(fill(), last_price=None)), "last_price"),
    "a fill without a quantity": ((intended(), booked(fill(), last_quantity=None)), "last_quantity"),
    "a fill without a time": ((intended(), booked(fill(), occurred_at=None)), "occurred_at"),
    "a fill of nothing": ((intended(), booked(fill(), last_quantity=Decimal(0))), "positive numbers"),
    "a fill below nothing": ((intended(), booked(fill(), last_price=Decimal(-1))), "positive numbers"),
    "an intent without a key": ((intended(ref_id=None),), "ref_id"),
    "an intent without a symbol": ((intended(symbol=None),), "symbol"),
    "an intent without a side": ((intended(side=None),), "side"),
    "an intent without a quantity": ((intended(quantity=None),), "quantity"),
    "an intent without a price": ((intended(limit_price=None),), "limit_price"),
    "an intent without a mode": ((intended(execution_mode=None),), "execution_mode"),
    "an intent without its terms": ((intended(details={}),), "reference_price"),
    "an intent with a reference in words": ((intended(details={**TERMS, "reference_price": "x"}),), "wrong"),
    "an intent good for ever": ((intended(details={**TERMS, "time_in_force": "ioc"}),), "ioc"),
}


@pytest.mark.parametrize(("events", "why"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_impossible_story_is_damage(events, why):
    *before, last = events
    story = Story(*before)
    with pytest.raises(
        OrderLogDamagedError, match=f"record {len(events)} .*cannot be true.*{why}.*audit verify"
    ) as caught:
        story.tell(last)
    assert caught.value.client_order_id == "first"


def test_an_impossible_record_changes_nothing_in_the_book():
    story = Story(intended(), FILLED)
    with pytest.raises(OrderLogDamagedError):
        story.tell(now_in(S.CONFIRMED))
    assert story.book == story.replayed()


@pytest.mark.parametrize("following", S)
@pytest.mark.parametrize("current", S)
def test_the_book_follows_the_table_of_changes_and_nothing_else(current, following):
    story = Story(*told_of(current))
    if following is current or is_legal(current, following):
        assert story.tell(now_in(following)).order().state is following
    else:
        with pytest.raises(OrderLogDamagedError):
            story.tell(now_in(following))


def test_two_intents_never_share_the_brokers_key():
    story = Story(intended())
    with pytest.raises(OrderLogDamagedError):
        story.tell(intended("second", ref_id=ref_of("first")))


@pytest.mark.parametrize(
    "changes",
    [{"quantity": Decimal("1.5")}, {"details": {**TERMS, "extended_hours": "True"}}, {"limit_price": Decimal(0)}],
    ids=["a fraction of a share", "another word for yes", "no price"],
)
def test_an_intent_is_read_as_it_stands_or_not_at_all(changes):
    with pytest.raises(OrderLogDamagedError):
        Story(intended(**changes))


# Questions to the book.


def test_orders_are_found_by_each_of_their_names():
    story = Story(intended(), now_in(S.CONFIRMED, order_id=order_id_of("first")), intended("second"))
    book, order = story.book, story.order()
    assert book.get(ClientOrderId("first")) is order
    assert book.by_ref_id(ref_of("first")) is order
    assert book.by_order_id(order_id_of("first")) is order
    assert book.by_either_id("first") is book.by_either_id(order_id_of("first")) is order
    assert (len(book), names(book), names(book.orders())) == (2, ["first", "second"], ["first", "second"])


@pytest.mark.parametrize("name", ["", "nobody", "SECOND"])
def test_a_name_that_nobody_has_finds_nothing(name):
    book = Story(intended("second")).book
    assert book.get(ClientOrderId(name)) is None
    assert book.by_ref_id(name) is None
    assert book.by_order_id(name) is None
    assert book.by_either_id(name) is None


@pytest.mark.parametrize("state", S)
def test_an_order_stands_where_its_state_belongs(state):
    book = Story(*told_of(state)).book
    assert names(book.active()) == ([] if state.is_terminal else ["first"])
    assert names(book.working()) == (["first"] if state.is_working else [])
    assert names(book.unresolved()) == (["first"] if state.is_unresolved else [])
    holds_back = not state.is_terminal and state is not S.PRESUMED_ABSENT
    assert names(book.pending_on("AAPL", Side.BUY)) == (["first"] if holds_back else [])


def test_only_orders_on_the_same_symbol_and_side_hold_another_one_back():
    book = Story(intended(), intended("sell", side=Side.SELL), intended("other", symbol="MSFT")).book
    assert names(book.pending_on("AAPL", Side.BUY)) == ["first"]
    assert names(book.pending_on("AAPL", Side.SELL)) == ["sell"]
    assert names(book.pending_on("MSFT", Side.SELL)) == []


@pytest.mark.parametrize("state", S)
def test_shares_are_reserved_until_a_sell_provably_cannot_trade(state):
    """An order presumed absent may yet turn up, so it still counts in full."""
    book = Story(*told_of(state, side=Side.SELL)).book
    assert book.reserved_shares("AAPL") == (0 if state.is_terminal else 10)


def test_what_is_reserved_of_a_sell_is_what_it_has_not_sold_yet():
    sold = now_in(S.PARTIALLY_FILLED, "sell", filled_quantity=Decimal(7))
    book = Story(intended(), intended("sell", side=Side.SELL), sold, intended("more", symbol="MSFT")).book
    assert book.reserved_shares("AAPL") == 3
    assert book.reserved_shares("MSFT") == 0


@pytest.mark.parametrize("context", [Context(prec=2), Context(prec=1)], ids=["two digits", "one digit"])
def test_a_callers_decimal_context_changes_no_reservation(context):
    story = Story(
        intended(),
        intended("sell", side=Side.SELL),
        now_in(S.PARTIALLY_FILLED, "sell", filled_quantity=Decimal("0.75")),
        booked(fill(1, "1.25")),
        booked(fill(2, 3)),
    )
    with localcontext(context):
        assert story.book.reserved_shares("AAPL") == Decimal("9.25")
        assert story.order().executed_quantity == Decimal("4.25")


def test_a_symbol_is_frozen_until_it_is_released():
    story = Story(FROZEN)
    assert story.book.frozen_symbols() == {"AAPL": "terms differ"}
    assert Story(FROZEN, RELEASED).book.frozen_symbols() == {}
    assert Story(RELEASED).book.frozen_symbols() == {}
    assert Story(replace(FROZEN, reason=None)).book.frozen_symbols() == {"AAPL": "frozen"}


def test_what_is_asked_cannot_be_changed_from_outside():
    book = Story(FROZEN).book
    found: Any = book.frozen_symbols()
    found.clear()
    assert book.frozen_symbols() == {"AAPL": "terms differ"}


def test_trading_is_halted_until_it_is_resumed():
    assert Story().book.halt is None
    assert Story(HALTED).book.halt == "a strange order"
    assert Story(replace(HALTED, reason=None)).book.halt == "halted"
    assert Story(HALTED, RESUMED).book.halt is None


# Orders that already stand for a request.

ASKED = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.0"))


def standing(story: Story, terms: OrderTerms = ASKED, *, later: timedelta = timedelta()):
    found = story.book.standing_for(terms, now=story.now + later, window=WINDOW)
    return found and found.client_order_id


@pytest.mark.parametrize("state", [state for state in S if not state.is_terminal and state is not S.PRESUMED_ABSENT])
def test_a_pending_order_stands_for_an_equal_one_however_old(state):
    assert standing(Story(*told_of(state)), later=timedelta(days=1)) == "first"


@pytest.mark.parametrize("state", [S.CANCELLED, S.REJECTED, S.NOT_SENT, S.NEVER_ACCEPTED, S.PRESUMED_ABSENT])
def test_an_order_that_came_to_nothing_stands_for_no_other(state):
    assert standing(Story(*told_of(state))) is None


@pytest.mark.parametrize(
    "changes",
    [{"symbol": "MSFT"}, {"side": Side.SELL}, {"quantity": 11}, {"limit_price": Decimal("100.01")}],
    ids=str,
)
def test_other_terms_are_another_order(changes):
    story = Story(intended())
    assert standing(story, replace(ASKED, **changes)) is None
    assert standing(story.tell(FILLED), replace(ASKED, **changes)) is None


def test_a_filled_order_stands_for_an_equal_one_within_the_window_only():
    story = Story(intended(), FILLED)  # filled a second before the story's now
    assert standing(story, later=timedelta(seconds=8.9)) == "first"
    assert standing(story, later=timedelta(seconds=9)) is None


def test_an_order_filled_behind_others_is_still_found():
    story = Story(intended(), intended("other", quantity=Decimal(5)), FILLED)
    story.tell(now_in(S.FILLED, "other", filled_quantity=Decimal(5)))
    assert standing(story) == "first"


def test_an_order_that_was_filled_long_before_it_was_reported_so_hides_no_other():
    slow = intended("slow", quantity=Decimal(5))
    story = Story(slow, told(EventKind.CANCEL_REQUESTED, "slow", status=S.PENDING_CANCEL))
    story.tell(now_in(S.PENDING_CANCEL, "slow", filled_quantity=Decimal(5)))
    story.now += timedelta(minutes=1)
    story.tell(intended(), FILLED, now_in(S.FILLED, "slow", filled_quantity=Decimal(5)))
    assert standing(story) == "first"


# The book is its records.


@pytest.mark.parametrize("event", [FROZEN, HALTED, intended("second"), now_in(S.CONFIRMED)], ids=lambda one: one.event)
def test_books_of_different_stories_differ(event):
    assert Story(intended()).book != Story(intended(), event).book
    assert Story(intended()).book == Story(intended()).book
    assert Story().book != "no book"


def test_a_book_is_no_key():
    with pytest.raises(TypeError):
        hash(OrderBook())


NO_ORDERS_OWN = sorted(
    {
        EventKind.JOURNAL_OPENED,
        EventKind.SESSION_STARTED,
        EventKind.SESSION_STOPPED,
        EventKind.TAIL_RECOVERED,
        EventKind.JOURNAL_CONTINUED,
        EventKind.POSITION_ACCEPTED,
        EventKind.POSITION_DIFFERED,
        EventKind.POSITION_AGREED,
        EventKind.POSITIONS_NOTED,
        EventKind.RECORD_REFUSED,
        EventKind.INSTRUMENT_NAMED,
        EventKind.KILL_IMPORTED,
        EventKind.KILL_NOTED,
        EventKind.JOURNAL_IMPORTED,
        EventKind.ACCOUNT_VALUED,
        EventKind.ACCOUNT_TIED_OUT,
        EventKind.EXIT_BEGUN,
        EventKind.EXIT_LEG_PLACED,
        EventKind.EXIT_ENDED,
        EventKind.PROTECTION_SET,
        EventKind.PROTECTION_CHANGED,
        EventKind.PROTECTION_ENDED,
    }
)


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_is_folded_or_belongs_to_no_order(kind):
    """A new kind fails here until it is decided whether it concerns an order."""
    outside = {EventKind.SYMBOL_FROZEN, EventKind.SYMBOL_RELEASED, EventKind.TRADING_HALTED, EventKind.TRADING_RESUMED}
    record = Story(told(EventKind.SESSION_STARTED)).records[0]
    other = replace(record, fact=told(kind))
    outside.add(EventKind.APPROVAL_AWAITED)  # counts for the account too, once its order has left the book
    if kind in NO_ORDERS_OWN or kind in outside:
        assert OrderBook().apply(other) is None
    else:
        with pytest.raises(OrderLogDamagedError):
            OrderBook().apply(other)


step = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(S),
    st.integers(0, 12),
    st.sampled_from(
        ["state", "fill", "bust", "cancel", "anomaly", "absent", "freeze", "release", "halt", "resume", "approval"]
    ),
    st.text(max_size=8),
)


def next_event(story: Story, drawn) -> OrderEvent | None:
    """The event drawn for this order, or None where it would be an impossible one."""
    name, state, number, what, text = drawn
    known = story.book.get(ClientOrderId(name))
    if known is None:
        return intended(name, strategy_name=text, side=Side.SELL if number % 2 else Side.BUY)
    if what == "state" and state is not known.state and not is_legal(known.state, state):
        return None
    if what == "fill" and fill(number + 1).execution_id in {one.execution_id for one in known.executions}:
        return None
    filled = max(known.envelope.filled_quantity, Decimal(number))
    events = {
        "state": now_in(state, name, filled_quantity=filled, order_id=order_id_of(name), reason=text),
        "fill": booked(fill(number + 1, number + 1), name),
        "bust": booked(fill(number + 1), name, event=EventKind.EXECUTION_BUSTED, filled_quantity=Decimal(number)),
        "cancel": told(EventKind.CANCEL_REQUESTED, name, latency_ms=Decimal(number)),
        "anomaly": told(EventKind.ANOMALY_FOUND, name, reason=text),
        "absent": told(EventKind.ABSENCE_NOTED, name, occurred_at=MONDAY + timedelta(seconds=number)),
        "freeze": replace(FROZEN, symbol=text, reason=text),
        "release": replace(RELEASED, symbol=text),
        "halt": replace(HALTED, reason=text),
        "resume": RESUMED,
        "approval": told(EventKind.APPROVAL_AWAITED, name),
    }
    return events[what]


@given(steps=st.lists(step, max_size=40))
def test_a_restart_forgets_nothing(steps):
    story = Story()
    for drawn in steps:
        if event := next_event(story, drawn):
            story.tell(event)
    live, replayed = story.book, story.replayed()
    assert live == replayed
    for question in (
        OrderBook.orders,
        OrderBook.active,
        OrderBook.working,
        OrderBook.unresolved,
    ):
        assert question(live) == question(replayed)
    for order in live:
        assert replayed.by_ref_id(order.envelope.ref_id) == order
        assert order.envelope.order_id is None or replayed.by_order_id(order.envelope.order_id) == order
        assert (order in live.active()) is not order.state.is_terminal
    for side in Side:
        assert live.pending_on("AAPL", side) == replayed.pending_on("AAPL", side)
        terms = replace(ASKED, side=side)
        assert live.standing_for(terms, now=story.now, window=WINDOW) == replayed.standing_for(
            terms, now=story.now, window=WINDOW
        )
    assert live.reserved_shares("AAPL") == replayed.reserved_shares("AAPL") >= 0
