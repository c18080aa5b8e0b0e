"""When orders can trade: sessions, holidays, half days.

Two windows meet in a regular session: the exchange's own, and the narrower one a configuration may ask for. Orders may
be sent inside both; an order that rests is done at the exchange's close, whatever the configuration says.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

NYSE_ZONE = "America/New_York"
NYSE_OPEN = time(9, 30)
NYSE_CLOSE = time(16, 0)

_FULL_DAY = (NYSE_OPEN, NYSE_CLOSE)
_HALF_DAY = (NYSE_OPEN, time(13, 0))
_EXTENDED_FULL_DAY = (time(7, 0), time(20, 0))
_EXTENDED_HALF_DAY = (time(7, 0), time(17, 0))
_SATURDAY = 5
_SEARCH_DAYS = 35
"""Longer than any closure since 1933, and than the weeks when two zones disagree about summer time."""
_ORDINARY_DAYS = (date(2026, 1, 5), date(2026, 7, 6))
"""One in winter time and one in summer time."""


class Calendar(enum.StrEnum):
    """Which days and hours count as a session."""

    NYSE = "NYSE"
    ALWAYS_OPEN = "always_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """From ``opens``, included, to ``closes``, excluded. Both in UTC: one zone compares wall clocks, not instants."""

    opens: datetime
    closes: datetime

    def holds(self, moment: datetime) -> bool:
        return self.opens <= moment < self.closes


class MarketHours:
    """Answers for one calendar. Moments are aware; answers are in UTC.

    ``start_time`` and ``end_time`` are wall-clock times of ``timezone`` and narrow the regular session; a `ValueError`
    says so when they leave nothing of it. Extended hours are 07:00 to 20:00 New York time on trading days, to 17:00 on
    half days, and are not narrowed.
    """

    def __init__(self, *, calendar: Calendar, start_time: time, end_time: time, timezone: ZoneInfo) -> None:
        self._calendar = Calendar(calendar)
        self._start_time = start_time
        self._end_time = end_time
        self._timezone = timezone
        self._exchange_zone = ZoneInfo(NYSE_ZONE)
        if self._calendar is Calendar.NYSE and not all(map(self._has_session, _ORDINARY_DAYS)):
            raise ValueError("must have hours that meet the exchange's 09:30 to 16:00 New York time, all year round")

    def is_open(self, moment: datetime, *, extended_hours: bool = False) -> bool:
        """Tell whether an order sent at ``moment`` could trade at once."""
        instant = _instant(moment)
        if self._calendar is Calendar.ALWAYS_OPEN:
            return True
        window = self._window(self._exchange_date(instant), extended_hours=extended_hours)
        return window is not None and window.holds(instant)

    def next_open(self, moment: datetime, *, extended_hours: bool = False) -> datetime:
        """Return ``moment`` itself when open, else the next opening."""
        instant = _instant(moment)
        if self.is_open(instant, extended_hours=extended_hours):
            return instant
        windows = (self._window(day, extended_hours=extended_hours) for day in self._days_from(instant))
        return next(window.opens for window in windows if window is not None and window.opens > instant)

    def close_after(self, moment: datetime, *, extended_hours: bool = False) -> datetime:
        """Return the first close after ``moment``, when orders good for the day are done.

        It is the exchange's close; on an always open calendar ``end_time``, every day.
        """
        instant = _instant(moment)
        if self._calendar is Calendar.ALWAYS_OPEN:
            return next(close for close in self._daily_closes(instant) if close > instant)
        sessions = (self._session(day, extended_hours=extended_hours) for day in self._days_from(instant))
        return next(session.closes for session in sessions if session is not None and session.closes > instant)

    def why_closed(self, moment: datetime, *, extended_hours: bool = False) -> str | None:
        """Return why no order can trade at ``moment`` and when one can, in New York time; None while open."""
        instant = _instant(moment)
        if self.is_open(instant, extended_hours=extended_hours):
            return None
        opens = self.next_open(instant, extended_hours=extended_hours).astimezone(self._exchange_zone)
        day = self._exchange_date(instant)
        session = self._session(day, extended_hours=extended_hours)
        has_hours = self._window(day, extended_hours=extended_hours) is not None
        if has_hours and session is not None and session.holds(instant):
            hours = f"{self._start_time:%H:%M}-{self._end_time:%H:%M} {self._timezone}"
            return f"outside your hours {hours} (the exchange is open); they begin on {opens:%A %Y-%m-%d at %H:%M %Z}"
        reason = self._reason(instant, extended_hours=extended_hours)
        return f"the market is closed: {reason}; it opens on {opens:%A %Y-%m-%d at %H:%M %Z}"

    def _reason(self, instant: datetime, *, extended_hours: bool) -> str:
        day = self._exchange_date(instant)
        if day.weekday() >= _SATURDAY:
            return "weekend"
        if day in _closed_days(day.year):
            return _closed_days(day.year)[day]
        window = self._window(day, extended_hours=extended_hours)
        if window is None:
            return "the configured hours leave no session on this day"
        if instant < window.opens:
            return "before the opening"
        return _half_days(day.year).get(day, "after the close")

    def _has_session(self, day: date) -> bool:
        return self._narrowed(day, self._between(day, _FULL_DAY)) is not None

    def _window(self, day: date, *, extended_hours: bool) -> _Session | None:
        session = self._session(day, extended_hours=extended_hours)
        return session if session is None or extended_hours else self._narrowed(day, session)

    def _narrowed(self, day: date, session: _Session) -> _Session | None:
        opens = max(session.opens, _at(day, self._start_time, self._timezone))
        closes = min(session.closes, _at(day, self._end_time, self._timezone))
        return _Session(opens=opens, closes=closes) if opens < closes else None

    def _session(self, day: date, *, extended_hours: bool) -> _Session | None:
        if day.weekday() >= _SATURDAY or day in _closed_days(day.year):
            return None
        if day in _half_days(day.year):
            return self._between(day, _EXTENDED_HALF_DAY if extended_hours else _HALF_DAY)
        return self._between(day, _EXTENDED_FULL_DAY if extended_hours else _FULL_DAY)

    def _between(self, day: date, times: tuple[time, time]) -> _Session:
        opens, closes = (_at(day, wall_time, self._exchange_zone) for wall_time in times)
        return _Session(opens=opens, closes=closes)

    def _daily_closes(self, instant: datetime) -> Iterator[datetime]:
        today = instant.astimezone(self._timezone).date()
        return (_at(today + timedelta(days=ahead), self._end_time, self._timezone) for ahead in range(3))

    def _days_from(self, instant: datetime) -> Iterator[date]:
        today = self._exchange_date(instant)
        return (today + timedelta(days=ahead) for ahead in range(_SEARCH_DAYS))

    def _exchange_date(self, instant: datetime) -> date:
        return instant.astimezone(self._exchange_zone).date()


def _instant(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("a moment without a zone is no instant; give an aware datetime such as the clock's")
    return moment.astimezone(UTC)


def _at(day: date, wall_time: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall_time, zone).astimezone(UTC)


def _closed_days(year: int) -> Mapping[date, str]:
    return _named_days(year, "public")


def _half_days(year: int) -> Mapping[date, str]:
    return _named_days(year, "half_day")


@lru_cache(maxsize=32)
def _named_days(year: int, category: str) -> Mapping[date, str]:
    import holidays  # costs a tenth of a second, which no command without a calendar should pay

    return dict(holidays.financial_holidays("NYSE", years=year, expand=False, categories=category))


def exchange_midnight(day: date) -> datetime:
    """Return the midnight in New York with which a day begins, in UTC."""
    return datetime.combine(day, time.min, ZoneInfo(NYSE_ZONE)).astimezone(UTC)
