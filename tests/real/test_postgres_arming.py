"""The arming of a shared account: file and row must stand, and a kill on any machine ends it on all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.journal_engines import OURS
from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_proxy import proxy_to
from tests.support.postgres_server import PostgresServer
from trading_bot.clock import SystemClock
from trading_bot.latch import Latch, LatchError, LatchState
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.postgres_connection import DatabaseTimes
from trading_bot.shared_arming import MARKING_S, ArmingRow, ArmingRows, SharedLatch

pytestmark = pytest.mark.subprocess

TIMES = DatabaseTimes(connect_s=2.0, call_s=2.0, lock_s=1.0, idle_in_transaction_s=5.0)


class Machine:
    """One machine's latch, file and row."""

    def __init__(self, bench: PostgresBench, folder: Path) -> None:
        self._ids = iter(range(1000))
        self.folder = folder
        self.local = Latch(path=folder / "armed", clock=bench.clock, new_id=self._new_id, boot_id=lambda: "boot")
        self.rows = ArmingRows(bench.database(times=TIMES), account_key=OURS.account_key, by=folder.name)
        self.latch = SharedLatch(self.local, self.rows, new_id=self._new_id)

    def _new_id(self) -> str:
        return f"{self.folder.name}-{next(self._ids)}"


@pytest.fixture
def bench(postgres: PostgresServer) -> Iterator[PostgresBench]:
    with proxy_to(postgres.socket) as proxy:
        made = PostgresBench(postgres, proxy=proxy)
        yield made
        made.close()


@pytest.fixture
def machines(bench: PostgresBench, tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    made = Machine(bench, tmp_path / "one"), Machine(bench, tmp_path / "two")
    yield made
    for machine in made:
        machine.rows.close()


def test_an_account_that_nobody_armed_is_not_armed(machines):
    one, _ = machines
    one.local.arm(by="a person")
    assert one.latch.state() is LatchState.DISARMED
    assert "not armed in the shared journal; arm it" in str(one.latch.reason_not_armed())
    assert "not armed in the shared journal" in str(one.latch.look().not_reducing)
    assert one.latch.look().arming is None


def test_arming_needs_the_file_of_each_machine(machines):
    one, two = machines
    one.latch.arm(by="a person")
    assert (one.latch.is_armed(), one.latch.reason_not_armed()) == (True, None)
    assert not two.latch.is_armed()
    assert str(two.latch.look().not_reducing).startswith("the account is not armed;")
    two.local.arm(by="a person")
    assert two.latch.is_armed()


def test_a_kill_on_one_machine_ends_the_arming_on_all(machines):
    one, two = machines
    one.latch.arm(by="a person")
    two.latch.arm(by="a person")
    arming = two.latch.look().arming
    one.latch.engage()
    assert (one.latch.state(), two.latch.state()) == (LatchState.DISARMED, LatchState.DISARMED)
    assert two.latch.look().arming is None
    one.latch.arm(by="a person")
    assert two.latch.is_armed()
    assert two.latch.look().arming != arming


def test_an_arming_for_exits_only_holds_on_every_machine(machines):
    one, two = machines
    two.latch.arm(by="a person", hours=1)
    one.latch.arm(by="a person", exits_only=True)
    assert two.latch.state() is LatchState.EXITS_ONLY
    assert "for exits only in the shared journal" in str(two.latch.reason_not_armed())
    assert two.latch.look().not_reducing is None
    assert two.latch.armed_until() == two.local.armed_until() is not None


def test_an_arming_does_not_undo_a_kill_that_it_has_not_seen(machines):
    one, two = machines
    before = one.rows.read()
    two.latch.engage()
    assert not one.rows.arm("late", after=before, exits_only=False)
    assert one.rows.read() == ArmingRow(kills=1)


def test_a_kill_between_two_steps_of_an_arming_is_told(machines):
    one, two = machines
    one.latch._rows.read = lambda read=one.rows.read: (read(), two.rows.kill())[0]
    with pytest.raises(LatchError, match="killed meanwhile on another machine"):
        one.latch.arm(by="a person")


def test_a_first_paper_start_arms_an_account_without_a_row_and_no_killed_one(machines):
    one, two = machines
    assert one.latch.initialise_paper()
    assert one.latch.is_armed()
    one.latch.engage()
    assert two.latch.initialise_paper()
    assert not two.latch.is_armed()
    assert not one.latch.initialise_paper()


def test_a_kill_waits_two_seconds_for_the_row_and_says_what_that_leaves_open(bench, machines):
    one, two = machines
    one.latch.arm(by="a person")
    two.latch.arm(by="a person")
    bench.proxy.stop_forwarding()
    clock = SystemClock()
    began = clock.monotonic()
    with pytest.raises(LatchError, match="kill on every other machine of the account too"):
        one.latch.engage()
    assert clock.monotonic() - began < MARKING_S + 2
    assert not (one.folder / "armed").exists()
    assert one.latch.look().not_reducing is not None


def test_a_row_that_cannot_be_read_counts_as_killed(bench, machines):
    one, _ = machines
    one.latch.arm(by="a person")
    bench.proxy.close()
    assert one.latch.state() is LatchState.DISARMED
    assert "cannot be told whether the account is armed" in str(one.latch.reason_not_armed())
    assert one.latch.look().arming is None
    with pytest.raises(LatchError, match="could not be armed"):
        one.latch.arm(by="a person")
    with pytest.raises(LatchError, match="is not armed"):
        one.latch.initialise_paper()


class UnwritableRows(ArmingRows):
    def arm(self, arming: str, *, after: ArmingRow, exits_only: bool) -> bool:
        raise OrderLogError("no answer")


def test_an_arming_that_fails_does_not_say_that_an_earlier_one_is_gone(bench, machines):
    one, _ = machines
    one.latch.arm(by="a person")
    rows = UnwritableRows(bench.database(times=TIMES), account_key=OURS.account_key, by="one")
    with pytest.raises(LatchError, match="no answer; an earlier arming may still stand"):
        SharedLatch(one.local, rows, new_id=lambda: "again").arm(by="a person")
    assert one.latch.is_armed()
    rows.close()


def test_a_file_that_cannot_be_removed_keeps_no_kill_from_the_row(machines):
    one, two = machines
    two.latch.arm(by="a person")
    (one.folder / "armed").mkdir(parents=True)
    with pytest.raises(LatchError, match="delete it by hand"):
        one.latch.engage()
    assert not two.latch.is_armed()
