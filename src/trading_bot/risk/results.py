"""What the sells have earned and lost: a fold over the executions on record. Pure.

Costs are averages per symbol over the shares bought through this journal. Shares that came from elsewhere have no cost
here: a sell takes the known shares first, and what it sells beyond them has an unknown result, which is neither a win
nor a loss. Fees are not counted: the journal does not know them. A fill counts once its execution is booked, and an
execution that the broker annulled counts no more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from trading_bot.order_management.models import EXACT, ClientOrderId, Execution, Side
from trading_bot.order_management.tracked_order import NOTHING, TrackedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One execution of a sell."""

    client_order_id: ClientOrderId
    executed_at: datetime
    result: Decimal | None
    """Dollars earned, negative when lost, on the shares whose cost is known; None where no share's is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResults:
    """The sells of one day, in dollars."""

    realised: Decimal
    lowest: Decimal
    """The worst that ``realised`` has been in the course of the day; never above zero."""
    unknown: int
    """Sales without a known result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LosingStreak:
    """Sell orders in a row that lost money."""

    current: int
    peak: int
    """The longest it has been today, or ``current`` where that is more."""


@dataclass(frozen=True, slots=True)
class _Holding:
    quantity: Decimal = NOTHING
    cost: Decimal = NOTHING

    def bought(self, fill: Execution) -> "_Holding":
        return _Holding(self.quantity + fill.quantity, self.cost + fill.quantity * fill.price)

    def sold(self, fill: Execution) -> "tuple[_Holding, Decimal | None]":
        known = min(fill.quantity, self.quantity)
        if known == 0:
            return self, None
        cost = self.cost * known / self.quantity
        return _Holding(self.quantity - known, self.cost - cost), known * fill.price - cost


def sales_of(orders: Iterable[TrackedOrder]) -> tuple[Sale, ...]:
    """Return every execution of a sell in the order of execution; ``orders`` are oldest first."""
    fills = [(fill.executed_at, order, fill) for order in orders for fill in order.executions]
    fills.sort(key=lambda each: each[0])  # stable: what happened at one moment stays in the order of the orders
    sales: list[Sale] = []
    holdings: dict[str, _Holding] = {}
    with localcontext(EXACT):
        for executed_at, order, fill in fills:
            symbol = order.envelope.symbol
            before = holdings.get(symbol, _Holding())
            if order.envelope.side is Side.BUY:
                holdings[symbol] = before.bought(fill)
                continue
            holdings[symbol], result = before.sold(fill)
            sales.append(Sale(client_order_id=order.client_order_id, executed_at=executed_at, result=result))
    return tuple(sales)


def day_results(sales: Sequence[Sale], *, since: datetime) -> DayResults:
    """Add up the sales from ``since`` on."""
    todays = [sale for sale in sales if sale.executed_at >= since]
    realised = lowest = NOTHING
    with localcontext(EXACT):
        for sale in todays:
            realised += sale.result or NOTHING
            lowest = min(lowest, realised)
    return DayResults(realised=realised, lowest=lowest, unknown=sum(sale.result is None for sale in todays))


def losing_streak(sales: Sequence[Sale], *, since: datetime, counted_after: datetime | None = None) -> LosingStreak:
    """Count the losing sell orders in a row; the peak is that of the day which began at ``since``.

    The executions of one order make one result, dated by the last of them. An order that broke even, or whose result
    is unknown, neither lengthens nor ends a streak. What was executed up to ``counted_after`` is left out.
    """
    current = peak = 0
    for ended_at, result in _order_results(sales, counted_after):
        if result:
            current = current + 1 if result < 0 else 0
        if ended_at >= since:
            peak = max(peak, current)
    return LosingStreak(current=current, peak=max(peak, current))


def _order_results(sales: Sequence[Sale], counted_after: datetime | None) -> list[tuple[datetime, Decimal]]:
    totals: dict[ClientOrderId, tuple[datetime, Decimal]] = {}
    with localcontext(EXACT):
        for sale in sales:
            if counted_after is not None and sale.executed_at <= counted_after:
                continue
            _, total = totals.get(sale.client_order_id, (sale.executed_at, NOTHING))
            totals[sale.client_order_id] = (sale.executed_at, total + (sale.result or NOTHING))
    return sorted(totals.values(), key=lambda each: each[0])
