"""What time it is at the broker, by the dates of its replies: evidence that does not rest on this machine's clock."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from trading_bot.clock import Clock, Moment
from trading_bot.robinhood.session import WireReply

_PLAUSIBLE_YEARS = range(2020, 2101)
_MOST_BEHIND = timedelta(hours=24)
"""How far behind ours a clock is taken to be of which nothing is known."""


class BrokerClock:
    """Goes on from the latest reply's ``Date`` header (RFC 9110, section 6.6.1), in whole seconds.

    It may lag behind the broker's own clock, over the way of a reply or a sleep of this machine, and never leads it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: Moment | None = None

    def hear(self, reply: WireReply) -> None:
        """Take the time from a reply; one without a readable date of the years 2020 to 2100 changes nothing."""
        at = http_date(reply.headers.get("date", ""))
        if at is not None and at.year in _PLAUSIBLE_YEARS:
            self._heard = Moment(at=at, mono=self._clock.monotonic())

    def now(self) -> datetime | None:
        """Return the broker's time at the earliest, or None before the first date."""
        heard = self._heard
        if heard is None:
            return None
        try:
            return heard.at + timedelta(seconds=self._clock.monotonic() - heard.mono)
        except OverflowError:
            return None  # no calendar goes that far

    def earliest(self, moment: datetime) -> datetime:
        """Return what the broker's clock showed at ``moment`` of ours, at the earliest."""
        theirs = self.now()
        behind = _MOST_BEHIND if theirs is None else self._clock.now() - theirs
        return moment - max(behind, timedelta())

    def latest(self, moment: datetime) -> datetime:
        """Return what it showed then at the latest, by the replies; ``moment`` itself before the first date."""
        theirs = self.now()
        ahead = timedelta() if theirs is None else theirs - self._clock.now()
        return moment + max(ahead, timedelta())


@lru_cache(maxsize=1)
def http_date(text: str) -> datetime | None:
    """Return the time in UTC that a header states, or None where it states none that a calendar holds."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
