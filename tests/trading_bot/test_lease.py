import json
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.manager_bench import FakeSendLock
from tests.support.safety_fakes import FullDisk, Unseeing, start_python
from trading_bot.account_in_use import AccountInUseError
from trading_bot.lease import (
    LEASE,
    Lease,
    LeaseLostError,
    OwnersSendLock,
    ProcessInfo,
    this_process,
)
from trading_bot.order_management.ports import SendRefusedError

SINCE = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "account" / "lease.lock"


@pytest.fixture
def lease(path: Path) -> Iterator[Lease]:
    lease = Lease(path=path, process=lambda: ProcessInfo(pid=4711, since=SINCE))
    yield lease
    lease.release()


def test_a_lease_is_held_from_acquire_to_release(lease: Lease):
    held = [lease.held]
    lease.acquire()
    held.append(lease.held)
    lease.ensure_owner()
    lease.release()
    held.append(lease.held)
    assert held == [False, True, False]


def test_taking_and_releasing_it_twice_changes_nothing(lease: Lease, path: Path):
    lease.acquire()
    lease.acquire()
    lease.release()
    lease.release()
    assert not lease.held
    other = Lease(path=path)
    other.acquire()
    other.release()


def test_without_the_lease_nothing_may_be_written(lease: Lease):
    with pytest.raises(LeaseLostError, match="take the lease"):
        lease.ensure_owner()
    lease.acquire()
    lease.release()
    with pytest.raises(LeaseLostError, match="take the lease"):
        lease.ensure_owner()


def test_a_second_lease_is_refused_with_the_holders_pid(lease: Lease, path: Path):
    lease.acquire()
    with pytest.raises(AccountInUseError) as caught:
        Lease(path=path).acquire()
    assert caught.value.pid == 4711
    assert str(caught.value) == "another trading-bot (pid 4711) holds this account; stop it or use its commands"


