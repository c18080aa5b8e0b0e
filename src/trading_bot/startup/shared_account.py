"""The parts that an account has in a shared journal, if ``journal_url`` names one."""

import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config, ConfigError
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import SealedRecord
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import Journal
from trading_bot.order_management.journal.sql import RowReader

if TYPE_CHECKING:
    from trading_bot.latch import Latch
    from trading_bot.lease import Lease
    from trading_bot.shared_arming import SharedLatch
    from trading_bot.shared_lease import PostgresLease, SharedHolding


class Holder(Protocol):
    """Who asks for the account."""

    @property
    def clock(self) -> Clock:
        """The clock of this process."""
        ...

    @property
    def new_id(self) -> Callable[[], str]:
        """Makes names that nobody has."""
        ...

    @property
    def process_id(self) -> Callable[[], int]:
        """Tells this process from a forked one."""
        ...


class SharedAccount:
    """Journal, lease and arming of one account in one database; nothing is connected before one of them is used.

    ``machine`` names this machine to people. ``within_s`` is the deadline that a commit must leave time of: the
    settings' ``intent_ttl_s``.
    """

    def __init__(self, url: str, around: Holder, *, account_key: str, machine: str, within_s: Seconds) -> None:
        from trading_bot.order_management.journal.postgres_connection import Database, DatabaseTimes
        from trading_bot.shared_arming import MARKING_S, ArmingRows

        self._around = around
        self._account = account_key
        self._database = Database(url, clock=around.clock, times=DatabaseTimes.within(within_s))
        hasty = DatabaseTimes(call_s=MARKING_S, lock_s=MARKING_S / 2, idle_in_transaction_s=MARKING_S)
        self._rows = ArmingRows(Database(url, clock=around.clock, times=hasty), account_key=account_key, by=machine)
        self._holder = f"{machine} (pid {around.process_id()})"
        self._lease: PostgresLease | None = None

    @property
    def name(self) -> str:
        """What the database is called in messages; it names no user."""
        return str(self._database)

    @property
    def mark(self) -> str:
        """The driver's parameter mark."""
        from trading_bot.order_management.journal.postgres_reading import MARK

        return MARK

    def journal(self, identity: JournalIdentity, first_record: Callable[[], SealedRecord] | None) -> Journal:
        """Return the journal that this process writes while it holds the account, and only then."""
        from trading_bot.order_management.journal.postgres import PostgresJournal

        return PostgresJournal(
            self._database,
            identity=identity,
            epoch=lambda: None if self._lease is None else self._lease.epoch,
            first_record=first_record,
            process_id=self._around.process_id,
        )

    def reader(self) -> RowReader:
        """Return what reads the journal without holding the account."""
        from trading_bot.order_management.journal.postgres import PostgresReader

        return PostgresReader(self._database, account_key=self._account)

    def holding(self, local: "Lease", *, horizon_s: Seconds) -> "SharedHolding":
        """Return what takes the place of this machine's own lease; ``horizon_s`` is this machine's send horizon."""
        from trading_bot.shared_lease import PostgresLease, SharedHolding

        self._lease = PostgresLease(
            self._database,
            account_key=self._account,
            holder=self._holder,
            horizon_s=horizon_s,
            process_id=self._around.process_id,
        )
        return SharedHolding(local, self._lease)

    def latch(self, local: "Latch") -> "SharedLatch":
        """Return what takes the place of this machine's own latch, for trading, arming and killing."""
        from trading_bot.shared_arming import SharedLatch

        return SharedLatch(local, self._rows, new_id=self._around.new_id)


def url_of(config: Config) -> str | None:
    """Return where the shared journal is, if there is one."""
    return None if config.journal_url is None else config.journal_url.get_secret_value()


def shared_account(
    config: Config, around: Holder, *, account_key: str, machine: str | None = None
) -> SharedAccount | None:
    """Return the shared parts of the account; None where the journal is a file of this machine.

    Raises:
        ConfigError: ``journal_url`` is set and the driver is not installed.
        OrderLogError: the driver cannot read ``journal_url``.
    """
    url = url_of(config)
    if url is None:
        return None
    try:
        return SharedAccount(
            url,
            around,
            account_key=account_key,
            machine=machine or platform.node() or "a machine without a name",
            within_s=config.order_management.intent_ttl_s,
        )
    except ImportError as error:
        raise ConfigError(
            [f"journal_url needs the PostgreSQL driver ({error}); run: pip install 'trading-bot[postgres]'."]
        ) from error


def latch_to_kill(
    config: Config, around: Holder, *, account_key: str, local: "Latch"
) -> tuple["Latch | SharedLatch", tuple[str, ...]]:
    """Return what a kill engages, and what stands against its verdict: nothing keeps it from this machine's own."""
    try:
        shared = shared_account(config, around, account_key=account_key)
    except (ConfigError, OrderLogError) as error:
        return local, (f"the shared journal is not marked as killed ({error}); kill on every other machine too",)
    return (local if shared is None else shared.latch(local)), ()
