"""Sell orders in a row that lost money, followed while their sales come and change. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.book.tracked_order import NOTHING
from trading_bot.order_management.models import ClientOrderId, exact_sum
from trading_bot.risk.cost_basis import Sale
from trading_bot.risk.running_fold import RunningFold


@dataclass(frozen=True, slots=True, kw_only=True)
class LosingStreak:
    """Sell orders in a row that lost money."""

    current: int = 0
    peak: int = 0
    """The longest it has been today, or ``current`` where that is more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderResult:
    ended_at: datetime
    result: Decimal


class RunningStreak:
    """Counts the losing sell orders; the peak is that of the day which began at ``today``.

    The executions of one order make one result, dated by the last of them. An order that broke even, or whose result
    is unknown, neither lengthens nor ends a streak. What was executed up to ``counted_after`` is left out.
    """

    def __init__(self, *, today: datetime, counted_after: datetime | None = None) -> None:
        self.counted_after = counted_after
        self._today = today
        self._orders: RunningFold[_OrderResult, LosingStreak] = RunningFold(LosingStreak(), self._after)
        self._keys: dict[ClientOrderId, tuple[object, ...]] = {}

    def tell(self, client_order_id: ClientOrderId, sales: Iterable[Sale]) -> None:
        """Take in the sales of one order, in place of those told of it before."""
        if (known := self._keys.pop(client_order_id, None)) is not None:
            self._orders.drop(known)
        after = self.counted_after
        counted = sorted((one for one in sales if after is None or one.executed_at > after), key=lambda one: one.rank)
        if not counted:
            return
        ended_at = counted[-1].executed_at
        key = (ended_at, *counted[0].rank)
        self._keys[client_order_id] = key
        self._orders.put(
            key, _OrderResult(ended_at=ended_at, result=exact_sum(one.result or NOTHING for one in counted))
        )

    @property
    def state(self) -> LosingStreak:
        """The streak by all that was told."""
        streak = self._orders.state
        return LosingStreak(current=streak.current, peak=max(streak.peak, streak.current))

    def _after(self, streak: LosingStreak, order: _OrderResult) -> LosingStreak:
        current = streak.current
        if order.result:
            current = current + 1 if order.result < 0 else 0
        peak = max(streak.peak, current) if order.ended_at >= self._today else streak.peak
        return LosingStreak(current=current, peak=peak)
