"""What the journal tells of exits, folded: each record counts once, however often a segment repeats it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest

from trading_bot.order_management.book.exit_facts import (
    COUNTED_FOR,
    ExitEnding,
    ExitFacts,
    ExitOrigin,
    exit_begun,
    exit_ended,
    exit_leg,
)
from trading_bot.order_management.book.pointers import StandingPointers
from trading_bot.order_management.events import JournalRecord, OrderEvent

NUMBERS = count(1)
NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def noted(facts: ExitFacts, *told: OrderEvent, at: datetime = NOON) -> None:
    for fact in told:
        seq = next(NUMBERS)
        facts.note(JournalRecord(v=1, seq=seq, ts=at, mono=Decimal(0), session_id="s", fact=fact, prev="", hash=""))


def one_exit(name: str = "e1") -> tuple[OrderEvent, ...]:
    return (
        exit_begun(name, "AAPL", origin=ExitOrigin.STRATEGY, by="momentum", reason="enough"),
        exit_leg(name, "AAPL", f"{name}-1"),
        exit_ended(name, "AAPL", ExitEnding.SOLD, reason="sold"),
    )


@pytest.fixture
def facts() -> ExitFacts:
    return ExitFacts(StandingPointers())


def test_a_repeated_record_counts_once(facts):
    """Version 0.1 repeated in each segment what still counted."""
    noted(facts, *one_exit())
    for _ in range(3):
        noted(facts, *(replace(fact, occurred_at=NOON) for fact in one_exit()), at=NOON + timedelta(hours=1))
    (told,) = facts.all()
    assert (told.legs, told.ended) == (("e1-1",), NOON)


def test_an_exit_is_forgotten_a_day_after_it_began(facts):
    noted(facts, *one_exit())
    noted(facts, *one_exit("e2"), at=NOON + COUNTED_FOR)
    assert [told.exit_id for told in facts.all()] == ["e2"]


def test_a_record_of_an_exit_that_never_began_is_none(facts):
    noted(facts, *one_exit()[1:])
    assert facts.all() == ()
