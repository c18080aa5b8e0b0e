"""An exchange's state that lasts as long as the process."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from trading_bot.paper.order_range import OrderRange
from trading_bot.paper.state import EMPTY_ARCHIVE, ExchangeState, PaperOrder


class MemoryStore:
    """An exchange that lasts as long as the process."""

    def __init__(self, state: ExchangeState) -> None:
        self._state = state
        self._closed = _ClosedOrders(state.closed_orders)
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[ExchangeState]:
        """Lend a copy under a lock, and keep it when the block ends."""
        with self._lock:
            lent = replace(self._state, closed_orders={}, archive=self._closed).copy()
            yield lent
            self._closed.add(lent.closed_orders)
            self._state = replace(lent, closed_orders=self._closed.orders, archive=EMPTY_ARCHIVE)


class _ClosedOrders:
    """Grows in place: copying it for every request would cost more and more."""

    def __init__(self, orders: dict[str, PaperOrder]) -> None:
        self.orders = dict(orders)
        self._ref_ids = {order.ref_id.lower() for order in orders.values()}

    def add(self, orders: dict[str, PaperOrder]) -> None:
        self.orders |= orders
        self._ref_ids |= {order.ref_id.lower() for order in orders.values()}

    def order(self, order_id: str) -> PaperOrder | None:
        return self.orders.get(order_id)

    def has_ref_id(self, ref_id: str) -> bool:
        return ref_id.lower() in self._ref_ids

    def newest_first(self, within: OrderRange) -> Iterable[PaperOrder]:
        since = within.updated_since
        recent = (order for order in self.orders.values() if since is None or order.updated_at >= since)
        return sorted(recent, key=lambda order: order.number, reverse=True)
