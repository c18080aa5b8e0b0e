"""Reads a SQLite journal also where it cannot be shared: on a full disk, or in a folder that takes no new file.

Readers share a small file beside the database. Where SQLite can neither find nor make it, and nobody has the database
open, one that has it alone needs no such file. Never ``immutable``: that would read past what the log beside it holds.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.port import JournalMissingError
from trading_bot.order_management.journal.sqlite_reading import BUSY_TIMEOUT_S, SqliteReader, connect

if TYPE_CHECKING:
    from sqlite3 import Connection, Cursor


class ExclusiveReader(SqliteReader):
    """Reads a database that nobody else has open; it keeps others out meanwhile."""

    def __init__(self, path: Path, *, account_key: str, busy_timeout_s: Seconds = BUSY_TIMEOUT_S) -> None:
        super().__init__(path, account_key=account_key, connector=_alone, busy_timeout_s=busy_timeout_s)


class SharedOrAloneReader(SqliteReader):
    """Reads beside others, and where that cannot be, alone."""

    def __init__(self, path: Path, *, account_key: str, busy_timeout_s: Seconds = BUSY_TIMEOUT_S) -> None:
        super().__init__(path, account_key=account_key, busy_timeout_s=busy_timeout_s)
        self._alone = ExclusiveReader(path, account_key=account_key, busy_timeout_s=busy_timeout_s)

    @contextmanager
    def _lent(self) -> "Iterator[Cursor]":
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


def _alone(path: Path, _mode: str, busy_timeout_s: Seconds) -> "Connection":
    connection = connect(path, "rw", busy_timeout_s)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection
