"""How often a login may fail: after two or three failures the broker locks the account, and no cancel gets through."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from trading_bot.clock import Clock
from trading_bot.files import FileSystem
from trading_bot.order_management.exceptions import STORAGE_FAILED, AuthenticationError

PAUSE = timedelta(minutes=5)
DAY = timedelta(days=1)
FAILURES_A_DAY = 3

_VERSION = 1


class LoginBudgetError(AuthenticationError):
    """Another failed login could lock the account, so none is tried now."""

    code = "login_budget_spent"


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    v: Literal[1]
    failures: tuple[AwareDatetime, ...]


class LoginBudget:
    """At most one failed login in five minutes and three in a day, over all processes that share the file.

    An attempt counts as failed from its beginning, so that one cut short counts too. Callers hold the login lock.
    """

    def __init__(self, *, path: Path, clock: Clock, files: FileSystem) -> None:
        self._path = path
        self._clock = clock
        self._files = files

    def begin(self) -> None:
        """Count an attempt as failed until it proves otherwise.

        Raises:
            LoginBudgetError: it is too early for another; the message says when to try again.
        """
        now = self._clock.now()
        failures = self._recent(now)
        if failures and (until := _not_before(failures)) > now:
            logins = "login" if len(failures) == 1 else "logins"
            raise LoginBudgetError(
                f"{len(failures)} {logins} failed lately, and one more could lock the account; check the credentials "
                f"and log in after {until:%Y-%m-%d %H:%M:%S} UTC"
            )
        self._write((*failures, now))

    def succeeded(self) -> None:
        """Forget all failures, as the broker does."""
        self._write(())

    def take_back(self) -> None:
        """Count the last attempt no longer: the broker saw nothing of it, or no wrong password."""
        self._write(self._recent(self._clock.now())[:-1])

    def _recent(self, now: datetime) -> tuple[datetime, ...]:
        # A failure in the future, left by a clock that was wrong, counts as one of now.
        return tuple(sorted(min(failure, now) for failure in self._read() if now - failure < DAY))

    def _read(self) -> tuple[datetime, ...]:
        try:
            if self._files.facts_at(self._path) is None:
                return ()
            return _File.model_validate_json(self._files.read(self._path)).failures
        except (OSError, ValidationError) as error:
            raise LoginBudgetError(
                f"cannot read the record of failed logins {self._path}; delete it if no login failed within a day"
            ) from error

    def _write(self, failures: tuple[datetime, ...]) -> None:
        try:
            self._files.make_folder(self._path.parent)
            self._files.replace(self._path, _File(v=_VERSION, failures=failures).model_dump_json().encode())
        except OSError as error:
            raise LoginBudgetError(
                f"cannot write the record of failed logins {self._path}: {error.strerror}; repair its folder",
                code=STORAGE_FAILED,
            ) from error


def _not_before(failures: tuple[datetime, ...]) -> datetime:
    last_day = failures[-FAILURES_A_DAY:]
    return max(failures[-1] + PAUSE, last_day[0] + DAY if len(last_day) == FAILURES_A_DAY else failures[-1] + PAUSE)
