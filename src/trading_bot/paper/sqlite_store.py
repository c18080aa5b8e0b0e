"""The paper exchange between processes: one SQLite file, one locked transaction a request.

What may still change is read whole and written back where it did change. Ended orders leave it for a table of their
own, which is read by index and only when somebody asks, so a request costs what is open, not what has been.

Each transaction has a connection of its own: nothing is left to close, to share between threads or to inherit by a
fork. The journal is SQLite's rollback journal, truncated at each commit: between requests the one file is the whole
account and may be copied or deleted by itself. A write-ahead log would be two more files, and folded back by each
closing connection it would be no faster.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from trading_bot.clock import Seconds
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.paper.order_range import OrderRange
from trading_bot.paper.state import ExchangeState, ExchangeStateError, PaperOrder, read_order
from trading_bot.paper.store import ExchangeStoreError

_APPLICATION_ID = 0x74627078
_SCHEMA_VERSION = 1
_SCHEMA = (
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_SCHEMA_VERSION}",
    "CREATE TABLE part (name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (name, key))",
    """CREATE TABLE closed_order (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        ref_id TEXT NOT NULL UNIQUE,
        updated_at TEXT NOT NULL,
        value TEXT NOT NULL
    )""",
    "CREATE INDEX closed_order_updated_at ON closed_order (updated_at)",
)
_ACCOUNT = "account"
_MAPPINGS = ("open_orders", "positions", "instruments", "references", "taken", "tokens")
_REMEDY = "stop every trading-bot of this account, then restore the file from a copy or delete it to open a new one"

# The plus signs keep SQLite from walking all orders by number when only the latest changes are wanted.
_BY_NUMBER = "SELECT value FROM closed_order WHERE number < ? ORDER BY number DESC"
_BY_TIME = "SELECT value FROM closed_order WHERE +number < ? AND updated_at >= ? ORDER BY +number DESC"
_LARGEST_NUMBER = 2**63 - 1

_UNREACHABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
    }
)


class SqliteStore:
    """The paper account in the file at ``path``, which any number of threads and processes may use at once.

    ``opening`` makes the state of a new account; among all processes it is called once, by the first to come.
    A request waits at most ``busy_timeout_s`` for those of others. Without ``is_durable`` nothing waits for the disk,
    and a loss of power may damage the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        account_number: str,
        opening: Callable[[], ExchangeState],
        files: FileSystem | None = None,
        busy_timeout_s: Seconds = 5.0,
        is_durable: bool = True,
    ) -> None:
        self._path = path
        self._account_number = account_number
        self._opening = opening
        self._files = files or LocalFiles()
        self._busy_timeout_s = busy_timeout_s
        self._synchronous = "FULL" if is_durable else "OFF"
        self._lock = threading.Lock()
        self._is_open = False

    def open(self) -> None:
        """Check the whole file, or open a new account. `transaction` does without, but then finds damage late.

        Raises:
            ExchangeStateError: the file is damaged, of another program, version or account, or not a plain file.
            OSError: the file cannot be reached, or (`ExchangeStoreError`) is in use by others for too long.
        """
        with self._lock, self._connected() as connection:
            self._read(connection)
            verdict = _value(connection, "PRAGMA quick_check(1)")
            if verdict != "ok":
                raise self._unusable(f"is damaged ({verdict})")
            # Written anew to the same value: a full disk is found here, and not as a login that fails.
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[ExchangeState]:
        """Lend the latest state while all others wait; durable when the block ends, unchanged when it raises.

        Raises:
            ExchangeStateError: the file is damaged, of another program, version or account, or gone.
            OSError: the file cannot be reached, or (`ExchangeStoreError`) is in use by others for too long.
        """
        with self._lock, self._connected() as connection:
            lent = self._read(connection)
            before = lent.copy()
            yield lent
            _write(connection, before=before, after=lent)

    def close(self) -> None:
        """Do nothing: no transaction leaves anything open."""

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        self._make_file()
        try:
            # Closing undoes what is not committed.
            with closing(self._connect()) as connection:
                connection.execute("PRAGMA journal_mode = TRUNCATE")
                connection.execute(f"PRAGMA synchronous = {self._synchronous}")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if _primary_code(error) in _UNREACHABLE:
                raise ExchangeStoreError(
                    f"the paper account {self._path} cannot be used now: {error}; stop what holds it, or repair the "
                    "disk or its permissions, then try again"
                ) from error
            raise self._unusable(f"does not read as a paper account ({error})") from error
        self._is_open = True

    def _connect(self) -> sqlite3.Connection:
        # SQLite does not get to create the file: it would be readable by others.
        address = f"{self._path.absolute().as_uri()}?mode=rw"
        # One thread at a time has it: the store's lock is held for as long as it is open.
        return sqlite3.connect(
            address, uri=True, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
        )

    def _make_file(self) -> None:
        facts = self._files.facts_at(self._path)
        if facts is None and self._is_open:
            raise self._unusable("was removed while in use")
        if facts is None:
            self._files.make_folder(self._path.parent)
            # Opening an existing file here and closing it again would drop the locks SQLite holds on it.
            with suppress(FileExistsError):
                self._files.write_new(self._path, b"")
        elif not facts.is_regular or facts.links != 1:
            raise self._unusable("is a link or not a plain file")

    def _read(self, connection: sqlite3.Connection) -> ExchangeState:
        if not self._is_open and not _value(connection, "SELECT count(*) FROM sqlite_master"):
            self._open_account(connection)
        if _value(connection, "PRAGMA application_id") != _APPLICATION_ID:
            raise self._unusable("is not a paper account")
        version = _value(connection, "PRAGMA user_version")
        if version != _SCHEMA_VERSION:
            raise self._unusable(f"was written by another version (schema {version}, this one reads {_SCHEMA_VERSION})")
        try:
            state = _stored_state(connection)
        except ExchangeStateError as error:
            raise self._unusable(f"is damaged: {error}") from error
        if state.account_number != self._account_number:
            raise self._unusable("belongs to another account number")
        return state

    def _open_account(self, connection: sqlite3.Connection) -> None:
        state = self._opening()
        for statement in _SCHEMA:
            connection.execute(statement)
        nothing = ExchangeState.opening(account_number="", cash=state.cash, now=state.opened_at)
        _write(connection, before=nothing, after=state)

    def _unusable(self, problem: str) -> ExchangeStateError:
        return ExchangeStateError(f"{self._path} {problem}; {_REMEDY}")


