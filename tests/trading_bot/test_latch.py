import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from tests.support.mortal import Disk, Life, MortalFiles
from tests.support.safety_fakes import FullDisk, Interrupted, LosesFolders, start_python
from trading_bot.clock import SystemClock, VirtualClock
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.latch import Latch, LatchError, LatchState, SendLock, linux_boot_id
from trading_bot.order_management.ports import SendLockError

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
VALID = {"v": 2, "id": "arming-1", "armed_at": "2026-11-23T15:00:00Z", "by": "ann", "expires": None}
EXPIRY = {"boot_id": "boot-1", "monotonic": 3600.0, "at": "2026-11-23T16:00:00Z"}
ARMINGS = count(1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "account" / "armed"


@pytest.fixture
def latch(path: Path, clock: VirtualClock) -> Latch:
    return latch_at(path, clock)


def latch_at(
    path: Path,
    clock: VirtualClock,
    boot: str = "boot-1",
    *,
    files: FileSystem | None = None,
    agent_account: str | None = None,
) -> Latch:
    return Latch(
        path=path,
        clock=clock,
        new_id=lambda: f"arming-{next(ARMINGS)}",
        boot_id=lambda: boot,
        files=files,
        agent_account=agent_account,
    )


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_an_account_starts_disarmed_and_says_how_to_arm_it(latch: Latch):
    assert not latch.is_armed()
    assert latch.state() is LatchState.DISARMED
    assert latch.reason_not_armed() == "the account is not armed; arm it with `trading-bot arm`"


def test_an_armed_account_is_seen_by_every_latch_of_it(latch: Latch, path: Path, clock: VirtualClock):
    other = latch_at(path, clock)
    latch.arm(by="ann")
    assert latch.is_armed()
    assert other.is_armed()
    assert other.reason_not_armed() is None


def test_the_armed_file_is_private_and_says_who_armed_it_when(path: Path, clock: VirtualClock):
    Latch(path=path, clock=clock, new_id=lambda: "arming-1").arm(by="ann")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_bytes()) == VALID
    assert [entry.name for entry in path.parent.iterdir()] == ["armed"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_arming_needs_a_name(latch: Latch, name: str):
    with pytest.raises(ValueError, match="name who arms"):
        latch.arm(by=name)
    assert not latch.is_armed()


def test_the_longest_name_still_arms(latch: Latch):
    latch.arm(by="é" * 200)
    assert latch.is_armed()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        json.dumps(VALID).encode()[:-1],
        json.dumps(VALID).encode() + b"x",
        b"\x00" * 64,
        b"[]",
        b"null",
        json.dumps(VALID | {"v": 1}).encode(),
        json.dumps(VALID | {"v": 3}).encode(),
        json.dumps(VALID | {"v": "2"}).encode(),
        json.dumps(VALID | {"v": True}).encode(),
        json.dumps(VALID | {"id": ""}).encode(),
        json.dumps(VALID | {"id": "x" * 65}).encode(),
        json.dumps(VALID | {"id": 1}).encode(),
        json.dumps(VALID | {"by": ""}).encode(),
        json.dumps(VALID | {"armed_at": "2026-11-23T15:00:00"}).encode(),
        json.dumps(VALID | {"armed_at": 0}).encode(),
        json.dumps(VALID | {"more": 1}).encode(),
        json.dumps({key: VALID[key] for key in ("v", "id", "armed_at", "by")}).encode(),
        json.dumps({key: VALID[key] for key in ("v", "armed_at", "by", "expires")}).encode(),
        json.dumps(VALID | {"expires": "never"}).encode(),
        json.dumps(VALID | {"expires": EXPIRY | {"monotonic": "3600"}}).encode(),
        json.dumps(VALID | {"expires": EXPIRY | {"monotonic": float("inf")}}).encode(),
        json.dumps(VALID).encode() + b" " * 4096,
    ],
)
def test_a_file_that_is_not_whole_and_of_our_schema_arms_nothing(latch: Latch, path: Path, content: bytes):
    write(path, json.dumps(VALID).encode())
    assert latch.is_armed()
    write(path, content)
    assert latch.state() is LatchState.DISARMED
    assert "does not count as armed" in (latch.reason_not_armed() or "")


def test_a_file_of_an_earlier_version_arms_nothing_and_says_what_to_do(latch: Latch, path: Path):
    """It names no arming, so no order could be bound to it."""
    write(path, json.dumps({"v": 1, "armed_at": VALID["armed_at"], "by": "ann", "expires": None}).encode())
    reason = f"{path} does not count as armed: it was written by another version of trading-bot"
    assert latch.reason_not_armed() == f"{reason}; arm it with `trading-bot arm`"


