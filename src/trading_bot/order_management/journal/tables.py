"""The journal's tables and every statement, for any DB-API driver."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError

SCHEMA_VERSION = 1
"""Of the tables. The text of a record has a version of its own."""

_COLUMNS = "seq, ts, event, session_id, correlation_id, client_order_id, ref_id, order_id, symbol, body, prev, hash"


_RARE = "NOT IN ('submit_attempted', 'order_accepted', 'order_updated', 'execution_booked')"
"""Most records are of these kinds, and carry the correlation id of their order's intent: they are found by the order.
So the index of requests grows by one entry an order."""


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    @property
    def rowcount(self) -> int:
        """How many rows the last call changed."""
        ...

    def execute(self, statement: str, parameters: Sequence[object] = ..., /) -> object:
        """Run one statement."""
        ...

    def executemany(self, statement: str, parameters: Iterable[Sequence[object]], /) -> object:
        """Run one statement for each set of parameters."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        ...


def schema(*, small_table: str = "") -> tuple[str, ...]:
    """Return the statements that make the tables; ``small_table`` ends those whose rows are short."""
    return (
        """CREATE TABLE record (
            account TEXT NOT NULL, seq BIGINT NOT NULL, ts TEXT NOT NULL, event TEXT NOT NULL,
            session_id TEXT NOT NULL, correlation_id TEXT, client_order_id TEXT, ref_id TEXT, order_id TEXT,
            symbol TEXT, body TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL,
            PRIMARY KEY (account, seq)
        )""",
        """CREATE INDEX record_client_order_id ON record (account, client_order_id, seq)
            WHERE client_order_id IS NOT NULL""",
        f"""CREATE INDEX record_correlation_id ON record (account, correlation_id, seq)
            WHERE correlation_id IS NOT NULL AND event {_RARE}""",
        f"""CREATE TABLE order_key (
            account TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, seq BIGINT NOT NULL,
            PRIMARY KEY (account, kind, key)
        ){small_table}""",
        f"""CREATE TABLE standing (
            account TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, seq BIGINT NOT NULL,
            PRIMARY KEY (account, kind, key, seq)
        ){small_table}""",
        "CREATE TABLE schema_version (version INTEGER NOT NULL)",
        f"INSERT INTO schema_version (version) VALUES ({SCHEMA_VERSION})",  # noqa: S608 (a number of ours)
    )


def check_schema_version(cursor: Cursor, *, journal: object) -> None:
    """Refuse tables of another version.

    Raises:
        OrderLogError: with the remedy.
    """
    cursor.execute("SELECT version FROM schema_version")
    found = [version for (version,) in cursor.fetchall()]
    if found == [SCHEMA_VERSION]:
        return
    if len(found) == 1 and isinstance(found[0], int) and found[0] > SCHEMA_VERSION:
        raise OrderLogError(
            f"the journal {journal} was written by a newer trading-bot (its tables have version {found[0]}, this one "
            f"knows {SCHEMA_VERSION}); start that version"
        )
    raise OrderLogDamagedError(
        f"the journal {journal} does not say which version of its tables it has; restore it from a backup"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What is done with the rows of one account, with ``?`` as the parameter mark."""

    add_record: str = f"INSERT INTO record (account, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 (our own column names)
    add_key: str = "INSERT INTO order_key (account, kind, key, seq) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    add_pointer: str = "INSERT INTO standing (account, kind, key, seq) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    remove_pointer: str = "DELETE FROM standing WHERE account = ? AND kind = ? AND key = ? AND seq = ?"
    key: str = "SELECT seq FROM order_key WHERE account = ? AND kind = ? AND key = ?"
    head: str = "SELECT seq, hash FROM record WHERE account = ? ORDER BY seq DESC LIMIT 1"
    end: str = "SELECT seq, prev, hash FROM record WHERE account = ? ORDER BY seq DESC LIMIT ?"
    one: str = "SELECT seq, body, hash FROM record WHERE account = ? AND seq = ?"
    accounts: str = "SELECT (SELECT min(account) FROM record), (SELECT max(account) FROM record)"
    standing: str = (
        "SELECT s.seq, r.body, r.hash FROM (SELECT DISTINCT seq FROM standing WHERE account = ?) s"
        " LEFT JOIN record r ON r.account = ? AND r.seq = s.seq ORDER BY s.seq"
    )
    pointers: str = "SELECT key, seq FROM standing WHERE account = ? AND kind = ? ORDER BY key, seq"
    of_order: str = "SELECT seq, body, hash FROM record WHERE account = ? AND client_order_id = ? ORDER BY seq"
    of_request: str = f"SELECT seq, body, hash FROM record WHERE account = ? AND correlation_id = ? AND event {_RARE}"  # noqa: S608
    order_named: str = (
        "SELECT r.client_order_id FROM order_key k JOIN record r ON r.account = k.account AND r.seq = k.seq"
        " WHERE k.account = ? AND k.kind = ? AND k.key = ?"
    )
    page: str = f"SELECT {_COLUMNS} FROM record WHERE account = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608

    def marked(self, mark: str) -> "Statements":
        """Return the same statements with the parameter mark of another driver."""
        return Statements(**{field.name: getattr(self, field.name).replace("?", mark) for field in fields(self)})
