"""The listeners of changes and commits. An error of a listener is logged and reaches nobody else."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.journal.chain import SealedRecord

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

    def tell(self, changes: Iterable[OrderChange]) -> None:
        """Call every listener with each change."""
        for change in changes:
            for listener in self.of_changes:
                _call_safely(listener, change, "order_listener_failed")

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