def test_a_symbolic_link_arms_nothing(latch: Latch, path: Path, tmp_path: Path):
    write(tmp_path / "elsewhere", json.dumps(VALID).encode())
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    assert latch.state() is LatchState.DISARMED


def test_a_file_with_a_second_name_arms_nothing(latch: Latch, path: Path, tmp_path: Path):
    latch.arm(by="ann")
    (tmp_path / "second").hardlink_to(path)
    assert latch.state() is LatchState.DISARMED


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_arms_nothing_and_blocks_nobody(latch: Latch, path: Path, make):
    path.parent.mkdir()
    make(path)
    assert latch.state() is LatchState.DISARMED


def test_arming_replaces_a_link_and_leaves_its_target_alone(latch: Latch, path: Path, tmp_path: Path):
    write(tmp_path / "elsewhere", b"precious")
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    latch.arm(by="ann")
    assert latch.is_armed()
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_a_full_disk_arms_nothing(path: Path, clock: VirtualClock):
    latch = latch_at(path, clock, files=FullDisk())
    with pytest.raises(LatchError, match=r"not armed: .*No space left.*arm again"):
        latch.arm(by="ann")
    assert not latch_at(path, clock).is_armed()


def test_an_arming_that_may_not_survive_a_power_loss_does_not_count(path: Path, clock: VirtualClock):
    with pytest.raises(LatchError, match="not armed"):
        latch_at(path, clock, files=LosesFolders()).arm(by="ann")
    assert not latch_at(path, clock).is_armed()


def test_an_expiring_arming_holds_until_its_time_is_over(latch: Latch, path: Path, clock: VirtualClock):
    latch.arm(by="ann", hours=1)
    assert json.loads(path.read_bytes())["expires"] == EXPIRY
    clock.sleep(3599)
    assert latch.is_armed()
    clock.sleep(1)
    assert latch.state() is LatchState.EXPIRED
    assert "ended at 2026-11-23T16:00:00+00:00; arm it" in (latch.reason_not_armed() or "")
    assert latch.look().not_reducing is None


def test_a_kill_leaves_not_even_exits(latch: Latch):
    latch.arm(by="ann", hours=1)
    assert latch.look().not_reducing is None
    latch.engage()
    assert "killed in this process" in (latch.look().not_reducing or "")


def test_an_arming_for_exits_only_lets_held_shares_be_sold_and_nothing_else(latch: Latch, path: Path):
    latch.engage()
    latch.arm(by="ann", exits_only=True)
    assert latch.state() is LatchState.EXITS_ONLY
    assert not latch.is_armed()
    assert "armed for exits only" in (latch.reason_not_armed() or "")
    assert latch.look().not_reducing is None
    assert latch.look().arming is not None
    assert json.loads(path.read_bytes())["exits_only"] is True


def test_an_arming_for_exits_only_ends_like_any_other(latch: Latch, clock: VirtualClock):
    latch.arm(by="ann", hours=1, exits_only=True)
    clock.sleep(3600)
    assert latch.state() is LatchState.EXPIRED
    latch.engage()
    assert latch.look().not_reducing is not None


@pytest.mark.parametrize("pinned", [None, "another-account"], ids=["private wire", "another account"])
def test_over_the_agent_interface_only_an_arming_for_that_account_allows_entries(path, clock, pinned):
    """Exits go on: the broker refuses what this account may not do, and a held share has to be sellable."""
    latch_at(path, clock, agent_account=pinned).arm(by="ann")
    latch = latch_at(path, clock, agent_account="this-account")
    assert latch.state() is LatchState.EXITS_ONLY
    assert "without asking the agent interface" in str(latch.reason_not_armed())
    latch.arm(by="ann")
    assert latch.state() is LatchState.ARMED


def test_an_arming_over_the_agent_interface_counts_on_the_private_wire_too(path, clock):
    latch_at(path, clock, agent_account="this-account").arm(by="ann")
    assert latch_at(path, clock).is_armed()


def test_an_arming_for_exits_only_pins_no_account(path, clock):
    latch_at(path, clock, agent_account="this-account").arm(by="ann", exits_only=True)
    assert "agent_account" not in json.loads(path.read_bytes())


def test_a_whole_arming_after_one_for_exits_only_allows_entries(latch: Latch):
    latch.arm(by="ann", exits_only=True)
    latch.arm(by="ann")
    assert latch.is_armed()


