"""The journal of a simulation: one process's view of it, which ends with the process, and what outlives every process.

A commit may fail without anybody knowing whether it was stored. A process may die before a commit or after it.
"""

import enum
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tests.support.memory_journal import MemoryJournal, MemoryStorage
from tests.support.mortal import Life
from trading_bot.clock import Clock
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent, about
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, unseal
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import (
    CheckpointAlert,
    Commit,
    CommitUnknownError,
    Journal,
    KeyTakenError,
    Opened,
    OrderKeyKind,
    Pointer,
)
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.order_store import OrderStore
from trading_bot.startup.surroundings import FirstRecord


class Fate(enum.Enum):
    """What becomes of a commit."""

    STORED = "stored"
    UNKNOWN_STORED = "unknown, and stored"
    UNKNOWN_LOST = "unknown, and lost"
    REFUSED = "refused"


class MortalJournal:
    """One process's journal. ``fate`` is asked before each commit; what a dead process does leaves no trace."""

    def __init__(self, inner: Journal, life: Life, fate: Callable[[], Fate], *, path: Path, stored: "Stored") -> None:
        self._inner = inner
        self._stored = stored
        self._path = path
        self._life = life
        self._fate = fate
        self._broken: OrderLogError | None = None

    @property
    def head(self) -> ChainHead:
        return self._inner.head

    @property
    def refusal(self) -> OrderLogError | None:
        return self._broken or self._inner.refusal

    def open(self) -> Opened:
        self._stored.serve(self._life)
        opened = self._inner.open()
        self._path.touch(mode=0o600)  # one in memory leaves a trace too: a start refuses a journal that is gone
        return opened

    def commit(self, commit: Commit) -> None:
        self._life.moment("commit")
        if self._life.is_over:
            return
        if self.refusal is not None:
            raise self.refusal
        try:
            self._stored.store(self._inner, commit, self._fate())
        except KeyTakenError:
            raise
        except OrderLogError as error:
            self._broken = error
            raise
        self._life.moment("committed")

    def checkpoint(self) -> CheckpointAlert | None:
        return None if self._life.is_over else self._inner.checkpoint()

    def close(self) -> None:
        if self._life.is_over:
            self._stored.close_dead(self._inner)
        else:
            self._inner.close()

    def read_head(self) -> ChainHead:
        return self._inner.read_head()

    def read_standing(self) -> tuple[JournalRecord, ...]:
        return self._inner.read_standing()

    def pointers(self, kind: str) -> tuple[Pointer, ...]:
        return self._inner.pointers(kind)

    def has_key(self, kind: OrderKeyKind, key: str) -> bool:
        return self._inner.has_key(kind, key)

    def records_of(self, client_order_id: ClientOrderId) -> tuple[JournalRecord, ...]:
        return self._inner.records_of(client_order_id)

    def records_of_request(self, correlation_id: str) -> tuple[JournalRecord, ...]:
        return self._inner.records_of_request(correlation_id)

    def find_order(self, kind: OrderKeyKind, key: str) -> ClientOrderId | None:
        return self._inner.find_order(kind, key)

    def page(self, *, after: int, limit: int) -> Sequence[SealedRecord]:
        return self._inner.page(after=after, limit=limit)


class Stored(Protocol):
    """What outlives a process, as the judge sees it."""

    def journal(self, identity: JournalIdentity, first: FirstRecord, *, process_id: Callable[[], int]) -> Journal:
        """Return a new process's journal over it."""
        ...

    def serve(self, life: Life) -> None:
        """Be opened by this process next."""
        ...

    def store(self, journal: Journal, commit: Commit, fate: Fate) -> None:
        """Commit, and let become of it what ``fate`` says."""
        ...

    def close_dead(self, journal: Journal) -> None:
        """Close the journal of a process that has ended, and leave what such a process leaves."""
        ...

    def lose_power(self) -> None:
        """Leave what a power loss leaves; no process lives."""
        ...

    def is_lasting(self, seq: int) -> bool:
        """Whether a record may never be lost; one whose commit failed may, even if it was seen."""
        ...

    def records(self) -> tuple[JournalRecord, ...]:
        """Every record."""
        ...

    def holds(self, event: OrderEvent) -> bool:
        """Whether a record tells of exactly this event; mostly it is one of the newest."""
        ...

    def standing(self) -> tuple[JournalRecord, ...]:
        """The records that a start would refold."""
        ...


