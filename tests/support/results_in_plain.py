"""Results as one fold over everything, from the first fill to the last: slow, and as plain as the rules are told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, localcontext

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import EXACT, ClientOrderId, Execution, Side
from trading_bot.risk.cost_basis import Holding, estimated_fill

NOTHING = Decimal(0)


@dataclass
class PlainResults:
    trades: int = 0
    holdings: dict[str, Holding] = field(default_factory=dict)
    sales: list[tuple[datetime, ClientOrderId, Decimal | None, bool]] = field(default_factory=list)
    """When, which order, the result, whether it is an estimate."""
    realised: Decimal = NOTHING
    lowest: Decimal = NOTHING
    unknown: int = 0
    estimated: int = 0
    streak: int = 0
    peak: int = 0


def plain_results(
    orders: Iterable[TrackedOrder],
    accepted: Sequence[Acceptance],
    *,
    today: datetime,
    counted_after: datetime | None = None,
) -> PlainResults:
    told = sorted(orders, key=lambda order: (order.number, order.client_order_id))
    found = PlainResults()
    found.trades = sum(
        (order.envelope.order_id is not None or order.state.is_unresolved) and order.envelope.created_at >= today
        for order in told
    )
    with localcontext(EXACT):
        for symbol in dict.fromkeys([*(order.envelope.symbol for order in told), *(one.symbol for one in accepted)]):
            _fold_symbol(symbol, told, [one for one in accepted if one.symbol == symbol], found, today)
        place = {order.client_order_id: at for at, order in enumerate(told)}
        found.sales.sort(key=lambda sale: (sale[0], place[sale[1]]))
        _add_up_the_day(found, today)
        _count_the_streak(found, today, counted_after)
    return found


def _fold_symbol(
    symbol: str, told: list[TrackedOrder], accepted: list[Acceptance], found: PlainResults, today: datetime
) -> None:
    fills: list[tuple[int, Execution, bool, TrackedOrder]] = []
    for order in (one for one in told if one.envelope.symbol == symbol):
        before = sum(one.number < order.number for one in accepted)
        fills += [(before, fill, False, order) for fill in order.executions]
        if (estimate := estimated_fill(order)) is not None:
            fills.append((before, estimate, True, order))
    fills.sort(key=lambda each: (each[0], each[1].executed_at))
    holding, passed = Holding(), 0
    for before, fill, is_estimate, order in fills:
        while passed < before:
            holding, passed = holding.accepted(accepted[passed]), passed + 1
        if order.envelope.side is Side.BUY:
            holding = holding.bought(fill, today=fill.executed_at >= today)
        else:
            holding, result = holding.sold(fill)
            found.sales.append((fill.executed_at, order.client_order_id, result, is_estimate))
    for one in accepted[passed:]:
        holding = holding.accepted(one)
    if holding.quantity or holding.unknown:
        found.holdings[symbol] = holding


def _add_up_the_day(found: PlainResults, today: datetime) -> None:
    for at, _, result, is_estimate in found.sales:
        if at >= today:
            found.realised += result or NOTHING
            found.lowest = min(found.lowest, found.realised)
            found.unknown += result is None
            found.estimated += is_estimate


def _count_the_streak(found: PlainResults, today: datetime, counted_after: datetime | None) -> None:
    totals: dict[ClientOrderId, tuple[datetime, Decimal]] = {}
    for at, name, result, _ in found.sales:
        if counted_after is None or at > counted_after:
            totals[name] = at, totals.get(name, (at, NOTHING))[1] + (result or NOTHING)
    for ended_at, total in sorted(totals.values(), key=lambda each: each[0]):
        if total:
            found.streak = found.streak + 1 if total < 0 else 0
        if ended_at >= today:
            found.peak = max(found.peak, found.streak)
    found.peak = max(found.peak, found.streak)
