"""The lease in a real PostgreSQL: who holds the account, until when, and what the database refuses."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from tests.contract.test_journals import commit_of, place
from tests.support.jumpy_clock import JumpyClock
from tests.support.order_story import MONDAY
from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_proxy import AtCommit, proxy_to
from tests.support.postgres_server import PostgresServer
from trading_bot.account_in_use import AccountInUseError, HeldElsewhereError
from trading_bot.latch import SendLock
from trading_bot.lease import Lease, LeaseLostError, OwnersSendLock
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.postgres import FencedError
from trading_bot.order_management.journal.postgres_connection import DatabaseTimes
from trading_bot.order_management.ports import SendRefusedError
from trading_bot.shared_lease import LeaseHeartbeat, PostgresLease, SharedHolding

pytestmark = pytest.mark.subprocess

PATIENCE_S = 30.0
IMPATIENT = DatabaseTimes(connect_s=2.0, call_s=5.0, lock_s=0.2, idle_in_transaction_s=5.0)


@pytest.fixture
def bench(postgres: PostgresServer) -> Iterator[PostgresBench]:
    with proxy_to(postgres.socket) as proxy:
        made = PostgresBench(postgres, proxy=proxy, clock=JumpyClock(start=MONDAY))
        yield made
        made.close()


@pytest.fixture
def holder(bench: PostgresBench) -> PostgresLease:
    made = bench.lease("bot one (pid 1)", lease_s=15, horizon_s=90)
    made.acquire()
    return made


def other(bench: PostgresBench, **changes) -> PostgresLease:
    return bench.lease("bot two", lease_s=15, horizon_s=90, **changes)


def test_a_second_process_is_told_who_holds_the_account_and_for_how_long(bench, holder):
    with pytest.raises(HeldElsewhereError, match=r"bot one \(pid 1\), for 105 s more") as caught:
        other(bench).acquire()
    assert isinstance(caught.value, AccountInUseError)
    assert 104 < caught.value.free_in_s <= 105


def test_nobody_takes_over_before_the_last_bytes_of_the_holder_can_have_arrived(bench, holder):
    bench.let_time_pass(100)
    with pytest.raises(HeldElsewhereError):
        other(bench).acquire()
    bench.let_time_pass(6)
    late = other(bench)
    late.acquire()
    assert (holder.epoch, late.epoch) == (1, 2)


def test_the_send_horizon_is_the_holders_own(bench):
    slow = bench.lease("slow carrier", lease_s=15, horizon_s=900)
    slow.acquire()
    bench.let_time_pass(200)
    with pytest.raises(HeldElsewhereError) as caught:
        bench.lease("quick carrier", lease_s=15, horizon_s=0).acquire()
    assert caught.value.free_in_s > 700


def test_who_leaves_cleanly_lets_the_next_one_in_at_once(bench, holder):
    holder.release()
    follower = other(bench)
    follower.acquire()
    assert (holder.epoch, follower.epoch) == (None, 2)
    with pytest.raises(LeaseLostError, match="does not hold the account"):
        holder.ensure_owner()


def test_leaving_late_takes_nothing_from_the_next_holder(bench, holder):
    bench.let_time_pass(106)
    follower = other(bench)
    follower.acquire()
    holder.release()
    follower.renew()


def test_taking_it_twice_changes_nothing(bench, holder):
    holder.acquire()
    assert holder.epoch == 1


def test_the_database_refuses_what_a_former_holder_commits(bench, holder):
    journal = bench.journal_under(holder)
    journal.open()
    (first,) = place(journal, "first")
    bench.let_time_pass(106)
    other(bench).acquire()
    holder.ensure_owner()  # its own clocks know of nothing yet
    with pytest.raises(FencedError, match="taken this account over, so nothing was stored"):
        journal.commit(commit_of(journal.head, "second"))
    assert bench.reader().read_head().seq == first.seq
    with pytest.raises(FencedError):
        journal.commit(commit_of(journal.head, "third"))


def test_a_former_holder_cannot_open_the_journal(bench, holder):
    bench.let_time_pass(106)
    other(bench).acquire()
    with pytest.raises(FencedError):
        bench.journal_under(holder).open()


def test_a_former_holder_learns_of_it_at_its_next_renewal(bench, holder):
    bench.let_time_pass(106)
    other(bench).acquire()
    with pytest.raises(LeaseLostError, match="stop this one"):
        holder.renew()
    with pytest.raises(LeaseLostError, match="stop this one"):
        holder.ensure_owner()


def test_a_renewal_that_comes_late_counts_if_nobody_took_over(bench, holder):
    bench.clock.jump(60)
    bench.let_time_pass(60)
    with pytest.raises(LeaseLostError, match="last renewed 60 s ago"):
        holder.ensure_owner()
    holder.renew()
    holder.ensure_owner()
    with pytest.raises(HeldElsewhereError, match="for 105 s more"):
        other(bench).acquire()


@pytest.mark.parametrize("pass_time", [JumpyClock.jump, JumpyClock.sleep], ids=["wall", "monotonic"])
def test_nothing_is_sent_once_either_clock_says_that_the_lease_may_have_run_out(bench, holder, pass_time, tmp_path):
    lock = OwnersSendLock(SendLock(path=tmp_path / "send.lock", clock=bench.clock), check_owner=holder.ensure_owner)
    pass_time(bench.clock, 14.0)
    lock.acquire(1)
    lock.release()
    pass_time(bench.clock, 0.5)
    with pytest.raises(SendRefusedError, match="see that the database is reached"):
        lock.acquire(1)


def test_a_wall_clock_that_is_set_back_lengthens_no_lease(bench, holder):
    bench.clock.jump(-3600)
    bench.clock.sleep(14.5)
    with pytest.raises(LeaseLostError):
        holder.ensure_owner()


def test_a_take_over_waits_for_a_commit_and_a_renewal_does_not(bench, holder):
    journal = bench.journal_under(holder)
    journal.open()
    held = bench.proxy.at_next_commit(AtCommit.HOLD)
    committing = threading.Thread(target=place, args=(journal, "first"))
    committing.start()
    assert held.reached.wait(PATIENCE_S)
    holder.renew()
    bench.let_time_pass(106)
    follower = other(bench, database=bench.database(times=IMPATIENT))
    with pytest.raises(HeldElsewhereError):
        follower.acquire()
    held.release()
    committing.join(PATIENCE_S)
    follower.acquire()
    assert bench.reader().read_head().seq == 2


def test_of_many_that_ask_at_once_one_gets_it(bench, holder):
    bench.let_time_pass(106)
    askers = [other(bench) for _ in range(12)]

    def ask(lease: PostgresLease) -> None:
        with suppress(HeldElsewhereError):
            lease.acquire()

    _all_at_once([partial(ask, lease) for lease in askers])
    assert [lease.epoch for lease in askers if lease.epoch is not None] == [2]


def test_many_that_start_at_once_make_the_tables_once(bench):
    leases = [bench.lease(account=f"account-{number}") for number in range(8)]
    _all_at_once([lease.acquire for lease in leases])
    assert [lease.epoch for lease in leases] == [1] * 8
    assert bench.run("SELECT count(*) FROM schema_version") == [(1,)]


def test_a_connection_that_died_is_made_anew(bench, holder):
    bench.proxy.cut_all()
    holder.renew()


def test_a_forked_child_holds_nothing(bench):
    pids = [1]
    lease = bench.lease(process_id=lambda: pids[0])
    lease.acquire()
    pids[0] = 2
    assert lease.epoch is None
    for use in (lease.ensure_owner, lease.renew, lease.acquire):
        with pytest.raises(LeaseLostError, match="held by the parent process 1"):
            use()
    lease.release()
    pids[0] = 1
    lease.renew()


def test_a_heartbeat_that_never_began_ends_at_once(bench):
    LeaseHeartbeat(other(bench)).stop()


def test_what_was_never_held_is_not_renewed(bench):
    with pytest.raises(LeaseLostError, match="take the lease before renewing"):
        other(bench).renew()


class NotedLease(PostgresLease):
    """Tells when it was asked to renew itself."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.asked = threading.Semaphore(0)

    def renew(self) -> None:
        try:
            super().renew()
        finally:
            self.asked.release()


