"""Figures as people read them: dollars to the cent, basis points to a tenth, spans in their own unit. Pure."""

from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from trading_bot.prose import shares_in_words

UNKNOWN = "unknown"
NONE = "-"
"""Where there is nothing that a figure could be of."""

MINUS = "-"
_CENT = Decimal("0.01")
_TENTH = Decimal("0.1")
_MINUTE, _HOUR = 60, 3600


def dollars(amount: Decimal | None) -> str:
    """Return an amount to the cent, such as ``-$1,234.50``; a half goes to the even cent."""
    if amount is None:
        return UNKNOWN
    cents = amount.quantize(_CENT, ROUND_HALF_EVEN)
    return f"{MINUS if cents < 0 else ''}${abs(cents):,.2f}"


def price(amount: Decimal | None) -> str:
    """Return a price to the cent, and below a dollar to the hundredth of one."""
    if amount is None:
        return NONE
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:,.4f}"


def basis_points(number: Decimal | None) -> str:
    """Return basis points to a tenth."""
    if number is None:
        return NONE
    tenths = number.quantize(_TENTH, ROUND_HALF_EVEN)
    return f"{tenths or abs(tenths):,.1f} bps"


def per_cent(part: Decimal | None) -> str:
    """Return a ratio in per cent to a tenth."""
    return NONE if part is None else f"{(part * 100).quantize(_TENTH, ROUND_HALF_EVEN):,.1f} %"


def per_cent_range(least: Decimal, most: Decimal) -> str:
    """Return a range of ratios in whole per cents, wide enough: the least is rounded down, the most up."""
    low = (least * 100).to_integral_value(ROUND_FLOOR)
    return f"{low} to {(most * 100).to_integral_value(ROUND_CEILING)} %"


def shares(quantity: Decimal) -> str:
    """Return a number of shares without zeros that say nothing."""
    return shares_in_words(quantity)


def span(length: timedelta | None) -> str:
    """Return a time in its own unit: ``0.2 s``, ``45 s``, ``7 min 20 s``, ``1 h 4 min``."""
    if length is None:
        return NONE
    total = length.total_seconds()
    whole = round(total)
    if total < 10:  # noqa: PLR2004 (one digit before the point, so one behind it counts)
        return f"{total:.1f} s"
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def milliseconds(number: Decimal | None) -> str:
    """Return milliseconds: three digits that count, from one second on in seconds."""
    if number is None:
        return NONE
    if number >= 1000:  # noqa: PLR2004
        return f"{number / 1000:.2f} s"
    return f"{number:.0f} ms" if number >= 100 else f"{number:.1f} ms"  # noqa: PLR2004


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """Return a moment in the exchange's zone, to the minute."""
    return NONE if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"