class _ClosedOrders:
    """The archive of the state that is lent; of no use once its transaction has ended."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def order(self, order_id: str) -> PaperOrder | None:
        value = _value(self._connection, "SELECT value FROM closed_order WHERE id = ?", order_id)
        return None if value is None else read_order(_decoded(value))

    def has_ref_id(self, ref_id: str) -> bool:
        return _value(self._connection, "SELECT 1 FROM closed_order WHERE ref_id = ?", ref_id.lower()) is not None

    def newest_first(self, within: OrderRange) -> Iterator[PaperOrder]:
        below = _LARGEST_NUMBER if within.below is None else within.below
        if within.updated_since is None:
            rows = self._connection.execute(_BY_NUMBER, (below,))
        else:
            rows = self._connection.execute(_BY_TIME, (below, _sortable(within.updated_since)))
        for (value,) in rows:
            yield read_order(_decoded(value))


def _stored_state(connection: sqlite3.Connection) -> ExchangeState:
    parts: dict[str, dict[str, object]] = {}
    # In the order of insertion, which is the time priority of open orders and the age of logins.
    for name, key, value in connection.execute("SELECT name, key, value FROM part ORDER BY rowid"):
        parts.setdefault(name, {})[key] = _decoded(value)
    state = ExchangeState.from_dict(parts.pop(_ACCOUNT, {}) | parts)
    state.archive = _ClosedOrders(connection)
    return state


def _write(connection: sqlite3.Connection, *, before: ExchangeState, after: ExchangeState) -> None:
    changes = after.changes_since(before).to_dict()
    closed = changes.pop("closed_orders")
    connection.executemany("DELETE FROM part WHERE name = ? AND key = ?", _gone(before, after))
    connection.executemany(
        "INSERT INTO part (name, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (name, key) DO UPDATE SET value = excluded.value",
        _rows(changes),
    )
    connection.executemany(
        "INSERT INTO closed_order (number, id, ref_id, updated_at, value) VALUES (?, ?, ?, ?, ?)",
        (
            (order.number, order.id, order.ref_id.lower(), _sortable(order.updated_at), value)
            for order, (_, _, value) in zip(after.closed_orders.values(), _rows({"closed": closed}), strict=True)
        ),
    )


def _gone(before: ExchangeState, after: ExchangeState) -> Iterator[tuple[str, str]]:
    for name in _MAPPINGS:
        kept = getattr(after, name)
        yield from ((name, key) for key in getattr(before, name) if key not in kept)


def _rows(changes: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    for name, value in changes.items():
        if isinstance(value, dict):
            yield from ((name, key, _encoded(entry)) for key, entry in value.items())
        else:
            yield _ACCOUNT, name, _encoded(value)


def _primary_code(error: sqlite3.DatabaseError) -> int:
    """Tell the kind of error; what Python's own module finds, such as text that does not decode, has no code."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF


def _encoded(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _decoded(text: object) -> object:
    try:
        return json.loads(str(text))
    except ValueError as error:
        raise ExchangeStateError("a stored value is no JSON; restore it or start a new paper account") from error


def _sortable(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _value(connection: sqlite3.Connection, statement: str, *parameters: str) -> object:
    row = connection.execute(statement, parameters).fetchone()
    return None if row is None else row[0]
