"""The orders that the records at hand do not know, because they ended before the live segment was begun."""

from typing import Protocol

from trading_bot.order_management.book.tracked_order import TrackedOrder


class PastOrders(Protocol):
    """The orders that ended before the live segment of the journal was begun.

    Each method raises `OrderLogError` where it cannot be told whether there is such an order.
    """

    def by_client_order_id(self, client_order_id: str) -> TrackedOrder | None:
        """Find by client order id."""
        ...

    def by_ref_id(self, ref_id: str) -> TrackedOrder | None:
        """Find by the broker's idempotency key."""
        ...

    def by_order_id(self, order_id: str) -> TrackedOrder | None:
        """Find by the broker's order id."""
        ...


class NoPast:
    """Nothing ended before."""

    def by_client_order_id(self, client_order_id: str) -> None:
        """Find nothing."""
        del client_order_id

    def by_ref_id(self, ref_id: str) -> None:
        """Find nothing."""
        del ref_id

    def by_order_id(self, order_id: str) -> None:
        """Find nothing."""
        del order_id
