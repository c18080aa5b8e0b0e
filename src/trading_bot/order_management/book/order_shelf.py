"""The orders in memory, indexed by their names and by their state."""

from bisect import insort
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from trading_bot.order_management.book.change_log import ChangeLog, ChangeMark
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

_Prices: TypeAlias = tuple[Decimal, Decimal | None]
"""Limit price, and stop price where there is one."""

_Terms: TypeAlias = tuple[str, Side, int, _Prices | None]
"""Symbol, side, quantity and prices, or None for whatever prices."""


class OrderShelf:
    """Orders by their names. Not thread-safe: the store guards it."""

    def __init__(self) -> None:
        self._orders: dict[ClientOrderId, TrackedOrder] = {}
        self._by_order_id: dict[OrderId, ClientOrderId] = {}
        self._order_ids_of: dict[ClientOrderId, dict[OrderId, None]] = {}
        self._by_ref_id: dict[RefId, ClientOrderId] = {}
        self._active: dict[ClientOrderId, None] = {}
        self._active_on: dict[tuple[str, Side], dict[ClientOrderId, None]] = {}
        self._filled: list[ClientOrderId] = []
        self._latest_filled: dict[_Terms, ClientOrderId] = {}
        self._unbacked: dict[ClientOrderId, None] = {}
        self._changes = ChangeLog()

    def clear(self) -> None:
        """Forget every order."""
        self._orders.clear()
        self._by_order_id.clear()
        self._order_ids_of.clear()
        self._by_ref_id.clear()
        self._active.clear()
        self._active_on.clear()
        self._filled.clear()
        self._latest_filled.clear()
        self._unbacked.clear()
        self._changes.clear()

    def _put(self, order: TrackedOrder) -> None:
        envelope = order.envelope
        key, order_id, state = envelope.client_order_id, envelope.order_id, envelope.state
        before = self._orders.get(key)
        self._by_ref_id[envelope.ref_id] = key
        self._orders[key] = order
        self._changes.note(key)
        if before is not None and before.envelope.symbol != envelope.symbol:
            self._index_by_symbol()
        if order.unbacked_quantity:
            self._unbacked[key] = None
        else:
            self._unbacked.pop(key, None)
        if order_id is not None:
            self._by_order_id[order_id] = key
            self._order_ids_of.setdefault(key, {})[order_id] = None
        if not state.is_terminal:
            self._active[key] = None
            self._index_active(order)
        elif key in self._active:
            del self._active[key]
            del self._active_on[envelope.symbol, envelope.side][key]
            if state is OrderState.FILLED:
                self._filled.append(key)
                self._note_latest_filled(order)

    def _index_active(self, order: TrackedOrder) -> None:
        self._active_on.setdefault((order.envelope.symbol, order.envelope.side), {})[order.client_order_id] = None

    def _note_latest_filled(self, order: TrackedOrder) -> None:
        envelope = order.envelope
        for prices in (_prices_of(envelope), None):
            terms = (envelope.symbol, envelope.side, envelope.quantity, prices)
            latest = self._latest_filled.setdefault(terms, order.client_order_id)
            if self._filled_at(latest) <= self._filled_at(order.client_order_id):
                self._latest_filled[terms] = order.client_order_id

    def _index_by_symbol(self) -> None:
        """Do anew what rests on the symbols of the orders, and on which of them are here."""
        self._active_on, self._latest_filled = {}, {}
        for key in self._active:
            self._index_active(self._orders[key])
        for key in self._filled:
            self._note_latest_filled(self._orders[key])

    def _take_away(self, key: ClientOrderId) -> None:
        envelope = self._orders.pop(key).envelope
        del self._by_ref_id[envelope.ref_id]
        for order_id in self._order_ids_of.pop(key, ()):
            if self._by_order_id[order_id] == key:  # the broker may have given it to a later order as well
                del self._by_order_id[order_id]
        self._active.pop(key, None)
        self._active_on.get((envelope.symbol, envelope.side), {}).pop(key, None)
        self._unbacked.pop(key, None)
        self._changes.note_removal(key)

    def _forget_filled(self) -> None:
        self._filled = [key for key in self._filled if key in self._orders]
        self._index_by_symbol()

    def unbacked(self) -> tuple[TrackedOrder, ...]:
        """Return the orders whose fills are not all backed by executions yet."""
        return tuple(self._orders[key] for key in self._unbacked)

    def holds(self, client_order_id: ClientOrderId) -> bool:
        """Whether the order is here, and not in the past."""
        return client_order_id in self._orders

    def at_hand(self, client_order_id: ClientOrderId | None) -> TrackedOrder | None:
        """Return the order if it is here; the past is not asked."""
        return None if client_order_id is None else self._orders.get(client_order_id)

    def _with_ref_id(self, ref_id: RefId) -> TrackedOrder | None:
        key = self._by_ref_id.get(ref_id)
        return None if key is None else self._orders[key]

    def _with_order_id(self, order_id: OrderId) -> TrackedOrder | None:
        key = self._by_order_id.get(order_id)
        return None if key is None else self._orders[key]

    def orders(self) -> tuple[TrackedOrder, ...]:
        """Return every order that still counts for something, oldest first; those that ended long ago have left."""
        return tuple(self._orders.values())

    @property
    def change_mark(self) -> ChangeMark:
        """How far the changes of orders have come."""
        return self._changes.mark

    def changed_since(self, mark: ChangeMark) -> tuple[TrackedOrder, ...]:
        """Return the orders at hand that came or changed after ``mark``, in the order of their latest changes."""
        return tuple(self._orders[key] for key in self._changes.since(mark))

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

    def _on(self, symbol: str, side: Side) -> Iterator[TrackedOrder]:
        return (self._orders[key] for key in tuple(self._active_on.get((symbol, side), ())))

    def standing_for(self, terms: OrderTerms, *, now: datetime, window: timedelta) -> TrackedOrder | None:
        """Return an order of the same symbol, side, quantity and prices, pending or filled within ``window``."""
        pending = (
            order
            for order in self.pending_on(terms.symbol, terms.side)
            if (order.envelope.quantity, _prices_of(order.envelope)) == (terms.quantity, _prices_of(terms))
        )
        return next(pending, None) or self._filled_since(now - window, terms, _prices_of(terms))

    def has_standing(self, terms: OrderTerms, *, now: datetime, window: timedelta) -> bool:
        """Whether `standing_for` might find an order at some limit price."""
        pending = self.pending_on(terms.symbol, terms.side)
        if any(order.envelope.quantity == terms.quantity for order in pending):
            return True
        return self._filled_since(now - window, terms, None) is not None

    def _filled_since(self, moment: datetime, terms: OrderTerms, prices: _Prices | None) -> TrackedOrder | None:
        key = self._latest_filled.get((terms.symbol, terms.side, terms.quantity, prices))
        order = None if key is None else self._orders[key]
        return None if order is None or order.filled_at is None or order.filled_at <= moment else order

    def reserved_shares(self, symbol: str) -> Decimal:
        """Return the shares that open and unresolved sells may still take."""
        return exact_sum(order.remaining_quantity for order in self._on(symbol, Side.SELL))

    def _note_filled_before(self, order: TrackedOrder) -> None:
        if order.state is OrderState.FILLED:
            insort(self._filled, order.client_order_id, key=self._filled_at)
            self._note_latest_filled(order)

    def _filled_at(self, client_order_id: ClientOrderId) -> datetime:
        order = self._orders[client_order_id]
        return order.filled_at or order.envelope.created_at

    def __iter__(self) -> Iterator[TrackedOrder]:
        return iter(self.orders())

    def __len__(self) -> int:
        return len(self._orders)


def _prices_of(order: OrderEnvelope | OrderTerms) -> _Prices:
    return order.limit_price, order.stop_price
