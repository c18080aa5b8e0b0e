"""A journal in memory that keeps every promise of the port, and fails where a test wants it to."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, SealedRecord, head_at, unseal
from trading_bot.order_management.journal.identity import JournalIdentity, check_first_record
from trading_bot.order_management.journal.port import (
    CheckpointAlert,
    Commit,
    CommitUnknownError,
    KeyTakenError,
    Opened,
    OrderKey,
    OrderKeyKind,
    Pointer,
)
from trading_bot.order_management.journal.sql import check_commit
from trading_bot.order_management.models import ClientOrderId

PATIENCE_S = 30


@dataclass(slots=True)
class MemoryStorage:
    """What outlives a `MemoryJournal`: open another one over it, and the process has started again."""

    records: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    """The body and hash of each record by its number; a test may damage them."""
    order_keys: dict[tuple[OrderKeyKind, str], int] = field(default_factory=dict)
    standing: set[Pointer] = field(default_factory=set)

    @property
    def head(self) -> ChainHead:
        if not self.records:
            return ChainHead.genesis()
        last = max(self.records)
        return ChainHead(seq=last, hash=self.records[last][1])


class HeldCommit:
    """A commit that a test stops half-way: wait until it is ``reached``, look around, then `release` it."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._go_on = threading.Event()

    def release(self) -> None:
        self._go_on.set()

    def stall(self) -> None:
        self.reached.set()
        if not self._go_on.wait(PATIENCE_S):
            raise TimeoutError("a test held a commit and never released it")


