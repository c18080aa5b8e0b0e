"""How many entries were decided within the last minute, whatever became of them."""

from bisect import bisect_left, bisect_right, insort
from datetime import datetime, timedelta

from trading_bot.order_management.models import ClientOrderId, OrderEnvelope, Side

WINDOW = timedelta(minutes=1)


class EntryRate:
    """Counts the buys on record that are no older than a minute.

    A refused or unsent one counts too: a strategy that repeats itself is what the limit is for. Each order is added and
    dropped once, so asking costs no more after a busy day. One that a wrong clock dated more than a minute ahead does
    not count: it would stop entries until then.
    """

    def __init__(self) -> None:
        self._recent: list[tuple[datetime, ClientOrderId]] = []
        """In order of time, also where a clock was set back."""
        self._known: set[ClientOrderId] = set()

    def tell(self, order: OrderEnvelope) -> None:
        """Take in an order that is new or has changed."""
        if order.side is Side.BUY and order.client_order_id not in self._known:
            self._known.add(order.client_order_id)
            insort(self._recent, (order.created_at, order.client_order_id))

    def count(self, now: datetime) -> int:
        """Return how many there were in the minute before ``now``."""
        gone = bisect_right(self._recent, now - WINDOW, key=_time_of)
        self._known.difference_update(name for _, name in self._recent[:gone])
        del self._recent[:gone]
        return bisect_left(self._recent, now + WINDOW, key=_time_of)


def _time_of(entry: tuple[datetime, ClientOrderId]) -> datetime:
    return entry[0]
