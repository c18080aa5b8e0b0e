"""How long a submit took, from the intent on record to the reply on record. Pure.

- The *latency* of an order is the time from its intent to the record of the broker's reply (taken or refused), by the
  monotonic clock of the process that wrote both. It includes every attempt and wait, and the commits of both records.
- An order without such a reply has none: nothing was sent, its outcome was unknown, it was answered in another session,
  or it waits still. Those are counted.
- In a replay the clock stands still while a request is under way, so that every latency is exactly zero: they are
  counted, and `Latencies.is_measured` is False.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import EXACT
from trading_bot.report.history import ReportedOrder
from trading_bot.report.numbers import percentile

BOUNDS_MS = tuple(map(Decimal, (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)))
"""The upper bounds of the histogram's bars in milliseconds, each included; one more bar is beyond the last."""

_ANSWERS = frozenset({EventKind.ORDER_ACCEPTED, EventKind.ORDER_REJECTED})
_MS = Decimal(1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """The latencies of a period, in milliseconds."""

    measured: tuple[Decimal, ...]
    """From the shortest to the longest."""
    without_reply: int
    counts: tuple[int, ...]
    """Orders up to each of `BOUNDS_MS`, and those beyond the last."""

    @property
    def is_measured(self) -> bool:
        """Whether a clock ran meanwhile."""
        return any(self.measured)

    def percentile(self, per_cent: int) -> Decimal | None:
        """Return the nearest-rank percentile in milliseconds; None where nothing was measured."""
        return percentile(self.measured, per_cent) if self.is_measured else None


def latencies_of(orders: Iterable[ReportedOrder]) -> Latencies:
    """Return the latencies of orders."""
    those = [latency_ms(order) for order in orders]
    measured = tuple(sorted(one for one in those if one is not None))
    return Latencies(measured=measured, without_reply=len(those) - len(measured), counts=_counts(measured))


def latency_ms(order: ReportedOrder) -> Decimal | None:
    """Return how long the reply to one order took, in milliseconds; None where there is none to measure."""
    begun, ended = order.intended, order.replied
    if ended is None or order.reply not in _ANSWERS or begun.session_id != ended.session_id:
        return None
    return EXACT.multiply(EXACT.subtract(ended.mono, begun.mono), _MS)


def _counts(measured: Sequence[Decimal]) -> tuple[int, ...]:
    below = [sum(one <= bound for one in measured) for bound in BOUNDS_MS]
    steps = zip([0, *below], [*below, len(measured)], strict=True)
    return tuple(more - less for less, more in steps)
