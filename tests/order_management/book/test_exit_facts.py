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


def test_an_exit_is_told_with_all_that_was_recorded_of_it(facts):
    begun, leg, ended = one_exit()
    noted(facts, replace(begun, correlation_id="rebalance-7"))
    (told,) = facts.under_way("AAPL")
    assert (told.exit_id, told.symbol, told.origin, told.by) == ("e1", "AAPL", ExitOrigin.STRATEGY, "momentum")
    assert (told.began, told.correlation_id, told.legs, told.ending) == (NOON, "rebalance-7", (), None)
    noted(facts, leg, ended, at=NOON + timedelta(seconds=5))
    (told,) = facts.all()
    assert (told.ended, told.ending, told.is_under_way) == (NOON + timedelta(seconds=5), ExitEnding.SOLD, False)


def test_a_word_of_a_later_version_is_read_as_the_one_that_claims_the_least(facts):
    begun, _, ended = one_exit()
    noted(facts, replace(begun, details={**begun.details, "origin": "a word of later"}))
    noted(facts, replace(ended, details={**ended.details, "ending": "a word of later"}))
    (told,) = facts.all()
    assert (told.origin, told.ending) == (ExitOrigin.PERSON, ExitEnding.UNFINISHED)


def test_exits_are_asked_for_by_their_symbol_or_all_together(facts):
    for name, symbol in (("e1", "AAPL"), ("e2", "MSFT")):
        noted(facts, exit_begun(name, symbol, origin=ExitOrigin.STRATEGY, by="momentum", reason="enough"))
    assert [told.exit_id for told in facts.under_way("MSFT")] == ["e2"]
    assert [told.exit_id for told in facts.under_way()] == ["e1", "e2"]
    assert [facts.counted("MSFT", since=NOON - timedelta(hours=hours)) for hours in (1, 0)] == [1, 0]
    noted(facts, exit_ended("e2", "MSFT", ExitEnding.SOLD, reason="sold"))
    assert (facts.ended_at("MSFT"), facts.ended_at("AAPL")) == (NOON, None)


def test_after_a_clearing_nothing_is_known_and_all_can_be_told_anew():
    pointers = StandingPointers()
    facts = ExitFacts(pointers)
    noted(facts, *one_exit())
    facts.clear()
    pointers.clear()
    assert facts.all() == ()
    noted(facts, *one_exit())
    noted(facts, *one_exit("e2"), at=NOON + COUNTED_FOR)
    assert {pointer.key for pointer in pointers.all()} == {"e2"}
