"""The armed latch and the send lock of an account.

Trading needs the account's armed file: no file, no orders. Killing is therefore a removal, which needs no free disk,
and every process of the account sees it at its next order, because the file is read again each time.
"""

import enum
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from filelock import FileLock
from pydantic import ValidationError

from trading_bot.armed_file import LONGEST_NAME, SCHEMA_VERSION, ArmedFile, Expiry, fault_of, read_armed_file
from trading_bot.clock import Clock, Seconds
from trading_bot.files import PRIVATE_FILE, FileSystem, LocalFiles
from trading_bot.order_management.ports import ArmingId, LatchLook, SendLockError

BootId: TypeAlias = Callable[[], str]
"""Names the machine's current boot; raises OSError where it cannot be told."""

LONGEST_ARMING_HOURS = 8760
_POLL_INTERVAL_S: Seconds = 0.005


_NOT_PINNED = (
    "the account was armed without asking the agent interface which account it may trade, so only held shares may be "
    "sold"
)
_EXITS_ONLY = "the account is armed for exits only: held shares may be sold"


class LatchError(Exception):
    """The armed file could not be written or removed; the message says what to do by hand."""


class LatchState(enum.StrEnum):
    """What the armed file allows."""

    ARMED = "armed"
    EXITS_ONLY = "exits_only"  # armed so by a person: held shares may be sold, and nothing else is taken
    EXPIRED = "expired"  # its time is over or the machine was restarted: held shares may still be sold
    DISARMED = "disarmed"  # killed, never armed, or unreadable: nothing but cancels


