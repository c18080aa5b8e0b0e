"""Files beside the journal, for what cannot go into it: facts while the database fails, and the records of a kill.

What they guarantee:

1. One file for each process, made exclusively and private, in the account's own folder ``side/``. Nobody writes another
   process's file, and a forked child not its parent's.
2. Each line is a record like the journal's, numbered and chained within its file. So a torn end, a changed digit and a
   missing line are seen.
3. A line that was written without a `SideFile.problem` survives a power loss. The holder's file has its space already,
   so facts can be written on a full disk.
4. Nothing here raises into the way of a fact. What fails is logged and said by `SideFile.problem`.
5. A line says with which number and hash the journal was asked to store its record, if it was. So the next start sees
   whether a commit that failed came back.

A disk that fails altogether takes no side file either. Then facts live in memory only, and the broker's own list tells
them again at the next start.
"""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from trading_bot.clock import Clock
from trading_bot.files import Descriptor, FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.events import JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import (
    MAX_LINE_BYTES,
    BadRecordError,
    ChainHead,
    SealedRecord,
    decode,
    head_at,
    is_whole,
    seal,
)
from trading_bot.order_management.models import EXACT
from trading_bot.values import Value, replace

SIDE_FOLDER = "side"
"""The folder inside an account's state folder."""

SPACE_BYTES = 262_144
"""Space that the holder's file takes in advance: some three hundred facts."""

KILL_SESSION = "kill"
"""What stands in place of a session in the name and the records of a kill's file."""

_SEQ, _HASH = "side_seq", "side_hash"
"""Details that a line has besides those of its fact."""

_NAME_TIME = "%Y%m%dT%H%M%S.%fZ"
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-(\w{1,64})-(\d+)(?:-(\d+))?\.jsonl", re.ASCII)
_MICROSECOND = Decimal("0.000001")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideContent:
    """What a side file holds: its good ``records``, and what is wrong with the rest, if anything is."""

    records: tuple[JournalRecord, ...]
    problem: str | None = None
    is_torn: bool = False
    """Whether only its last line is unfinished, as a crash leaves it."""


