"""The right to write for an account that several machines share: a row in the journal's database, with an epoch.

What it guarantees: two holders never both store a record, because every commit checks the epoch in its own transaction
(`journal.postgres`). What it adds for sending, which no database can check: a holder sends nothing once its lease may
have run out, by the larger of its monotonic and its wall clock, read under the send lock; and nobody takes the account
over before the lease has run out and the last bytes of the former holder have arrived or never will (its send horizon,
which it has left in the row).

Times are the database's (``clock_timestamp()``, read when the row is locked); a holder counts its own from before it
asked. A renewal that comes late is granted if nobody took over meanwhile: nothing was sent in between.

Not covered: a process that is stopped between that check and the write, and goes on later. Its order is on record
without an end of its attempt, and the next holder never takes such an order for absent.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg

from trading_bot.account_in_use import HeldElsewhereError
from trading_bot.clock import Moment, Seconds
from trading_bot.lease import Lease, LeaseLostError
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.postgres_connection import Database, DatabaseCursor
from trading_bot.order_management.journal.postgres_rows import DatabaseRows
from trading_bot.order_management.journal.postgres_tables import make_tables

LEASE_S: Seconds = 15.0
"""How long a holder that is not heard of keeps the account. Chosen."""
_RENEWALS_PER_LEASE = 3
_CLOCKS_TICK_ALIKE = 0.95
"""The share of a lease that its holder uses, because two clocks never run equally fast."""

_TIMES = "until = clock_timestamp() + %(lease)s::interval, free_from = clock_timestamp() + %(free)s::interval"
_TAKE = f"""INSERT INTO lease AS l (account, epoch, holder, until, free_from)
    VALUES (%(account)s, 1, %(holder)s, clock_timestamp() + %(lease)s::interval, clock_timestamp() + %(free)s::interval)
    ON CONFLICT (account) DO UPDATE SET epoch = l.epoch + 1, holder = EXCLUDED.holder, {_TIMES}
    WHERE l.free_from <= clock_timestamp() RETURNING epoch"""  # noqa: S608 (constants of ours)
_HOLDER = """SELECT holder, greatest(extract(epoch FROM free_from - clock_timestamp()), 0)::float8
    FROM lease WHERE account = %s"""
_RENEW = f"UPDATE lease SET {_TIMES} WHERE account = %(account)s AND epoch = %(epoch)s RETURNING epoch"  # noqa: S608
_FREE = "UPDATE lease SET until = clock_timestamp(), free_from = clock_timestamp() WHERE account = %s AND epoch = %s"
_log = get_logger(__name__)


class PostgresLease:
    """The row of one account. ``holder`` names this process to people; ``horizon_s`` is its own send horizon.

    ``lease_s`` is how long it stays the holder without a renewal; `LeaseHeartbeat` renews. A forked process does not
    hold it.
    """

    def __init__(
        self,
        database: Database,
        *,
        account_key: str,
        holder: str,
        horizon_s: Seconds,
        lease_s: Seconds = LEASE_S,
        process_id: Callable[[], int] = os.getpid,
    ) -> None:
        self._database = database
        self._clock = database.clock
        self._account = account_key
        self._holder = holder
        self._horizon_s = horizon_s
        self._lease_s = lease_s
        self._process_id = process_id
        self._owner: int | None = None
        self._epoch: int | None = None
        self._asked: Moment | None = None
        self._lost: str | None = None
        self._rows = DatabaseRows(database)

    @property
    def epoch(self) -> int | None:
        """The number of this holding, which the journal checks; None while this process does not hold the account."""
        return self._epoch if self._owner == self._process_id() else None

    @property
    def renew_every_s(self) -> Seconds:
        """How often `renew` should be called."""
        return self._lease_s / _RENEWALS_PER_LEASE

    def acquire(self) -> None:
        """Take the account without waiting for its holder; taking it twice changes nothing.

        Raises:
            HeldElsewhereError: somebody has it, or had it so lately that bytes of his may still arrive.
            LeaseLostError: this object was inherited from a parent process.
            OrderLogError: the database cannot be used.
        """
        self._refuse_inherited()
        if self._epoch is not None and self._lost is None:
            return
        asked = Moment.of(self._clock)
        row = self._rows.ask(self._taken, failed="asked for the lease")
        if isinstance(row, HeldElsewhereError):
            self._rows.close()
            raise row
        self._owner, self._epoch, self._asked, self._lost = self._process_id(), row, asked, None

    def renew(self) -> None:
        """Keep the account for another ``lease_s``.

        Raises:
            LeaseLostError: somebody has taken it over, or it was never held.
            OrderLogError: the database does not answer; until the lease runs out, it is held.
        """
        self._refuse_inherited()
        epoch = self._epoch
        if epoch is None:
            raise LeaseLostError("this process does not hold the account; take the lease before renewing it")
        asked = Moment.of(self._clock)
        is_ours = self._rows.ask(lambda cursor: self._renewed(cursor, epoch), failed="asked for the lease")
        if not is_ours:
            self._lost = "another process has taken this account over; stop this one"
            raise LeaseLostError(self._lost)
        self._asked = asked

    def release(self) -> None:
        """Give it up, so that another process need not wait; what the database does not take runs out by itself."""
        if self._owner != self._process_id():
            return
        epoch, self._epoch, self._owner = self._epoch, None, None
        with suppress(OrderLogError):
            self._rows.ask(lambda cursor: cursor.execute(_FREE, (self._account, epoch)), failed="released")
        self._rows.close()

    def ensure_owner(self) -> None:
        """Call under the send lock, right before the bytes: it asks the clocks, not the database.

        Raises:
            LeaseLostError: the lease may have run out, or is another's.
        """
        self._refuse_inherited()
        if self._epoch is None or self._asked is None:
            raise LeaseLostError("this process does not hold the account; take the lease before writing")
        if self._lost is not None:
            raise LeaseLostError(self._lost)
        age = self._asked.age_s(self._clock)
        if age >= self._lease_s * _CLOCKS_TICK_ALIKE:
            raise LeaseLostError(
                f"the lease of this account was last renewed {age:.0f} s ago and may be another's by now; see that the "
                "database is reached"
            )

    def _taken(self, cursor: DatabaseCursor) -> int | HeldElsewhereError:
        make_tables(cursor, journal=self._database)
        with suppress(psycopg.errors.LockNotAvailable):  # a commit of the holder lasts: he is not silent
            cursor.execute_named(_TAKE, self._values())
            row = cursor.fetchone()
            if row is not None:
                return int(row[0])
        cursor.execute(_HOLDER, (self._account,))
        holder, free_in_s = cursor.fetchone() or ("nobody", 0.0)
        return HeldElsewhereError(holder, free_in_s=free_in_s)

    def _renewed(self, cursor: DatabaseCursor, epoch: int) -> bool:
        cursor.execute_named(_RENEW, {**self._values(), "epoch": epoch})
        return cursor.fetchone() is not None

    def _values(self) -> dict[str, object]:
        return {
            "account": self._account,
            "holder": self._holder,
            "lease": f"{self._lease_s} seconds",
            "free": f"{self._lease_s + self._horizon_s} seconds",
        }

    def _refuse_inherited(self) -> None:
        if self._owner is not None and self._owner != self._process_id():
            raise LeaseLostError(f"the account is held by the parent process {self._owner}; do not fork a running bot")


class LeaseHeartbeat:
    """Renews a lease from a thread of its own, so that no order waits for it. It ends when the lease is lost."""

    def __init__(self, lease: PostgresLease) -> None:
        self._lease = lease
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; beginning twice changes nothing."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="lease heartbeat", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it; a renewal under way ends within the times of the database."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        is_answered = True
        while not self._stop.wait(self._lease.renew_every_s):
            try:
                self._lease.renew()
            except LeaseLostError as error:
                _log.error("lease_lost", reason=str(error))
                return
            except OrderLogError as error:
                if is_answered:
                    _log.warning("lease_not_renewed", reason=str(error))
                is_answered = False
            else:
                is_answered = True


class SharedHolding:
    """Both leases of an account in a shared journal: the one of this machine's state folder, and the row.

    It takes the place of `lease.Lease` where that is acquired, asked and released.
    """

    def __init__(self, local: Lease, shared: PostgresLease, heartbeat: LeaseHeartbeat | None = None) -> None:
        self._local = local
        self._shared = shared
        self._heartbeat = heartbeat or LeaseHeartbeat(shared)

    def acquire(self) -> None:
        """Take both, the machine's own first, and begin to renew the row.

        Raises:
            AccountInUseError, LeaseLostError, OSError: as `lease.Lease.acquire`.
            HeldElsewhereError, OrderLogError: as `PostgresLease.acquire`; then the machine's own is free again.
        """
        self._local.acquire()
        try:
            self._shared.acquire()
        except BaseException:
            self._local.release()
            raise
        self._heartbeat.start()

    def release(self) -> None:
        """Give both up."""
        self._heartbeat.stop()
        self._shared.release()
        self._local.release()

    def ensure_owner(self) -> None:
        """Call before every write for the account; raises as both leases do."""
        self._local.ensure_owner()
        self._shared.ensure_owner()
