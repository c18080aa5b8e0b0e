"""What journal and book need between orders: old orders leave the book, and the journal tidies itself.

An order leaves once it has ended, nothing of it is recent, and no later figure rests on it. Its records stay in the
journal, where it is found by any of its names; they no longer count for a start, which so costs what is open and not
what was ever traded. The positions are noted in the same commit, because fills of orders that left explain a part.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol, TypeAlias

from trading_bot.clock import Clock, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.book.order_listeners import OrderChange
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.port import Journal
from trading_bot.order_management.models import ClientOrderId

RECENT = timedelta(hours=26)
"""Longer than any exchange day and than the longest duplicate window: orders that ended within it stay."""

ENOUGH = 100
"""How many orders leave together: fewer are not worth a record of the positions. Chosen."""

PART = 10
"""One part in so many of the book leaves together at the least: what leaving costs grows with what stays. Chosen."""

LOOK_EVERY_S: Seconds = 60.0
"""How often it is asked whether so many may leave: if they may, that costs a walk through the book. Chosen."""

ALERT_EVERY_S: Seconds = 3_600.0
"""How often a person is told that the journal cannot tidy itself, for as long as that lasts. Chosen."""

Needed: TypeAlias = Callable[[Sequence[TrackedOrder], Sequence[Acceptance], datetime], Collection[ClientOrderId]]
"""Given all orders, accepted positions and a moment, names the orders before it that later figures still rest on."""

_WHILE_SENDING = frozenset({EventKind.ORDER_INTENDED, EventKind.SUBMIT_ATTEMPTED})
_log = get_logger(__name__)


class TidyStore(Protocol):
    """What tidying needs of the order store."""

    @property
    def failure(self) -> OrderLogError | None:
        """The journal failure that stops new orders, if there was one."""

    def open_book(self) -> AbstractContextManager[OrderBook]:
        """Hold the book while reading."""

    def forget_all_but(self, kept: Callable[[OrderBook], Iterable[ClientOrderId]]) -> None:
        """Let all orders but these leave the book, in one commit."""


class Housekeeping:
    """Tends one account's journal and book after changes of orders, but never between an intent and its answer."""

    def __init__(self, *, journal: Journal, store: TidyStore, needed: Needed, clock: Clock) -> None:
        self._journal = journal
        self._store = store
        self._needed = needed
        self._clock = clock
        self._began = self._looked_at = clock.monotonic()
        self._began_at = clock.now()
        self._alerted_at: Seconds | None = None
        self._old_that_stayed = 0

    def on_order_change(self, change: OrderChange) -> None:
        """Tend both where it is time to."""
        if change.event.event in _WHILE_SENDING:
            return
        now = self._clock.monotonic()
        self._tidy(now)
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            if self._may_go():
                self.let_old_orders_go()

    def _tidy(self, now: Seconds) -> None:
        alert = self._journal.checkpoint()
        if alert is None or (self._alerted_at is not None and now - self._alerted_at < ALERT_EVERY_S):
            return
        self._alerted_at = now
        _log.error("journal_checkpoint_failed", problem=alert.message, log_bytes=alert.log_bytes)

    def _may_go(self) -> bool:
        """Whether enough orders have become old since the last walk through the whole book."""
        with self._store.open_book() as book:
            return self._count_old(book) - self._old_that_stayed >= _enough(book)

    def let_old_orders_go(self, *, at_least: int | None = None) -> int:
        """Let all old orders leave the book if there are so many, or else enough of them; how many left."""
        if self._store.failure is not None:
            return 0
        with self._store.open_book() as book:
            old = len(book) - len(self._kept(book))
            self._old_that_stayed = self._count_old(book) - old
            wanted = _enough(book) if at_least is None else at_least
        if old < wanted:
            return 0
        self._store.forget_all_but(self._kept)
        return old

    def _recent_since(self) -> datetime:
        # A clock that was set ahead makes no order old: what was filled today still counts for limits and duplicates.
        ran_s = self._clock.monotonic() - self._began
        return min(self._clock.now(), self._began_at + timedelta(seconds=ran_s)) - RECENT

    def _count_old(self, book: OrderBook) -> int:
        since = self._recent_since()
        return sum(1 for _ in takewhile(lambda order: order.envelope.created_at <= since, book.orders()))

    def _kept(self, book: OrderBook) -> frozenset[ClientOrderId]:
        since = self._recent_since()
        orders = book.orders()
        named = self._needed(orders, book.acceptances(), since)
        return frozenset(
            order.client_order_id for order in orders if is_recent(order, since=since) or order.client_order_id in named
        )


def _enough(book: OrderBook) -> int:
    return max(ENOUGH, len(book) // PART)


def is_recent(order: TrackedOrder, *, since: datetime) -> bool:
    """Whether an order has not ended, or something of it happened after ``since``."""
    moments = (
        order.envelope.created_at,
        order.filled_at,
        order.last_transaction_at,
        *(fill.executed_at for fill in order.executions),
    )
    return not order.state.is_terminal or any(moment is not None and moment > since for moment in moments)


def nothing_needed(
    orders: Sequence[TrackedOrder], acceptances: Sequence[Acceptance], since: datetime
) -> frozenset[ClientOrderId]:
    """Name no old order: for a journal on which no figure of a later day rests."""
    del orders, acceptances, since
    return frozenset()
