"""What a kill's file asks for: a cancel for each order that it names; for all, if it cannot be read.

Stops are left, because they protect positions, unless the kill names them or says that it keeps none.
"""

from collections.abc import Iterable, Iterator, Sequence

from trading_bot.order_management.book.tracked_order import TrackedOrder, state_without_cancel
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.journal.side_files import SideContent
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.values import replace

_FILE, _ORDERS, _ALL = "file", "orders", "all"
_STOPS, _KEPT = "stops", "kept"


def kill_engaged(
    name: str, *, by: str, reason: str, orders: Sequence[ClientOrderId] | None, keeps_stops: bool = False
) -> tuple[OrderEvent, ...]:
    """Return the lines that a kill's file begins with: that it happened, and a cancel for each of ``orders``.

    None asks for the cancel of every order that has not ended; with ``keeps_stops``, of every one but stops.
    """
    details = {_FILE: name, "by": by, _ORDERS: _ALL if orders is None else str(len(orders))}
    if keeps_stops:
        details[_STOPS] = _KEPT
    text = f"killed by {by}: {reason}"
    cancels = (
        OrderEvent(event=EventKind.CANCEL_REQUESTED, client_order_id=order, reason=text) for order in orders or ()
    )
    return (OrderEvent(event=EventKind.KILL_IMPORTED, reason=text, details=details), *cancels)


def kill_events(name: str, content: SideContent, active: Sequence[TrackedOrder]) -> tuple[OrderEvent, ...]:
    """Return what a kill's file asks for, as events to be recorded in this order: cancels, and that it happened."""
    first = content.records[0] if content.records else None
    if first is None or first.fact.event is not EventKind.KILL_IMPORTED:
        reason = "killed; the kill's record cannot be read"
        last = OrderEvent(event=EventKind.KILL_IMPORTED, reason=reason, details={_FILE: name}, correlation_id=name)
        return (*_cancels(_but_stops(active), reason, kill=name), last)
    reason, stated = first.fact.reason or "killed", first.fact.details.get(_ORDERS)
    named = {
        record.fact.client_order_id for record in content.records if record.fact.event is EventKind.CANCEL_REQUESTED
    }
    everything = _but_stops(active) if first.fact.details.get(_STOPS) == _KEPT else active
    wanted = everything if stated != str(len(named)) else [order for order in active if order.client_order_id in named]
    return (*_cancels(wanted, reason, kill=name), replace(first.fact, occurred_at=first.ts, correlation_id=name))


def _but_stops(orders: Iterable[TrackedOrder]) -> list[TrackedOrder]:
    return [order for order in orders if not order.envelope.is_stop]


def _cancels(orders: Iterable[TrackedOrder], reason: str, *, kill: str) -> Iterator[OrderEvent]:
    for order in orders:
        # An earlier cancel may have come to nothing: only an order at work has its cancel fired.
        status = state_without_cancel(order) if order.state is OrderState.PENDING_CANCEL else None
        yield about(order.envelope, EventKind.CANCEL_REQUESTED, status=status, reason=reason, correlation_id=kill)
