"""The breaker of an account: what stops new positions, kept on disk so that a restart does not forget it.

The file only holds what the journal cannot tell: that a limit was reached, whatever the limit is now, and when a person
let trading go on. A file that is unreadable, torn, of another account or from the future counts as tripped.
"""

import threading
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from trading_bot.clock import Clock
from trading_bot.files import FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.risk.exchange_day import ExchangeDay, exchange_day

_SCHEMA_VERSION = 1
_LONGEST_NAME = 200
_LONGEST_REASON = 500
_LARGEST_FILE = 4096
_log = get_logger(__name__)


class RiskBreakerError(Exception):
    """The breaker could not be re-armed; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerTrips:
    """The latest trip on record of each kind, in force or not; None where none is."""

    daily_loss: tuple[date, str] | None = None
    """The day and the reason."""
    losing_streak: tuple[datetime, str] | None = None
    """The moment and the reason; re-arming takes it off the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStanding:
    """What the breaker's file says today."""

    halted_because: str | None
    """Why no position may be opened, if so."""
    rearmed_at: datetime | None
    """When a person last let trading go on."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class _DailyLoss(_Part):
    day: date
    reason: str = Field(min_length=1, max_length=_LONGEST_REASON)


class _LosingStreak(_Part):
    at: AwareDatetime
    reason: str = Field(min_length=1, max_length=_LONGEST_REASON)


class _Rearming(_Part):
    at: AwareDatetime
    by: str = Field(min_length=1, max_length=_LONGEST_NAME)


class _BreakerFile(_Part):
    v: int = Field(ge=_SCHEMA_VERSION, le=_SCHEMA_VERSION)  # a strict int, where Literal[1] would take true
    account: str
    daily_loss: _DailyLoss | None = None
    losing_streak: _LosingStreak | None = None
    rearmed: _Rearming | None = None

    def halted_because(self, today: date) -> str | None:
        if self.losing_streak is not None:
            return self.losing_streak.reason
        return self.daily_loss.reason if self.daily_loss is not None and self.daily_loss.day >= today else None


class _UntrustedError(Exception):
    pass


class RiskBreaker:
    """The breaker's file, read afresh at every question: another process may have re-armed the account."""

    def __init__(self, *, path: Path, account_key: str, clock: Clock, files: FileSystem) -> None:
        self._path = path
        self._account_key = account_key
        self._clock = clock
        self._files = files
        self._writing = threading.Lock()

    def standing(self, today: ExchangeDay) -> BreakerStanding:
        """Say where the account stands; no file means that nothing ever tripped."""
        try:
            found = self._read()
        except _UntrustedError as error:
            return BreakerStanding(halted_because=str(error), rearmed_at=None)
        return BreakerStanding(
            halted_because=found.halted_because(today.date),
            rearmed_at=found.rearmed.at if found.rearmed is not None else None,
        )

    def trips(self) -> BreakerTrips:
        """Return what the file has on record; nothing where it cannot be relied on."""
        found = self._trusted()
        if found is None:
            return BreakerTrips()
        loss, streak = found.daily_loss, found.losing_streak
        return BreakerTrips(
            daily_loss=None if loss is None else (loss.day, loss.reason),
            losing_streak=None if streak is None else (streak.at, streak.reason),
        )

    def trip_daily_loss(self, today: ExchangeDay, reason: str) -> None:
        """Stop new positions until the next exchange day; a second time changes nothing."""
        with self._writing:
            found = self._trusted()
            if found is not None and (found.daily_loss is None or found.daily_loss.day < today.date):
                self._save(found.model_copy(update={"daily_loss": _DailyLoss(day=today.date, reason=reason)}))

    def trip_losing_streak(self, reason: str) -> None:
        """Stop new positions until a person re-arms; a second time changes nothing."""
        with self._writing:
            found = self._trusted()
            if found is not None and found.losing_streak is None:
                trip = _LosingStreak(at=self._clock.now(), reason=reason)
                self._save(found.model_copy(update={"losing_streak": trip}))

    def rearm(self, *, by: str) -> None:
        """Let the losses so far make no streak any more, and replace a file that cannot be relied on.

        A daily loss on record stays in force until the next exchange day.

        Raises:
            ValueError: the name is empty or too long.
            RiskBreakerError: the file could not be written.
        """
        if not by.strip() or len(by) > _LONGEST_NAME:
            raise ValueError(f"name who re-arms the account, in 1 to {_LONGEST_NAME} characters")
        with self._writing:
            found = self._trusted()
            fresh = _BreakerFile(
                v=_SCHEMA_VERSION,
                account=self._account_key,
                # A file that is not trusted takes its daily loss along: the journal still knows today's.
                daily_loss=found.daily_loss if found is not None else None,
                rearmed=_Rearming(at=self._clock.now(), by=by),
            )
            try:
                self._write(fresh)
            except OSError as error:
                raise RiskBreakerError(
                    f"the risk limits are not re-armed: {error}; repair {self._path.parent} and arm again"
                ) from error

    def _trusted(self) -> _BreakerFile | None:
        try:
            return self._read()
        except _UntrustedError:
            return None

    def _read(self) -> _BreakerFile:
        try:
            facts = self._files.facts_at(self._path)
            if facts is None:
                return _BreakerFile(v=_SCHEMA_VERSION, account=self._account_key)
            if not facts.is_regular or facts.links != 1 or facts.size > _LARGEST_FILE:
                raise self._untrusted("it is a link, not a plain file, or too long")
            found = _BreakerFile.model_validate_json(self._files.read(self._path))
        except ValidationError as error:
            raise self._untrusted("it is damaged") from error
        except OSError as error:
            raise self._untrusted(f"it cannot be read: {error.strerror}") from error
        if (doubt := self._doubt(found)) is not None:
            raise self._untrusted(doubt)
        return found

    def _doubt(self, found: _BreakerFile) -> str | None:
        if found.account != self._account_key:
            return "it belongs to another account"
        now = self._clock.now()
        moments = [part.at for part in (found.losing_streak, found.rearmed) if part is not None]
        days = [found.daily_loss.day] if found.daily_loss is not None else []
        if any(moment > now for moment in moments) or any(day > exchange_day(now).date for day in days):
            return "it tells of the future, so a clock was wrong"
        return None

    def _untrusted(self, why: str) -> _UntrustedError:
        return _UntrustedError(
            f"{self._path} cannot be relied on ({why}); look into it, then re-arm with `trading-bot arm`"
        )

    def _save(self, content: _BreakerFile) -> None:
        try:
            self._write(content)
        except OSError as error:
            # The journal tells of the same losses: the trip holds all the same and is written at the next occasion.
            _log.error("risk_breaker_not_saved", problem=error.strerror)

    def _write(self, content: _BreakerFile) -> None:
        self._files.make_folder(self._path.parent)
        self._files.replace(self._path, content.model_dump_json().encode() + b"\n")
