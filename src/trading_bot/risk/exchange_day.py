"""Which day it is at the exchange, for the limits that start afresh each day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from trading_bot.clock import Clock
from trading_bot.market_hours import NYSE_ZONE, exchange_midnight


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeDay:
    """A calendar day in New York, holidays included; it begins at midnight there."""

    date: date
    begins: datetime
    """That midnight, in UTC."""


def exchange_day(moment: datetime) -> ExchangeDay:
    """Return the day in which ``moment`` lies; it must be aware."""
    day = moment.astimezone(ZoneInfo(NYSE_ZONE)).date()
    return ExchangeDay(date=day, begins=exchange_midnight(day))


class ExchangeDays:
    """The exchange's current day, which no jump of the wall clock ends early.

    A day is over once the wall clock says so and as much time has passed on the monotonic clock. Where that one stands
    still while a machine sleeps, the old day and its limits last longer, until the bot is started again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = clock.now()
        self._started_mono = clock.monotonic()

    def now(self) -> datetime:
        """Return the time of the wall clock."""
        return self._clock.now()

    def current(self) -> ExchangeDay:
        """Return the day in force now."""
        elapsed = timedelta(seconds=self._clock.monotonic() - self._started_mono)
        return exchange_day(min(self._clock.now(), self._started_at + elapsed))