class OfAnotherUser(LocalFiles):
    """This process runs as a user who does not own the files."""

    def user(self) -> int:
        return super().user() + 1


def test_an_armed_file_of_another_user_arms_nothing(latch: Latch, path: Path, clock: VirtualClock):
    """Who may write into the state folder could otherwise undo a kill."""
    latch.arm(by="ann")
    foreign = latch_at(path, clock, files=OfAnotherUser())
    assert foreign.state() is LatchState.DISARMED
    assert "belongs to another user" in (foreign.reason_not_armed() or "")
    assert foreign.look().arming is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_an_armed_file_that_others_may_write_arms_nothing(latch: Latch, path: Path, mode: int):
    latch.arm(by="ann")
    path.chmod(mode)
    assert latch.state() is LatchState.DISARMED
    assert "others may write it" in (latch.look().not_reducing or "")


def test_a_key_that_no_armed_file_has_is_named_short_and_without_control_characters(latch: Latch, path: Path):
    latch.arm(by="ann")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"\u202e" + "x" * 3000: True}))
    reason = latch.reason_not_armed() or ""
    assert "\\u202exxx" in reason
    assert len(reason) < 400 + len(str(path))


def test_part_of_an_hour_can_be_given(latch: Latch, clock: VirtualClock):
    latch.arm(by="ann", hours=Decimal("0.5"))
    clock.sleep(1800)
    assert latch.state() is LatchState.EXPIRED


@pytest.mark.parametrize(
    "expiry",
    [EXPIRY | {"monotonic": 0.0}, EXPIRY | {"at": "2026-11-23T15:00:00Z"}],
    ids=["monotonic clock", "wall clock after a sleep of the machine"],
)
def test_either_clock_ends_an_arming(latch: Latch, path: Path, expiry: dict[str, object]):
    write(path, json.dumps(VALID | {"expires": expiry}).encode())
    assert latch.state() is LatchState.EXPIRED


def test_a_restart_of_the_machine_ends_an_expiring_arming(latch: Latch, path: Path, clock: VirtualClock):
    latch.arm(by="ann", hours=1)
    after = latch_at(path, clock, boot="boot-2")
    assert after.state() is LatchState.EXPIRED
    assert "restarted" in (after.reason_not_armed() or "")


def test_where_the_boot_has_no_name_an_expiring_arming_is_impossible_and_void(path: Path, clock: VirtualClock):
    def nameless() -> str:
        raise FileNotFoundError("no boot id here")

    latch = Latch(path=path, clock=clock, new_id=lambda: "arming-1", boot_id=nameless)
    with pytest.raises(LatchError, match="no boot id here"):
        latch.arm(by="ann", hours=1)
    write(path, json.dumps(VALID | {"expires": EXPIRY}).encode())
    assert latch.state() is LatchState.DISARMED
    assert "no boot id here" in (latch.reason_not_armed() or "")


@pytest.mark.parametrize("hours", [0, -1, Decimal("NaN"), Decimal("Infinity"), 8761])
def test_senseless_hours_are_refused_and_change_nothing(latch: Latch, hours: int | Decimal):
    latch.arm(by="ann")
    with pytest.raises(ValueError, match="more than 0 and at most 8760"):
        latch.arm(by="ann", hours=hours)
    assert latch.is_armed()


@pytest.mark.skipif(not Path("/proc/sys/kernel/random/boot_id").exists(), reason="only Linux names its boots here")
def test_the_kernel_names_a_boot_in_one_line():
    assert linux_boot_id() == linux_boot_id().strip() != ""


def test_a_kill_reaches_every_latch_of_the_account_and_may_be_repeated(latch: Latch, path: Path, clock: VirtualClock):
    other = latch_at(path, clock)
    latch.arm(by="ann")
    latch.engage()
    latch.engage()
    assert latch.state() is LatchState.DISARMED
    assert other.state() is LatchState.DISARMED


def test_a_kill_needs_no_free_disk(path: Path, clock: VirtualClock, latch: Latch):
    latch.arm(by="ann")
    latch_at(path, clock, files=FullDisk()).engage()
    assert not latch.is_armed()


def test_a_kill_lasts_through_a_power_loss_however_often_the_account_was_killed_before(path: Path, clock: VirtualClock):
    disk = Disk()
    latch = latch_at(path, clock, files=MortalFiles(Life(), disk))
    for _ in range(2):  # what marks a first kill flushes the folder too
        latch.arm(by="ann")
        latch.engage()
    disk.lose_power()
    assert not latch_at(path, clock).is_armed()


