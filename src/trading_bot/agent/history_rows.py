"""Bars of past prices: asked for by time, and read row by row as those of the private wire are.

The server is told when to begin and how long a bar is; it knows no spans. The span of a day is the latest day that has
bars, which on a Monday before the open is Friday.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from trading_bot.market_hours import NYSE_ZONE
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import Bar
from trading_bot.robinhood.fields import MaybeSymbol, MaybeWord, Payload, word
from trading_bot.robinhood.history import ended_bars

_BOUNDS = "regular"
_REGULAR = frozenset({"reg", "regular"})
_DAY = "day"
_REACH: Mapping[str, timedelta] = MappingProxyType(
    {
        "day": timedelta(days=7),
        "week": timedelta(days=7),
        "month": timedelta(days=31),
        "3month": timedelta(days=92),
        "year": timedelta(days=366),
        "5year": timedelta(days=5 * 366),
    }
)
"""How far back is asked for each span. A week always reaches a day of trading."""


class _Reply(Payload):
    results: object = None
    not_found: object = None


class _Result(Payload):
    symbol: MaybeSymbol = None
    interval: MaybeWord = None
    bounds: MaybeWord = None
    bars: object = None


class _Session(Payload):
    session: MaybeWord = None


def history_arguments(symbol: str, interval: str, span: str, *, now: datetime) -> Mapping[str, object]:
    """Return the arguments that ask for the bars of the regular session over a span that ends ``now``."""
    begins = (now - _REACH[span]).astimezone(UTC)
    return {
        "symbols": [symbol],
        "start_time": f"{begins:%Y-%m-%dT%H:%M:%SZ}",
        "interval": interval,
        "bounds": _BOUNDS,
    }


def history_of(
    data: object, symbol: str, *, interval: str, span: str, now: datetime, note: Callable[[str], None]
) -> tuple[Bar, ...]:
    """Return the bars of a reply that ended by ``now``, oldest first; ``note`` is told of what is left out.

    Raises:
        OrderStatusError: the broker does not know the symbol, or the reply is about something else or cannot be read.
    """
    rows = [row for row in _rows(data, symbol, interval) if _is_regular(row)]
    bars = ended_bars(rows, symbol, interval=interval, now=now, note=note)
    if span != _DAY or not bars:
        return bars
    latest = _date(bars[-1])
    return tuple(bar for bar in bars if _date(bar) == latest)


def _rows(data: object, symbol: str, interval: str) -> list[object]:
    reply = _Reply.model_validate(data) if isinstance(data, dict) else _Reply()
    if isinstance(reply.not_found, list) and symbol in reply.not_found:
        raise _trouble(symbol, "the broker has none; check the symbol")
    rows = [row for row in reply.results if isinstance(row, dict)] if isinstance(reply.results, list) else []
    if len(rows) != 1:
        raise _trouble(symbol, "the reply holds none; ask again")
    only = _Result.model_validate(rows[0])
    told = ((only.interval, interval), (only.bounds, _BOUNDS))
    if only.symbol != symbol or any(said is not None and word(said) != asked for said, asked in told):
        raise _trouble(symbol, "the broker answered with the history of something else; ask again")
    if only.bars is not None and not isinstance(only.bars, list):
        raise _trouble(symbol, "the reply holds none; ask again")
    return only.bars or []


def _is_regular(row: object) -> bool:
    # What the server calls no session, or by a word that is no text, is left to the reading of the bar.
    said = _Session.model_validate(row).session if isinstance(row, dict) else None
    return said is None or word(said) in _REGULAR


def _date(bar: Bar) -> date:
    return bar.begins_at.astimezone(ZoneInfo(NYSE_ZONE)).date()


def _trouble(symbol: str, problem: str) -> OrderStatusError:
    return OrderStatusError(f"reading the history of {symbol}: {problem}", symbol=symbol)
