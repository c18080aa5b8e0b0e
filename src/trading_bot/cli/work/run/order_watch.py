"""Notes which orders changed between two looks, and which of them were filled further or ended."""

import threading
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from trading_bot.order_management.models import ClientOrderId, OrderEnvelope, OrderState
from trading_bot.order_management.order_store import OrderChange

# The result line of a signal has said these already.
_SAID_AT_ONCE = frozenset({OrderState.REJECTED, OrderState.NOT_SENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenChange:
    """An order that changed since the last look, as it is now."""

    order: OrderEnvelope
    is_news: bool
    """Whether it was filled further or ended."""


class OrderWatch:
    """Listens to a bot's orders. Any thread may note a change; a look costs what changed, not what was ever traded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed: dict[ClientOrderId, SeenChange] = {}

    def note(self, change: OrderChange) -> None:
        """Take note of one change."""
        order = change.order.envelope
        with self._lock:
            earlier = self._changed.get(order.client_order_id)
            is_news = (earlier is not None and earlier.is_news) or _is_news(change)
            self._changed[order.client_order_id] = SeenChange(order=order, is_news=is_news)

    def changes(self) -> tuple[SeenChange, ...]:
        """Return what changed since the last call, the oldest order first."""
        with self._lock:
            changed, self._changed = self._changed, {}
        return tuple(sorted(changed.values(), key=_created_at))


def _created_at(change: SeenChange) -> datetime:
    return change.order.created_at


Fate: TypeAlias = tuple[Decimal, OrderState | None]
_UNTOUCHED: Fate = (Decimal(0), None)


def _is_news(change: OrderChange) -> bool:
    order, before = change.order.envelope, change.before
    shown = _UNTOUCHED if before is None else _fate(before.envelope)
    return _fate(order) != shown and order.state not in _SAID_AT_ONCE


def _fate(order: OrderEnvelope) -> Fate:
    return order.filled_quantity, order.state if order.state.is_terminal else None
