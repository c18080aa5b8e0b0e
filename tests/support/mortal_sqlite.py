"""A connection to SQLite whose process can die in front of any of its statements, and after each commit."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Self

from tests.support.mortal import Life


def mortal_connection(life: Life, left_alone: Callable[[], AbstractContextManager[None]]) -> type[sqlite3.Connection]:
    """Return the kind of connection that a process with this life makes.

    A dead process does not close its files: what closing does to them is undone by ``left_alone``.
    """

    class MortalCursor(sqlite3.Cursor):
        def execute(self, statement: str, *values: Any) -> Self:
            verb = statement.split(maxsplit=1)[0].lower()
            life.moment(verb)
            super().execute(statement, *values)
            if verb == "commit":
                life.moment("stored")
            return self

        def executemany(self, statement: str, rows: Iterable[Any]) -> Self:
            life.moment(statement.split(maxsplit=1)[0].lower())
            super().executemany(statement, rows)
            return self

    class MortalConnection(sqlite3.Connection):
        def cursor(self, factory: Any = MortalCursor) -> Any:
            return super().cursor(factory)

        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            return self.cursor().execute(statement, *values)  # type: ignore[no-any-return]  # one of ours

        def close(self) -> None:
            if not life.is_over:
                super().close()
                return
            with left_alone():
                super().close()

    return MortalConnection