class SideName(Value, frozen=True, kw_only=True, order=True):
    """What the name of a side file says. Names sort by time."""

    at: str
    number: int
    """Which of the files of its process at that moment, from 1."""
    session_id: str
    process_id: int

    @classmethod
    def read(cls, name: str) -> "SideName | None":
        """Read a file's name; None if it is no side file's."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        return cls(at=found[1], session_id=found[2], process_id=int(found[3]), number=int(found[4] or 1))

    @property
    def began(self) -> datetime:
        """When the file was made."""
        return datetime.strptime(self.at, _NAME_TIME).replace(tzinfo=UTC)

    def __str__(self) -> str:
        more = f"-{self.number}" if self.number > 1 else ""
        return f"{self.at}-{self.session_id}-{self.process_id}{more}.jsonl"


def new_side_path(folder: Path, *, files: FileSystem, clock: Clock, session_id: str, process_id: int) -> Path:
    """Return a path in ``folder`` that no file has yet.

    Raises:
        OSError: the disk cannot say.
    """
    session = re.sub(r"\W", "_", session_id, flags=re.ASCII)[:64] or "_"
    at = clock.now().astimezone(UTC).strftime(_NAME_TIME)
    name = SideName(at=at, number=1, session_id=session, process_id=process_id)
    while files.facts_at(folder / str(name)) is not None:
        name = replace(name, number=name.number + 1)
    return folder / str(name)


def sealed_line(event: OrderEvent, *, head: ChainHead, clock: Clock, session_id: str) -> SealedRecord:
    """Number and chain a line of a side file, dated now.

    Raises:
        BadRecordError: it would be too long.
    """
    mono = EXACT.quantize(Decimal(clock.monotonic()), _MICROSECOND)
    return seal(event, head=head, ts=clock.now(), mono=mono, session_id=session_id)


def read_side(data: bytes) -> SideContent:
    """Read a side file from its bytes. Reading stops at the first bad line; space behind the last one is no line."""
    records: list[JournalRecord] = []
    head, place = ChainHead.genesis(), 0
    data = data.rstrip(b"\0")
    while (end := data.find(b"\n", place)) >= 0:
        try:
            record = decode(data[place:end], head=head)
        except BadRecordError as error:
            return _ended_badly(records, data[place:], f"line {head.seq + 1} is bad: {error}")
        records.append(record)
        head, place = head_at(record), end + 1
    if place < len(data):
        return _ended_badly(records, data[place:], f"line {head.seq + 1} is unfinished")
    return SideContent(records=tuple(records))


def _ended_badly(records: list[JournalRecord], rest: bytes, problem: str) -> SideContent:
    line = rest.strip(b"\0").rstrip(b"\n")
    is_finished = rest.endswith(b"\n") and is_whole(line)
    is_torn = b"\n" not in line and len(line) <= MAX_LINE_BYTES and not is_finished
    return SideContent(records=tuple(records), problem=problem, is_torn=is_torn)


class SideFile:
    """The side file of the process that holds the account. Threads may share it. No method raises."""

    def __init__(
        self,
        *,
        folder: Path,
        session_id: str,
        files: FileSystem,
        clock: Clock,
        process_id: Callable[[], int],
        space_bytes: int = SPACE_BYTES,
    ) -> None:
        self._folder = folder
        self._session_id = session_id
        self._files = files
        self._clock = clock
        self._process_id = process_id
        self._space_bytes = space_bytes
        self._owner = process_id()
        self._lock = threading.Lock()
        self._descriptor: Descriptor | None = None
        self._head = ChainHead.genesis()
        self._size = 0
        self._is_suspect = False
        self.path: Path | None = None
        """The file that is written, if there is one."""
        self.problem: str | None = None
        """Why the last fact is not on disk, or no space is held; None if all is well."""

    def open(self) -> bool:
        """Make the file and take its space; say whether that worked. Opening it twice changes nothing."""
        with self._lock:
            return self._is_ours() and (self._descriptor is not None or self._begin(self._space_bytes))

    def write(self, record: JournalRecord) -> None:
        """Write a record that the journal did not take. Nobody acts on an intent that is written here.

        A record with a hash was part of a failed commit: the journal may have it all the same.
        """
        with self._lock:
            if self._is_ours() and not self._write(record):
                # A file whose write or flush failed is not written again: what it holds of that line is not known.
                self._let_go()
                if self._begin(0):
                    self._write(record)

    def close(self) -> None:
        """Close it, and remove it if nothing was written. In a forked process it does nothing."""
        with self._lock:
            if self._is_ours():
                self._let_go()

    def _is_ours(self) -> bool:
        if self._process_id() == self._owner:
            return True
        _log.error("side_file_refused", problem="a forked process may not write its parent's side file")
        return False

    def _write(self, record: JournalRecord) -> bool:
        if self._descriptor is None or self._is_suspect:
            return False
        # A signal may end this anywhere, and a line of which the head knows nothing must stay the last one.
        self._is_suspect = True
        try:
            sealed = _line_of(record, head=self._head)
            self._append(self._descriptor, sealed.line)
        except (OSError, BadRecordError) as error:
            return self._failed("side_file_failed", error)
        self._head = head_at(sealed.record)
        self._size += len(sealed.line)
        self._is_suspect, self.problem = False, None
        return True

    def _append(self, descriptor: Descriptor, line: bytes) -> None:
        taken = self._files.write_at(descriptor, line, self._size)
        if taken != len(line):
            raise OSError(f"only {taken} of {len(line)} bytes were written")
        self._files.sync(descriptor)

    def _begin(self, space_bytes: int) -> bool:
        try:
            self._files.make_folder(self._folder)
            path = new_side_path(
                self._folder,
                files=self._files,
                clock=self._clock,
                session_id=self._session_id,
                process_id=self._owner,
            )
            self._descriptor = self._files.create(path, space_bytes)
        except OSError as error:
            return self._failed("side_file_not_made", error)
        self.path, self._head, self._size, self._is_suspect = path, ChainHead.genesis(), 0, False
        return True

    def _failed(self, event: str, error: Exception) -> bool:
        self.problem = f"{self.path or self._folder}: {error}"
        _log.error(event, path=str(self.path or self._folder), problem=str(error))
        return False

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None or self.path is None:
            return
        with suppress(OSError):
            self._files.close(descriptor)
        if self._head == ChainHead.genesis():
            # Of a line whose flush failed nothing is known; what it may hold is kept for the next start.
            self._remove_unused(self.path)

    def _remove_unused(self, path: Path) -> None:
        try:
            if not self._files.read(path).strip(b"\0"):
                self._files.remove(path)
                self._files.sync_folder(path.parent)
        except OSError as error:
            _log.warning("side_file_not_removed", path=str(path), problem=str(error))


def _line_of(record: JournalRecord, *, head: ChainHead) -> SealedRecord:
    place = {_SEQ: str(record.seq), _HASH: record.hash} if record.hash else {}
    fact = replace(record.fact, details={**record.fact.details, **place})
    return seal(fact, head=head, ts=record.ts, mono=record.mono, session_id=record.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideLine:
    """One line of a side file: a fact, by whom and when it was found, and what the journal was asked to make of it."""

    number: int
    fact: OrderEvent
    ts: datetime
    mono: Decimal
    session_id: str
    stored_as: ChainHead | None
    """The number and hash under which the journal may have it; None if it was never asked."""


def line_in(record: JournalRecord) -> SideLine:
    """Return what a record of a side file says."""
    details = record.fact.details
    seq, digest = details.get(_SEQ, ""), details.get(_HASH, "")
    plain = {key: text for key, text in details.items() if key not in (_SEQ, _HASH)}
    return SideLine(
        number=record.seq,
        fact=replace(record.fact, details=plain),
        ts=record.ts,
        mono=record.mono,
        session_id=record.session_id,
        stored_as=ChainHead(seq=int(seq), hash=digest) if seq.isascii() and seq.isdigit() else None,
    )
