"""A book that grows with its records is the one that a replay of all of them gives."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.growing_book import GrowingBook
from tests.support.order_story import Story, intended
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError

FIRST, SECOND, THIRD = Story(intended("first"), intended("second"), intended("third")).records


def altered(record: JournalRecord) -> JournalRecord:
    return replace(record, fact=replace(record.fact, quantity=Decimal(99)))


@pytest.mark.parametrize(
    "then",
    [
        (FIRST, SECOND, THIRD),
        (FIRST, SECOND),
        (FIRST,),
        (SECOND, THIRD),
        (altered(FIRST), SECOND, THIRD),
        (FIRST, altered(SECOND)),
        (),
    ],
    ids=["more", "the same", "fewer", "others", "the first altered", "the last altered", "none"],
)
def test_it_is_what_a_replay_gives(then):
    book = GrowingBook()
    book.of((FIRST, SECOND))
    assert book.of(then) == OrderBook.replayed(then)


def test_an_impossible_story_is_refused_each_time_and_spoils_nothing():
    book = GrowingBook()
    book.of((FIRST,))
    for _ in range(2):
        with pytest.raises(OrderLogDamagedError):
            book.of((FIRST, SECOND, FIRST))
    assert book.of((FIRST, SECOND)) == OrderBook.replayed((FIRST, SECOND))