@cache
def linux_boot_id() -> str:
    """Read the kernel's name of this boot, which no process outlives; raises OSError on other systems."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class Latch:
    """The armed file of one account. Anything but a whole file of our schema, of our own user, is "not armed".

    `engage` may be called from any thread and from a signal handler: it takes no lock. ``new_id`` names armings; it
    never gives the same name twice, in any process. With ``agent_account``, the key of an account that is traded over
    the agent interface, it counts for more than exits only if it was armed for that very account.
    """

    def __init__(
        self,
        *,
        path: Path,
        clock: Clock,
        new_id: Callable[[], str],
        boot_id: BootId = linux_boot_id,
        files: FileSystem | None = None,
        agent_account: str | None = None,
    ) -> None:
        self._path = path
        self._agent_account = agent_account
        self._marker = path.with_name(f"{path.name}.initialised")
        self._clock = clock
        self._new_id = new_id
        self._boot_id = boot_id
        self._files = files or LocalFiles()
        self._kills = 0
        self._kills_released = 0

    def is_armed(self) -> bool:
        """Whether orders may be sent now."""
        return self.state() is LatchState.ARMED

    def look(self) -> LatchLook:
        """Read the armed file once and say what it allows, and under which arming.

        The same arming as before proves that nobody killed or armed the account in between.
        """
        state, reason, arming = self._classified()
        return LatchLook(arming=arming, not_armed=reason, not_reducing=reason if state is LatchState.DISARMED else None)

    def state(self) -> LatchState:
        """Read the armed file and say what it allows."""
        return self._classified()[0]

    def reason_not_armed(self) -> str | None:
        """Say in one sentence why orders may not be sent and what to do; None if they may."""
        return self.look().not_armed

    def armed_until(self) -> datetime | None:
        """Return when the arming in the file ends, unless the machine restarts before; None without a file or an end.

        What the file says does not make the account armed; ask `state`.
        """
        armed = self._read_if_valid()
        return None if armed is None or armed.expires is None else armed.expires.at

    def arm(self, *, by: str, hours: int | Decimal | None = None, exits_only: bool = False) -> None:
        """Allow trading, or ``exits_only``, for ``hours`` of this boot if given; also undoes this process's kills.

        Over the agent interface, the caller has asked the broker which account it may trade, unless for ``exits_only``.

        Raises:
            ValueError: the name is empty or too long, or ``hours`` is not between 0 and 8760.
            LatchError: the file could not be made durable, or a kill came in meanwhile; the account is not armed.
        """
        if not by.strip() or len(by) > LONGEST_NAME:
            raise ValueError(f"name who arms the account, in 1 to {LONGEST_NAME} characters")
        kills = self._kills
        try:
            self._files.make_folder(self._path.parent)
            self._files.replace(self._path, self._content(by=by, hours=hours, exits_only=exits_only))
        except OSError as error:
            self._remove_quietly()
            raise LatchError(f"the account is not armed: {error}; repair {self._path.parent} and arm again") from error
        # Checked after the file is in place: a kill before this line is seen here, one after it removes the file.
        if self._kills != kills:
            self._remove_quietly()
            raise LatchError("the account is not armed: it was killed meanwhile; arm again if that is what you want")
        self._kills_released = kills

    def engage(self) -> None:
        """Kill: once this returns, no new order passes the latch in any process. Repeating it is harmless.

        This process stays killed even when the file cannot be removed.

        Raises:
            LatchError: other processes of the account may still trade.
        """
        self._kills += 1
        try:
            self._files.remove(self._path)
            self._mark_quietly()
            self._sync_folder()
        except OSError as error:
            raise LatchError(
                f"this process is stopped but {self._path} could not be removed for good: {error}; "
                "delete it by hand and stop every other trading-bot of the account"
            ) from error

    def is_untouched(self) -> bool:
        """Whether the account was never armed and never killed: on paper the first start arms it."""
        try:
            return self._files.facts_at(self._marker) is None and self._files.facts_at(self._path) is None
        except OSError:
            return False

    def initialise_paper(self) -> bool:
        """Arm a paper account the first time it is ever used, and never again; say whether that was now.

        Raises:
            LatchError: this first time could not be recorded, so the account was not armed.
        """
        try:
            self._files.make_folder(self._marker.parent)
            # The marker comes first: a crash in between must not leave an account that re-arms itself after a kill.
            self._files.write_new(self._marker, b"")
        except FileExistsError:
            return False
        except OSError as error:
            raise LatchError(
                f"the account is not armed: {error}; repair {self._path.parent} and start again"
            ) from error
        self.arm(by="first paper start")
        return True

    def _is_killed_here(self) -> bool:
        return self._kills != self._kills_released

    def _classified(self) -> tuple[LatchState, str | None, ArmingId | None]:
        if self._is_killed_here():
            return LatchState.DISARMED, "killed in this process; arm the account once you know why", None
        try:
            armed = self._read()
        except (OSError, ValidationError) as error:
            return LatchState.DISARMED, _sentence(f"{self._path} does not count as armed: {fault_of(error)}"), None
        if armed is None:
            return LatchState.DISARMED, _sentence("the account is not armed"), None
        state, reason = self._expiry_state(armed.expires)
        if state is LatchState.ARMED and armed.exits_only:
            state, reason = LatchState.EXITS_ONLY, _sentence(_EXITS_ONLY)
        elif state is LatchState.ARMED and self._agent_account not in (None, armed.agent_account):
            state, reason = LatchState.EXITS_ONLY, _sentence(_NOT_PINNED)
        return state, reason, ArmingId(armed.id)

    def _expiry_state(self, expiry: Expiry | None) -> tuple[LatchState, str | None]:
        if expiry is None:
            return LatchState.ARMED, None
        try:
            boot_id = self._boot_id()
        except OSError as error:
            return LatchState.DISARMED, _sentence(f"it cannot be told whether the arming is still valid: {error}")
        if boot_id != expiry.boot_id:
            return LatchState.EXPIRED, _sentence("the arming ended when the machine was restarted")
        # The monotonic clock stands still while the machine sleeps and the wall clock can be set: either may end it.
        if self._clock.monotonic() >= expiry.monotonic or self._clock.now() >= expiry.at:
            return LatchState.EXPIRED, _sentence(f"the arming ended at {expiry.at.isoformat(timespec='seconds')}")
        return LatchState.ARMED, None

    def _read(self) -> ArmedFile | None:
        return read_armed_file(self._path, self._files)

    def _read_if_valid(self) -> ArmedFile | None:
        try:
            return self._read()
        except (OSError, ValidationError):
            return None

    def _content(self, *, by: str, hours: int | Decimal | None, exits_only: bool) -> bytes:
        armed = ArmedFile(
            v=SCHEMA_VERSION,
            id=self._new_id(),
            armed_at=self._clock.now(),
            by=by,
            expires=None if hours is None else self._expiry(hours),
            agent_account=None if exits_only else self._agent_account,
            exits_only=exits_only,
        )
        left_out = {name for name in ("agent_account", "exits_only") if not getattr(armed, name)}
        return armed.model_dump_json(exclude=left_out).encode() + b"\n"

    def _expiry(self, hours: int | Decimal) -> Expiry:
        if not (Decimal(hours).is_finite() and 0 < hours <= LONGEST_ARMING_HOURS):
            raise ValueError(f"hours is {hours}; arm for more than 0 and at most {LONGEST_ARMING_HOURS} hours")
        lasting = timedelta(seconds=int(hours * 3600))
        return Expiry(
            boot_id=self._boot_id(),
            monotonic=self._clock.monotonic() + lasting.total_seconds(),
            at=self._clock.now() + lasting,
        )

    def _remove_quietly(self) -> None:
        with suppress(OSError):
            self._files.remove(self._path)

    def _mark_quietly(self) -> None:
        # A kill before the first paper start must hold too, but a full disk may not stop the kill itself.
        with suppress(OSError):
            self._files.make_folder(self._marker.parent)
            self._files.write_new(self._marker, b"")

    def _sync_folder(self) -> None:
        with suppress(FileNotFoundError):
            self._files.sync_folder(self._path.parent)


class SendLock:
    """Serialise the sends of an account over all threads and processes.

    The lock file is its own and is never deleted. A process forked from the holder does not hold the lock and cannot
    take it. ``timeout_s`` is how long ``with`` waits.
    """

    def __init__(self, *, path: Path, clock: Clock, timeout_s: Seconds = 5.0) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._threads = threading.Lock()
        self._file = FileLock(
            path,
            mode=PRIVATE_FILE,
            thread_local=False,
            poll_interval=_POLL_INTERVAL_S,
            fallback_to_soft=False,
            preserve_lock_file=True,
        )

    def acquire(self, timeout_s: Seconds) -> None:
        """Take the lock, waiting at most ``timeout_s`` seconds.

        Raises:
            SendLockError: somebody else kept it that long, or the lock file cannot be used.
        """
        deadline = self._clock.monotonic() + timeout_s
        if not self._threads.acquire(timeout=max(timeout_s, 0.0)):
            raise SendLockError(f"another thread kept the send lock for {timeout_s} s; nothing was written, try again")
        with ExitStack() as undo:
            undo.callback(self._threads.release)
            self._acquire_file(max(deadline - self._clock.monotonic(), 0.0))
            undo.pop_all()

    def release(self) -> None:
        """Let the next one in."""
        try:
            self._file.release()
        finally:
            self._threads.release()

    def __enter__(self) -> None:
        self.acquire(self._timeout_s)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _acquire_file(self, timeout_s: Seconds) -> None:
        try:
            self._file.acquire(timeout=timeout_s)
        except TimeoutError as error:
            raise SendLockError("another process holds the send lock; nothing was written, try again") from error
        except (OSError, RuntimeError) as error:  # RuntimeError: this lock was inherited by a forked process
            raise SendLockError(f"the send lock cannot be used: {error}; check {self._file.lock_file}") from error


def _sentence(reason: str) -> str:
    return f"{reason}; arm it with `trading-bot arm`"
