"""Orders that have ended and whose fills are not all backed by executions: read again until they are.

The total of an order's fills and the fills themselves come from different places at the broker, and the total may be
there first. The results count by the total meanwhile, and each round reads a few of these orders once more by id.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from trading_bot.clock import Clock, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderStatus
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.ports import BrokerGateway

AWAITED_FOR = timedelta(hours=24)
"""How long after the latest news of a fill its executions are waited for; ``status`` still reads the order then."""

MOST_IN_ONE_ROUND = 5
"""Orders read again in one round, the longest unread ones first: the reads share one budget with everything else."""

_log = get_logger(__name__)


class OutstandingExecutions:
    """Reads ended orders again whose executions are outstanding. One round runs at a time."""

    def __init__(self, *, store: OrderStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._read_at: dict[ClientOrderId, Seconds] = {}

    def read_again(self, gateway: BrokerGateway, book_report: Callable[[TrackedOrder, OrderReport], object]) -> None:
        """Hand what the broker says of them to ``book_report``; one that cannot be read holds up nothing else."""
        for order, order_id in self._due():
            self._read_at[order.client_order_id] = self._clock.monotonic()
            try:
                report = gateway.fetch_order_status(order_id)
            except OrderStatusError as error:
                _log.warning("executions_not_read", client_order_id=order.client_order_id, problem=str(error))
                continue
            book_report(order, report)

    def _due(self) -> list[tuple[TrackedOrder, OrderId]]:
        since = self._clock.now() - AWAITED_FOR
        with self._store.open_book() as book:
            unbacked = book.unbacked()
        waiting = [order for order in unbacked if order.state.is_terminal and _told_at(order) > since]
        names = {order.client_order_id for order in waiting}
        self._read_at = {name: at for name, at in self._read_at.items() if name in names}
        waiting.sort(key=lambda order: self._read_at.get(order.client_order_id, float("-inf")))
        named = [(order, order.envelope.order_id) for order in waiting]
        return [(order, order_id) for order, order_id in named if order_id is not None][:MOST_IN_ONE_ROUND]


def latest_status(order: TrackedOrder, *, refresh: Callable[[TrackedOrder, OrderId], TrackedOrder]) -> OrderStatus:
    """Return an order as the broker tells it now, where it may tell more than is on record.

    Raises:
        OrderStatusError: it has not ended, and could not be read; of an ended one the record stands.
    """
    broker_id = order.envelope.order_id
    if broker_id is None or (order.state.is_terminal and not order.unbacked_quantity):
        return order.status()
    try:
        return refresh(order, broker_id).status()
    except OrderStatusError:
        if not order.state.is_terminal:
            raise
        return order.status()


def _told_at(order: TrackedOrder) -> datetime:
    return order.filled_at or order.envelope.created_at
