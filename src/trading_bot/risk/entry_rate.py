"""How many entries were decided within the last minute, whatever became of them."""

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
        self._recent: list[datetime] = []
        self._known: set[ClientOrderId] = set()

    def tell(self, order: OrderEnvelope) -> None:
        """Take in an order that is new or has changed."""
        if order.side is Side.BUY and order.client_order_id not in self._known:
            self._known.add(order.client_order_id)
            self._recent.append(order.created_at)

    def count(self, now: datetime) -> int:
        """Return how many there were in the minute before ``now``."""
        # Each is looked at by itself: after a clock was set back they are in no order.
        self._recent = [at for at in self._recent if abs(now - at) < WINDOW]
        return len(self._recent)
