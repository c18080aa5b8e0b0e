"""The checks of the doctor: each one classifies facts that are handed in. Pure."""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading_bot.clock import CLOCKS_AGREE_WITHIN
from trading_bot.files import PRIVATE_FOLDER
from trading_bot.latch import LatchState
from trading_bot.market_hours import Calendar, MarketHours
from trading_bot.order_management.book.freezes import Freeze
from trading_bot.order_management.portfolio import AccountSnapshot

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 100 * 1024**2
"""Below this a journal can be full before anybody looks again."""

LOW_FREE_BYTES = 1024**3
SHORT_ARMING = timedelta(hours=1)
CLOCK_TOLERANCE = timedelta(seconds=5)
"""The way of a reply, its whole seconds, and an ordinary clock together stay below this. Chosen."""

_SET_THE_CLOCK = "set it, and turn time synchronisation on ('timedatectl set-ntp true' on most Linux machines)"
_CLOCK_SLACK = timedelta(seconds=2)
_OTHERS = 0o077


class CheckResult(enum.StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"  # works, and somebody should know
    FAILED = "failed"
    SKIPPED = "skipped"  # could not be made, because of an earlier failure


class Trouble(enum.StrEnum):
    """What a failure prevents."""

    MACHINE = "machine"
    CONFIGURATION = "configuration"
    LOGIN = "login"
    BROKER = "broker"
    HALT = "halt"
    HOLDER = "holder"
    STORAGE = "storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check and its result; ``detail`` of a failure ends with what to do."""

    name: str
    result: CheckResult
    detail: str
    trouble: Trouble = Trouble.MACHINE


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFacts:
    """A folder as the file system has it."""

    path: str
    exists: bool
    mode: int
    """Permission bits; 0 where it does not exist."""
    is_ours: bool
    problem: str | None
    """Why nothing can be written there, if so."""
    free_bytes: int | None


def first_failure(checks: Iterable[Check]) -> Check | None:
    """Return the failure that decides, if there is one."""
    return next((check for check in checks if check.result is CheckResult.FAILED), None)


def python_check(version: tuple[int, int, int]) -> Check:
    """Judge the interpreter."""
    shown = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        return _failed("python", f"{shown} is too old; use {'.'.join(map(str, OLDEST_PYTHON))} or newer")
    return _ok("python", shown)


def packages_check(versions: Mapping[str, str | None]) -> Check:
    """Judge the installed packages; None stands for a missing one."""
    if missing := [name for name, version in versions.items() if version is None]:
        return _failed("packages", f"{', '.join(missing)} cannot be found; install trading-bot again")
    return _ok("packages", ", ".join(f"{name} {version}" for name, version in versions.items()))


def time_zone_check(problem: str | None) -> Check:
    """Judge whether the exchange's time zone can be found; ``problem`` says why not, with its remedy."""
    if problem is not None:
        return _failed("time zones", problem.rstrip("."), Trouble.CONFIGURATION)
    return _ok("time zones", "the exchange's zone can be found")


def folder_check(name: str, facts: FolderFacts, *, private: bool) -> Check:
    """Judge whether a folder can be written, and whether it is this user's alone where it must be ``private``."""
    if facts.problem is not None:
        return _failed(name, f"{facts.path}: {facts.problem}; repair it or choose another folder", Trouble.STORAGE)
    if not facts.exists:
        return _ok(name, f"{facts.path} will be made at the first start")
    if private and not facts.is_ours:
        return _failed(name, f"{facts.path} belongs to another user; choose another folder", Trouble.STORAGE)
    if private and facts.mode & _OTHERS:
        return _warning(name, f"other users can look into {facts.path}; chmod {PRIVATE_FOLDER:o} it")
    return _ok(name, facts.path)


def disk_check(facts: FolderFacts) -> Check:
    """Judge the room that is left for the journal."""
    if facts.free_bytes is None:
        return _skipped("disk space", f"{facts.path} cannot be asked")
    shown = f"{facts.free_bytes // 1024**2} MiB free at {facts.path}"
    if facts.free_bytes < LEAST_FREE_BYTES:
        return _failed("disk space", f"{shown}: no order is sent without a journal; make room", Trouble.STORAGE)
    return (
        _warning("disk space", f"{shown}; make room") if facts.free_bytes < LOW_FREE_BYTES else _ok("disk space", shown)
    )


def clock_check(*, now: datetime, last_record: datetime | None) -> Check:
    """Judge the wall clock by the newest journal record."""
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if last_record is not None and now < last_record - _CLOCK_SLACK:
        return _failed(
            "clock", f"{shown} is before the journal's last record of {last_record:%Y-%m-%d %H:%M:%S}; set it"
        )
    return _ok("clock", shown)


def broker_clock_check(off_by: timedelta | None) -> Check:
    """Judge the wall clock by the broker's, which tells whole seconds; ``off_by`` None where no reply told the time."""
    name = "broker clock"
    if off_by is None:
        return _skipped(name, "no reply of the broker told its time")
    shown = f"this machine's clock is {off_by.total_seconds():+.0f} s off the broker's"
    if abs(off_by) > CLOCKS_AGREE_WITHIN:
        return _failed(name, f"{shown}, so no entry is sent and no missing order is given up; {_SET_THE_CLOCK}")
    return _warning(name, f"{shown}; {_SET_THE_CLOCK}") if abs(off_by) > CLOCK_TOLERANCE else _ok(name, shown)


def calendar_check(hours: MarketHours, *, calendar: Calendar, now: datetime) -> Check:
    """Say whether orders could trade now; a closed market is no failure."""
    if calendar is Calendar.ALWAYS_OPEN:
        return _ok("calendar", "always open")
    closed = hours.why_closed(now)
    return _ok("calendar", closed or f"the market is open until {hours.close_after(now):%Y-%m-%d %H:%M} UTC")


def journal_check(*, records: int, problem: str | None, path: str) -> Check:
    """Judge the chain, of which so many ``records`` verify; ``problem`` says what is wrong behind them, if anything."""
    if problem is None:
        return _ok("journal", f"{records} records verify: {path}")
    detail = f"{path} does not verify after record {records}: {problem}; run 'trading-bot audit verify'"
    return _failed("journal", detail, Trouble.STORAGE)


def log_check(notes: Sequence[str], *, path: str) -> Check:
    """Say what the audit log lacks. It stops no order, and a bot completes it."""
    return _warning("audit log", f"{path}: {'; '.join(notes)}") if notes else _ok("audit log", path)


def results_check(*, unknown_cost: Iterable[str], unlisted_orders: int) -> Check:
    """Say what the limits of a day do not count, and what they count by totals and averages."""
    said = []
    if names := ", ".join(sorted(unknown_cost)):
        said.append(f"the cost of {names} is unknown since a person accepted the position, and counts in no limit")
    if unlisted_orders:
        said.append(
            f"{unlisted_orders} orders have fills whose executions are not listed yet and count by total and average; "
            "run 'trading-bot sync'"
        )
    if said:
        return _warning("results", "; ".join(said))
    return _ok("results", "every fill is listed, and no accepted position has an unknown cost")


def failed(name: str, error: Exception, trouble: Trouble) -> Check:
    """Note a check that ended in an error."""
    return _failed(name, str(error), trouble)


def latch_check(state: LatchState, reason: str | None, *, first_start_arms: bool) -> Check:
    """Judge whether orders are allowed; ``first_start_arms`` for a paper account that was never used."""
    if state is LatchState.ARMED:
        return _ok("latch", "armed")
    if first_start_arms:
        return _ok("latch", "armed by the first start of this paper account")
    return _failed("latch", reason or "not armed; arm it with 'trading-bot arm'", Trouble.HALT)


def expiry_check(until: datetime | None, *, is_armed: bool, now: datetime) -> Check:
    """Say when the arming of a live account ends; ``until`` None means never."""
    if not is_armed:
        return _skipped("arming ends", "the account is not armed")
    if until is None:
        return _warning("arming ends", "never; arm it again with 'trading-bot arm --hours N'")
    shown = f"{until:%Y-%m-%d %H:%M} UTC, or at a restart of the machine"
    if until - now < SHORT_ARMING:
        return _warning("arming ends", f"{shown}; arm it again with 'trading-bot arm' to go on")
    return _ok("arming ends", shown)


def account_check(account: AccountSnapshot) -> Check:
    """Judge what the broker lets the account do."""
    said = f"account ...{account.account_suffix} can be read"
    if account.restriction is not None:
        return _warning("account", f"{said}, and may not open positions: {account.restriction}; ask the broker")
    return _ok("account", said)


def understood_check(remarks: Sequence[str]) -> Check:
    """Show what the broker said that nobody here understands; it concerns the named thing alone and stops no other."""
    if not remarks:
        return _ok("broker's data", "account, positions and open orders were understood")
    return _warning("broker's data", f"not understood, and no reason to stop anything else: {'; '.join(remarks)}")


def freeze_checks(freezes: Iterable[Freeze]) -> Iterator[Check]:
    """Name every freeze and halt, and what ends it. None of them stops an exit."""
    found = tuple(freezes)
    if not found:
        yield _ok("entries", "nothing is frozen")
    for freeze in found:
        yield _warning("entries", f"{freeze.symbol or 'the account'}: {freeze.reason}; {freeze.remedy}")


def breaker_check(halted_because: str | None) -> Check:
    """Judge whether a risk limit stops buying."""
    if halted_because is None:
        return _ok("risk limits", "none was reached")
    return _failed("risk limits", halted_because, Trouble.HALT)


def holder_check(pid: int | None, *, silent_because: str | None) -> Check:
    """Judge the process that holds the account, if one does."""
    if silent_because is not None:
        return _failed("holder", silent_because, Trouble.HOLDER)
    return _ok("holder", "no bot is running" if pid is None else f"a bot is running and answers (pid {pid})")


def passed(name: str, detail: str) -> Check:
    """Note a check that passed."""
    return _ok(name, detail)


def warned(name: str, detail: str) -> Check:
    """Note what somebody should know, and trading does not need."""
    return _warning(name, detail)


def skipped(name: str, *, because: str) -> Check:
    """Note a check that could not be made."""
    return _skipped(name, because)


def _ok(name: str, detail: str) -> Check:
    return Check(name=name, result=CheckResult.OK, detail=detail)


def _warning(name: str, detail: str) -> Check:
    return Check(name=name, result=CheckResult.WARNING, detail=detail)


def _skipped(name: str, detail: str) -> Check:
    return Check(name=name, result=CheckResult.SKIPPED, detail=detail)


def _failed(name: str, detail: str, trouble: Trouble = Trouble.MACHINE) -> Check:
    return Check(name=name, result=CheckResult.FAILED, detail=detail, trouble=trouble)
