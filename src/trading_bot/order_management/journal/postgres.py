"""The journal in a PostgreSQL database, for two machines or a standby.

How the promises of `port` are kept:

1. One explicit transaction a commit, on an autocommit connection, with ``synchronous_commit`` on. A warning in the
   answer to COMMIT, which PostgreSQL gives where it gave up waiting for a synchronous standby, counts as no answer.
2. Each commit locks the lease's row and reads its epoch in the same transaction. Whoever took the account over has
   changed the epoch and waited for every such lock. So a holder that was stopped and goes on is refused by the
   database, whatever its clock says, and so is a statement of it that lands late.
3. Each commit compares the last record with what this process wrote last. A server that was restored, or replaced by
   a replica that lags, is found here and not written to.
4. What failed before COMMIT was sent is not stored: nobody else can send it. It is tried again on a new connection
   while there is time, and so is a transaction that the server rolled back because of another (SQLSTATE 40001, 40P01).
5. What failed after COMMIT was sent is unknown. `open` reads back on a new connection that takes the lease's row first:
   so it waits until the old transaction has ended, one way or the other.

Not promised: anything of engines that merely speak this protocol, or of a connection pooler; they are untested.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import (
    CheckpointAlert,
    Commit,
    CommitUnknownError,
    Opened,
)
from trading_bot.order_management.journal.postgres_connection import (
    BoundedConnection,
    Database,
    DatabaseCursor,
    StalledError,
    first_line,
)
from trading_bot.order_management.journal.postgres_reading import MARK, PostgresReader
from trading_bot.order_management.journal.postgres_tables import make_tables
from trading_bot.order_management.journal.refusals import again, damaged, forked, in_doubt, not_open
from trading_bot.order_management.journal.sql import AccountRows, RowReader, check_commit

__all__ = ["FencedError", "PostgresJournal", "PostgresReader"]

_TRY_AGAIN_S: Seconds = 0.05
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_ROLLED_BACK = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
_SHARED_LOCK = "SELECT epoch FROM lease WHERE account = %s FOR KEY SHARE"
_WHOLE_LOCK = "SELECT epoch FROM lease WHERE account = %s FOR UPDATE"


class FencedError(OrderLogError):
    """Another process has taken the account over: nothing was stored, and this one stores nothing more."""


class _RolledBackError(Exception):
    """The transaction is provably not stored, because of ``cause``."""

    def __init__(self, cause: psycopg.Error) -> None:
        super().__init__(str(cause))
        self.cause = cause


class PostgresJournal(RowReader):
    """The one writer. Threads may share it; a forked process may not use it.

    ``epoch`` is the one under which this process holds the account; None, or another one in the lease's row, and
    nothing is stored. ``first_record`` makes the record that begins a new journal; without one, the first commit has to
    bring it.
    """

    def __init__(
        self,
        database: Database,
        *,
        identity: JournalIdentity,
        epoch: Callable[[], int | None],
        first_record: Callable[[], SealedRecord] | None = None,
        process_id: Callable[[], int] = os.getpid,
    ) -> None:
        super().__init__(AccountRows(identity.account_key, journal=database, mark=MARK))
        self._database = database
        self._identity = identity
        self._epoch = epoch
        self._first_record = first_record
        self._process_id = process_id
        self._owner = process_id()
        self._reader = PostgresReader(database, account_key=identity.account_key)
        self._lock = threading.Lock()
        self._connection: BoundedConnection | None = None
        self._warnings: list[str] = []
        self._head = ChainHead.genesis()
        self._is_open = False
        self._in_doubt = False
        self._name = f"in the {database}"
        self._refusal: OrderLogError | None = not_open(self._name)

    @property
    def head(self) -> ChainHead:
        """The number and hash of the last record that is known to be committed."""
        return self._head

    @property
    def refusal(self) -> OrderLogError | None:
        """Why nothing can be committed, if so."""
        return self._refusal

    def open(self) -> Opened:
        """Open or create it and read what still counts; what an earlier commit left unknown has ended by then.

        Raises:
            FencedError: another process holds the account.
            OrderLogError: it cannot be opened, or belongs to another account or mode.
            OrderLogDamagedError: whose it is cannot be read.
        """
        with self._lock:
            self._refuse_fork()
            if self._is_open:
                raise OrderLogError(f"the journal {self._name} is open already; use it, or close it first")
            try:
                opened = self._begin_to_write(self._connected(self._limit()))
            except psycopg.Error as error:
                self._let_go()
                self._database.refuse(error, failed="opened")
            except BaseException:
                self._let_go()
                raise
            self._is_open = True
            self._head = opened.head
            self._refusal = None if opened.problem is None else damaged(self._name, opened.problem)
            return opened

    def commit(self, commit: Commit) -> None:
        """Store all of it durably.

        Raises:
            KeyTakenError: nothing was stored; the journal can be used.
            FencedError: nothing was stored; another process holds the account, and this one stores nothing more.
            CommitUnknownError: it is not known whether it was stored; the journal takes nothing more.
            OrderLogError: nothing was stored; the journal takes nothing more if `refusal` says so.
            ValueError: the records do not follow the head; nothing was tried.
        """
        with self._lock:
            self._refuse_fork()
            if self._refusal is not None:
                raise again(self._refusal)
            after = check_commit(commit, head=self._head, identity=self._identity, journal=self._database)
            if commit == Commit():
                return
            self._in_doubt = True
            try:
                self._store(commit, until=self._limit())
            finally:
                # Whatever ended it, a signal's exception included: only what is known to have ended is not in doubt.
                if self._in_doubt and self._refusal is None:
                    self._doubt("it was interrupted")
            self._head = after

    def checkpoint(self) -> CheckpointAlert | None:
        """Do nothing: the server looks after its own files."""
        return None

    def close(self) -> None:
        """Close it; later commits are refused. In a forked process it does nothing."""
        if self._process_id() != self._owner:
            return
        with self._lock:
            self._is_open = False
            self._refusal = OrderLogError(f"the journal {self._name} is closed; start the bot again")
            self._let_go()

    @contextmanager
    def _lent(self) -> Iterator[DatabaseCursor]:
        self._refuse_fork()
        if not self._is_open:
            raise not_open(self._name)
        with self._reader._lent() as cursor:  # noqa: SLF001 (a reader of our own)
            yield cursor

    def _begin_to_write(self, connection: BoundedConnection) -> Opened:
        cursor = DatabaseCursor(connection)
        make_tables(cursor, journal=self._database)
        cursor.execute(_BEGIN)
        self._check_epoch(cursor, _WHOLE_LOCK)
        opened = self._rows.opened(cursor, identity=self._identity)
        if opened.is_new and self._first_record is not None:
            first = self._first_record()
            self._rows.add(cursor, Commit(records=(first,)))
            opened = Opened(head=head_at(first.record), is_new=True)
        cursor.execute("COMMIT")
        return opened

    def _store(self, commit: Commit, *, until: Seconds) -> None:
        first: psycopg.Error | None = None
        while True:
            try:
                return self._try_to_store(commit, until=until)
            except _RolledBackError as error:
                # That there was no time for another try says less than why the first one failed.
                first = first or error.cause
                if self._database.clock.monotonic() >= until or not _may_pass(error.cause):
                    self._in_doubt = False
                    raise self._database.explained(first, failed="written") from error.cause
                self._database.clock.sleep(_TRY_AGAIN_S)

    def _try_to_store(self, commit: Commit, *, until: Seconds) -> None:
        try:
            cursor = DatabaseCursor(self._connected(until))
            self._write(cursor, commit)
        except OrderLogError:
            self._roll_back()
            self._in_doubt = False
            raise
        except psycopg.Error as error:
            self._roll_back()
            raise _RolledBackError(error) from error
        self._warnings.clear()
        try:
            cursor.execute("COMMIT")
        except _ROLLED_BACK as error:
            raise _RolledBackError(error) from error
        except psycopg.Error as error:
            raise self._doubt(first_line(error)) from error
        if self._warnings:
            raise self._doubt(self._warnings[0])
        self._in_doubt = False

    def _write(self, cursor: DatabaseCursor, commit: Commit) -> None:
        cursor.execute(_BEGIN)
        try:
            self._check_epoch(cursor, _SHARED_LOCK)
            if self._rows.head(cursor) != self._head:
                raise OrderLogDamagedError(
                    f"the {self._database} does not end with the record that this process wrote last: it was restored, "
                    "or a replica that lags has replaced it; stop, and compare it with 'trading-bot audit verify'"
                )
        except OrderLogError as error:
            self._refusal = error
            raise
        self._rows.add(cursor, commit)

    def _check_epoch(self, cursor: DatabaseCursor, lock: str) -> None:
        ours = self._epoch()
        cursor.execute(lock, (self._identity.account_key,))
        row = cursor.fetchone()
        if ours is None or row is None or row[0] != ours:
            raise FencedError(
                "another process has taken this account over, so nothing was stored; stop this one, and see 'orders' "
                "on the other machine"
            )

    def _connected(self, until: Seconds) -> BoundedConnection:
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect(until)
            self._connection.add_notice_handler(self._noticed)
        self._connection.limit(until)
        return self._connection

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary or "the server gave a warning")

    def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                self._connection.execute(b"ROLLBACK")
        except psycopg.Error:
            self._let_go()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _limit(self) -> Seconds:
        return self._database.clock.monotonic() + self._database.times.call_s

    def _doubt(self, why: str) -> CommitUnknownError:
        self._let_go()
        self._refusal = doubt = in_doubt(self._name, why)
        return doubt

    def _refuse_fork(self) -> None:
        if self._process_id() != self._owner:
            raise forked(self._name, owner=self._owner)


def _may_pass(error: psycopg.Error) -> bool:
    # The rest would fail again: no rights, no space, a server that does not answer.
    is_cut = (
        isinstance(error, psycopg.OperationalError) and error.sqlstate is None and not isinstance(error, StalledError)
    )
    return is_cut or isinstance(error, (*_ROLLED_BACK, psycopg.errors.AdminShutdown, psycopg.errors.CrashShutdown))
