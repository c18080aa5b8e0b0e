"""The journal and the side files of a simulation as they really are: in SQLite and in files, on a disk that is watched.

A process may die in front of each statement of the connection that writes. What SQLite asks of the disk goes through
`sqlite_shim`, so that a commit fails below it, and a power loss leaves what such a disk may hold. Flushes are noted and
not made: a thousand lives would wait for them.
"""

import os
import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tests.support.mortal import Life
from tests.support.mortal_sqlite import mortal_connection
from tests.support.sim_journal import Fate
from tests.support.sqlite_shim.disk import CrashedDisk, Image
from tests.support.sqlite_shim.vfs import Call, Fault, Shim, Way
from trading_bot.clock import Seconds
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.book.side_import import is_kill, side_paths
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import SealedRecord, unseal
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import Commit, Journal, JournalMissingError
from trading_bot.order_management.journal.side_files import SideLine, line_in, read_side
from trading_bot.order_management.journal.sqlite import SqliteJournal
from trading_bot.order_management.journal.sqlite_reading import SqliteReader, connect
from trading_bot.order_management.journal.tables import Cursor

_CHECKPOINT_EVERY = 5
"""Commits between two checkpoints, so that a short life has some."""
_BODIES = "SELECT CAST(body AS BLOB), hash FROM record"
_MIXTURES = 8
"""How many mixtures of stored and lost sectors a power loss chooses from."""

_FAULTS: Mapping[Fate, tuple[Fault, ...]] = {
    # The flush fails after everything has been written: a crash brings the commit back, a power loss may.
    Fate.UNKNOWN_STORED: (Fault(way=Way.FAIL, calls=frozenset({Call.SYNC}), suffix="-wal"),),
    Fate.UNKNOWN_LOST: (
        Fault(way=Way.FAIL, calls=frozenset({Call.WRITE}), suffix="-wal"),
        Fault(way=Way.TEAR, calls=frozenset({Call.WRITE}), suffix="-wal", at=2),
    ),
    Fate.REFUSED: (Fault(way=Way.FULL, calls=frozenset({Call.WRITE}), suffix="-wal", lasts=True),),
}


class InSqlite:
    """`Stored` in a database file. ``path`` is its own; nobody else writes it."""

    def __init__(self, path: Path, files: FileSystem, account_key: str) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._files = files
        self._reader = SqliteReader(path, account_key=account_key)
        self._shim = Shim(flushes=False)
        self._disk = self._followed({str(path): b"", **self._image()})
        self._chance = random.Random(0)
        self._life = Life()
        self._read: dict[tuple[bytes, str], JournalRecord] = {}
        self._moves = 0
        """How often the files were followed or put back; see `_state`."""
        self._records: tuple[object, tuple[JournalRecord, ...]] = None, ()
        self._pointed: set[int] = set()
        """The numbers of the records that stand, read with all records."""
        self._newest: tuple[object, tuple[JournalRecord, ...]] = None, ()
        """The records behind those that were read last."""
        self.is_cut = False
        """Whether a test has cut the files, so that only what was read before can be told."""
        self.acknowledged = 0
        """The number of the last record of which a process was told that it is stored."""

    def journal(
        self, identity: JournalIdentity, first: Callable[[], SealedRecord] | None, *, process_id: Callable[[], int]
    ) -> Journal:
        return SqliteJournal(
            self._path,
            identity=identity,
            first_record=first,
            files=cast("FileSystem", _Watched(self._files, self._stored_again)),
            process_id=process_id,
            connector=self._connected,
            checkpoint_every=_CHECKPOINT_EVERY,
        )

    def _stored_again(self, path: Path) -> None:
        self._follow()
        self._disk.stored_again(str(path))

    def choose(self, number: int) -> None:
        """Choose which of the images that a power loss may leave comes next."""
        self._chance.seed(number)

    def serve(self, life: Life) -> None:
        self._life = life

    def _connected(self, path: Path, mode: str, busy_timeout_s: Seconds) -> sqlite3.Connection:
        with self._shim.as_default():
            if mode == "ro":
                return connect(path, mode, busy_timeout_s)
            return connect(path, mode, busy_timeout_s, factory=mortal_connection(self._life, self._left_alone))

    def store(self, journal: Journal, commit: Commit, fate: Fate) -> None:
        faults = _FAULTS.get(fate)
        self._shim.arm(self._chance.choice(faults) if faults is not None else None)
        try:
            journal.commit(commit)
        finally:
            self._shim.arm(None)
            self._follow()
        self.acknowledged = journal.head.seq

    def close_dead(self, journal: Journal) -> None:
        """Close it; its connection leaves the files as they are."""
        journal.close()

    @contextmanager
    def _left_alone(self) -> Iterator[None]:
        """Put back what a process left that died: it neither empties its log nor removes it."""
        self._follow()
        left = self._image()
        yield
        if str(self._path) in left:
            self._put(left)
            self._shim.steps.clear()

    def lose_power(self) -> None:
        """Leave what was flushed, and of the rest what chance leaves."""
        self._follow()
        image = self._chance.choice(list(self._disk.images(self._chance, sample=_MIXTURES)))
        self._put(image)
        self._disk = self._followed({path: image.get(path, b"") for path in (str(self._path), *image)})

    @staticmethod
    def _followed(image: Image) -> CrashedDisk:
        return CrashedDisk(image, forgets_failed_syncs=True)

    def records(self) -> tuple[JournalRecord, ...]:
        state = self._state()
        if state != self._records[0] and not self.is_cut:
            self._pointed = set()
            self._records = state, tuple(self._read_all()) if self._exists() else ()
        return self._records[1]

    def _state(self) -> object:
        """What changes with each write of SQLite, or of anyone else to its files."""
        facts = [
            (found.st_ino, found.st_size, found.st_mtime_ns) for found in map(_stat, (self._path, self._log)) if found
        ]
        return self._moves, len(self._shim.steps), facts

    def _read_all(self) -> Iterator[JournalRecord]:
        return (self._record(body, digest) for body, digest in self._rows())

    def _rows(self) -> list[tuple[bytes, str]]:
        def fetch(cursor: Cursor) -> list[tuple[bytes, str]]:
            cursor.execute("SELECT seq FROM standing")
            self._pointed = {seq for (seq,) in cursor.fetchall()}
            cursor.execute(f"{_BODIES} ORDER BY seq")
            return cursor.fetchall()

        try:
            return self._reader.query(fetch)
        except JournalMissingError:  # its tables are not there yet
            return []

    def _record(self, body: bytes, digest: str) -> JournalRecord:
        if (body, digest) not in self._read:
            self._read[body, digest] = unseal(body, digest).record
        return self._read[body, digest]

    def holds(self, event: OrderEvent) -> bool:
        return any(record.fact == event for record in self._read_newest()) or any(
            record.fact == event for record in reversed(self.records())
        )

    def _read_newest(self) -> tuple[JournalRecord, ...]:
        """Read what is behind the last records that were read, if those are not the newest."""
        state, (read_at, known) = self._state(), self._records
        if state == read_at or not known:
            return ()
        if state != self._newest[0]:
            rows: list[tuple[bytes, str]] = []
            with suppress(sqlite3.Error), closing(connect(self._path, "ro", 0)) as connection:
                rows = connection.execute(f"{_BODIES} WHERE seq > ? ORDER BY seq", (known[-1].seq,)).fetchall()
            self._newest = state, tuple(self._record(body, digest) for body, digest in rows)
        return self._newest[1]

    def standing(self) -> tuple[JournalRecord, ...]:
        records = self.records()
        standing = tuple(record for record in records if record.seq in self._pointed)
        if len(standing) == len(self._pointed):
            return standing
        return self._reader.read_standing()  # it says which record is missing

    def is_lasting(self, seq: int) -> bool:
        return seq <= self.acknowledged

    def _exists(self) -> bool:
        return self._path.exists() and (self._path.stat().st_size > 0 or self._log.exists())

    def _follow(self) -> None:
        self._moves += 1
        self._disk.follow(self._shim.steps)
        self._shim.steps.clear()

    def _image(self) -> Image:
        return {str(path): path.read_bytes() for path in (self._path, self._log) if path.exists()}

    def _put(self, image: Image) -> None:
        self._moves += 1
        for path in (self._path, self._log, self._path.with_name(f"{self._path.name}-shm")):
            path.unlink(missing_ok=True)
            if str(path) in image:
                path.touch(mode=0o600)
                path.write_bytes(image[str(path)])


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


