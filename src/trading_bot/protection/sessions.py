"""When the regular session began that is open now, as the exchange has it."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from trading_bot.market_hours import NYSE_CLOSE, NYSE_OPEN, NYSE_ZONE, Calendar, MarketHours


class Sessions:
    """The sessions in which watched prices count: ``hours`` may be narrower than the exchange's own."""

    def __init__(self, hours: MarketHours, calendar: Calendar) -> None:
        self._hours = hours
        self._zone = ZoneInfo(NYSE_ZONE)
        self._exchange = MarketHours(calendar=calendar, start_time=NYSE_OPEN, end_time=NYSE_CLOSE, timezone=self._zone)

    def opened_at(self, now: datetime) -> datetime | None:
        """Return when the exchange's session of today began, in UTC; None outside of ``hours``.

        A calendar that is always open begins its day at midnight in New York.
        """
        if not self._hours.is_open(now):
            return None
        midnight = datetime.combine(now.astimezone(self._zone).date(), time(), self._zone)
        return self._exchange.next_open(midnight)