def test_the_holder_is_written_beside_the_lock_for_people(lease: Lease, path: Path):
    lease.acquire()
    info = path.with_name("lease.lock.json")
    assert json.loads(info.read_bytes()) == {"pid": 4711, "since": "2026-11-23T15:00:00+00:00"}
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(info.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_release_takes_the_note_away_and_leaves_the_lock_file(lease: Lease, path: Path):
    lease.acquire()
    inode = path.stat().st_ino
    lease.release()
    assert [entry.name for entry in path.parent.iterdir()] == ["lease.lock"]
    assert path.stat().st_ino == inode


@pytest.mark.parametrize("note", [None, b"", b"{", b"\xff", b"[]", b"7", b'{"pid": "7"}', b"{}"])
def test_an_unreadable_note_leaves_the_holder_unnamed(lease: Lease, path: Path, note: bytes | None):
    lease.acquire()
    info = path.with_name("lease.lock.json")
    info.unlink()
    if note is not None:
        info.write_bytes(note)
    with pytest.raises(AccountInUseError, match=r"^another trading-bot holds this account; stop it") as caught:
        Lease(path=path).acquire()
    assert caught.value.pid is None


def test_a_full_disk_never_leaves_the_note_of_an_earlier_holder(path: Path):
    path.parent.mkdir()
    path.with_name("lease.lock.json").write_text('{"pid": 1}')
    lease = Lease(path=path, files=FullDisk())
    lease.acquire()
    assert lease.held
    with pytest.raises(AccountInUseError) as caught:
        Lease(path=path).acquire()
    assert caught.value.pid is None
    lease.release()


@pytest.mark.parametrize("and_remade", [False, True])
def test_a_deleted_lock_file_ends_the_right_to_write(lease: Lease, path: Path, *, and_remade: bool):
    lease.acquire()
    path.rename(path.with_name("moved"))  # keeps the inode in use, so that a new file gets another one
    if and_remade:
        path.touch()
    with pytest.raises(LeaseLostError, match="deleted or replaced"):
        lease.ensure_owner()


def test_a_lock_file_that_vanished_while_it_was_taken_gives_no_right_to_write(path: Path):
    lease = Lease(path=path, files=Unseeing())
    lease.acquire()
    with pytest.raises(LeaseLostError, match="deleted or replaced"):
        lease.ensure_owner()
    lease.release()


def test_another_process_id_ends_the_right_to_write(path: Path):
    pids = [1]
    lease = Lease(path=path, process=lambda: ProcessInfo(pid=pids[-1], since=SINCE))
    lease.acquire()
    pids.append(2)
    with pytest.raises(LeaseLostError, match="held by the parent process 1; do not fork"):
        lease.ensure_owner()
    assert not lease.held
    pids.pop()
    lease.release()


def test_a_process_is_described_by_its_own_pid_and_an_aware_time():
    info = this_process()
    assert info.pid == os.getpid()
    assert info.since.tzinfo is not None


HOLD_LEASE = """
import sys
from pathlib import Path
from trading_bot.lease import Lease
lease = Lease(path=Path(sys.argv[1]))
lease.acquire()
print("held", flush=True)
sys.stdin.readline()
"""

FORK_UNDER_LEASE = """
import os, sys
from pathlib import Path
from trading_bot.lease import Lease, LeaseLostError

def refused(action):
    try:
        action()
    except LeaseLostError as error:
        return str(os.getppid()) in str(error)
    return False

lease = Lease(path=Path(sys.argv[1]))
lease.acquire()
ready, done = os.pipe()
child = os.fork()
if child == 0:
    verdict = (not lease.held, refused(lease.ensure_owner), refused(lease.acquire))
    lease.release()
    os.write(done, repr(verdict).encode())
    sys.stdin.readline()
    os._exit(0)
print(os.read(ready, 100).decode(), child, flush=True)
sys.stdin.readline()
"""

FORK_BEFORE_LEASE = """
import os, sys
from pathlib import Path
from trading_bot.lease import Lease
lease = Lease(path=Path(sys.argv[1]))
child = os.fork()
if child == 0:
    lease.acquire()
    os._exit(7 if lease.held else 0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@contextmanager
def running(code: str, path: Path) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    path.parent.mkdir(exist_ok=True)
    with start_python(code, str(path)) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_second_process_is_refused_with_the_pid_of_the_first(path: Path):
    with running(HOLD_LEASE, path) as (holder, said):
        assert said == "held"
        with pytest.raises(AccountInUseError) as caught:
            Lease(path=path).acquire()
        assert caught.value.pid == holder.pid


def test_a_killed_holder_leaves_the_account_free(path: Path):
    with running(HOLD_LEASE, path) as (holder, said):
        assert said == "held"
        holder.kill()
        holder.wait()
        lease = Lease(path=path)
        lease.acquire()
        assert lease.held
        lease.release()


def test_a_forked_process_neither_holds_nor_frees_the_lease(path: Path):
    with running(FORK_UNDER_LEASE, path) as (_parent, said):
        assert said.startswith("(True, True, True) ")
        with pytest.raises(AccountInUseError):
            Lease(path=path).acquire()


def test_a_forked_process_does_not_keep_the_lease_of_a_dead_parent(path: Path):
    with running(FORK_UNDER_LEASE, path) as (parent, said):
        parent.kill()
        parent.wait()
        child = int(said.split()[-1])
        os.kill(child, 0)  # the child is still there
        lease = Lease(path=path)
        lease.acquire()
        assert lease.held
        lease.release()


def test_a_lease_not_yet_taken_can_be_taken_after_a_fork(path: Path):
    with running(FORK_BEFORE_LEASE, path) as (_parent, said):
        assert said == "7"


def test_the_holder_gets_the_send_lock(lease: Lease):
    lock = FakeSendLock()
    owners = OwnersSendLock(lock, check_owner=lease.ensure_owner)
    lease.acquire()
    owners.acquire(3)
    held = lock.is_held
    owners.release()
    assert (held, lock.is_held, lock.patience) == (True, False, [3])


@pytest.mark.parametrize("problem", [LeaseLostError("not the holder"), OSError("the disk is gone")])
def test_who_lost_the_lease_or_cannot_tell_is_refused_and_the_send_lock_is_free(problem: Exception):
    lock = FakeSendLock()

    def check() -> None:
        raise problem

    with pytest.raises(SendRefusedError) as caught:
        OwnersSendLock(lock, check_owner=check).acquire(3)
    assert (caught.value.gate, str(caught.value)) == (LEASE, str(problem))
    assert not lock.is_held