class MemoryJournal:
    """`Journal` over a `MemoryStorage`, with the faults that a test asks for."""

    def __init__(
        self,
        storage: MemoryStorage | None = None,
        *,
        identity: JournalIdentity,
        first_record: Callable[[], SealedRecord] | None = None,
        process_id: Callable[[], int] = lambda: 1,
    ) -> None:
        self.storage = MemoryStorage() if storage is None else storage
        self._identity = identity
        self._first_record = first_record
        self._process_id = process_id
        self._owner = process_id()
        self._lock = threading.Lock()
        self._head = ChainHead.genesis()
        self._refusal: OrderLogError | None = OrderLogError("the journal is not open")
        self._is_open = False
        self._fails: bool | None = None
        self._held: HeldCommit | None = None
        self.alert: CheckpointAlert | None = None
        """What `checkpoint` returns."""
        self.commits: list[Commit] = []
        """Every commit that was stored through this object, in order."""

    def fail_next_commit(self, *, stored: bool) -> None:
        """Let the next commit be unknown: its records stored all the same, or not."""
        self._fails = stored

    def hold_next_commit(self) -> HeldCommit:
        """Let the next commit wait before it stores anything, until the test releases it."""
        self._held = HeldCommit()
        return self._held

    @property
    def head(self) -> ChainHead:
        return self._head

    @property
    def refusal(self) -> OrderLogError | None:
        return self._refusal

    def open(self) -> Opened:
        with self._lock:
            self._refuse_fork()
            if self._is_open:
                raise OrderLogError("the journal is open already; use it, or close it first")
            opened = self._opened()
            self._is_open = True
            self._head = opened.head
            self._refusal = _damaged(opened.problem) if opened.problem else None
            return opened

    def _opened(self) -> Opened:
        storage = self.storage
        if not storage.records:
            first = self._first_record() if self._first_record is not None else None
            if first is not None:
                self._keep(Commit(records=(first,)))
            return Opened(head=storage.head, is_new=True)
        check_first_record(self._record(1), identity=self._identity, journal="in memory")
        standing, problem = [], self._end_problem()
        for seq in sorted({pointer.seq for pointer in storage.standing}):
            try:
                standing.append(self._record(seq))
            except OrderLogDamagedError as error:
                problem = problem or str(error)
        return Opened(head=storage.head, standing=tuple(standing), problem=problem)

    def _end_problem(self) -> str | None:
        try:
            last = self._record(self.storage.head.seq)
            for seq in range(last.seq - 1, max(last.seq - 64, 0), -1):
                before = self._record(seq)
                if last.prev != before.hash:
                    return f"record {last.seq} does not follow record {seq}"
                last = before
        except OrderLogDamagedError as error:
            return str(error)
        return None

    def commit(self, commit: Commit) -> None:
        with self._lock:
            self._refuse_fork()
            if self._refusal is not None:
                raise type(self._refusal)(str(self._refusal))
            after = check_commit(commit, head=self._head, identity=self._identity, journal="in memory")
            if commit == Commit():
                return
            held, self._held = self._held, None
            if held is not None:
                held.stall()
            self._refuse_taken(commit.order_keys)
            stored, self._fails = self._fails, None
            if stored is not False:
                self._keep(commit)
            if stored is not None:
                self._refusal = CommitUnknownError("the commit failed; start again to see what became of it")
                raise self._refusal
            self._head = after
            self.commits.append(commit)

    def _refuse_taken(self, keys: Sequence[OrderKey]) -> None:
        names = [(key.kind, key.key) for key in keys]
        for number, key in enumerate(keys):
            if (key.kind, key.key) in self.storage.order_keys or (key.kind, key.key) in names[:number]:
                raise KeyTakenError(f"{key.kind.value} {key.key} is taken; use another one", taken=key)

    def _keep(self, commit: Commit) -> None:
        storage = self.storage
        storage.records |= {one.record.seq: (one.body, one.record.hash) for one in commit.records}
        storage.order_keys |= {(key.kind, key.key): key.seq for key in commit.order_keys}
        storage.standing.difference_update(commit.ended)
        storage.standing.update(commit.standing)

    def checkpoint(self) -> CheckpointAlert | None:
        return self.alert

    def close(self) -> None:
        if self._process_id() != self._owner:
            return
        with self._lock:
            self._is_open = False
            self._refusal = self._refusal or OrderLogError("the journal is closed; start the bot again")

    def read_head(self) -> ChainHead:
        self._refuse_unopened()
        return self.storage.head

    def read_standing(self) -> tuple[JournalRecord, ...]:
        self._refuse_unopened()
        return tuple(self._record(seq) for seq in sorted({pointer.seq for pointer in self.storage.standing}))

    def pointers(self, kind: str) -> tuple[Pointer, ...]:
        self._refuse_unopened()
        return tuple(sorted(pointer for pointer in self.storage.standing if pointer.kind == kind))

    def records_of(self, client_order_id: ClientOrderId) -> tuple[JournalRecord, ...]:
        self._refuse_unopened()
        records = (self._record(seq) for seq in sorted(self.storage.records))
        return tuple(record for record in records if record.fact.client_order_id == client_order_id)

    def records_of_request(self, correlation_id: str) -> tuple[JournalRecord, ...]:
        self._refuse_unopened()
        records = (self._record(seq) for seq in sorted(self.storage.records))
        return tuple(record for record in records if record.fact.correlation_id == correlation_id)

    def find_order(self, kind: OrderKeyKind, key: str) -> ClientOrderId | None:
        self._refuse_unopened()
        seq = self.storage.order_keys.get((kind, key))
        return None if seq is None else self._record(seq).fact.client_order_id

    def has_key(self, kind: OrderKeyKind, key: str) -> bool:
        self._refuse_unopened()
        return (kind, key) in self.storage.order_keys

    def page(self, *, after: int, limit: int) -> Sequence[SealedRecord]:
        self._refuse_unopened()
        wanted = [seq for seq in sorted(self.storage.records) if seq > after][:limit]
        return tuple(self._sealed(seq) for seq in wanted)

    def _record(self, seq: int) -> JournalRecord:
        return self._sealed(seq).record

    def _sealed(self, seq: int) -> SealedRecord:
        if seq not in self.storage.records:
            raise _damaged(f"record {seq} is missing")
        try:
            sealed = _unsealed(*self.storage.records[seq])
        except BadRecordError as error:
            raise _damaged(f"record {seq} is bad: {error}") from error
        if head_at(sealed.record).seq != seq:
            raise _damaged(f"record {seq} says that it is numbered {sealed.record.seq}")
        return sealed

    def _refuse_unopened(self) -> None:
        self._refuse_fork()
        if not self._is_open:
            raise OrderLogError("the journal is not open")

    def _refuse_fork(self) -> None:
        if self._process_id() != self._owner:
            raise OrderLogError(f"the journal belongs to the parent process {self._owner}; do not fork a running bot")


@lru_cache(maxsize=512)
def _unsealed(body: bytes, digest: str) -> SealedRecord:
    return unseal(body, digest)


def _damaged(problem: str) -> OrderLogDamagedError:
    return OrderLogDamagedError(f"the journal in memory is damaged ({problem}); run 'trading-bot audit verify'")
