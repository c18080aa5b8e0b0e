"""The facts of no order that still hold: freezes, halts, kills taken over; the latest valuation, tie-out and approval.

Part of the book's fold.

A symbol may be frozen for several causes at once, each with an end of its own; the account may be halted so too. Each
cause stands once: if it is recorded again, it is renewed. They are in the order of the records that they rest on.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from trading_bot.order_management.book.freezes import Cause, Freeze, cause_of, freeze_from
from trading_bot.order_management.book.pointers import StandingKind, StandingPointers, pointer
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.port import Pointer
from trading_bot.values import replace

_Key: TypeAlias = tuple[EventKind, str, str]


class StandingFacts:
    """Folds the records of no order. Not thread-safe: the store guards it."""

    def __init__(self, pointers: StandingPointers) -> None:
        self._pointers = pointers
        self._facts: dict[_Key, tuple[OrderEvent, Pointer]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._facts.clear()

    def note(self, record: JournalRecord) -> None:
        """Fold one record in; most kinds change nothing here."""
        fact = record.fact
        match fact.event:
            case EventKind.SYMBOL_FROZEN if fact.symbol is not None:
                self._stop(fact, fact.symbol, record)
            case EventKind.SYMBOL_RELEASED if fact.symbol is not None:
                self._end(EventKind.SYMBOL_FROZEN, fact.symbol, cause_of(fact))
            case EventKind.TRADING_HALTED if fact.symbol is not None and cause_of(fact) is Cause.NEGATIVE_POSITION:
                # Up to 0.1 a short halted the account; what it is about is its symbol.
                self._stop(replace(fact, event=EventKind.SYMBOL_FROZEN), fact.symbol, record)
            case EventKind.TRADING_HALTED:
                self._stop(fact, "", record)
            case EventKind.TRADING_RESUMED:
                self._end(EventKind.TRADING_HALTED, "", cause_of(fact))
                self._end_shorts(fact)
            case EventKind.KILL_IMPORTED:
                key = str(sorted(fact.details.items()))
                self._keep((fact.event, key, ""), fact, pointer(StandingKind.KILL, key, record.seq))
            case EventKind.ACCOUNT_VALUED | EventKind.ACCOUNT_TIED_OUT | EventKind.APPROVAL_AWAITED:
                at = pointer(StandingKind.LATEST, fact.event.value, record.seq)
                self._keep((fact.event, "", ""), fact, at)
            case _:
                pass

    def facts(self) -> tuple[OrderEvent, ...]:
        """Return what stands, oldest first."""
        return tuple(fact for fact, _ in self._facts.values())

    def freezes(self, symbol: str | None = None) -> Iterator[Freeze]:
        """Yield the freezes and halts on record, of one symbol and the account or all; those that are over included."""
        for (kind, name, _), (fact, _) in self._facts.items():
            if kind is _HALTED or (kind is _FROZEN and symbol in (None, name)):
                yield freeze_from(fact)

    def frozen_for(self, cause: Cause) -> frozenset[str]:
        """Return the symbols that are frozen for a cause."""
        return frozenset(name for kind, name, word in self._facts if kind is _FROZEN and word == cause.value)

    def freeze_facts(self, symbol: str) -> Iterator[OrderEvent]:
        """Yield the records that froze a symbol."""
        return (fact for (kind, name, _), (fact, _) in self._facts.items() if (kind, name) == (_FROZEN, symbol))

    def halt_facts(self) -> Iterator[OrderEvent]:
        """Yield the records that halted the account."""
        return (fact for fact in self.facts() if fact.event is EventKind.TRADING_HALTED)

    def rename(self, was: str, now: str) -> None:
        """Carry the freezes of a symbol over to the name it has now."""
        for kind, name, cause in [key for key in self._facts if key[:2] == (_FROZEN, was)]:
            fact, at = self._facts.pop((kind, name, cause))
            self._keep((kind, now, cause), replace(fact, symbol=now), at)
        self._facts = dict(sorted(self._facts.items(), key=lambda each: each[1][1].seq))

    def _stop(self, fact: OrderEvent, name: str, record: JournalRecord) -> None:
        cause = cause_of(fact)
        dated = fact if fact.occurred_at is not None else replace(fact, occurred_at=record.ts)
        word = cause.value if cause is not None else ""
        self._keep((fact.event, name, word), dated, pointer(StandingKind.STOP, f"{name}:{word}", record.seq))

    def _keep(self, key: _Key, fact: OrderEvent, at: Pointer) -> None:
        self._forget((key,))
        self._facts[key] = fact, at
        self._pointers.add(at)

    def _forget(self, keys: Iterable[_Key]) -> None:
        self._pointers.end(self._facts.pop(key)[1] for key in keys if key in self._facts)

    def _end(self, kind: EventKind, name: str, cause: Cause | None) -> None:
        """End one cause, or with None all of them: before causes were named, one record ended whatever stood."""
        word = None if cause is None else cause.value
        self._forget([key for key in self._facts if key[:2] == (kind, name) and word in (None, key[2])])

    def _end_shorts(self, fact: OrderEvent) -> None:
        """End the freezes of shorts that a record of the time ended when they halted the account."""
        cause = cause_of(fact)
        if cause not in (None, Cause.NEGATIVE_POSITION):
            return
        shorts = [key for key in self._facts if key[0] is _FROZEN and key[2] == Cause.NEGATIVE_POSITION.value]
        self._forget([key for key in shorts if cause is None or fact.symbol in (None, key[1])])


_FROZEN, _HALTED = EventKind.SYMBOL_FROZEN, EventKind.TRADING_HALTED
