"""What is looked up in an index is what a walk through all orders finds."""

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.order_management.book.test_standing_records import SYMBOLS, happens, live
from tests.support.order_story import MONDAY, TERMS, Story, intended, now_in
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.book.position_watch import INSTRUMENT_ID, baseline, instrument_named, with_instrument
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, Side, exact_sum

pytestmark = pytest.mark.no_cover  # many orders: each line that they run has a quick test of its own

WINDOW = timedelta(seconds=10)


def terms(symbol: str, side: Side = Side.BUY, price: str = "100") -> OrderTerms:
    return OrderTerms(symbol=symbol, side=side, quantity=10, limit_price=Decimal(price))


@given(st.lists(happens, max_size=40))
def test_open_orders_and_freezes_are_found_by_symbol(history):
    """After every record, rename, order that left and order that came back."""
    story = Story()
    for happened in history:
        live(story, happened)
        book = story.book
        for symbol in SYMBOLS:
            for side in Side:
                on = [one for one in book.active() if (one.envelope.symbol, one.envelope.side) == (symbol, side)]
                pending = [one for one in on if one.state is not OrderState.PRESUMED_ABSENT]
                assert list(book.pending_on(symbol, side)) == pending
                if side is Side.SELL:
                    assert book.reserved_shares(symbol) == exact_sum(one.remaining_quantity for one in on)
            own = [freeze for freeze in book.freezes() if freeze.symbol in (None, symbol)]
            assert list(book.freezes(symbol=symbol)) == own
        drifted = {freeze.symbol for freeze in book.freezes() if freeze.cause is Cause.DRIFT} - {None}
        assert book.frozen_for(Cause.DRIFT) == drifted


def order_of(story: Story, number: int) -> TrackedOrder | None:
    return story.book.at_hand(ClientOrderId(f"c{number}"))


def go_on(story: Story, what: str, number: int) -> None:
    """One step in the life of one of six orders: of two instruments, some of them sells, one at another price."""
    name, order = f"c{number}", order_of(story, number)
    told = [record for record in story.records if record.fact.client_order_id == name]
    if what == "rename":
        was, now = ("AAPL", "METX") if number % 2 else ("METX", "AAPL")
        story.tell(instrument_named(now, "i-0", was=was))
    elif what == "back" and order is None and told:
        story.book.bring_back(told)
    elif what == "new" and not told:
        details = {**TERMS, INSTRUMENT_ID: f"i-{number % 2}"}
        symbol = story.book.positions.symbol_of(f"i-{number % 2}") or ("AAPL", "MSFT")[number % 2]
        side, price = (Side.BUY, Side.SELL)[number // 2 % 2], Decimal(100 + number // 5)
        story.tell(intended(name, symbol=symbol, side=side, limit_price=price, details=details))
    elif order is None:
        return
    elif what in ("filled", "cancelled") and not order.state.is_terminal:
        story.tell(now_in(OrderState(what), name))
    elif what == "leave" and order.state.is_terminal:
        story.tell(*story.book.positions.noted())
        story.book.forget([one.client_order_id for one in story.book if one is not order])


life = st.tuples(
    st.sampled_from(["new", "new", "filled", "filled", "cancelled", "rename", "leave", "back"]), st.integers(0, 5)
)


@settings(max_examples=150)
@given(st.lists(life, min_size=6, max_size=40), st.integers(1, 8))
def test_orders_of_equal_terms_are_found_open_or_filled_within_the_window(lives, window_s):
    story, window = Story(), timedelta(seconds=window_s)
    for what, number in lives:
        go_on(story, what, number)
        for symbol, side in product(SYMBOLS, Side):
            on = [one for one in story.book if (one.envelope.symbol, one.envelope.side) == (symbol, side)]
            pending = [one for one in on if not one.state.is_terminal]
            assert list(story.book.pending_on(symbol, side)) == pending
            standing = [*pending, *(one for one in on if one.filled_at and one.filled_at > story.now - window)]
            priced = [one for one in standing if one.envelope.limit_price == 100]
            found = story.book.standing_for(terms(symbol, side), now=story.now, window=window)
            assert (found in priced) if priced else (found is None)
            has_one = story.book.has_standing(terms(symbol, side), now=story.now, window=window)
            assert has_one is bool(standing)


def test_an_order_that_goes_by_another_name_without_a_rename_is_found_under_it():
    """Its instrument was not known when it was placed, and a position says later what that is called."""
    story = Story(intended(), now_in(OrderState.CONFIRMED, details={INSTRUMENT_ID: "i-9"}))
    story.tell(with_instrument(baseline("METX", Decimal(0)), "i-9"), now_in(OrderState.CONFIRMED))
    assert [order.client_order_id for order in story.book.pending_on("METX", Side.BUY)] == ["first"]
    assert story.book.pending_on("AAPL", Side.BUY) == ()
    story.tell(now_in(OrderState.FILLED))
    assert story.book.has_standing(terms("METX"), now=story.now, window=WINDOW)


def test_a_later_order_of_other_terms_hides_no_filled_one():
    story = Story(intended("c1"), now_in(OrderState.FILLED, "c1"))
    story.tell(intended("c2", limit_price=Decimal(99)), now_in(OrderState.FILLED, "c2"))
    found = story.book.standing_for(terms("AAPL"), now=story.now, window=WINDOW)
    assert found is story.order("c1")
    assert story.book.standing_for(terms("AAPL"), now=MONDAY + timedelta(seconds=11), window=WINDOW) is None


def test_of_two_filled_orders_of_the_same_terms_the_later_one_counts():
    story = Story(intended("c1"), now_in(OrderState.FILLED, "c1"))
    story.now += timedelta(minutes=1)
    story.tell(intended("c2"), now_in(OrderState.FILLED, "c2"))
    assert story.book.standing_for(terms("AAPL"), now=story.now, window=WINDOW) is story.order("c2")
