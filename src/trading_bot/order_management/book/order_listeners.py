"""The listeners of changes, of other facts and of commits. An error of a listener is logged and reaches nobody else.

The changes of one order are told one after the other, as they were committed, whichever threads made them, and so are
the facts that change no order. Nobody waits for that: who finds another thread telling of an order leaves the later
changes of this order to it.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import SealedRecord
from trading_bot.values import Value

_T = TypeVar("_T")
_log = get_logger(__name__)


class OrderChange(Value, frozen=True, kw_only=True):
    """One event and the order it changed."""

    event: OrderEvent
    order: TrackedOrder
    before: TrackedOrder | None = None
    """The order as it was; None for its first event."""
    at: datetime
    """When it was recorded."""

    @property
    def subject(self) -> str:
        """What is told in order: the order's name."""
        return self.order.client_order_id


class PlainFact(Value, frozen=True, kw_only=True):
    """One event that changed no order: a freeze, a halt, the end of an exit."""

    event: OrderEvent
    at: datetime
    """When it was recorded."""

    @property
    def subject(self) -> str:
        """What is told in order: all such facts together. No order has an empty name."""
        return ""


News: TypeAlias = OrderChange | PlainFact


def news_of(record: JournalRecord, *, before: TrackedOrder | None, after: TrackedOrder | None) -> News:
    """Return what a record changed, once it is folded in."""
    if after is None:
        return PlainFact(event=record.fact, at=record.ts)
    return OrderChange(event=record.fact, order=after, before=before, at=record.ts)


OrderListener: TypeAlias = Callable[[OrderChange], None]
FactListener: TypeAlias = Callable[[PlainFact], None]
CommitListener: TypeAlias = Callable[[Sequence[SealedRecord]], None]


class Listeners:
    """Those of one store, called in the order in which they came."""

    def __init__(self) -> None:
        self.of_changes: list[OrderListener] = []
        self.of_facts: list[FactListener] = []
        self.of_commits: list[CommitListener] = []
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, News]] = []
        self._being_told: set[str] = set()

    def note(self, news: Sequence[News]) -> set[str]:
        """Let news wait to be told, and return their subjects; call it in the order of their commits."""
        named = [(each.subject, each) for each in news]
        with self._lock:
            self._waiting += named
        return {subject for subject, _ in named}

    def tell(self, subjects: set[str]) -> None:
        """Call every listener with each of the news that wait of these, but for those another thread tells of."""
        while (begun := self._begin_next(subjects)) is not None:
            subject, news = begun
            try:
                self._tell_one(news)
            finally:
                with self._lock:
                    self._being_told.remove(subject)

    def _tell_one(self, news: News) -> None:
        if isinstance(news, PlainFact):
            for fact_listener in self.of_facts:
                _call_safely(fact_listener, news, "fact_listener_failed")
            return
        for listener in self.of_changes:
            _call_safely(listener, news, "order_listener_failed")

    def _begin_next(self, subjects: set[str]) -> tuple[str, News] | None:
        with self._lock:
            for place, (subject, _) in enumerate(self._waiting):
                if subject in subjects and subject not in self._being_told:
                    self._being_told.add(subject)
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
