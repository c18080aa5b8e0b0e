"""The records that tell all positions and names at once, in place of those before them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.support.order_story import MONDAY, Story
from trading_bot.order_management.book.position_watch import baseline, baseline_taken, instrument_named

LOOKED_AT = MONDAY - timedelta(hours=1)


def noted_again(story: Story) -> Any:
    """The positions of a book that has nothing but what was noted; tests compare its decimals with plain numbers."""
    return Story(*story.book.positions.noted()).book.positions


def known() -> Story:
    return Story(
        baseline("AAPL", Decimal(10), instrument_id="I-1"), baseline("MSFT", Decimal(5)), baseline_taken(LOOKED_AT)
    )


def test_quantities_names_and_since_when_they_are_known_are_noted():
    story = known()
    again = noted_again(story)
    assert (again.quantities(), again.are_known) == ({"AAPL": 10, "MSFT": 5}, True)
    assert (again.instrument_of("AAPL"), again.symbol_of("I-1")) == ("I-1", "AAPL")
    (note,) = story.book.positions.noted()
    assert note.occurred_at == LOOKED_AT


def test_positions_that_are_not_known_are_not_known_by_being_noted():
    again = noted_again(Story(baseline("AAPL", Decimal(10))))
    assert (again.quantities(), again.are_known, again.are_noted) == ({"AAPL": 10}, False, True)


def test_an_instrument_whose_symbol_went_to_another_one_is_noted_under_its_former_name():
    story = known().tell(instrument_named("AAPL", "I-2"))
    again = noted_again(story)
    assert (again.instrument_of("AAPL"), again.symbol_of("I-2"), again.symbol_of("I-1")) == ("I-2", "AAPL", "AAPL")


def test_a_later_note_takes_the_place_of_an_earlier_one():
    story = known()
    story.tell(*story.book.positions.noted())
    story.tell(baseline("AAPL", Decimal(0)))
    again = noted_again(story)
    assert again.quantities() == {"MSFT": 5}
