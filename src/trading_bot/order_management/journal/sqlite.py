"""The journal in one SQLite file: one connection writes, others read.

How the promises of `port` are kept:

- WAL, ``synchronous=FULL`` and, where the platform has them, ``fullfsync`` and ``checkpoint_fullfsync``: a commit has
  reached the medium when it returns.
- One writing connection, one explicit ``BEGIN IMMEDIATE`` ... ``COMMIT`` a commit. Whatever interrupts it between the
  two, an exception out of a signal handler included, leaves the journal refusing.
- Before each COMMIT and after it, database and write-ahead log must be the files that were opened, ours alone and no
  shorter: SQLite commits into deleted files and says nothing. Before each checkpoint the log's index, too.
- A second writer is noticed by the number of its record, which ours cannot have then.
- After a COMMIT that failed, the record may be in the log file although no connection sees it; a crash would bring it
  back, a clean close throws it away. So the connection is neither used nor rolled back, only closed by `close`. Closing
  cannot commit: SQLite ends an open transaction by rolling it back, and copies into the database only what the log's
  index has. It may drop the record for good, which is one of the two answers that "unknown" allows.
- What a process before this one failed to flush may be in the log all the same, and Linux flushes it no more: after a
  power loss it would be gone, with all that was committed behind it. So `open` writes the log again, as it is.
- A database that was replaced underneath is never closed: the last connection to close deletes the log by its name, and
  that name may be another database's by then. The connection is kept until the process ends.
- Only the writing connection checkpoints, when `checkpoint` is called between orders.
- Nothing here opens the file but SQLite. A second copy of that library in the process would not know its locks.

A start also checks that no row it needs has vanished (`sqlite_checks`). Not noticed here: a bit flipped in a record or
a key that no longer counts (``audit verify`` reads every one).
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from trading_bot.clock import Seconds
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at
from trading_bot.order_management.journal.database_files import DatabaseFiles, local_mounts
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import (
    CheckpointAlert,
    Commit,
    CommitUnknownError,
    KeyTakenError,
    Opened,
)
from trading_bot.order_management.journal.refusals import again, damaged, forked, in_doubt, not_open
from trading_bot.order_management.journal.sql import AccountRows, RowReader, check_commit
from trading_bot.order_management.journal.sqlite_checks import STANDING_SUM, lost_rows
from trading_bot.order_management.journal.sqlite_reading import (
    BUSY_TIMEOUT_S,
    STORAGE_ERRORS,
    Connector,
    SqliteReader,
    check_tables,
    connect,
    explained,
)
from trading_bot.order_management.journal.tables import schema
from trading_bot.values import replace

__all__ = ["SqliteJournal", "SqliteReader"]

CHECKPOINT_EVERY = 200
"""Commits between two checkpoints."""
KEPT_LOG_BYTES = 16 * 1024 * 1024
"""What stays of the write-ahead log once it was copied. Writing over it is faster than making it longer."""
ALERT_LOG_BYTES = 64 * 1024 * 1024
"""A write-ahead log of this size that a checkpoint cannot finish is worth a person's look."""

_PRAGMAS = (
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 0",
    f"PRAGMA journal_size_limit = {KEPT_LOG_BYTES}",
    "PRAGMA mmap_size = 0",
    "PRAGMA trusted_schema = OFF",
)

_abandoned: list[sqlite3.Connection] = []
"""Connections that must not be closed while this process lives."""


