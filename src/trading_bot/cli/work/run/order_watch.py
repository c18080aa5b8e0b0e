"""Finds which orders were filled further or ended between two looks."""

from collections.abc import Iterable
from decimal import Decimal

from trading_bot.order_management.models import OrderEnvelope, OrderState

# The result line of a signal has said these already.
_SAID_AT_ONCE = frozenset({OrderState.REJECTED, OrderState.NOT_SENT})


class OrderWatch:
    """Remembers each order as last shown; orders of earlier runs count as shown."""

    def __init__(self, earlier: Iterable[OrderEnvelope]) -> None:
        self._shown = {order.client_order_id: _fate(order) for order in earlier}

    def changes(self, orders: Iterable[OrderEnvelope]) -> tuple[OrderEnvelope, ...]:
        """Return the orders that were filled further or closed since the last call, in the order given."""
        return tuple(order for order in orders if self._is_news(order))

    def _is_news(self, order: OrderEnvelope) -> bool:
        fate, shown = _fate(order), self._shown.get(order.client_order_id, _UNTOUCHED)
        self._shown[order.client_order_id] = fate
        return fate != shown and order.state not in _SAID_AT_ONCE


Fate = tuple[Decimal, OrderState | None]
_UNTOUCHED: Fate = (Decimal(0), None)


def _fate(order: OrderEnvelope) -> Fate:
    return order.filled_quantity, order.state if order.state.is_terminal else None
