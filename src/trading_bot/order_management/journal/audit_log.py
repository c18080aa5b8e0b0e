"""The audit log: every committed record as one line of text, in a file that any tool can read.

What it guarantees:

1. A line has the bytes that the record's hash covers, and the hash: the same chain as the database.
2. A record is in it only after its commit, so that it never knows more than the database. Where it does, the database
   was restored or cut, and must not be traded on: `compare_with_database` finds it.
3. Lines are consecutive. What was not written, because the disk was full or the process ended, is taken from the
   database later.

Not guaranteed: that it is complete at any moment (it is written without fsync, and may fail), nor that finished files
are still there. It stops nothing: where it fails, `AuditLog.problem` says why.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.logging.rotated_file import RotatedFile
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.audit_files import (
    finished_name,
    first_number,
    log_end,
    log_files,
)
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.log_comparison import (
    CommittedRecords,
    compare_with_database,
    refuse_log_of_another,
)

CATCH_UP = 1_000
"""How many records one call of `AuditLog.append` takes from the database at most. Chosen."""

AT_A_START = 10 * CATCH_UP
"""How many a start takes at most: about half a second. Chosen."""

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Place:
    """Where the next line goes. It follows ``last``, which may be in a finished file."""

    last: JournalRecord | None
    first: int | None
    """The number of the live file's first record; None while it has none."""
    size: int


class AuditLog:
    """Writes the log whose live file is ``path``, for the process that writes the journal. Threads may share it.

    A file is finished with ``max_bytes``, and with the day in UTC. Nothing is written before `compare` has found that
    log and database fit: what is committed meanwhile is read from the database then.
    """

    def __init__(
        self, *, path: Path, max_bytes: int, files: FileSystem, identity: JournalIdentity | None = None
    ) -> None:
        self._path = path
        self._identity = identity
        self._database: CommittedRecords | None = None
        self._files = files
        self._rotated = RotatedFile(path=path, max_bytes=max_bytes, files=files)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._place: _Place | None = None
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """Why records are missing from the log, or it grows beyond its size, if so. It stops no order."""
        return self._problem

    def compare(self, database: CommittedRecords) -> str | None:
        """Return what is damaged if the log and the database cannot both be true; else let the log catch up.

        A log that lacks very much gets the rest with the next records, so that no start waits for it.

        Raises:
            OrderLogError: the database cannot be read, or the log is another account's.
        """
        found = compare_with_database(self._path, database)
        if found.is_damage and self._identity is not None:
            refuse_log_of_another(self._path, self._identity)
        with self._lock:
            self._place = None
            self._database = None if found.is_damage else database
            if not found.is_damage:
                self._attempt(lambda: self._catch_up(self._find_place(), database, AT_A_START))
        return found.problem if found.is_damage else None

    def append(self, records: Sequence[SealedRecord]) -> None:
        """Write records that have been committed, in the order of their numbers. Never raises.

        Two threads may call it in another order than they committed in: what is missing is read from the database.
        """
        with self._lock:
            database = self._database
            if database is not None:
                self._attempt(lambda: self._append(records, database))

    def _attempt(self, write: Callable[[], str | None]) -> None:
        try:
            problem = write()
        except (OSError, OrderLogError) as error:
            self._place = None
            problem = f"records are missing from the audit log {self._path}: {error}; free or repair the disk"
        if problem is not None and self._problem is None:
            _log.error("audit_log_failed", problem=problem)
        self._problem = problem

    def _append(self, records: Sequence[SealedRecord], database: CommittedRecords) -> str | None:
        place = self._find_place()
        new = [sealed for sealed in records if sealed.record.seq > _seq_of(place.last)]
        if new and new[0].record.seq > _seq_of(place.last) + 1:
            return self._catch_up(place, database, CATCH_UP)
        return self._write(place, new)

    def _catch_up(self, place: _Place, database: CommittedRecords, at_most: int) -> str | None:
        problem = None
        while at_most > 0:
            page = database.page(after=_seq_of(place.last), limit=min(at_most, CATCH_UP))
            if not page:
                break
            problem = self._write(place, page)
            at_most -= len(page)
        return problem

    def _write(self, place: _Place, records: Sequence[SealedRecord]) -> str | None:
        problem = None
        left = list(records)
        while left:
            if left[0].record.prev != _hash_of(place.last):
                raise OrderLogError(f"record {left[0].record.seq} does not follow what the log holds")
            problem = problem or self._begin_anew_when_due(place, left[0].record)
            part = self._fitting(place, left) if problem is None else left
            self._write_lines(place, part)
            left = left[len(part) :]
        return problem

    def _fitting(self, place: _Place, records: Sequence[SealedRecord]) -> Sequence[SealedRecord]:
        """Return the records that go into the live file as it is: those of one day, up to the one that fills it."""
        if len(records) == 1:
            return records
        day, size, found = _day_of(records[0].record), place.size, list[SealedRecord]()
        for sealed in takewhile(lambda each: _day_of(each.record) == day, records):
            if found and size >= self._max_bytes:
                break
            found.append(sealed)
            size += len(sealed.line)
        return found

    def _begin_anew_when_due(self, place: _Place, record: JournalRecord) -> str | None:
        if place.first is None or place.last is None:
            return None
        if _day_of(place.last) >= _day_of(record) and place.size < self._max_bytes:
            return None
        try:
            self._rotated.begin_anew(finished_name(self._path, place.last, first=place.first))
        except OSError as error:
            return f"{self._path} cannot be renamed, so it grows: {error}; repair the folder"
        place.first, place.size = None, 0
        return None

    def _write_lines(self, place: _Place, records: Sequence[SealedRecord]) -> None:
        data = b"".join(sealed.line for sealed in records)
        if place.size == 0:
            self._files.make_folder(self._path.parent)
        descriptor = self._files.open_append(self._path)
        try:
            written = self._files.write(descriptor, data)
        finally:
            self._files.close(descriptor)
        if written < len(data):
            raise OSError(f"only {written} of {len(data)} bytes were taken")
        place.last = records[-1].record
        place.first = records[0].record.seq if place.first is None else place.first
        place.size += len(data)

    def _find_place(self) -> _Place:
        """Return where the next line goes; looked for again where somebody else has changed or removed the file."""
        facts = self._files.facts_at(self._path)
        size = facts.size if facts is not None else 0
        if self._place is None or self._place.size != size:
            self._place = self._looked_for()
        return self._place

    def _looked_for(self) -> _Place:
        for file in reversed(log_files(self._path)):
            end = log_end(file)
            if end.problem is not None:
                aside = file.with_name(f"{file.name}.damaged-{end.size}")
                _log.error("audit_log_set_aside", problem=end.problem, kept_in=str(aside))
                self._files.rename(file, aside)
                continue
            if end.unfinished:
                self._cut_to(file, end.size)
            if end.last is None:
                continue
            if file != self._path:
                return _Place(last=end.last, first=None, size=0)
            return _Place(last=end.last, first=first_number(file) or end.last.seq, size=end.size)
        return _Place(last=None, first=None, size=0)

    def _cut_to(self, file: Path, size: int) -> None:
        descriptor = self._files.open_append(file)
        try:
            self._files.truncate(descriptor, size)
        finally:
            self._files.close(descriptor)


def _seq_of(record: JournalRecord | None) -> int:
    return record.seq if record is not None else 0


def _hash_of(record: JournalRecord | None) -> str:
    return record.hash if record is not None else ChainHead.genesis().hash


def _day_of(record: JournalRecord) -> date:
    return record.ts.date()  # which is in UTC
