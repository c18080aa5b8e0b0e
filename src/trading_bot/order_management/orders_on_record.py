"""What the journal knows of the orders; the broker is not asked."""

from trading_bot.order_management.context import order_on_record
from trading_bot.order_management.models import OrderEnvelope, OrderStatus
from trading_bot.order_management.order_store import OrderStore


class OrdersOnRecord:
    """The reads of an order manager that need nothing but its store. Safe to use from several threads."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store

    @property
    def journal_problem(self) -> str | None:
        """Why the journal takes no order, and may not know every order, if so."""
        return str(self._store.failure) if self._store.failure is not None else None

    def status_on_record(self, order_id: str) -> OrderStatus:
        """Return an order as the journal has it; the broker is not asked."""
        return order_on_record(self._store, order_id).status()

    def open_orders(self) -> tuple[OrderEnvelope, ...]:
        """Return the orders that have not provably ended, oldest first."""
        with self._store.open_book() as book:
            return tuple(order.envelope for order in book.active())

    def stops(self) -> tuple[OrderEnvelope, ...]:
        """Return the stops among them, their price reached or not."""
        return tuple(order for order in self.open_orders() if order.is_stop)

    def orders(self) -> tuple[OrderEnvelope, ...]:
        """Return every order that still counts, oldest first; the journal knows more, which ended long ago."""
        with self._store.open_book() as book:
            return tuple(order.envelope for order in book.orders())
