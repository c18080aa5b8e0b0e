"""Bars of the paper market: made from the quotes of each session up to now, never from a later one. Pure.

A price is the middle between bid and ask: the paper market shows no trades. A bar has the quotes that came in its
interval. One in which none came, after the first of its session, carries on the close before it and is marked as
interpolated. Bars of minutes and hours count from the opening of the session; a bar of a day or a week begins at
midnight UTC of its first date, and the day that still runs has none.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading_bot.market_hours import NYSE_ZONE, exchange_midnight
from trading_bot.order_management.portfolio import BAR_LENGTHS
from trading_bot.paper.quotes import MarketQuote, QuoteSource
from trading_bot.paper.sessions import SessionCalendar, open_stretches

SPAN_DAYS = {"day": 10, "week": 7, "month": 31, "3month": 92, "year": 366, "5year": 1827}
"""How far back each span reaches; of ``day`` only the latest day with a quote is taken."""

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperBar:
    """The middle of the market in one interval."""

    begins_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    interpolated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """One open stretch and the quotes that came in it."""

    begins: datetime
    ends: datetime
    quotes: Sequence[MarketQuote]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperBars:
    """Makes bars. Days before ``most_quotes`` quotes of a symbol are left out, so that no answer takes long."""

    quotes: QuoteSource
    calendar: SessionCalendar
    most_quotes: int

    def of(self, symbol: str, *, interval: str, span: str, now: datetime) -> tuple[PaperBar, ...]:
        """Return the bars of a symbol, oldest first; empty where none of its quotes came in a session."""
        days = list(self._days(symbol, span=span, now=now))[::-1]
        if interval == "day":
            today = _exchange_date(now)
            return tuple(_bar(_dawn(day), _middles(sessions)) for day, sessions in days if day < today)
        if interval == "week":
            weeks: dict[date, list[Decimal]] = {}
            for day, sessions in days:
                weeks.setdefault(day - timedelta(days=day.weekday()), []).extend(_middles(sessions))
            return tuple(_bar(_dawn(monday), middles) for monday, middles in weeks.items())
        length = BAR_LENGTHS[interval]
        return tuple(bar for _, sessions in days for session in sessions for bar in _split(session, length))

    def _days(self, symbol: str, *, span: str, now: datetime) -> Iterator[tuple[date, list[_Session]]]:
        """Yield the days with quotes in a session, latest first, each with all of its sessions."""
        today, seen = _exchange_date(now), 0
        for back in range(SPAN_DAYS[span]):
            day = today - timedelta(days=back)
            until = min(now + _TICK, exchange_midnight(day + timedelta(days=1)))
            if seen > self.most_quotes or self.quotes.quote(symbol, until) is None:
                return
            sessions = list(self._sessions(symbol, exchange_midnight(day), until))
            if any(session.quotes for session in sessions):
                seen += sum(len(session.quotes) for session in sessions)
                yield day, sessions
                if span == "day":
                    return

    def _sessions(self, symbol: str, after: datetime, until: datetime) -> Iterator[_Session]:
        for begins, ends in open_stretches(self.calendar, after, until, extended_hours=False):
            quotes = tuple(self.quotes.updates(symbol, begins - _TICK, ends - _TICK))
            yield _Session(begins=begins, ends=ends, quotes=quotes)


def _split(session: _Session, length: timedelta) -> Iterator[PaperBar]:
    """Cut a session into intervals; those before its first quote are no bars."""
    inside: dict[int, list[Decimal]] = {}
    for quote in session.quotes:
        inside.setdefault((quote.at - session.begins) // length, []).append(_middle(quote))
    close: Decimal | None = None
    for number in range(-((session.begins - session.ends) // length)):
        begins = session.begins + number * length
        if middles := inside.get(number):
            bar = _bar(begins, middles)
            close = bar.close
            yield bar
        elif close is not None:
            yield PaperBar(begins_at=begins, open=close, high=close, low=close, close=close, interpolated=True)


def _dawn(first: date) -> datetime:
    return datetime.combine(first, time.min, UTC)


def _bar(begins_at: datetime, middles: Sequence[Decimal]) -> PaperBar:
    return PaperBar(begins_at=begins_at, open=middles[0], high=max(middles), low=min(middles), close=middles[-1])


def _middles(sessions: Iterable[_Session]) -> list[Decimal]:
    return [_middle(quote) for session in sessions for quote in session.quotes]


def _middle(quote: MarketQuote) -> Decimal:
    return (quote.bid + quote.ask) / 2


def _exchange_date(moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(NYSE_ZONE)).date()
