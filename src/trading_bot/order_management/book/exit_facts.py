"""The exits on record: which are under way, how they ended, and how many a machine began lately.

An exit has three kinds of record: that it began (who wanted it, and how much), each order it placed, and how it
ended. Part of the book's fold.
"""

import enum
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.order_management.book.pointers import StandingKind, StandingPointers, pointer
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.port import Pointer
from trading_bot.order_management.models import ClientOrderId, OrderEnvelope
from trading_bot.values import Value, replace

EXIT_ID = "exit_id"
ORIGIN = "origin"
LEG = "leg"
ENDING = "ending"
HELD = "held_by_hand"

COUNTED_FOR = timedelta(hours=24)
"""How long an exit that a machine began counts."""


class ExitOrigin(enum.StrEnum):
    """Who wants out."""

    STRATEGY = "strategy"  # a machine: counted
    STOP = "stop"  # a protective rule
    PERSON = "person"


class ExitEnding(enum.StrEnum):
    """How an exit ended."""

    SOLD = "sold"  # all that was asked for
    RESTING = "resting"  # the last order stays at the broker
    IN_DOUBT = "in_doubt"  # nobody knows whether the broker has one of its orders
    NOTHING_FREE = "nothing_free"  # no share was held and free
    NOT_SOLD = "not_sold"  # it could not be done; the reason says why
    UNFINISHED = "unfinished"  # the program ended meanwhile


class ExitRecord(Value, frozen=True, kw_only=True):
    """One exit, from its first record on."""

    exit_id: str
    symbol: str
    origin: ExitOrigin
    by: str
    began: datetime
    legs: tuple[str, ...] = ()
    """The client order ids of its orders."""
    ended: datetime | None = None
    ending: ExitEnding | None = None
    correlation_id: str | None = None
    """The request that it was begun for."""

    @property
    def is_under_way(self) -> bool:
        """Whether no end is on record."""
        return self.ended is None


class ExitFacts:
    """Folds the records of exits. Not thread-safe: the store guards it."""

    def __init__(self, pointers: StandingPointers) -> None:
        self._pointers = pointers
        self._known: dict[str, ExitRecord] = {}
        self._told_by: dict[str, list[Pointer]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
        self._told_by.clear()

    def note(self, record: JournalRecord) -> None:
        """Fold one record in; other kinds, and what repeats a known fact, change nothing here."""
        fact = record.fact
        if fact.event not in _EXIT_KINDS:
            return
        dated = fact if fact.occurred_at is not None else replace(fact, occurred_at=record.ts)
        name = dated.details.get(EXIT_ID, "")
        known = self._known.get(name)
        updated = _begun(dated) if known is None else _continued(known, dated)
        if updated is None or updated == known:
            return
        self._known[name] = updated
        at = pointer(StandingKind.EXIT, name, record.seq)
        self._told_by.setdefault(name, []).append(at)
        self._pointers.add(at)
        self._forget(before=(dated.occurred_at or record.ts) - COUNTED_FOR)

    def all(self) -> tuple[ExitRecord, ...]:
        """Return the exits under way, and those that began lately; oldest first."""
        return tuple(self._known.values())

    def under_way(self, symbol: str | None = None) -> tuple[ExitRecord, ...]:
        """Return the exits that have not ended, of one symbol or of all."""
        return tuple(each for each in self._of(symbol) if each.is_under_way)

    def ended_at(self, symbol: str) -> datetime | None:
        """Return when the latest exit of a symbol ended."""
        return max((each.ended for each in self._of(symbol) if each.ended is not None), default=None)

    def counted(self, symbol: str, *, since: datetime) -> int:
        """Return how many exits of a symbol a machine began after ``since``."""
        return sum(each.origin is ExitOrigin.STRATEGY and each.began > since for each in self._of(symbol))

    def _of(self, symbol: str | None) -> Iterator[ExitRecord]:
        return (each for each in self._known.values() if symbol in (None, each.symbol))

    def _forget(self, *, before: datetime) -> None:
        old = [name for name, each in self._known.items() if each.ended is not None and each.began <= before]
        for name in old:
            del self._known[name]
            self._pointers.end(self._told_by.pop(name))


_EXIT_KINDS = frozenset({EventKind.EXIT_BEGUN, EventKind.EXIT_LEG_PLACED, EventKind.EXIT_ENDED})


def exit_begun(exit_id: str, symbol: str, *, origin: ExitOrigin, by: str, reason: str) -> OrderEvent:
    """Return the record that somebody is leaving a position."""
    details = {EXIT_ID: exit_id, ORIGIN: origin.value, "by": by}
    return OrderEvent(event=EventKind.EXIT_BEGUN, symbol=symbol, reason=reason, details=details)


def counted_by_hand(begun: OrderEvent, held: Decimal | None) -> OrderEvent:
    """Return the record with the number of shares that a person saw at the broker, where one was named."""
    return begun if held is None else replace(begun, details={**begun.details, HELD: f"{held:f}"})


def exit_leg(exit_id: str, symbol: str, client_order_id: str) -> OrderEvent:
    """Return the record that an order of an exit is about to be placed."""
    return OrderEvent(event=EventKind.EXIT_LEG_PLACED, symbol=symbol, details={EXIT_ID: exit_id, LEG: client_order_id})


_LONGEST_ID = 58


def leg_name(exit_id: str, number: int) -> ClientOrderId:
    """Return the client order id of the order of an exit that has this number, from 1."""
    return ClientOrderId(f"{exit_id[:_LONGEST_ID]}-{number}")


def exit_ended(
    exit_id: str, symbol: str, ending: ExitEnding, *, reason: str, left_open: OrderEnvelope | None = None
) -> OrderEvent:
    """Return the record of how an exit ended, and which of its orders has not ended with it."""
    details = {EXIT_ID: exit_id, ENDING: ending.value}
    if left_open is None:
        return OrderEvent(event=EventKind.EXIT_ENDED, symbol=symbol, reason=reason, details=details)
    return OrderEvent(
        event=EventKind.EXIT_ENDED,
        symbol=symbol,
        order_id=left_open.order_id,
        reason=reason,
        details={**details, LEG: left_open.client_order_id},
    )


def _begun(fact: OrderEvent) -> ExitRecord | None:
    origin = next((each for each in ExitOrigin if each.value == fact.details.get(ORIGIN)), ExitOrigin.PERSON)
    if fact.event is not EventKind.EXIT_BEGUN or fact.symbol is None or fact.occurred_at is None:
        return None
    return ExitRecord(
        exit_id=fact.details.get(EXIT_ID, ""),
        symbol=fact.symbol,
        origin=origin,
        by=fact.details.get("by", ""),
        began=fact.occurred_at,
        correlation_id=fact.correlation_id,
    )


def _continued(known: ExitRecord, fact: OrderEvent) -> ExitRecord:
    if fact.event is EventKind.EXIT_LEG_PLACED:
        leg = fact.details.get(LEG, "")
        return known if leg in known.legs else replace(known, legs=(*known.legs, leg))
    if fact.event is EventKind.EXIT_ENDED:
        ending = next((each for each in ExitEnding if each.value == fact.details.get(ENDING)), ExitEnding.UNFINISHED)
        return replace(known, ended=fact.occurred_at, ending=ending)
    return known
