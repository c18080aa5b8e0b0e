"""Which old orders the results of later days rest on, so that a rotated journal gives the same figures. Pure.

A sale's result needs the cost of the shares, which is in the buys since the symbol was last flat; a streak of losses
needs the sales since the last one that gained.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from typing import TypeAlias

from trading_bot.order_management.carrying import is_recent
from trading_bot.order_management.models import EXACT, ClientOrderId, Execution, Side
from trading_bot.order_management.tracked_order import NOTHING, TrackedOrder
from trading_bot.risk.results import sales_of

_Fill: TypeAlias = tuple[TrackedOrder, Execution]


def orders_that_count(orders: Sequence[TrackedOrder], since: datetime) -> frozenset[ClientOrderId]:
    """Name the orders, oldest first given, without which sales after ``since`` would come out differently.

    Orders that are recent at ``since`` are taken to be kept in any case.
    """
    needed_from = _streak_begins(orders, since)
    recent = frozenset(order.client_order_id for order in orders if is_recent(order, since=since))
    by_symbol: dict[str, list[_Fill]] = defaultdict(list)
    for order in orders:
        by_symbol[order.envelope.symbol] += ((order, fill) for fill in order.executions)
    return frozenset(
        order.client_order_id
        for fills in by_symbol.values()
        for order, _ in _since_last_flat(sorted(fills, key=_executed_at), needed_from, recent)
    )


def _executed_at(fill: _Fill) -> datetime:
    return fill[1].executed_at


def _streak_begins(orders: Sequence[TrackedOrder], since: datetime) -> datetime:
    # The last gain before the losses is kept with them: it ends whatever streak still older orders would make.
    results = _order_results(orders)
    begins = earliest = since
    for begun_at, ended_at, result in sorted(results, key=lambda each: each[1], reverse=True):
        if ended_at >= since:
            continue
        earliest = min(earliest, begun_at)
        if result < 0:
            begins = earliest
        if result > 0:
            return min(begins, earliest) if begins < since else since
    return begins


def _order_results(orders: Sequence[TrackedOrder]) -> list[tuple[datetime, datetime, Decimal]]:
    found: dict[ClientOrderId, tuple[datetime, datetime, Decimal]] = {}
    with localcontext(EXACT):
        for sale in sales_of(orders):
            begun_at, _, total = found.get(sale.client_order_id, (sale.executed_at, sale.executed_at, NOTHING))
            found[sale.client_order_id] = (begun_at, sale.executed_at, total + (sale.result or NOTHING))
    return list(found.values())


def _since_last_flat(
    fills: Sequence[_Fill], needed_from: datetime, recent: frozenset[ClientOrderId]
) -> Sequence[_Fill]:
    # Whatever is kept is kept whole, so a cut is clean only where no order has fills on both sides of it.
    held, begin = NOTHING, 0
    to_come = Counter(order.client_order_id for order, _ in fills) + Counter(recent)
    begun: set[ClientOrderId] = set()
    for position, (order, fill) in enumerate(fills, start=1):
        if fill.executed_at >= needed_from:
            break
        held = _held(held, order, fill)
        begun.add(order.client_order_id)
        to_come[order.client_order_id] -= 1
        if held == 0 and not any(to_come[name] for name in begun):
            begin = position
            begun.clear()
    return fills[begin:]


def _held(before: Decimal, order: TrackedOrder, fill: Execution) -> Decimal:
    with localcontext(EXACT):
        if order.envelope.side is Side.BUY:
            return before + fill.quantity
        return max(NOTHING, before - fill.quantity)