def test_a_kill_where_nothing_was_ever_armed_succeeds(tmp_path: Path, clock: VirtualClock):
    latch = latch_at(tmp_path / "missing" / "armed", clock, files=FullDisk())
    latch.engage()
    assert latch.state() is LatchState.DISARMED


def test_a_process_whose_kill_could_not_remove_the_file_stays_killed(latch: Latch, path: Path, clock: VirtualClock):
    path.mkdir(parents=True)  # a folder cannot be unlinked, whoever asks
    with pytest.raises(LatchError, match=r"this process is stopped.*delete it by hand"):
        latch.engage()
    path.rmdir()
    latch_at(path, clock).arm(by="ann")
    assert not latch.is_armed()
    assert latch.reason_not_armed() == "killed in this process; arm the account once you know why"


def test_a_removal_that_may_not_survive_a_power_loss_is_told(path: Path, clock: VirtualClock, latch: Latch):
    latch.arm(by="ann")
    with pytest.raises(LatchError, match="for good"):
        latch_at(path, clock, files=LosesFolders()).engage()
    assert not latch.is_armed()


def test_arming_in_the_killed_process_releases_it(latch: Latch):
    latch.engage()
    latch.arm(by="ann")
    assert latch.is_armed()


def test_a_failed_arming_releases_no_kill(path: Path, clock: VirtualClock, latch: Latch):
    disk = FullDisk()
    killed = latch_at(path, clock, files=disk)
    killed.engage()
    with pytest.raises(LatchError):
        killed.arm(by="ann")
    latch.arm(by="ann")
    assert not killed.is_armed()


def test_a_kill_in_the_middle_of_arming_wins(path: Path, clock: VirtualClock, latch: Latch):
    files = Interrupted()
    arming = latch_at(path, clock, files=files)
    files.during = arming.engage
    with pytest.raises(LatchError, match="killed meanwhile"):
        arming.arm(by="ann")
    assert not arming.is_armed()
    assert not latch.is_armed()


def test_a_paper_account_is_armed_at_its_first_start_only(latch: Latch, path: Path, clock: VirtualClock):
    assert latch.initialise_paper()
    assert latch.is_armed()
    assert not latch_at(path, clock).initialise_paper()
    assert latch.is_armed()


def test_a_restart_does_not_undo_a_kill(latch: Latch, path: Path, clock: VirtualClock):
    latch.initialise_paper()
    latch.engage()
    restarted = latch_at(path, clock)
    assert not restarted.initialise_paper()
    assert not restarted.is_armed()


def test_a_kill_before_the_first_start_holds(latch: Latch, path: Path, clock: VirtualClock):
    latch.engage()
    started = latch_at(path, clock)
    assert not started.initialise_paper()
    assert not started.is_armed()


def test_a_first_start_that_cannot_be_remembered_arms_nothing(path: Path, clock: VirtualClock):
    disk = FullDisk()
    latch = latch_at(path, clock, files=disk)
    with pytest.raises(LatchError, match="start again"):
        latch.initialise_paper()
    assert not latch.is_armed()
    disk.is_full = False
    assert latch.initialise_paper()


def test_a_crash_between_marking_and_arming_leaves_the_account_disarmed(path: Path, clock: VirtualClock):
    files = Interrupted()

    def crash() -> None:
        raise KeyboardInterrupt

    files.during = crash
    with pytest.raises(KeyboardInterrupt):
        latch_at(path, clock, files=files).initialise_paper()
    restarted = latch_at(path, clock)
    assert not restarted.initialise_paper()
    assert not restarted.is_armed()


@pytest.fixture
def lock_path(tmp_path: Path) -> Path:
    return tmp_path / "send.lock"


@pytest.fixture
def lock(lock_path: Path) -> SendLock:
    return SendLock(path=lock_path, clock=SystemClock(), timeout_s=0.0)


def test_the_send_lock_is_free_again_after_its_block_even_when_that_fails(lock: SendLock):
    with pytest.raises(KeyError), lock:
        raise KeyError
    with lock:
        pass
    lock.acquire(0.0)
    lock.release()


def test_another_thread_does_not_get_a_held_send_lock(lock: SendLock):
    problems: list[str] = []

    def try_it() -> None:
        try:
            lock.acquire(0.0)
        except SendLockError as error:
            problems.append(str(error))

    with lock:
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    assert problems == ["another thread kept the send lock for 0.0 s; nothing was written, try again"]


