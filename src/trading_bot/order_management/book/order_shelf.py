"""The orders in memory, indexed by their names and by their state."""

from bisect import insort
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import (
    ClientOrderId,
    OrderEnvelope,
    OrderId,
    OrderState,
    OrderTerms,
    RefId,
    Side,
    exact_sum,
)


class OrderShelf:
    """Orders by their names. Not thread-safe: the store guards it."""

    def __init__(self) -> None:
        self._orders: dict[ClientOrderId, TrackedOrder] = {}
        self._by_order_id: dict[OrderId, ClientOrderId] = {}
        self._order_ids_of: dict[ClientOrderId, dict[OrderId, None]] = {}
        self._by_ref_id: dict[RefId, ClientOrderId] = {}
        self._active: dict[ClientOrderId, None] = {}
        self._filled: list[ClientOrderId] = []
        self._unbacked: dict[ClientOrderId, None] = {}

    def clear(self) -> None:
        """Forget every order."""
        self._orders.clear()
        self._by_order_id.clear()
        self._order_ids_of.clear()
        self._by_ref_id.clear()
        self._active.clear()
        self._filled.clear()
        self._unbacked.clear()

    def _put(self, order: TrackedOrder) -> None:
        envelope = order.envelope
        key, order_id, state = envelope.client_order_id, envelope.order_id, envelope.state
        self._by_ref_id[envelope.ref_id] = key
        self._orders[key] = order
        if order.unbacked_quantity:
            self._unbacked[key] = None
        else:
            self._unbacked.pop(key, None)
        if order_id is not None:
            self._by_order_id[order_id] = key
            self._order_ids_of.setdefault(key, {})[order_id] = None
        if state.is_terminal:
            if key in self._active and state is OrderState.FILLED:
                self._filled.append(key)
            self._active.pop(key, None)
        else:
            self._active[key] = None

    def _take_away(self, key: ClientOrderId) -> None:
        envelope = self._orders.pop(key).envelope
        del self._by_ref_id[envelope.ref_id]
        for order_id in self._order_ids_of.pop(key, ()):
            if self._by_order_id[order_id] == key:  # the broker may have given it to a later order as well
                del self._by_order_id[order_id]
        self._active.pop(key, None)
        self._unbacked.pop(key, None)

    def _forget_filled(self) -> None:
        self._filled = [key for key in self._filled if key in self._orders]

    def unbacked(self) -> tuple[TrackedOrder, ...]:
        """Return the orders whose fills are not all backed by executions yet."""
        return tuple(self._orders[key] for key in self._unbacked)

    def holds(self, client_order_id: ClientOrderId) -> bool:
        """Whether the order is here, and not in the past."""
        return client_order_id in self._orders

    def at_hand(self, client_order_id: ClientOrderId | None) -> TrackedOrder | None:
        """Return the order if it is here; the past is not asked."""
        return None if client_order_id is None else self._orders.get(client_order_id)

    def orders(self) -> tuple[TrackedOrder, ...]:
        """Return every order that still counts for something, oldest first; those that ended long ago have left."""
        return tuple(self._orders.values())

    def active(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that are not terminal, oldest first."""
        return tuple(map(self._orders.__getitem__, self._active))

    def working(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that the broker holds and that may still trade."""
        return tuple(order for order in self.active() if order.state.is_working)

    def unresolved(self) -> tuple[TrackedOrder, ...]:
        """Return the orders of which nobody knows whether the broker has them."""
        return tuple(order for order in self.active() if order.state.is_unresolved)

    def pending_on(self, symbol: str, side: Side) -> tuple[TrackedOrder, ...]:
        """Return the orders that hold back another one on this symbol and side: not terminal, not presumed absent."""
        return tuple(order for order in self._on(symbol, side) if order.state is not OrderState.PRESUMED_ABSENT)

    def _on(self, symbol: str, side: Side) -> list[TrackedOrder]:
        return [order for order in self.active() if order.envelope.symbol == symbol and order.envelope.side == side]

    def standing_for(self, terms: OrderTerms, *, now: datetime, window: timedelta) -> TrackedOrder | None:
        """Return an order of the same symbol, side, quantity and price, pending or filled within ``window``."""
        for order in self._standing_by(terms, now - window):
            if _has_terms(order.envelope, terms):
                return order
        return None

    def has_standing(self, terms: OrderTerms, *, now: datetime, window: timedelta) -> bool:
        """Whether `standing_for` might find an order at some limit price."""
        wanted = (terms.symbol, terms.side, terms.quantity)
        orders = (order.envelope for order in self._standing_by(terms, now - window))
        return any((order.symbol, order.side, order.quantity) == wanted for order in orders)

    def _standing_by(self, terms: OrderTerms, moment: datetime) -> Iterator[TrackedOrder]:
        yield from self.pending_on(terms.symbol, terms.side)
        yield from self._filled_since(moment)

    def _filled_since(self, moment: datetime) -> Iterator[TrackedOrder]:
        for key in reversed(self._filled):
            order = self._orders[key]
            if order.filled_at is None or order.filled_at <= moment:
                return
            yield order

    def reserved_shares(self, symbol: str) -> Decimal:
        """Return the shares that open and unresolved sells may still take."""
        return exact_sum(order.remaining_quantity for order in self._on(symbol, Side.SELL))

    def _note_filled_before(self, order: TrackedOrder) -> None:
        if order.state is OrderState.FILLED:
            insort(self._filled, order.client_order_id, key=self._filled_at)

    def _filled_at(self, client_order_id: ClientOrderId) -> datetime:
        order = self._orders[client_order_id]
        return order.filled_at or order.envelope.created_at

    def __iter__(self) -> Iterator[TrackedOrder]:
        return iter(self.orders())

    def __len__(self) -> int:
        return len(self._orders)


def _has_terms(envelope: OrderEnvelope, terms: OrderTerms) -> bool:
    ours = (envelope.symbol, envelope.side, envelope.quantity, envelope.limit_price)
    return ours == (terms.symbol, terms.side, terms.quantity, terms.limit_price)
