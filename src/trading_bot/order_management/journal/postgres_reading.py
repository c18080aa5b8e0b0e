"""Reading the journal in a PostgreSQL database from any process."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from trading_bot.order_management.journal.port import JournalMissingError
from trading_bot.order_management.journal.postgres_connection import Database, DatabaseCursor
from trading_bot.order_management.journal.postgres_tables import check_tables
from trading_bot.order_management.journal.sql import AccountRows, RowReader

MARK = "%s"
"""The driver's parameter mark."""


class PostgresReader(RowReader):
    """Reads the journal of any process, without lease: a connection for each read, in one read-only transaction."""

    def __init__(self, database: Database, *, account_key: str) -> None:
        super().__init__(AccountRows(account_key, journal=database, mark=MARK))
        self._database = database

    @contextmanager
    def _lent(self) -> Iterator[DatabaseCursor]:
        database = self._database
        try:
            with database.connect() as connection:
                cursor = DatabaseCursor(connection)
                cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                if not check_tables(cursor, journal=database):
                    raise JournalMissingError(f"the {database} holds no journal yet; start the bot once")
                yield cursor
        except psycopg.Error as error:
            database.refuse(error, failed="read")
