"""Expected positions are a fold of the journal; how they go on when old orders leave is in `test_standing_records`."""

from decimal import Decimal

import pytest

from tests.support.order_story import MONDAY, Story, booked, fill, intended, now_in, told
from trading_bot.order_management.book.position_watch import baseline, baseline_taken
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState, Side

START = (baseline("AAPL", Decimal(10)), baseline("MSFT", Decimal(5)), baseline_taken(MONDAY))
PART = now_in(OrderState.PARTIALLY_FILLED, order_id="b-1", filled_quantity=Decimal(4))
WHOLE = now_in(OrderState.FILLED, filled_quantity=Decimal(10))


@pytest.mark.parametrize(("side", "after"), [(Side.BUY, 14), (Side.SELL, 6)])
def test_fills_move_the_position_they_belong_to(side, after):
    story = Story(*START, intended(side=side), PART)
    assert story.book.expected_positions() == {"AAPL": after, "MSFT": 5}
    assert story.replayed().expected_positions() == story.book.expected_positions()


def test_a_repeated_total_moves_nothing():
    assert Story(*START, intended(), PART, PART).book.expected_positions()["AAPL"] == 14


def test_a_bust_moves_it_back():
    bust = told(EventKind.EXECUTION_BUSTED, execution_id=fill().execution_id, filled_quantity=Decimal(0))
    story = Story(*START, intended(), booked(fill()), PART, bust)
    assert story.book.expected_positions()["AAPL"] == 10


def test_what_filled_before_the_first_look_is_in_what_it_showed():
    story = Story(intended(), PART)
    assert (story.book.knows_positions, story.book.standing_facts()) == (False, ())
    assert story.tell(*START).book.expected_positions()["AAPL"] == 10


def test_an_accepted_position_takes_the_place_of_what_was_expected():
    story = Story(*START, intended(), PART, baseline("AAPL", Decimal(2)), WHOLE)
    assert story.book.expected_positions()["AAPL"] == 8
