"""The append-only journal: written ahead, chained, replayed, verified.

An append returns only when the line would survive a power loss, wherever somebody acts on it. After any write or
flush that did not succeed in full the journal takes nothing more: a flush that failed once may have dropped the data
it then reports as written.
"""

import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from trading_bot.clock import Clock
from trading_bot.files import Descriptor, FileSystem
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.outcomes import DurableIntent, PreparedOrder
from trading_bot.order_management.records import BadRecordError, ChainHead, chain_record, decode, encode

_MICROSECOND = Decimal("0.000001")

UNSYNCED_KINDS = frozenset(
    {
        EventKind.SUBMIT_ATTEMPTED,
        EventKind.SNAPSHOT_TAKEN,
        EventKind.CANCEL_ANSWERED,
        EventKind.SESSION_STOPPED,
    }
)
"""Records that nobody acts on: they reach the disk with the next one that is flushed."""


class Integrity(enum.StrEnum):
    """What a reading of the whole journal found."""

    CLEAN = "clean"
    TORN = "torn"  # only the end is unfinished: a crash while writing
    DAMAGED = "damaged"  # something before the end is wrong: edited, lost, reordered, foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalIdentity:
    """Whose journal it is. The account appears as a keyed name and its last four characters only."""

    mode: ExecutionMode
    account_key: str
    account_suffix: str

    def details(self) -> dict[str, str]:
        """The identity as the first record states it."""
        return {"account_key": self.account_key, "account_suffix": self.account_suffix}


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalScan:
    """The readable records of a journal and the verdict on the rest."""

    records: tuple[JournalRecord, ...]
    integrity: Integrity
    good_bytes: int
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether every byte belongs to the chain."""
        return self.integrity is Integrity.CLEAN

    @property
    def head(self) -> ChainHead:
        """Where the chain of good records stands."""
        last = self.records[-1] if self.records else None
        return ChainHead(seq=last.seq, hash=last.hash) if last else ChainHead.genesis()


def scan(data: bytes) -> JournalScan:
    """Read a journal from its bytes; reading stops at the first bad line and never guesses past it."""
    records: list[JournalRecord] = []
    head = ChainHead.genesis()
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        if end < 0:
            return _ended_badly(data, position, records, "the last line is unfinished")
        try:
            record = decode(data[position:end], head=head)
        except BadRecordError as error:
            return _ended_badly(data, position, records, f"record {head.seq + 1} is bad: {error}")
        records.append(record)
        head = ChainHead(seq=record.seq, hash=record.hash)
        position = end + 1
    return JournalScan(records=tuple(records), integrity=Integrity.CLEAN, good_bytes=position)


def _ended_badly(data: bytes, position: int, records: list[JournalRecord], problem: str) -> JournalScan:
    rest = data[position:].rstrip(b"\0")
    more_follows = b"\n" in rest.rstrip(b"\n")
    return JournalScan(
        records=tuple(records),
        integrity=Integrity.DAMAGED if more_follows else Integrity.TORN,
        good_bytes=position,
        problem=problem,
    )


class OrderLog:
    """One writer's journal file. Threads may share it; processes may not, which the lease sees to."""

    def __init__(
        self,
        *,
        path: Path,
        identity: JournalIdentity,
        session_id: str,
        files: FileSystem,
        clock: Clock,
        process_id: Callable[[], int],
    ) -> None:
        self.path = path
        self._identity = identity
        self._session_id = session_id
        self._files = files
        self._clock = clock
        self._process_id = process_id
        self._owner = process_id()
        self._lock = threading.Lock()
        self._descriptor: Descriptor | None = None
        self._head = ChainHead.genesis()
        self._size = 0
        self._refusal: OrderLogError | None = OrderLogError(f"the journal {path} is not open; call open() first")

    @property
    def head(self) -> ChainHead:
        """The number and hash of the last record."""
        return self._head

    @property
    def refusal(self) -> OrderLogError | None:
        """Why nothing can be appended, if so."""
        return self._refusal

    def open(self) -> JournalScan:
        """Open or create the file, set a torn end aside, and return what it holds.

        A damaged journal is left untouched and stays closed to appends; the scan says so.

        Raises:
            OrderLogError: it cannot be opened or written, is no plain file of ours, or belongs to another account or
            mode.
        """
        try:
            self._files.make_folder(self.path.parent)
            self._descriptor = self._files.open_append(self.path)
            self._check_alone()
            data = self._files.read(self.path)
        except OSError as error:
            raise self._refuse(f"cannot open the journal {self.path}: {error.strerror}; mend the folder") from error
        found = scan(data)
        self._check_identity(found)
        self._head, self._size = found.head, found.good_bytes
        if found.integrity is Integrity.DAMAGED:
            self._refusal = OrderLogDamagedError(
                f"the journal {self.path} is damaged ({found.problem}); only cancels are possible until a person has "
                "looked: run 'trading-bot audit verify'"
            )
            return found
        self._refusal = None
        return self._begin(found, data)

    def append(self, event: OrderEvent) -> JournalRecord:
        """Write one event and return its record.

        Raises:
            OrderLogError: it could not be written in full; nothing more will be accepted.
        """
        with self._lock:
            return self._append(event)

    def append_intent(self, event: OrderEvent, prepared: PreparedOrder) -> tuple[JournalRecord, DurableIntent]:
        """Write an order's intent; return its record and the proof that a gateway asks for.

        Raises:
            OrderLogError: the intent is not durable, so the order must not be sent.
        """
        if event.event is not EventKind.ORDER_INTENDED or event.client_order_id is None:
            raise OrderLogError("an intent is an order_intended event with a client order id; record it as one")
        record = self.append(event)
        return record, DurableIntent(
            client_order_id=event.client_order_id,
            ref_id=prepared.ref_id,
            terms=prepared.terms,
            body=prepared.body,
            body_digest=event.details["body_sha256"],
            journal_seq=record.seq,
        )

    def close(self) -> None:
        """Flush and close; later appends are refused."""
        with self._lock:
            if self._descriptor is None:
                return
            descriptor, self._descriptor = self._descriptor, None
            healthy = self._refusal is None
            self._refusal = OrderLogError(f"the journal {self.path} is closed")
            try:
                if healthy:
                    self._files.sync(descriptor)
            finally:
                self._files.close(descriptor)

    def _begin(self, found: JournalScan, data: bytes) -> JournalScan:
        if found.integrity is Integrity.TORN:
            self._set_tail_aside(found, data)
        if not found.records:
            self.append(
                OrderEvent(
                    event=EventKind.JOURNAL_OPENED,
                    execution_mode=self._identity.mode,
                    details=self._identity.details(),
                )
            )
            self._sync_folder()
        return found

    def _set_tail_aside(self, found: JournalScan, data: bytes) -> None:
        tail = data[found.good_bytes :]
        aside = self.path.with_name(f"{self.path.name}.torn-{found.head.seq + 1}")
        try:
            if self._files.facts_at(aside) is None:
                self._files.write_new(aside, tail)
            self._files.truncate(self._open_descriptor(), found.good_bytes)
            self._files.sync(self._open_descriptor())
        except OSError as error:
            raise self._refuse(
                f"cannot set the torn end of {self.path} aside: {error.strerror}; mend the disk"
            ) from error
        details = {"bytes": str(len(tail)), "kept_in": aside.name}
        self.append(OrderEvent(event=EventKind.TAIL_RECOVERED, reason=found.problem, details=details))

    def _append(self, event: OrderEvent) -> JournalRecord:
        if self._refusal is not None:
            raise self._refusal
        if self._process_id() != self._owner:
            raise OrderLogError("a forked process may not write the journal; start a bot of its own")
        record = chain_record(
            event,
            head=self._head,
            ts=self._clock.now(),
            mono=Decimal(self._clock.monotonic()).quantize(_MICROSECOND),
            session_id=self._session_id,
        )
        try:
            line = encode(record)
            self._check_alone()
            self._write(line)
            if event.event not in UNSYNCED_KINDS:
                self._files.sync(self._open_descriptor())
        except (OSError, BadRecordError) as error:
            raise self._refuse(
                f"the journal {self.path} cannot be written: {error}; no order is sent until the bot is restarted on a "
                "healthy disk"
            ) from error
        self._head = ChainHead(seq=record.seq, hash=record.hash)
        self._size += len(line)
        return record

    def _write(self, line: bytes) -> None:
        taken = self._files.write(self._open_descriptor(), line)
        if taken != len(line):
            self._files.truncate(self._open_descriptor(), self._size)
            raise OSError(f"only {taken} of {len(line)} bytes were written")

    def _check_alone(self) -> None:
        ours = self._files.facts(self._open_descriptor())
        there = self._files.facts_at(self.path)
        if there is None or (there.device, there.inode) != (ours.device, ours.inode):
            raise OSError("the file was moved or replaced by somebody else")
        if not ours.is_regular or ours.links != 1:
            raise OSError("it is not a plain file with one name")
        if self._refusal is None and ours.size != self._size:
            raise OSError(f"the file has {ours.size} bytes where {self._size} were written")

    def _check_identity(self, found: JournalScan) -> None:
        if not found.records:
            return
        first = found.records[0].fact
        ours = (self._identity.mode, self._identity.account_key)
        if (first.execution_mode, first.details.get("account_key")) != ours:
            raise self._refuse(
                f"the journal {self.path} belongs to another account or mode ({first.execution_mode}, account ending "
                f"in {first.details.get('account_suffix')}); point logs_dir at a folder of its own"
            )

    def _open_descriptor(self) -> Descriptor:
        if self._descriptor is None:
            raise OSError("it is not open")
        return self._descriptor

    def _sync_folder(self) -> None:
        try:
            self._files.sync_folder(self.path.parent)
        except OSError as error:
            raise self._refuse(f"cannot make {self.path} durable: {error.strerror}; mend the folder") from error

    def _refuse(self, message: str) -> OrderLogError:
        self._refusal = OrderLogError(message)
        return self._refusal
