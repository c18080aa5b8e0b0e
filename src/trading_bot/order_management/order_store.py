"""The one way to change the book: write the event to the journal, then fold it in, then tell the listeners."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from trading_bot.clock import Clock
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import chain_record
from trading_bot.order_management.outcomes import DurableIntent, PreparedOrder
from trading_bot.order_management.ports import Journal

_TELLS_AN_ORDER = frozenset({EventKind.ORDER_INTENDED, EventKind.ORDER_CARRIED})
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """One event and the order it changed."""

    event: OrderEvent
    order: TrackedOrder


class _KeptBack(threading.local):
    changes: list[OrderChange] | None = None


OrderListener: TypeAlias = Callable[[OrderChange], None]


class OrderStore:
    """Journal and book behind one lock. Listeners are called after the lock is released, in the order of the events."""

    def __init__(self, *, journal: Journal, book: OrderBook, clock: Clock, session_id: str) -> None:
        self._journal = journal
        self._book = book
        self._clock = clock
        self._session_id = session_id
        self._lock = threading.RLock()
        self._depth = 0
        self._untold: list[OrderChange] = []
        self._listeners: list[OrderListener] = []
        self._failure: OrderLogError | None = None
        self._kept_back = _KeptBack()

    @property
    def failure(self) -> OrderLogError | None:
        """The journal failure that stops new orders, if there was one."""
        return self._failure or self._journal.refusal

    def stop_entries(self, error: OrderLogError) -> None:
        """Take no new order from now on; facts are still folded in, so that cancels work."""
        self._failure = error

    def load(self, records: Iterable[JournalRecord]) -> None:
        """Begin anew with the records of a journal that has just been opened; listeners are told nothing.

        Raises:
            OrderLogDamagedError: the records tell an impossible story; the book holds those before it.
        """
        with self._lock:
            self._failure = None
            self._book.clear()
            for record in records:
                self._book.apply(record)

    def subscribe(self, listener: OrderListener) -> None:
        """Call ``listener`` for every later change. What it raises is logged and goes no further."""
        self._listeners.append(listener)

    @contextmanager
    def open_book(self) -> Iterator[OrderBook]:
        """Hold the lock while reading, or while deciding and recording in one step."""
        untold: list[OrderChange] = []
        try:
            with self._lock:
                self._depth += 1
                try:
                    yield self._book
                finally:
                    self._depth -= 1
                    untold = self._take_untold()
        finally:
            self._tell(untold)

    @contextmanager
    def telling_later(self) -> Iterator[None]:
        """Keep this thread's news back until the block ends, for a caller who holds a lock that listeners may want."""
        if self._kept_back.changes is not None:
            yield
            return
        kept: list[OrderChange] = []
        self._kept_back.changes = kept
        try:
            yield
        finally:
            self._kept_back.changes = None
            self._tell(kept)

    def record(self, event: OrderEvent) -> None:
        """Write an event and fold it in.

        Raises:
            OrderLogError: it is not in the journal, and not in the book either.
        """
        with self.open_book():
            for carried in self._brought_back(event):
                self.record(carried)
            self._refuse_impossible(event)
            self._fold(self._journal.append(event))

    def record_intent(self, event: OrderEvent, prepared: PreparedOrder) -> DurableIntent:
        """Write an intent, fold it in, and return the proof that it is durable.

        Raises:
            OrderLogError: the intent is not durable: nothing may be sent.
        """
        with self.open_book():
            self._refuse_after_failure()
            if event.client_order_id is not None:
                # One that was not sent may be sent again long after: then it is told anew first.
                self.record_facts(self._book.brought_back(event.client_order_id))
            self._refuse_impossible(event)
            try:
                record, intent = self._journal.append_intent(event, prepared)
            except OrderLogError as error:
                self._failure = error
                raise
            self._fold(record)
        return intent

    def record_fact(self, event: OrderEvent) -> None:
        """Record what has happened at the broker, whether or not the journal can take it.

        A fact that cannot be written is folded in memory all the same, and no new order is taken from then on.
        """
        with self.open_book():
            self.record_facts(self._brought_back(event))
            self._refuse_impossible(event)
            try:
                record = self._journal.append(event)
            except OrderLogError as error:
                if self._failure is None:
                    _log.error("journal_write_failed", reason=event.event.value, client_order_id=event.client_order_id)
                self._failure = error
                record = self._unwritten(event)
            self._fold(record)

    def _refuse_impossible(self, event: OrderEvent) -> None:
        # A record that no book can follow must never reach the journal: the next start would take it for damage.
        self._book.try_out(self._unwritten(event))

    def record_facts(self, events: Iterable[OrderEvent]) -> None:
        """Record several facts in one step."""
        with self.open_book():
            for event in events:
                self.record_fact(event)

    def _brought_back(self, event: OrderEvent) -> tuple[OrderEvent, ...]:
        # An order of an earlier segment is told anew before anything more is said of it.
        if event.client_order_id is None or event.event in _TELLS_AN_ORDER:
            return ()
        return self._book.brought_back(event.client_order_id)

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _unwritten(self, event: OrderEvent) -> JournalRecord:
        return chain_record(
            event,
            head=self._journal.head,
            ts=self._clock.now(),
            mono=Decimal(0),
            session_id=self._session_id,
        )

    def _fold(self, record: JournalRecord) -> None:
        order = self._book.apply(record)
        if order is not None:
            self._untold.append(OrderChange(event=record.fact, order=order))

    def _take_untold(self) -> list[OrderChange]:
        if self._depth > 0:
            return []
        untold, self._untold = self._untold, []
        return untold

    def _tell(self, changes: list[OrderChange]) -> None:
        if self._kept_back.changes is not None:
            self._kept_back.changes += changes
            return
        for change in changes:
            for listener in self._listeners:
                _call_safely(listener, change)


def _call_safely(listener: OrderListener, change: OrderChange) -> None:
    try:
        listener(change)
    except Exception:  # noqa: BLE001 - a listener may be anybody's code, and must never hide what became of an order
        _log.exception("order_listener_failed", client_order_id=change.order.client_order_id)
