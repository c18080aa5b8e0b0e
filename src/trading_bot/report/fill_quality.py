"""How much was filled, and how soon, by how far from the reference an order was priced. Pure.

- The *offset* of an order is the distance of its limit from its reference price in basis points, as it was sent: after
  rounding to a price step, whatever the settings said and in whatever unit. Orders are put together by the nearest
  whole basis point. Positive waits, negative crosses.
- The *fill ratio* is shares filled by shares ordered, of orders that the broker took and that have ended. An order that
  may still trade, was refused, or is in doubt says nothing of its offset.
- The *time to fill* is from the intent on record to the last execution, of orders filled in full; the *time to first
  fill* to the first one, of all that were filled at all. Executions carry the broker's clock, the intent ours: a
  difference below zero is shown as zero. The figures are medians (nearest rank).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from trading_bot.order_management.models import OrderState, exact_sum
from trading_bot.report.history import ReportedOrder
from trading_bot.report.numbers import percentile, ratio, whole_bps

_AT_ONCE = timedelta(0)
_MEDIAN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetFills:
    """The orders of one offset."""

    offset_bps: int
    orders: int
    filled_in_full: int
    ordered: Decimal
    """Shares."""
    filled: Decimal
    """Shares."""
    to_first_fill: timedelta | None
    """The median; None where nothing was filled."""
    to_full_fill: timedelta | None
    """The median; None where no order was filled in full."""

    @property
    def fill_ratio(self) -> Decimal:
        """Shares filled by shares ordered, 0 to 1."""
        return ratio(self.filled, self.ordered) or Decimal(0)


def fills_by_offset(orders: Iterable[ReportedOrder]) -> tuple[OffsetFills, ...]:
    """Return the figures of each whole basis point that was used, the smallest first."""
    groups: dict[int, list[ReportedOrder]] = {}
    for order in orders:
        if order.reached_the_market:
            groups.setdefault(whole_bps(order.offset_bps), []).append(order)
    return tuple(_figures(offset, groups[offset]) for offset in sorted(groups))


def _figures(offset: int, orders: list[ReportedOrder]) -> OffsetFills:
    full = [order for order in orders if order.order.state is OrderState.FILLED]
    return OffsetFills(
        offset_bps=offset,
        orders=len(orders),
        filled_in_full=len(full),
        ordered=exact_sum(order.quantity for order in orders),
        filled=exact_sum(order.filled for order in orders),
        to_first_fill=_median(time_to_first_fill(order) for order in orders),
        to_full_fill=_median(time_to_last_fill(order) for order in full),
    )


def _median(spans: Iterable[timedelta | None]) -> timedelta | None:
    return percentile([span for span in spans if span is not None], _MEDIAN)


def time_to_first_fill(order: ReportedOrder) -> timedelta | None:
    """Return how long after its intent an order first traded."""
    times = [fill.executed_at for fill in order.fills]
    return max(min(times) - order.intended.at, _AT_ONCE) if times else None


def time_to_last_fill(order: ReportedOrder) -> timedelta | None:
    """Return how long after its intent an order last traded."""
    times = [fill.executed_at for fill in order.fills]
    return max(max(times) - order.intended.at, _AT_ONCE) if times else None
