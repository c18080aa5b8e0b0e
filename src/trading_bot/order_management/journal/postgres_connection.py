"""One connection to the PostgreSQL that holds a journal, on which nothing waits without end.

- The server bounds a lock, a statement and a silent transaction. A stalled server, or a link that swallows bytes, is
  not bounded by that: so every wait of this side ends at the moment that `Connection.limit` has set, whatever the
  driver waits for. The connection cannot be used after that.
- Connecting ends within ``connect_s`` for each address that the URL names (the driver counts 2 seconds at least). The
  look-up of a name is the resolver's; an address, or ``hostaddr``, leaves it out.
- Autocommit: a transaction begins and ends by statements that say so. The driver's own transaction objects report
  "committed" before they can know.
- Every error becomes one of ours by its type and SQLSTATE, never by its words.

What the user's URL says of TLS, service files and password files is libpq's and stays as it is. A password in the URL
is refused: a URL stands in a file, in the environment and in lists of processes.
"""

import selectors
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Self, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError

_T = TypeVar("_T")
_SECRETS = ("password", "sslpassword")
_LEAST_CONNECT_S = 2
_STATEMENT_SHARE = 0.75
_WEAK_COMMITS = frozenset({"off", "local", "remote_write"})
_SHOWN = "current_setting('server_encoding'), current_setting('fsync'), current_setting('synchronous_commit')"


class StalledError(psycopg.OperationalError):
    """The server did not answer in time; what it has done is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseTimes:
    """How long the database may keep a caller waiting, in seconds. Chosen, so that an order survives one slow commit.

    ``call_s`` bounds one commit or one read with all its tries; connecting anew may add ``connect_s`` once.
    """

    connect_s: Seconds = 2.0
    call_s: Seconds = 5.0
    lock_s: Seconds = 2.0
    idle_in_transaction_s: Seconds = 5.0

    @property
    def statement_s(self) -> Seconds:
        """What the server allows one statement: less than a call, so that its own word of it still arrives."""
        return self.call_s * _STATEMENT_SHARE

    def __post_init__(self) -> None:
        """Refuse times that bound nothing."""
        if min(self.connect_s, self.call_s, self.lock_s, self.idle_in_transaction_s) <= 0:
            raise ValueError("every time of the database must be above 0 seconds")

    @classmethod
    def within(cls, deadline_s: Seconds) -> Self:
        """Return times of which a commit that has to connect anew still leaves a third of ``deadline_s``."""
        call_s = max(deadline_s / 3, 0.5)
        return cls(
            connect_s=max(call_s, _LEAST_CONNECT_S), call_s=call_s, lock_s=call_s / 2, idle_in_transaction_s=call_s
        )


class BoundedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits end at `limit`."""

    clock: Clock
    until: Seconds = 0.0

    def limit(self, until: Seconds) -> None:
        """Let every later wait end at this moment of the monotonic clock."""
        self.until = until

    def wait(self, gen: Generator[Any, Any, _T], *_: object, **__: object) -> _T:
        """Drive one exchange with the server, as the driver's own method does, but not beyond `limit`.

        Raises:
            StalledError: that moment came first; the connection is closed.
        """
        try:
            with selectors.DefaultSelector() as selector:
                wanted = next(gen)
                selector.register(self.fileno(), wanted)
                while True:
                    again = gen.send(self._ready(selector))
                    if again != wanted:
                        wanted = again
                        selector.modify(self.fileno(), wanted)
        except StopIteration as stop:
            answer: _T = stop.value
            return answer
        except psycopg.Error as error:
            if isinstance(error, StalledError):
                self.pgconn.finish()
            raise
        except BaseException:
            # Nobody can tell any more which answer would belong to which question.
            self.pgconn.finish()
            raise

    def _ready(self, selector: selectors.BaseSelector) -> int:
        left = self.until - self.clock.monotonic()
        ready = selector.select(left) if left > 0 else []
        if not ready:
            raise StalledError("it did not answer in time")
        return ready[0][1]


class DatabaseCursor:
    """A driver's cursor as the shared statements want it."""

    def __init__(self, connection: BoundedConnection) -> None:
        self._cursor = connection.cursor()

    @property
    def rowcount(self) -> int:
        """How many rows the last call changed."""
        return self._cursor.rowcount

    def execute(self, statement: str, parameters: Sequence[object] = (), /) -> object:
        """Run one statement; one without parameters goes as plain text, never as a prepared statement."""
        if parameters:
            return self._cursor.execute(statement.encode(), parameters)
        return self._cursor.execute(statement.encode(), prepare=False)

    def execute_named(self, statement: str, parameters: Mapping[str, object]) -> None:
        """Run one statement whose parameters have names."""
        self._cursor.execute(statement.encode(), parameters)

    def executemany(self, statement: str, parameters: Iterable[Sequence[object]], /) -> None:
        """Run one statement for each set of parameters, without waiting for each answer."""
        self._cursor.executemany(statement.encode(), list(parameters))

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return self._cursor.fetchall()


