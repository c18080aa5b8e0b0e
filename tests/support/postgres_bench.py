"""Journals and leases over a real PostgreSQL, each test in a schema of its own."""

from collections.abc import Callable

from tests.support.journal_engines import OURS, SESSION
from tests.support.memory_journal import HeldCommit
from tests.support.postgres_proxy import AtCommit, PostgresProxy
from tests.support.postgres_server import PostgresServer
from trading_bot.clock import Clock, Seconds, SystemClock
from trading_bot.order_management.journal.chain import SealedRecord
from trading_bot.order_management.journal.identity import JournalIdentity, first_record
from trading_bot.order_management.journal.port import Journal, JournalReader
from trading_bot.order_management.journal.postgres import PostgresJournal, PostgresReader
from trading_bot.order_management.journal.postgres_connection import Database, DatabaseTimes
from trading_bot.shared_lease import PostgresLease

QUICK = DatabaseTimes(connect_s=2.0, call_s=10.0, lock_s=2.0, idle_in_transaction_s=5.0)


class PostgresBench:
    """A place for journals, and what a bot makes of it. With a ``proxy``, everything but `run` goes through it."""

    holds_one_account = False

    def __init__(
        self, server: PostgresServer, *, proxy: PostgresProxy | None = None, clock: Clock | None = None
    ) -> None:
        self.server = server
        self.name = server.new_schema()
        self.proxy = proxy
        self.url = proxy.url_of(self.name) if proxy else server.url_of(self.name)
        self.clock = clock or SystemClock()
        self._pid = 1
        self._made: list[Journal] = []
        self._leases: list[PostgresLease] = []
        self._lease: PostgresLease | None = None

    def database(self, *, url: str | None = None, times: DatabaseTimes = QUICK) -> Database:
        return Database(url or self.url, clock=self.clock, times=times)

    def lease(
        self,
        holder: str = "one",
        *,
        lease_s: Seconds = 60.0,
        horizon_s: Seconds = 0.0,
        database: Database | None = None,
        account: str = OURS.account_key,
        process_id: Callable[[], int] = lambda: 1,
    ) -> PostgresLease:
        made = PostgresLease(
            database or self.database(),
            account_key=account,
            holder=holder,
            horizon_s=horizon_s,
            lease_s=lease_s,
            process_id=process_id,
        )
        self._leases.append(made)
        return made

    def journal_under(
        self,
        lease: PostgresLease,
        *,
        database: Database | None = None,
        identity: JournalIdentity = OURS,
        begins: bool = True,
    ) -> PostgresJournal:
        def first() -> SealedRecord:
            return first_record(identity, clock=self.clock, session_id=SESSION)

        journal = PostgresJournal(
            database or self.database(),
            identity=identity,
            epoch=lambda: lease.epoch,
            first_record=first if begins else None,
            process_id=lambda: self._pid,
        )
        self._made.append(journal)
        return journal

    def journal(self, identity: JournalIdentity = OURS, *, begins: bool = True) -> PostgresJournal:
        """The contract's journals follow each other under one lease."""
        if self._lease is None:
            self._lease = self.lease()
            self._lease.acquire()
        return self.journal_under(self._lease, identity=identity, begins=begins)

    def reader(self) -> JournalReader:
        return PostgresReader(self.database(), account_key=OURS.account_key)

    def fail_next_commit(self, *, stored: bool) -> None:
        self._through_proxy().at_next_commit(AtCommit.LOSE_ANSWER if stored else AtCommit.LOSE_COMMIT)

    def hold_next_commit(self) -> HeldCommit:
        return self._through_proxy().at_next_commit(AtCommit.HOLD)

    def unfork(self) -> None:
        self._pid = 1

    def fork(self) -> None:
        self._pid = 2

    def spoil(self, seq: int, *, body: str) -> None:
        self.run(f"UPDATE record SET body = '{body.replace(chr(39), chr(39) * 2)}' WHERE seq = {seq}")

    def lose(self, seq: int) -> None:
        self.run(f"DELETE FROM record WHERE seq = {seq}")

    def let_time_pass(self, seconds: Seconds) -> None:
        """Bring the end of every lease so much nearer."""
        earlier = f"{seconds} * interval '1 s'"
        self.run(f"UPDATE lease SET until = until - {earlier}, free_from = free_from - {earlier}")

    def run(self, statement: str) -> list[tuple[object, ...]]:
        return self.server.run(statement, schema=self.name)

    def _through_proxy(self) -> PostgresProxy:
        assert self.proxy is not None
        return self.proxy

    def close(self) -> None:
        self._pid = 1
        for journal in self._made:
            journal.close()
        for lease in self._leases:
            lease.release()
