"""Reading the journal's SQLite file from any process, and what SQLite's errors mean to a person.

A read-only connection neither checkpoints nor deletes the write-ahead log when it closes, so a reader cannot come
between a crash and the next start.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeAlias

from trading_bot.clock import Seconds
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.port import JournalMissingError
from trading_bot.order_management.journal.refusals import damaged
from trading_bot.order_management.journal.sql import AccountRows, Cursor, RowReader, check_schema_version

BUSY_TIMEOUT_S: Seconds = 5.0
"""How long a connection waits for the locks of others."""

Connector: TypeAlias = Callable[[Path, str, Seconds], sqlite3.Connection]
"""Connects to a file with a mode of SQLite's URIs, ``rw`` or ``ro``, and a busy timeout."""

_REMEDIES: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: "the disk is full, so free some space and start again",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for this user, or run this as the bot's user",
    sqlite3.SQLITE_PERM: "make the file and its folder accessible to this user, or run this as the bot's user",
    sqlite3.SQLITE_CANTOPEN: "see that the file and its folder are there, and run this as the bot's user",
    sqlite3.SQLITE_BUSY: "stop the other program that has it open",
    sqlite3.SQLITE_LOCKED: "stop the other program that has it open",
    sqlite3.SQLITE_CONSTRAINT: "another program has written records to it, so stop that one and start again",
    sqlite3.SQLITE_IOERR: "check the disk, then start again",
}
STORAGE_ERRORS = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What a statement raises. The last: ``sqlite3`` decodes SQLite's message, which may quote damaged bytes."""
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SqliteReader(RowReader):
    """Reads the journal of any process: a read-only connection for each read.

    It works beside a writer and after a crash, and needs no right to write where SQLite can do without.
    """

    def __init__(
        self,
        path: Path,
        *,
        account_key: str,
        files: FileSystem | None = None,
        connector: Connector | None = None,
        busy_timeout_s: Seconds = BUSY_TIMEOUT_S,
    ) -> None:
        super().__init__(AccountRows(account_key, journal=path))
        self._path = path
        self._files = files or LocalFiles()
        self._connector = connector or connect
        self._busy_timeout_s = busy_timeout_s

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Cursor]:
        try:
            if self._files.facts_at(self._path) is None:
                raise JournalMissingError(f"there is no journal {self._path} yet; start the bot once")
            with (
                closing(self._connector(self._path, "ro", self._busy_timeout_s)) as connection,
                closing(connection.cursor()) as cursor,
            ):
                connection.execute("BEGIN")
                if not check_tables(cursor, journal=self._path):
                    raise JournalMissingError(f"the journal {self._path} holds nothing yet; start the bot once")
                self._rows.check_alone(cursor)
                yield cursor
        except STORAGE_ERRORS as error:
            raise explained(error, journal=self._path, failed="read") from error


def explained(error: Exception, *, journal: Path, failed: str) -> OrderLogError:
    """Return the typed error for what SQLite or the file system says; ``failed`` is what could not be done."""
    if isinstance(error, OSError):
        return OrderLogError(f"the journal {journal} cannot be {failed}: {error}; repair that and start again")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _DAMAGED or isinstance(error, UnicodeDecodeError):
        return damaged(journal, error)
    remedy = _REMEDIES.get(code, "try again; if it stays, restore the journal from a backup")
    return OrderLogError(f"the journal {journal} cannot be {failed} ({error}); {remedy}")


def connect(
    path: Path, mode: str, busy_timeout_s: Seconds, *, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    """Connect to a file that is there; nothing begins or ends a transaction but a statement that says so."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        address, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False, factory=factory
    )
    # Damaged bytes are read as they are: the hash tells, not the decoder.
    connection.text_factory = _text
    return connection


def check_tables(cursor: Cursor, *, journal: Path) -> bool:
    """Return whether the tables are there; False for a database that holds nothing yet.

    Raises:
        OrderLogError: the database is somebody else's, or of another version.
    """
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = {name for (name,) in cursor.fetchall()}
    if not names:
        return False
    if "schema_version" not in names:
        raise OrderLogError(f"{journal} is a database of another program; move it away, or choose another state folder")
    check_schema_version(cursor, journal=journal)
    return True


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")
