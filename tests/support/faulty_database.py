"""Connections to SQLite that fail or stall at a statement: what a disk does to it, without the disk."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.memory_journal import HeldCommit
from trading_bot.order_management.journal.sqlite_reading import connect


def sqlite_error(code: int, text: str = "disk I/O error") -> sqlite3.OperationalError:
    """An error as SQLite raises it."""
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


class DatabaseFaults:
    """Faults of every connection that `connector` makes; each one happens once."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        """Every statement, in order."""
        self.connections: list[sqlite3.Connection] = []
        self._before: dict[str, Callable[[], None]] = {}
        self._after: dict[str, Callable[[], None]] = {}

    def before(self, statement: str, do: Callable[[], None]) -> None:
        """Call ``do`` before the next statement that begins so."""
        self._before[statement] = do

    def after(self, statement: str, do: Callable[[], None]) -> None:
        """Call ``do`` when the next statement that begins so has run."""
        self._after[statement] = do

    def fail_before(self, statement: str, code: int = sqlite3.SQLITE_IOERR) -> None:
        """Let the next statement that begins so fail without being run."""
        self.before(statement, _raiser(sqlite_error(code)))

    def fail_after(self, statement: str, code: int = sqlite3.SQLITE_IOERR) -> None:
        """Let the next statement that begins so run, and fail all the same."""
        self.after(statement, _raiser(sqlite_error(code)))

    def hold(self, statement: str) -> HeldCommit:
        """Let the next statement that begins so wait until the test releases it."""
        held = HeldCommit()
        self.before(statement, held.stall)
        return held

    def connector(self, path: Path, mode: str, busy_timeout_s: float) -> sqlite3.Connection:
        """Connect as the journal does, and keep an eye on the connection."""
        connection = connect(path, mode, busy_timeout_s, factory=self._factory())
        self.connections.append(connection)
        return connection

    def _factory(self) -> type[sqlite3.Connection]:
        faults = self

        class Cursor(sqlite3.Cursor):
            def execute(self, statement: str, parameters: Any = (), /) -> "Cursor":
                faults.happen(faults._before, statement)
                super().execute(statement, parameters)
                faults.statements.append(statement)
                faults.happen(faults._after, statement)
                return self

        class Connection(sqlite3.Connection):
            def cursor(self, factory: Any = Cursor) -> Any:
                return super().cursor(factory)

            def execute(self, statement: str, parameters: Any = (), /) -> sqlite3.Cursor:
                cursor: Cursor = self.cursor()
                return cursor.execute(statement, parameters)

        return Connection

    @staticmethod
    def happen(planned: dict[str, Callable[[], None]], statement: str) -> None:
        due = next((begin for begin in planned if statement.startswith(begin)), None)
        if due is not None:
            planned.pop(due)()


def _raiser(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
