"""The right to write for an account: one process has it at a time, for as long as it lives."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from filelock import BaseFileLock, FileLock, Timeout

from trading_bot.account_in_use import AccountInUseError
from trading_bot.clock import Seconds, SystemClock
from trading_bot.files import PRIVATE_FILE, FileSystem, LocalFiles
from trading_bot.order_management.ports import SendLock, SendRefusedError

FileIdentity: TypeAlias = tuple[int, int]
LEASE = "lease"


class LeaseLostError(Exception):
    """This process does not hold the account: it never did, it was forked, or the lock file was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessInfo:
    """What a holder leaves behind for a person to read."""

    pid: int
    since: datetime


def this_process() -> ProcessInfo:
    """Describe the calling process now."""
    clock = SystemClock()
    return ProcessInfo(pid=os.getpid(), since=clock.now())


class Holding(Protocol):
    """The right to write for an account, to be taken, asked and given back: `Lease`, or one beside it in a database."""

    def acquire(self) -> None:
        """Take it without waiting for its holder; taking it twice changes nothing.

        Raises:
            AccountInUseError: another process has it.
            LeaseLostError: this object was inherited from a parent process.
            OSError, OrderLogError: it cannot be told who has it.
        """
        ...

    def release(self) -> None:
        """Give it up; in a process that does not hold it, do nothing."""
        ...

    def ensure_owner(self) -> None:
        """Call before every write; raises `LeaseLostError` if this process may not write."""
        ...


class Lease:
    """An operating-system lock on a file of its own, which is never deleted; a crash frees it.

    ``guards`` names in the refusal of a second holder what the first one has.

    Beside it lies ``<name>.json`` with the holder's pid and time, for people only. A process forked from the holder
    does not hold the lease and cannot release it.
    """

    def __init__(
        self,
        *,
        path: Path,
        process: Callable[[], ProcessInfo] = this_process,
        files: FileSystem | None = None,
        guards: str = "this account",
    ) -> None:
        self._path = path
        self._info_path = path.with_name(f"{path.name}.json")
        self._process = process
        self._files = files or LocalFiles()
        self._guards = guards
        self._lock: BaseFileLock | None = None
        self._owner: int | None = None
        self._identity: FileIdentity | None = None

    @property
    def held(self) -> bool:
        """Whether this very process holds the lease."""
        return self._lock is not None and self._lock.is_locked and self._owner == self._process().pid

    def is_taken(self) -> bool:
        """Whether some process has the lease at this moment; it is tried, and given back at once.

        Raises:
            OSError: the lock file cannot be made or locked.
        """
        lock = self._new_lock()
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return True
        lock.release()
        return False

    def acquire(self) -> None:
        """Take the lease without waiting; taking it twice changes nothing.

        Raises:
            AccountInUseError: another process has it.
            LeaseLostError: this object was inherited from a parent process.
            OSError: the lock file cannot be made or locked, for example on a network file system without locks.
        """
        process = self._process()
        self._refuse_inherited(process.pid)
        if self.held:
            return
        self._files.make_folder(self._path.parent)
        lock = self._new_lock()
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise AccountInUseError(self._holder_pid(), held=self._guards) from error
        self._lock = lock
        self._owner = process.pid
        self._identity = self._identity_on_disk()
        self._introduce(process)

    def release(self) -> None:
        """Give the lease up; in a process that does not hold it, do nothing."""
        if self._lock is None or not self.held:
            return
        with suppress(OSError):
            self._info_path.unlink(missing_ok=True)
        self._lock.release()
        self._lock = None
        self._owner = None

    def ensure_owner(self) -> None:
        """Call before every write for the account.

        Raises:
            LeaseLostError: this process may not write, and has to stop.
        """
        self._refuse_inherited(self._process().pid)
        if not self.held:
            raise LeaseLostError("this process does not hold the account; take the lease before writing")
        if self._identity is None or self._identity_on_disk() != self._identity:
            raise LeaseLostError(
                f"{self._path} was deleted or replaced, so another process may hold the account too; stop this one"
            )

    def _new_lock(self) -> BaseFileLock:
        # Made in the process that takes it: a lock object made before a fork is refused in the child.
        return FileLock(
            self._path, mode=PRIVATE_FILE, thread_local=False, fallback_to_soft=False, preserve_lock_file=True
        )

    def _refuse_inherited(self, pid: int) -> None:
        if self._owner is not None and self._owner != pid:
            raise LeaseLostError(f"the account is held by the parent process {self._owner}; do not fork a running bot")

    def _identity_on_disk(self) -> FileIdentity | None:
        facts = self._files.facts_at(self._path)
        return None if facts is None else (facts.device, facts.inode)

    def _introduce(self, process: ProcessInfo) -> None:
        text = json.dumps({"pid": process.pid, "since": process.since.isoformat()})
        # The lock is what counts: a disk that takes no note leaves the holder unnamed, never misnamed.
        with suppress(OSError):
            self._info_path.unlink(missing_ok=True)
            self._files.replace(self._info_path, text.encode())

    def _holder_pid(self) -> int | None:
        try:
            info: object = json.loads(self._files.read(self._info_path))
        except (OSError, ValueError):
            return None
        pid = info.get("pid") if isinstance(info, dict) else None
        return pid if isinstance(pid, int) else None


class OwnersSendLock:
    """The send lock for orders: only the account's holder gets it, asked anew each time it was had."""

    def __init__(self, lock: SendLock, *, check_owner: Callable[[], None]) -> None:
        self._lock = lock
        self._check_owner = check_owner

    def acquire(self, timeout_s: Seconds) -> None:
        """Take the lock and make sure of the lease.

        Raises:
            SendLockError: the lock could not be had.
            SendRefusedError: this process lost the account, or cannot tell; the lock is free again.
        """
        self._lock.acquire(timeout_s)
        try:
            self._check_owner()
        except (LeaseLostError, OSError) as error:
            self._lock.release()
            raise SendRefusedError(LEASE, str(error)) from error

    def release(self) -> None:
        """Give it back."""
        self._lock.release()