class InMemory:
    """Kept in memory; a record is read once, as long as nobody alters it."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        self._read: dict[tuple[bytes, str], JournalRecord] = {}
        self._told: tuple[list[tuple[bytes, str]], tuple[JournalRecord, ...]] = [], ()

    def journal(self, identity: JournalIdentity, first: FirstRecord, *, process_id: Callable[[], int]) -> Journal:
        return MemoryJournal(self.storage, identity=identity, first_record=first, process_id=process_id)

    def serve(self, life: Life) -> None:
        """There is nothing between the process and its commits."""

    def store(self, journal: Journal, commit: Commit, fate: Fate) -> None:
        if fate is Fate.REFUSED:
            raise OrderLogError("the disk is full, so free some space and start again")
        if fate is not Fate.UNKNOWN_LOST:
            journal.commit(commit)
        if fate is not Fate.STORED:
            raise CommitUnknownError("it is not known whether that was stored; start again to see")

    def close_dead(self, journal: Journal) -> None:
        journal.close()

    def lose_power(self) -> None:
        """All that it holds is flushed."""

    def is_lasting(self, seq: int) -> bool:
        return seq > 0

    def records(self) -> tuple[JournalRecord, ...]:
        before, told = self._told
        stored = [self.storage.records[seq] for seq in sorted(self.storage.records)]
        if stored != before:
            kept = len(before) if stored[: len(before)] == before else 0
            told = told[:kept] + tuple(map(self._record, stored[kept:]))
            self._told = stored, told
        return told

    def holds(self, event: OrderEvent) -> bool:
        return any(self._record(stored).fact == event for stored in reversed(self.storage.records.values()))

    def standing(self) -> tuple[JournalRecord, ...]:
        numbers = sorted({one.seq for one in self.storage.standing})
        return tuple(self._record(self.storage.records[seq]) for seq in numbers)

    def _record(self, stored: tuple[bytes, str]) -> JournalRecord:
        if stored not in self._read:
            self._read[stored] = unseal(*stored).record
        return self._read[stored]


class SimSide:
    """The side files of all processes in memory, and how a start takes them over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.waiting: list[JournalRecord] = []
        self.life: Life | None = None

    def open(self) -> None:
        """Hold nothing: there is always room in memory."""

    def close(self) -> None:
        """Let go of nothing."""

    def write(self, record: JournalRecord) -> None:
        if self.life is not None and not self.life.is_over:
            self.waiting.append(record)

    def take_over(self, store: OrderStore, journal: Journal, _opened: Opened) -> None:
        """Record every fact that is not stored, and that a refused intent which is stored was not sent."""
        for record in self.waiting:
            is_stored = _is_stored(record, journal)
            if _is_intent(record) and is_stored:
                _record_not_sent(store, record)
            elif not _is_intent(record) and not is_stored:
                _record_once(store, record)
        self.waiting.clear()

    def has(self, event: OrderEvent) -> bool:
        return any(record.fact == event for record in self.waiting)

    def facts(self, stored: Sequence[JournalRecord]) -> list[JournalRecord]:
        """The facts that wait and are not stored."""
        if not self.waiting:
            return []
        hashes = {record.hash for record in stored}
        return [record for record in self.waiting if not _is_intent(record) and record.hash not in hashes]

    def refused(self) -> set[str]:
        return {str(record.fact.client_order_id) for record in self.waiting if _is_intent(record)}


def _is_intent(record: JournalRecord) -> bool:
    return record.fact.event is EventKind.ORDER_INTENDED


def _is_stored(record: JournalRecord, journal: Journal) -> bool:
    page = journal.page(after=record.seq - 1, limit=1) if record.hash else ()
    return bool(page) and page[0].record.hash == record.hash


def _record_not_sent(store: OrderStore, record: JournalRecord) -> None:
    with store.open_book() as book:
        order = book.get(ClientOrderId(str(record.fact.client_order_id)))
        if order is not None and order.state is OrderState.PENDING_SUBMIT:
            plain = about(order.envelope, EventKind.ORDER_NOT_SENT)
            store.record_fact(replace(plain, status=OrderState.NOT_SENT, reason="its commit failed"))


def _record_once(store: OrderStore, record: JournalRecord) -> None:
    fact = record.fact
    try:
        store.record_fact(fact)
    except OrderLogDamagedError as error:  # another process has heard it from the broker by now
        with store.open_book() as book:
            order = book.get(ClientOrderId(str(fact.client_order_id)))
        odd = OrderEvent(event=EventKind.ANOMALY_FOUND, symbol=fact.symbol)
        odd = about(order.envelope, EventKind.ANOMALY_FOUND) if order is not None else odd
        store.record_fact(replace(odd, reason=str(error), details={"fact": str(fact)}))
