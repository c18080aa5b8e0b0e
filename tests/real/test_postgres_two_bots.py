"""Two bots, one account, sixteen threads each, while the account changes hands: no id is ever ordered twice."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.contract.test_journals import commit_of
from tests.support.journal_engines import OURS
from tests.support.order_story import ref_of
from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_proxy import AtCommit, proxy_to
from tests.support.postgres_server import PostgresServer
from trading_bot.account_in_use import HeldElsewhereError
from trading_bot.lease import LeaseLostError
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.port import JournalReader, KeyTakenError, OrderKeyKind
from trading_bot.order_management.journal.postgres import PostgresReader
from trading_bot.order_management.models import RefId

pytestmark = pytest.mark.subprocess

THREADS = 16
SHARED_IDS = 20
OWN_IDS = 3
PATIENCE_S = 60.0


class Broker:
    """Counts what arrives, and looks in the journal whether an intent stands there when it does."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self.orders: Counter[str] = Counter()
        self.without_row: list[str] = []

    def submit(self, ref_id: RefId) -> None:
        is_on_record = self._reader.find_order(OrderKeyKind.REF_ID, ref_id) is not None
        with self._lock:
            self.orders[ref_id] += 1
            if not is_on_record:
                self.without_row.append(ref_id)


class Bot:
    """What a submit does to lease and journal; it takes the account whenever it can have it."""

    def __init__(self, bench: PostgresBench, broker: Broker, name: str) -> None:
        self._bench = bench
        self._broker = broker
        self._lock = threading.Lock()
        # Short: where the answer to taking it or giving it up is cut off, it has to run out.
        self._lease = bench.lease(name, lease_s=2)
        self._journal = bench.journal_under(self._lease)
        self.turns = 0
        self.refused: Counter[str] = Counter()

    def order(self, name: str) -> bool:
        """Whether the id is settled: ordered by us, or taken."""
        with self._lock:
            if not self._holds():
                return False
            try:
                self._journal.commit(commit_of(self._journal.head, name))
            except KeyTakenError:
                return True
            except OrderLogError as error:
                self.refused[type(error).__name__] += 1
                self._leave()
                return False
        try:
            self._lease.ensure_owner()
        except LeaseLostError:
            return True  # on record and not sent
        self._broker.submit(ref_of(name))
        return True

    def leave(self) -> None:
        with self._lock:
            self._leave()

    def _holds(self) -> bool:
        if self._journal.refusal is None:
            return True
        try:
            self._lease.acquire()
            self._journal.open()
        except HeldElsewhereError:
            return False
        except OrderLogError as error:
            self.refused[type(error).__name__] += 1
            self._leave()
            return False
        self.turns += 1
        return True

    def _leave(self) -> None:
        self._journal.close()
        self._lease.release()


@pytest.fixture
def bench(postgres: PostgresServer) -> Iterator[PostgresBench]:
    with proxy_to(postgres.socket) as proxy:
        made = PostgresBench(postgres, proxy=proxy)
        yield made
        made.close()


class Race:
    """Every thread of every bot wants the same ids, in another order, and a few of its own."""

    def __init__(self, bench: PostgresBench, bots: list[Bot]) -> None:
        self._clock = bench.clock
        self._start = threading.Barrier(len(bots) * THREADS)
        self._ends = {bot: threading.Barrier(THREADS) for bot in bots}
        self.unsettled: list[str] = []
        self.settled = threading.Semaphore(0)
        self._threads = [
            threading.Thread(target=self._run, args=(bot, number)) for bot in bots for number in range(THREADS)
        ]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _run(self, bot: Bot, number: int) -> None:
        names = [f"shared-{(number + step) % SHARED_IDS}" for step in range(SHARED_IDS)]
        names += [f"{id(bot)}-{number}-{step}" for step in range(OWN_IDS)]
        self._start.wait(PATIENCE_S)
        give_up_at = self._clock.monotonic() + PATIENCE_S
        for name in names:
            self._settle(bot, name, give_up_at)
        if self._ends[bot].wait(PATIENCE_S) == 0:
            bot.leave()  # so that the other one can end its own

    def _settle(self, bot: Bot, name: str, give_up_at: float) -> None:
        while not bot.order(name):
            if self._clock.monotonic() > give_up_at:
                self.unsettled.append(name)
                return
            self._clock.sleep(0.01)
        self.settled.release()


def test_no_id_is_ordered_twice_and_no_order_is_without_a_row(bench):
    direct = bench.database(url=bench.server.url_of(bench.name))
    broker = Broker(PostgresReader(direct, account_key=OURS.account_key))
    bots = [Bot(bench, broker, name) for name in ("one", "two")]
    race = Race(bench, bots)
    race.begin()
    # The account changes hands in every way there is, in the middle of it all.
    for disturb in 2 * (
        lambda: bench.let_time_pass(120),
        lambda: bench.proxy.at_next_commit(AtCommit.LOSE_ANSWER),
        bots[0].leave,
        bench.proxy.cut_all,
    ):
        for _ in range(60):
            assert race.settled.acquire(timeout=PATIENCE_S)
        disturb()
    race.end()
    assert race.unsettled == []
    assert set(broker.orders.values()) == {1}
    assert broker.without_row == []
    assert all(bot.turns > 0 for bot in bots)
    # Where the lost answer met the commit that opens a journal, it is no commit that is unknown.
    assert sum(bot.refused.total() for bot in bots) >= 1
    records = [one.record for one in bench.reader().page(after=0, limit=999)]
    assert [after.prev for after in records[1:]] == [before.hash for before in records[:-1]]
    assert len(records) == 1 + SHARED_IDS + 2 * THREADS * OWN_IDS
    assert set(broker.orders) <= {record.fact.ref_id for record in records}
