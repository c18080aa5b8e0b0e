"""How long a login is good for, and what a person is told of that. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trading_bot.agent.login.saved_login import SavedLogin

WARN_AHEAD = timedelta(days=3)
"""So long before the end of a session that was not renewed somebody is told; of a shorter life, its last third."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStanding:
    """How long a login is good for."""

    expires_at: datetime | None
    """None where the server did not say."""
    renews_itself: bool
    is_near_its_end: bool

    @property
    def warning(self) -> str | None:
        """What a person should do before the session ends; None where nothing has to be done soon."""
        if not self.renews_itself:
            end = "at any time" if self.expires_at is None else f"at {_moment(self.expires_at)}"
            return (
                f"the login to the agent interface ends {end} and can no longer be renewed without you; run "
                "`trading-bot login` at a terminal before that: a bot that runs takes the new login up by itself"
            )
        if not self.is_near_its_end or self.expires_at is None:
            return None
        return (
            f"the login to the agent interface runs out at {_moment(self.expires_at)} and was not renewed yet; a bot "
            "that runs renews it, or run `trading-bot login` at a terminal before that"
        )

    @property
    def summary(self) -> str:
        """Say it in a few words."""
        if self.expires_at is None:
            return "a login is saved; the server did not say how long it is good for"
        how = "a running bot renews it by itself" if self.renews_itself else "it can no longer be renewed"
        return f"a login is saved, good until {_moment(self.expires_at)}; {how}"


def standing_of(login: SavedLogin, now: datetime) -> LoginStanding:
    """Say how long ``login`` is good for."""
    return LoginStanding(
        expires_at=login.expires_at, renews_itself=login.renews_itself, is_near_its_end=_is_near_its_end(login, now)
    )


def _is_near_its_end(login: SavedLogin, now: datetime) -> bool:
    if login.expires_at is None:
        return False
    return login.expires_at - now <= min(WARN_AHEAD, (login.expires_at - login.obtained_at) / 3)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
