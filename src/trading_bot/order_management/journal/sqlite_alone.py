"""Reads a SQLite journal also where it cannot be shared: on a full disk, or in a folder that takes no new file.

Readers share a small file beside the database. Where SQLite can neither find nor make it, and nobody has the database
open, one that has it alone needs no such file. Never ``immutable``: that would read past what the log beside it holds.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.port import JournalMissingError
from trading_bot.order_management.journal.sql import AccountRows, RowReader, check_schema_version
from trading_bot.order_management.journal.sqlite import SqliteReader
from trading_bot.order_management.journal.sqlite_reading import BUSY_TIMEOUT_S, STORAGE_ERRORS, explained


class ExclusiveReader(RowReader):
    """Reads a database that nobody else has open; it keeps others out meanwhile."""

    def __init__(self, path: Path, *, account_key: str, busy_timeout_s: Seconds = BUSY_TIMEOUT_S) -> None:
        super().__init__(AccountRows(account_key, journal=path))
        self._path = path
        self._busy_timeout_s = busy_timeout_s

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Cursor]:
        address = f"{self._path.absolute().as_uri()}?mode=rw"
        try:
            with (
                closing(
                    sqlite3.connect(address, uri=True, timeout=self._busy_timeout_s, isolation_level=None)
                ) as connection,
                closing(connection.cursor()) as cursor,
            ):
                cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
                cursor.execute("BEGIN")
                check_schema_version(cursor, journal=self._path)
                yield cursor
        except STORAGE_ERRORS as error:
            raise explained(error, journal=self._path, failed="read alone") from error


class SharedOrAloneReader(SqliteReader):
    """Reads beside others, and where that cannot be, alone."""

    def __init__(self, path: Path, *, account_key: str, busy_timeout_s: Seconds = BUSY_TIMEOUT_S) -> None:
        super().__init__(path, account_key=account_key, busy_timeout_s=busy_timeout_s)
        self._alone = ExclusiveReader(path, account_key=account_key, busy_timeout_s=busy_timeout_s)

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Cursor]:
        with ExitStack() as stack:
            try:
                cursor = stack.enter_context(super()._lent())
            except (JournalMissingError, OrderLogDamagedError):
                raise
            except OrderLogError as shared:
                try:
                    cursor = stack.enter_context(self._alone._lent())  # noqa: SLF001 (another reader of this module)
                except OrderLogError:
                    raise shared from None
            yield cursor
