"""The facts of no order that still hold: freezes, halts, exits, kills taken over. Part of the book's fold.

A symbol may be frozen for several causes at once, each with an end of its own; the account may be halted so too. One
cause stands once: told again, it is renewed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from trading_bot.order_management.book.freezes import Cause, Freeze, cause_of, freeze_from
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent

_Key: TypeAlias = tuple[EventKind, str, str]
_STOPS = frozenset({EventKind.SYMBOL_FROZEN, EventKind.TRADING_HALTED})


class StandingFacts:
    """Folds the records of no order. Not thread-safe: the store guards it."""

    def __init__(self) -> None:
        self._facts: dict[_Key, OrderEvent] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._facts.clear()

    def note(self, record: JournalRecord) -> None:
        """Fold one record in; most kinds change nothing here."""
        fact = record.fact
        match fact.event:
            case EventKind.SYMBOL_FROZEN if fact.symbol is not None:
                self._stop(fact, fact.symbol, record.ts)
            case EventKind.SYMBOL_RELEASED if fact.symbol is not None:
                self._end(EventKind.SYMBOL_FROZEN, fact.symbol, cause_of(fact))
            case EventKind.TRADING_HALTED if fact.symbol is not None and cause_of(fact) is Cause.NEGATIVE_POSITION:
                # Up to 0.1 a short halted the account; what it is about is its symbol.
                self._stop(replace(fact, event=EventKind.SYMBOL_FROZEN), fact.symbol, record.ts)
            case EventKind.TRADING_HALTED:
                self._stop(fact, "", record.ts)
            case EventKind.TRADING_RESUMED:
                self._end(EventKind.TRADING_HALTED, "", cause_of(fact))
                self._end_shorts(fact)
            case EventKind.KILL_IMPORTED:
                self._facts[fact.event, str(sorted(fact.details.items())), ""] = fact
            case _:
                pass

    def facts(self) -> tuple[OrderEvent, ...]:
        """Return what stands, as records that a new segment of the journal can repeat."""
        return tuple(self._facts.values())

    def freezes(self) -> Iterator[Freeze]:
        """Yield every freeze and halt on record, those whose own end has come included."""
        return (freeze_from(fact) for fact in self._facts.values() if fact.event in _STOPS)

    def freeze_facts(self, symbol: str) -> Iterator[OrderEvent]:
        """Yield the records that froze a symbol."""
        return (fact for (kind, name, _), fact in self._facts.items() if (kind, name) == (_FROZEN, symbol))

    def halt_facts(self) -> Iterator[OrderEvent]:
        """Yield the records that halted the account."""
        return (fact for (kind, _, _), fact in self._facts.items() if kind is EventKind.TRADING_HALTED)

    def rename(self, was: str, now: str) -> None:
        """Carry the freezes of a symbol over to the name it has now."""
        for kind, name, cause in [key for key in self._facts if key[:2] == (_FROZEN, was)]:
            fact = self._facts.pop((kind, name, cause))
            self._facts[kind, now, cause] = replace(fact, symbol=now)

    def _stop(self, fact: OrderEvent, name: str, at: datetime) -> None:
        cause = cause_of(fact)
        # The moment goes with the fact, so that a new segment that repeats it does not make it younger.
        dated = fact if fact.occurred_at is not None else replace(fact, occurred_at=at)
        self._facts[fact.event, name, cause.value if cause is not None else ""] = dated

    def _end(self, kind: EventKind, name: str, cause: Cause | None) -> None:
        """End one cause, or with None all of them: before causes were named, one record ended whatever stood."""
        word = None if cause is None else cause.value
        ended = [key for key in self._facts if key[:2] == (kind, name) and word in (None, key[2])]
        for key in ended:
            del self._facts[key]

    def _end_shorts(self, fact: OrderEvent) -> None:
        """End the freezes of shorts that a record of the time ended when they halted the account."""
        cause = cause_of(fact)
        if cause not in (None, Cause.NEGATIVE_POSITION):
            return
        for kind, name, word in tuple(self._facts):
            is_short = kind is EventKind.SYMBOL_FROZEN and word == Cause.NEGATIVE_POSITION.value
            if is_short and (cause is None or fact.symbol in (None, name)):
                del self._facts[kind, name, word]


_FROZEN = EventKind.SYMBOL_FROZEN