class Database:
    """Where the journal is: makes connections that are set up, and errors that can be read.

    Raises:
        OrderLogError: ``url`` cannot be read, or holds a password.
    """

    def __init__(self, url: str, *, clock: Clock, times: DatabaseTimes | None = None, reads_only: bool = False) -> None:
        self.clock = clock
        self.times = times or DatabaseTimes()
        self._reads_only = reads_only
        self._parameters = _parameters(url)

    def __str__(self) -> str:
        """Name the database without the user."""
        told = self._parameters
        place = told.get("host") or told.get("hostaddr") or told.get("service") or "its default place"
        return f"database {told.get('dbname') or 'of the default name'} at {place}"

    def connect(self, until: Seconds | None = None) -> BoundedConnection:
        """Connect and set up; what follows has to end ``until`` then, by default ``call_s`` from now on.

        Raises:
            psycopg.Error: it cannot be reached.
            OrderLogError: it is no database that keeps what it has answered.
        """
        times = self.times
        connection = BoundedConnection.connect(make_conninfo("", **self._with_limits()), autocommit=True)
        connection.clock = self.clock
        connection.limit(self.clock.monotonic() + times.call_s if until is None else until)
        try:
            connection.execute(
                b"SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false),"
                b" set_config('idle_in_transaction_session_timeout', %s, false)",
                [_milliseconds(each) for each in (times.statement_s, times.lock_s, times.idle_in_transaction_s)],
            )
            self._refuse_forgetful(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def explained(self, error: psycopg.Error, *, failed: str) -> OrderLogError:
        """Return the typed error for what the driver says; ``failed`` is what could not be done."""
        if isinstance(error, _DAMAGED):
            return OrderLogDamagedError(
                f"the journal in the {self} is damaged ({first_line(error)}); restore it from a backup"
            )
        remedy = next((remedy for kinds, remedy in _REMEDIES if isinstance(error, kinds)), _REACH)
        return OrderLogError(f"the journal in the {self} cannot be {failed} ({first_line(error)}); {remedy}")

    def refuse(self, error: psycopg.Error, *, failed: str) -> NoReturn:
        """Raise `explained`."""
        raise self.explained(error, failed=failed) from error

    def _with_limits(self) -> dict[str, Any]:
        times = self.times
        ours: dict[str, Any] = {
            "application_name": "trading-bot",
            "tcp_user_timeout": _milliseconds(times.call_s),
            "keepalives_idle": max(round(times.call_s), 1),
            "keepalives_interval": 2,
            "keepalives_count": 3,
        }
        if not self._reads_only:
            ours["target_session_attrs"] = "read-write"
        fixed = {"client_encoding": "utf8", "connect_timeout": max(round(times.connect_s), _LEAST_CONNECT_S)}
        return {**ours, **self._parameters, **fixed}

    def _refuse_forgetful(self, connection: BoundedConnection) -> None:
        ((encoding, fsync, commits),) = connection.execute(f"SELECT {_SHOWN}".encode()).fetchall()
        if encoding != "UTF8":
            raise OrderLogError(f"the {self} has the encoding {encoding}; make one with ENCODING 'UTF8'")
        if fsync != "on":
            raise OrderLogError(f"the server of the {self} runs with fsync off and may forget orders; turn it on")
        if commits in _WEAK_COMMITS:
            connection.execute(b"SELECT set_config('synchronous_commit', 'on', false)")


def first_line(error: psycopg.Error) -> str:
    """Return what the server or driver says, on one line, with its SQLSTATE."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if error.sqlstate is None else f"{said}, SQLSTATE {error.sqlstate}"


def _parameters(url: str) -> dict[str, Any]:
    try:
        told = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise OrderLogError(
            f"journal_url cannot be read ({first_line(error)}); write postgresql://host/name"
        ) from error
    if any(told.get(name) for name in _SECRETS):
        raise OrderLogError(
            "journal_url holds a password; take it out and use a service file (service=...), a .pgpass file, a client "
            "certificate, or peer authentication"
        )
    return dict(told)


def _milliseconds(seconds: Seconds) -> str:
    return str(max(round(seconds * 1000), 1))


_REACH = "see that the server runs and that this machine reaches it, then start again"
_DAMAGED = (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted)
_REMEDIES: tuple[tuple[tuple[type[psycopg.Error], ...], str], ...] = (
    ((StalledError,), "see what keeps the server or the network, then start again"),
    ((psycopg.errors.DiskFull, psycopg.errors.OutOfMemory), "free some space on the server"),
    ((psycopg.errors.InsufficientPrivilege,), "grant the rights that docs/two-machines.md lists"),
    ((psycopg.errors.ReadOnlySqlTransaction,), "journal_url leads to a standby; name the primary"),
    (
        (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled),
        "see what else uses the tables, then try again",
    ),
)
