"""Which records the book still rests on: a start refolds those alone, and gets the same book.

1. Each part of the fold names the records that make it what it is, and lets a record go once nothing of it is left.
2. Refolding just those, in the order of their numbers, gives an equal book. So every fold here must come out the same
   if a record is left out whose effect a later one has replaced.
3. Quantities and names of positions have no record of their own each: one ``positions_noted`` record states them all,
   and replaces every earlier record that changed them.
"""

import enum
from collections.abc import Iterable

from trading_bot.order_management.journal.port import Pointer


class StandingKind(enum.StrEnum):
    """What a record counts for."""

    ORDER = "order"  # key: the client order id
    STOP = "stop"  # a freeze or a halt
    KILL = "kill"
    LATEST = "latest"  # key: the kind of record of which the latest counts
    EXIT = "exit"  # key: the exit's id
    PROTECTION = "protection"  # key: the plan's id
    ACCEPTANCE = "acceptance"
    POSITION = "position"  # moves or tells positions, since they were last noted
    NAME = "name"
    RENAME = "rename"  # for ever: orders and acceptances older than it go by the old name
    DIFFERENCE = "difference"


def pointer(kind: StandingKind, key: str, seq: int) -> Pointer:
    """Return the pointer to one record."""
    return Pointer(kind=kind.value, key=key, seq=seq)


class StandingPointers:
    """The pointers of one book, and how they changed. Not thread-safe: the store guards it."""

    def __init__(self) -> None:
        self._all: set[Pointer] = set()
        self._added: dict[Pointer, None] = {}
        self._ended: dict[Pointer, None] = {}

    def add(self, one: Pointer) -> None:
        """Let a record stand."""
        if one in self._all:
            return
        self._all.add(one)
        if one in self._ended:
            del self._ended[one]
        else:
            self._added[one] = None

    def end(self, those: Iterable[Pointer]) -> None:
        """Let records stand no more."""
        for one in those:
            self._all.remove(one)
            if one in self._added:
                del self._added[one]
            else:
                self._ended[one] = None

    def note_stored(self, those: Iterable[Pointer]) -> None:
        """Take these as stored already."""
        for one in those:
            self._added.pop(one, None)

    def take_changes(self) -> tuple[tuple[Pointer, ...], tuple[Pointer, ...]]:
        """Return the pointers added and ended since the last call."""
        added, ended = tuple(self._added), tuple(self._ended)
        self._added, self._ended = {}, {}
        return added, ended

    def all(self) -> frozenset[Pointer]:
        """Return every pointer."""
        return frozenset(self._all)

    def __contains__(self, one: Pointer) -> bool:
        return one in self._all

    def clear(self) -> None:
        """Forget everything."""
        self._all.clear()
        self._added, self._ended = {}, {}
