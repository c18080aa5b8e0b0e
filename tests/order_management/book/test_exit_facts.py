"""What the journal tells of exits, folded: each record counts once, however often a segment repeats it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

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
from trading_bot.order_management.events import JournalRecord, OrderEvent

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def noted(facts: ExitFacts, *told: OrderEvent, at: datetime = NOON) -> None:
    for fact in told:
        facts.note(JournalRecord(v=1, seq=1, ts=at, mono=Decimal(0), session_id="s", fact=fact, prev="", hash=""))


def one_exit(name: str = "e1") -> tuple[OrderEvent, ...]:
    return (
        exit_begun(name, "AAPL", origin=ExitOrigin.STRATEGY, by="momentum", reason="enough"),
        exit_leg(name, "AAPL", f"{name}-1"),
        exit_ended(name, "AAPL", ExitEnding.SOLD, reason="sold"),
    )


@pytest.fixture
def facts() -> ExitFacts:
    return ExitFacts()


def test_a_repeated_record_counts_once(facts):
    """Each new segment repeats what still counts; a fold that adds it up again grows with every rotation."""
    noted(facts, *one_exit())
    carried = facts.facts()
    for _ in range(3):
        noted(facts, *carried, at=NOON + timedelta(hours=1))
    (told,) = facts.all()
    assert facts.facts() == carried
    assert (told.legs, told.ended) == (("e1-1",), NOON)


def test_an_exit_is_forgotten_a_day_after_it_began(facts):
    noted(facts, *one_exit())
    noted(facts, *one_exit("e2"), at=NOON + COUNTED_FOR)
    assert [told.exit_id for told in facts.all()] == ["e2"]
    assert len(facts.facts()) == len(one_exit())


def test_a_record_of_an_exit_that_never_began_is_none(facts):
    noted(facts, *one_exit()[1:])
    assert facts.all() == facts.facts() == ()