def test_a_negative_wait_is_no_wait(lock: SendLock):
    with lock, pytest.raises(SendLockError):
        lock.acquire(-1.0)


HOLD_SEND_LOCK = """
import sys
from pathlib import Path
from trading_bot.clock import SystemClock
from trading_bot.latch import SendLock
with SendLock(path=Path(sys.argv[1]), clock=SystemClock()):
    print("held", flush=True)
    sys.stdin.readline()
print("free", flush=True)
sys.stdin.readline()
"""


def test_another_process_excludes_this_one_until_it_is_done(lock: SendLock, lock_path: Path):
    with start_python(HOLD_SEND_LOCK, str(lock_path)) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SendLockError, match="another process"):
            lock.acquire(0.0)
        print(file=other.stdin, flush=True)
        assert other.stdout.readline() == "free\n"
        with lock:  # also shows that the failed attempt left the threads' part free
            assert stat.S_IMODE(lock_path.stat().st_mode) == 0o600
        print(file=other.stdin, flush=True)
    assert lock_path.exists()


def test_a_lock_file_that_cannot_be_used_is_an_error_and_leaves_no_thread_waiting(tmp_path: Path):
    (tmp_path / "target").touch()
    (tmp_path / "send.lock").symlink_to(tmp_path / "target")
    lock = SendLock(path=tmp_path / "send.lock", clock=SystemClock())
    for _ in range(2):
        with pytest.raises(SendLockError, match=r"cannot be used: .*check"):
            lock.acquire(0.0)


FORK_UNDER_SEND_LOCK = """
import os, sys
from pathlib import Path
from trading_bot.clock import SystemClock
from trading_bot.latch import SendLock
from trading_bot.order_management.ports import SendLockError
lock = SendLock(path=Path(sys.argv[1]), clock=SystemClock())
child = os.fork()
if child == 0:
    try:
        lock.acquire(0.0)
    except SendLockError:
        os._exit(7)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_forked_process_cannot_take_its_parents_send_lock(lock_path: Path):
    with start_python(FORK_UNDER_SEND_LOCK, str(lock_path)) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "7\n"


def test_the_end_of_an_arming_can_be_read_also_when_it_is_over(latch: Latch, clock: VirtualClock):
    assert latch.armed_until() is None
    latch.arm(by="ann", hours=2)
    end = clock.now() + timedelta(hours=2)
    assert latch.armed_until() == end
    clock.sleep(3 * 3600)
    assert (latch.is_armed(), latch.armed_until()) == (False, end)


def test_an_arming_without_an_end_and_a_file_that_is_none_have_no_end(latch: Latch, path: Path):
    latch.arm(by="ann")
    assert latch.armed_until() is None
    write(path, b"torn")
    assert latch.armed_until() is None


def test_every_latch_of_the_account_names_the_same_arming(latch: Latch, path: Path, clock: VirtualClock):
    latch.arm(by="ann")
    assert latch.look().arming == latch_at(path, clock).look().arming == json.loads(path.read_bytes())["id"]


@pytest.mark.parametrize("is_killed", [True, False])
@pytest.mark.parametrize("elsewhere", [True, False], ids=["in another process", "in this process"])
def test_each_arming_has_its_own_name(latch: Latch, path: Path, clock: VirtualClock, is_killed: bool, elsewhere: bool):
    latch.arm(by="ann")
    before = latch.look().arming
    other = latch_at(path, clock) if elsewhere else latch
    if is_killed:
        other.engage()
    other.arm(by="ann")
    assert latch.is_armed()
    assert latch.look().arming not in {before, None}


def test_an_arming_that_has_merely_expired_keeps_its_name(latch: Latch, clock: VirtualClock):
    latch.arm(by="ann", hours=1)
    before = latch.look().arming
    clock.sleep(3600)
    assert latch.state() is LatchState.EXPIRED
    assert latch.look().arming == before


def test_no_arming_is_in_force_before_one_after_a_kill_and_under_a_torn_file(latch: Latch, path: Path):
    assert latch.look().arming is None
    latch.arm(by="ann")
    latch.engage()
    assert latch.look().arming is None
    latch.arm(by="ann")
    write(path, b"torn")
    assert latch.look().arming is None


def test_in_a_killed_process_no_arming_is_in_force_whatever_the_file_says(
    latch: Latch, path: Path, clock: VirtualClock
):
    latch.engage()
    latch_at(path, clock).arm(by="ann")
    assert latch.look().arming is None