class _Watched:
    """Files that tell when one of them was stored again, which goes past SQLite."""

    def __init__(self, files: FileSystem, tell: Callable[[Path], None]) -> None:
        self._files = files
        self._tell = tell

    def store_again(self, path: Path) -> None:
        self._files.store_again(path)
        self._tell(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


class FiledSide:
    """The side files of all processes, as the judge reads them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = LocalFiles()
        self._read: dict[Path, tuple[bytes, Sequence[tuple[JournalRecord, SideLine]]]] = {}

    def _lines_in(self, path: Path) -> Sequence[tuple[JournalRecord, SideLine]]:
        """Read a file, which is mostly as it was at the last look: space for lines, and no line."""
        data, before = path.read_bytes(), self._read.get(path)
        if before is not None and before[0] == data:
            return before[1]
        lines = tuple((record, line_in(record)) for record in read_side(data).records)
        self._read[path] = data, lines
        return lines

    def _lines(self) -> Iterator[tuple[JournalRecord, SideLine]]:
        for path in side_paths(self._folder, files=self._files):
            if not is_kill(path):
                yield from self._lines_in(path)

    def has(self, event: OrderEvent) -> bool:
        return any(line.fact == event for _, line in self._lines())

    def facts(self, stored: Sequence[JournalRecord]) -> list[JournalRecord]:
        """The facts that wait and are not stored, neither by their own commit nor by a start that took them over."""
        lines = [(record, line) for record, line in self._lines() if line.fact.event is not EventKind.ORDER_INTENDED]
        if not lines:
            return []
        hashes = {record.hash for record in stored}
        taken = [(record.ts, record.session_id, record.fact) for record in stored]
        return [
            replace(record, fact=line.fact)
            for record, line in lines
            if (line.stored_as is None or line.stored_as.hash not in hashes)
            and (line.ts, line.session_id, line.fact) not in taken
        ]

    def refused(self) -> Mapping[str, str]:
        """The names of the orders whose intent was refused, each with the hash under which that may be stored."""
        return {
            str(line.fact.client_order_id): "" if line.stored_as is None else line.stored_as.hash
            for _, line in self._lines()
            if line.fact.event is EventKind.ORDER_INTENDED
        }