@pytest.fixture
def beating(bench: PostgresBench) -> Iterator[tuple[NotedLease, LeaseHeartbeat]]:
    lease = NotedLease(bench.database(), account_key="beating", holder="one", horizon_s=0, lease_s=0.3)
    lease.acquire()
    heartbeat = LeaseHeartbeat(lease)
    heartbeat.start()
    heartbeat.start()
    yield lease, heartbeat
    heartbeat.stop()
    lease.release()


def test_a_heartbeat_renews_also_after_the_database_was_away(bench, beating):
    lease, _ = beating
    assert lease.asked.acquire(timeout=PATIENCE_S)
    bench.run("ALTER TABLE lease RENAME TO gone")
    for _ in range(3):
        assert lease.asked.acquire(timeout=PATIENCE_S)
    bench.run("ALTER TABLE gone RENAME TO lease")
    before = bench.run("SELECT until FROM lease")
    for _ in range(3):
        assert lease.asked.acquire(timeout=PATIENCE_S)
    assert bench.run("SELECT until FROM lease") > before


def test_a_heartbeat_ends_when_the_lease_is_lost(bench, beating):
    lease, heartbeat = beating
    bench.run("UPDATE lease SET epoch = epoch + 1")
    heartbeat._thread.join(PATIENCE_S)
    with pytest.raises(LeaseLostError):
        lease.ensure_owner()


def test_a_shared_account_needs_both_leases(bench, holder, tmp_path):
    local = Lease(path=tmp_path / "lease.lock")
    second = SharedHolding(local, other(bench))
    with pytest.raises(HeldElsewhereError):
        second.acquire()
    assert not local.held
    holder.release()
    second.acquire()
    second.ensure_owner()
    (tmp_path / "lease.lock").unlink()
    with pytest.raises(LeaseLostError, match="deleted or replaced"):
        second.ensure_owner()
    second.release()
    other(bench).acquire()


def test_a_database_that_cannot_be_asked_gives_no_lease(bench):
    bench.run("CREATE TABLE record (foreign_column TEXT)")
    with pytest.raises(OrderLogError, match="tables of another program"):
        other(bench).acquire()


def _all_at_once(calls) -> None:
    start = threading.Barrier(len(calls))

    def run(call) -> None:
        start.wait(PATIENCE_S)
        call()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
