"""Until when an order can still arrive at the broker, and until when it can have rested there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.models import OrderEnvelope
from trading_bot.order_management.send_horizon import SendHorizon
from trading_bot.values import replace


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHorizon:
    """Until when an order can still arrive, and until when it can have rested."""

    sending: SendHorizon
    session_end: Callable[[OrderEnvelope], datetime]
    """The close, in UTC, of the session that a good-for-day order created then could rest in."""

    def sent_until(self, order: TrackedOrder) -> datetime:
        """When its bytes had arrived at the latest, or never will."""
        return order.envelope.created_at + self.sending.after_intent

    def rested_until(self, order: TrackedOrder) -> datetime:
        """When it had stopped resting at the latest.

        Counted from when it was first missed, if that is later: only our own clock says when it was created.
        """
        created_at = max(order.envelope.created_at, order.absent_since or order.envelope.created_at)
        return self.session_end(replace(order.envelope, created_at=created_at))