class SqliteJournal(RowReader):
    """The one writer. Threads may share it; a forked process may not use it.

    ``first_record`` makes the record that begins a new journal; without one, the first commit has to bring it.
    ``alert_log_bytes`` is how long the write-ahead log may be before an unfinished checkpoint is an alert. Without
    ``is_durable``, for an account that is thrown away, a commit does not wait for the medium.
    """

    def __init__(
        self,
        path: Path,
        *,
        identity: JournalIdentity,
        first_record: Callable[[], SealedRecord] | None = None,
        files: FileSystem | None = None,
        process_id: Callable[[], int] = os.getpid,
        mounts: Callable[[], str] = local_mounts,
        connector: Connector = connect,
        busy_timeout_s: Seconds = BUSY_TIMEOUT_S,
        checkpoint_every: int = CHECKPOINT_EVERY,
        alert_log_bytes: int = ALERT_LOG_BYTES,
        is_durable: bool = True,
    ) -> None:
        super().__init__(AccountRows(identity.account_key, journal=path))
        self.path = path
        self._identity = identity
        self._first_record = first_record
        self._process_id = process_id
        self._connector = connector
        self._busy_timeout_s = busy_timeout_s
        self._checkpoint_every = checkpoint_every
        self._alert_log_bytes = alert_log_bytes
        self._is_durable = is_durable
        self._place = DatabaseFiles(path, files=files or LocalFiles(), mounts=mounts, kept_log_bytes=KEPT_LOG_BYTES)
        self._owner = process_id()
        self._lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._head = ChainHead.genesis()
        self._in_doubt = False
        self._since_checkpoint = checkpoint_every
        self._refusal: OrderLogError | None = not_open(path)

    @property
    def head(self) -> ChainHead:
        """The number and hash of the last record that is known to be committed."""
        return self._head

    @property
    def refusal(self) -> OrderLogError | None:
        """Why nothing can be committed, if so."""
        return self._refusal

    def open(self) -> Opened:
        """Open or create it and read what still counts.

        Raises:
            OrderLogError: it cannot be opened, is not a file of ours alone, or belongs to another account or mode.
            OrderLogDamagedError: SQLite cannot read it, or whose it is cannot be read.
        """
        with self._lock:
            self._refuse_fork()
            if self._writer is not None:
                raise OrderLogError(f"the journal {self.path} is open already; use it, or close it first")
            try:
                self._place.prepare()
                opened = self._open_files()
            except STORAGE_ERRORS as error:
                raise explained(error, journal=self.path, failed="opened") from error
            self._head = opened.head
            self._refusal = None if opened.problem is None else damaged(self.path, opened.problem)
            return opened

    def commit(self, commit: Commit) -> None:
        """Store all of it durably.

        Raises:
            KeyTakenError: nothing was stored; the journal can be used.
            CommitUnknownError: it is not known whether it was stored; the journal takes nothing more.
            OrderLogError: nothing was stored, and the journal takes nothing more.
            ValueError: the records do not follow the head; nothing was tried.
        """
        with self._lock:
            self._refuse_fork()
            writer = self._writer
            if self._refusal is not None or writer is None:
                raise again(self._refusal or not_open(self.path))
            after = check_commit(commit, head=self._head, identity=self._identity, journal=self.path)
            if not (commit.records or commit.order_keys or commit.standing or commit.ended):
                return
            self._in_doubt = True
            try:
                self._store(writer, commit)
            finally:
                # Whatever ended it, a signal's exception included: only what is known to have ended is not in doubt.
                if self._in_doubt and self._refusal is None:
                    self._doubt("it was interrupted")
            self._head = after
            self._since_checkpoint += 1

    def checkpoint(self) -> CheckpointAlert | None:
        """Copy the write-ahead log into the database if it is time, and return what hinders it, if anything does.

        It waits for nobody: beside a commit or after a refusal it does nothing.
        """
        if self._process_id() != self._owner or not self._lock.acquire(blocking=False):
            return None
        try:
            if self._writer is None or self._refusal is not None or self._since_checkpoint < self._checkpoint_every:
                return None
            return self._copy_log(self._writer)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close it; later commits are refused. In a forked process it does nothing."""
        if self._process_id() != self._owner:
            return
        with self._lock, self._read_lock:
            self._refusal = self._refusal or OrderLogError(f"the journal {self.path} is closed; start the bot again")
            connections = [one for one in (self._reader, self._writer) if one is not None]
            self._reader = self._writer = None
            self._let_go(*connections)

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Cursor]:
        self._refuse_fork()
        with self._read_lock:
            if self._reader is None:
                raise not_open(self.path)
            try:
                with closing(self._reader.cursor()) as cursor:
                    yield cursor
            except STORAGE_ERRORS as error:
                raise explained(error, journal=self.path, failed="read") from error

    def _open_files(self) -> Opened:
        writer = self._connector(self.path, "rw", self._busy_timeout_s)
        try:
            self._prepare(writer)
            opened = self._begin_to_write(writer)
            self._reader = self._connector(self.path, "ro", self._busy_timeout_s)
        except BaseException:
            # Nothing that anybody acts on is in it: the first record states no order.
            self._let_go(writer)
            raise
        self._writer = writer
        return opened

    def _prepare(self, writer: sqlite3.Connection) -> None:
        (mode,) = writer.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise OSError(f"its folder does not take a write-ahead log (SQLite answers {mode}); use another folder")
        for pragma in (f"PRAGMA synchronous = {'FULL' if self._is_durable else 'OFF'}", *_PRAGMAS):
            writer.execute(pragma)

    def _begin_to_write(self, writer: sqlite3.Connection) -> Opened:
        with closing(writer.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            self._place.note()
            if self._is_durable:
                self._place.store_log_again()
            if not check_tables(cursor, journal=self.path):
                for statement in (*schema(small_table=" WITHOUT ROWID"), *STANDING_SUM):
                    cursor.execute(statement)
            self._rows.check_alone(cursor, identity=self._identity)
            opened = self._rows.opened(cursor, identity=self._identity)
            opened = replace(opened, problem=opened.problem or lost_rows(cursor, head=opened.head))
            if opened.is_new and self._first_record is not None:
                first = self._first_record()
                self._rows.add(cursor, Commit(records=(first,)))
                opened = Opened(head=head_at(first.record), is_new=True)
            cursor.execute("COMMIT")
        self._place.check()
        return opened

    def _store(self, writer: sqlite3.Connection, commit: Commit) -> None:
        with closing(writer.cursor()) as cursor:
            try:
                self._write(cursor, commit)
            except KeyTakenError:
                self._roll_back(cursor)
                raise
            except STORAGE_ERRORS as error:
                # SQLite may have rolled back by itself; a transaction that stays open is never committed.
                with suppress(*STORAGE_ERRORS):
                    cursor.execute("ROLLBACK")
                self._refuse(explained(error, journal=self.path, failed="written"), cause=error)
            try:
                cursor.execute("COMMIT")
                self._place.check_written()
            except STORAGE_ERRORS as error:
                raise self._doubt(str(error)) from error
            self._in_doubt = False

    def _roll_back(self, cursor: sqlite3.Cursor) -> None:
        try:
            cursor.execute("ROLLBACK")
        except STORAGE_ERRORS as error:
            self._refuse(explained(error, journal=self.path, failed="written"), cause=error)
        self._in_doubt = False

    def _write(self, cursor: sqlite3.Cursor, commit: Commit) -> None:
        cursor.execute("BEGIN IMMEDIATE")
        self._rows.add(cursor, commit)
        self._place.check_written()

    def _copy_log(self, writer: sqlite3.Connection) -> CheckpointAlert | None:
        try:
            # A log that was cut would be copied as zeros over good pages.
            self._place.check()
            busy, in_log, copied = writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._place.check()
        except STORAGE_ERRORS as error:
            return self._alert(str(explained(error, journal=self.path, failed="written")))
        if not busy and in_log == copied:
            self._since_checkpoint = 0
            return None
        if self._place.log_bytes < self._alert_log_bytes:
            return None
        return self._alert(
            f"the journal's log {self.path}-wal cannot be emptied because a program has been reading it for long; "
            "end that program"
        )

    def _let_go(self, *connections: sqlite3.Connection) -> None:
        if not self._place.is_in_place():
            _abandoned.extend(connections)
            return
        for connection in connections:
            with suppress(*STORAGE_ERRORS):  # what is committed is safe without it
                connection.close()

    def _alert(self, message: str) -> CheckpointAlert:
        return CheckpointAlert(message=message, log_bytes=self._place.log_bytes)

    def _refuse(self, refusal: OrderLogError, *, cause: Exception | None = None) -> NoReturn:
        self._refusal = refusal
        self._in_doubt = False
        raise refusal from cause

    def _doubt(self, why: str) -> CommitUnknownError:
        self._refusal = doubt = in_doubt(self.path, why)
        return doubt

    def _refuse_fork(self) -> None:
        if self._process_id() != self._owner:
            raise forked(self.path, owner=self._owner)
