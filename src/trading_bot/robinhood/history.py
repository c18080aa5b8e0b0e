"""Bars of past prices: asked for one symbol at a time, and read row by row.

Taken from published replies of 2018 to 2026: the address, the query, the names of the fields, prices as text that may
be null, ``interpolated`` for an interval without a trade. Inferred: that the reply may have a row for the interval that
still runs. Such a row is left out here, so that every bar is of an interval that has ended.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

from trading_bot.logging.setup import get_logger
from trading_bot.market_hours import NYSE_ZONE
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import BAR_LENGTHS, Bar, check_bars
from trading_bot.robinhood.directory import checked_symbol
from trading_bot.robinhood.fields import Amount, MaybeFlag, MaybeSymbol, MaybeWord, Payload, WireTime, amount, word
from trading_bot.robinhood.reads import BrokerReads, NotAtBrokerError

NEEDED_OF_BAR: Mapping[str, str] = MappingProxyType(
    {
        "begins_at": "without its time nobody knows which interval it is",
        "open_price": "a bar with a price of ours in it would be made up",
        "high_price": "the same",
        "low_price": "the same",
        "close_price": "the same",
    }
)
"""The fields of a bar without which it is left out, and why."""

_BOUNDS = "regular"
_BY_DATE = ("day", "week")
_MOST_SHARES = 10**15
_log = get_logger(__name__)


def _volume(value: object) -> int | None:
    number = amount(value)
    is_count = number is not None and number <= _MOST_SHARES and number == number.to_integral_value()
    return int(number) if number is not None and is_count else None


class BarPayload(Payload):
    """One bar. Without its time or one of its prices it is none; what else it says decides nothing."""

    begins_at: WireTime
    open_price: Amount
    high_price: Amount
    low_price: Amount
    close_price: Amount
    volume: Annotated[int | None, BeforeValidator(_volume)] = None
    interpolated: MaybeFlag = None


class HistoryPayload(Payload):
    """The bars of one symbol, and what they are bars of."""

    symbol: MaybeSymbol = None
    interval: MaybeWord = None
    span: MaybeWord = None
    bounds: MaybeWord = None
    historicals: object = None


def read_history(
    reads: BrokerReads, symbol: str, *, interval: str, span: str, now: datetime, note: Callable[[str], None]
) -> tuple[Bar, ...]:
    """Read the bars of the regular session that ended by ``now``, oldest first; ``note`` is told of what is left out.

    Raises:
        OrderValidationError: that is no symbol, or the interval does not go with the span; nothing was sent.
        OrderStatusError: the read failed, no bar of many can be read, or the reply is about something else.
    """
    checked_symbol(symbol)
    check_bars(interval, span)
    query = (("bounds", _BOUNDS), ("interval", interval), ("span", span))
    try:
        reply = reads.get(f"/marketdata/historicals/{symbol}/", query)
    except NotAtBrokerError as error:
        raise _trouble(symbol, "the broker has none; check the symbol") from error
    rows = _rows(reply, symbol, interval=interval, span=span)
    return ended_bars(rows, symbol, interval=interval, now=now, note=note)


def ended_bars(
    rows: Sequence[object], symbol: str, *, interval: str, now: datetime, note: Callable[[str], None]
) -> tuple[Bar, ...]:
    """Return the bars that can be read and ended by ``now``, oldest first; ``note`` is told of what is left out.

    Raises:
        OrderStatusError: not one bar of many can be read.
    """
    bars = _bars(rows)
    if rows and not bars:
        raise _trouble(symbol, f"not one of {len(rows)} bars can be read")
    if len(bars) < len(rows):
        _log.warning("bars_left_out", symbol=symbol, interval=interval, count=len(rows) - len(bars))
        note(f"{symbol}: some bars of {interval} cannot be read, and are left out")
    return tuple(bar for bar in bars if has_ended(bar.begins_at, interval, now))


def has_ended(begins_at: datetime, interval: str, now: datetime) -> bool:
    """Whether the interval is over; a day is over at midnight in New York, and a week after its seventh day."""
    if begins_at > now:
        return False
    if interval in _BY_DATE:
        return (begins_at + BAR_LENGTHS[interval]).date() <= now.astimezone(ZoneInfo(NYSE_ZONE)).date()
    return begins_at + BAR_LENGTHS[interval] <= now


def _rows(reply: object, symbol: str, *, interval: str, span: str) -> list[object]:
    """Return the rows of a reply that is about what was asked; an older form has it as the only one of a list."""
    listed = reply.get("results") if isinstance(reply, dict) else None
    only = listed[0] if isinstance(listed, list) and len(listed) == 1 else reply
    if not isinstance(only, dict):
        raise _trouble(symbol, "the reply holds none")
    payload = HistoryPayload.model_validate(only)
    told = ((payload.interval, interval), (payload.span, span), (payload.bounds, _BOUNDS))
    if payload.symbol != symbol or any(said is not None and word(said) != asked for said, asked in told):
        raise _trouble(symbol, "the broker answered with the history of something else")
    if not isinstance(payload.historicals, list):
        raise _trouble(symbol, "the reply holds none")
    return payload.historicals


def _bars(rows: Iterable[object]) -> list[Bar]:
    """Return the readable bars, oldest first; of several that say different things of one interval, none."""
    told: dict[datetime, set[Bar]] = {}
    for row in rows:
        if (bar := _bar(row)) is not None:
            told.setdefault(bar.begins_at, set()).add(bar)
    return [alike.pop() for _, alike in sorted(told.items()) if len(alike) == 1]


def _bar(row: object) -> Bar | None:
    try:
        payload = BarPayload.model_validate(row)
        return Bar(
            begins_at=payload.begins_at,
            open=payload.open_price,
            high=payload.high_price,
            low=payload.low_price,
            close=payload.close_price,
            volume=payload.volume,
            is_interpolated=payload.interpolated is True,
        )
    except ValueError:
        return None


def _trouble(symbol: str, problem: str) -> OrderStatusError:
    return OrderStatusError(f"reading the history of {symbol}: {problem}", symbol=symbol)
