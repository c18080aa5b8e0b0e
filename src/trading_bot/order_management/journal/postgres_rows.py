"""Single statements about the rows beside the journal, lease and arming, on one connection that is kept."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import psycopg

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.postgres_connection import BoundedConnection, Database, DatabaseCursor

_T = TypeVar("_T")


class DatabaseRows:
    """Asks one question after the other; threads may share it. Each ends within the times of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._connection: BoundedConnection | None = None

    def ask(self, question: Callable[[DatabaseCursor], _T], *, failed: str) -> _T:
        """Ask; where a connection that was kept turns out dead, once more on a new one.

        So a question must bear being asked twice. ``failed`` says in an error what could not be done.

        Raises:
            OrderLogError: the database does not answer.
        """
        times = self._database.times
        if not self._lock.acquire(timeout=times.connect_s + times.call_s):
            raise OrderLogError(
                f"the {self._database} keeps another question waiting; see that this machine reaches it"
            )
        try:
            return self._ask(question, failed=failed)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        with self._lock:
            self._let_go()

    def _ask(self, question: Callable[[DatabaseCursor], _T], *, failed: str) -> _T:
        until = self._database.clock.monotonic() + self._database.times.call_s
        while True:
            is_new = self._connection is None or self._connection.closed
            try:
                return question(DatabaseCursor(self._connected(until)))
            except psycopg.Error as error:
                self._let_go()
                if is_new:
                    self._database.refuse(error, failed=failed)
            except BaseException:
                self._let_go()
                raise

    def _connected(self, until: Seconds) -> BoundedConnection:
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect(until)
        self._connection.limit(until)
        return self._connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()
