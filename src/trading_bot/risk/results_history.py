"""Which old orders the results of later days rest on, so that a rotated journal gives the same figures. Pure.

A sale's result needs the cost of the shares, which is in the buys since the symbol was last flat, or since a person
accepted a position of unknown cost; a streak of losses needs the sales since the last one that gained.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, localcontext

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.housekeeping import is_recent
from trading_bot.order_management.book.tracked_order import NOTHING, TrackedOrder
from trading_bot.order_management.models import EXACT, ClientOrderId, Side
from trading_bot.risk.cost_basis import Fill, fills_by_symbol
from trading_bot.risk.results import sales_of


def orders_that_count(
    orders: Sequence[TrackedOrder], acceptances: Sequence[Acceptance], since: datetime
) -> frozenset[ClientOrderId]:
    """Name the orders, oldest first given, without which sales after ``since`` would come out differently.

    Orders that are recent at ``since`` are taken to be kept in any case.
    """
    needed_from = _streak_begins(orders, acceptances, since)
    recent = frozenset(order.client_order_id for order in orders if is_recent(order, since=since))
    return frozenset(
        one.client_order_id
        for symbol, fills in fills_by_symbol(orders, acceptances).items()
        for one in _since_last_flat(
            fills, [accepted for accepted in acceptances if accepted.symbol == symbol], needed_from, recent
        )
    )


def _streak_begins(orders: Sequence[TrackedOrder], acceptances: Sequence[Acceptance], since: datetime) -> datetime:
    # The last gain before the losses is kept with them: it ends whatever streak still older orders would make.
    results = _order_results(orders, acceptances)
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


def _order_results(
    orders: Sequence[TrackedOrder], acceptances: Sequence[Acceptance]
) -> list[tuple[datetime, datetime, Decimal]]:
    found: dict[ClientOrderId, tuple[datetime, datetime, Decimal]] = {}
    with localcontext(EXACT):
        for sale in sales_of(orders, acceptances):
            begun_at, _, total = found.get(sale.client_order_id, (sale.executed_at, sale.executed_at, NOTHING))
            found[sale.client_order_id] = (begun_at, sale.executed_at, total + (sale.result or NOTHING))
    return list(found.values())


def _since_last_flat(
    fills: Sequence[Fill],
    acceptances: Sequence[Acceptance],
    needed_from: datetime,
    recent: frozenset[ClientOrderId],
) -> Sequence[Fill]:
    # Whatever is kept is kept whole, so a cut is clean only where no order has fills on both sides of it.
    held, begin, accepted = NOTHING, 0, 0
    to_come = Counter(one.client_order_id for one in fills) + Counter(recent)
    begun: set[ClientOrderId] = set()
    for position, one in enumerate(fills):
        held = _after(held, acceptances[accepted : one.accepted_before])
        accepted = max(accepted, one.accepted_before)
        if held == 0 and not any(to_come[name] for name in begun):
            begin = position
            begun.clear()
        if one.execution.executed_at >= needed_from:
            return fills[begin:]
        held = _held(held, one)
        begun.add(one.client_order_id)
        to_come[one.client_order_id] -= 1
    held = _after(held, acceptances[accepted:])
    return () if held == 0 and not any(to_come[name] for name in begun) else fills[begin:]


def _after(held: Decimal, acceptances: Sequence[Acceptance]) -> Decimal:
    for position in acceptances:
        held = position.of(held) if position.keeps_cost else NOTHING
    return held


def _held(before: Decimal, one: Fill) -> Decimal:
    with localcontext(EXACT):
        if one.side is Side.BUY:
            return before + one.execution.quantity
        return max(NOTHING, before - one.execution.quantity)
