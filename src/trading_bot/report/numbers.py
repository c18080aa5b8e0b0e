"""Small sums that several figures share. Pure and exact."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, TypeVar

from trading_bot.order_management.models import EXACT

BPS = Decimal(10_000)
"""Basis points of one whole."""

_T = TypeVar("_T", Decimal, timedelta)
_MICROSECOND = timedelta(microseconds=1)


def bps(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return ``part`` in basis points of ``whole``; None of nothing."""
    return None if not whole else EXACT.divide(EXACT.multiply(part, BPS), whole)


def ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """Return ``part / whole``; None of nothing."""
    return None if not whole else EXACT.divide(part, whole)


def percentile(values: Iterable[_T], per_cent: int) -> _T | None:
    """Return the nearest-rank percentile: the least value that ``per_cent`` per cent of them do not exceed.

    It is always one of the values. None where there are none. The median is 50, the greatest value 100.
    """
    ranked: Sequence[Any] = sorted(values)
    if not ranked:
        return None
    rank = -(-len(ranked) * per_cent // 100)
    found: _T = ranked[max(rank, 1) - 1]
    return found


def whole_bps(offset: Decimal) -> int:
    """Return the nearest whole basis point; a half goes to the even one."""
    return int(offset.quantize(Decimal(1), ROUND_HALF_EVEN))


def seconds(span: timedelta) -> Decimal:
    """Return a span in seconds, to the microsecond."""
    return Decimal(span // _MICROSECOND).scaleb(-6)
