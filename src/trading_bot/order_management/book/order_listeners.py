"""The listeners of changes and commits. An error of a listener is logged and reaches nobody else.

The changes of one order are told one after the other, as they were committed, whichever threads made them. Nobody waits
for that: who finds another thread telling of an order leaves the later changes of this order to it.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.journal.chain import SealedRecord
from trading_bot.order_management.models import ClientOrderId

_T = TypeVar("_T")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """One event and the order it changed."""

    event: OrderEvent
    order: TrackedOrder


OrderListener: TypeAlias = Callable[[OrderChange], None]
CommitListener: TypeAlias = Callable[[Sequence[SealedRecord]], None]


class Listeners:
    """Those of one store, called in the order in which they came."""

    def __init__(self) -> None:
        self.of_changes: list[OrderListener] = []
        self.of_commits: list[CommitListener] = []
        self._lock = threading.Lock()
        self._waiting: list[OrderChange] = []
        self._being_told: set[ClientOrderId] = set()

    def note(self, changes: Iterable[OrderChange]) -> None:
        """Let changes wait to be told; call it in the order of their commits."""
        with self._lock:
            self._waiting += changes

    def tell(self, orders: set[ClientOrderId]) -> None:
        """Call every listener with each change that waits of these orders, but for those another thread tells of."""
        while (change := self._begin_next(orders)) is not None:
            try:
                for listener in self.of_changes:
                    _call_safely(listener, change, "order_listener_failed")
            finally:
                with self._lock:
                    self._being_told.remove(change.order.client_order_id)

    def _begin_next(self, orders: set[ClientOrderId]) -> OrderChange | None:
        with self._lock:
            free = orders - self._being_told
            for place, change in enumerate(self._waiting):
                if change.order.client_order_id in free:
                    self._being_told.add(change.order.client_order_id)
                    return self._waiting.pop(place)
            return None

    def tell_of_commits(self, commits: Iterable[Sequence[SealedRecord]]) -> None:
        """Call every listener with the records of each commit."""
        for records in commits:
            for listener in self.of_commits:
                _call_safely(listener, records, "commit_listener_failed")


def _call_safely(listener: Callable[[_T], None], news: _T, event: str) -> None:
    try:
        listener(news)
    except Exception:  # noqa: BLE001 - a listener may be anybody's code, and must never hide what became of an order
        _log.exception(event)
