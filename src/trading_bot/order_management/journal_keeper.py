"""Keeps the journal small and its head noted, away from the moment in which an order is sent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from trading_bot.clock import Clock, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.carrying import RECENT, Needed, carried_events, is_recent
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.id_index import IdIndex
from trading_bot.order_management.journal.order_log import OrderLog
from trading_bot.order_management.journal.segments import JournalScan
from trading_bot.order_management.models import ClientOrderId
from trading_bot.order_management.order_store import OrderChange, OrderStore

ANCHOR_EVERY_S: Seconds = 5.0
"""How old the noted head may become while orders change."""

RETRY_EVERY_S: Seconds = 300.0
"""How long a rotation that failed is left alone; the journal goes on in the old segment meanwhile."""

_WHILE_SENDING = frozenset({EventKind.ORDER_INTENDED, EventKind.SUBMIT_ATTEMPTED})
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRules:
    """When a segment is finished: ``max_bytes`` after what was carried into it, or with the day, in UTC."""

    max_bytes: int


class JournalKeeper:
    """Rotates and anchors one account's journal. ``needed`` names old orders that later figures rest on."""

    def __init__(
        self, *, log: OrderLog, store: OrderStore, index: IdIndex, rules: RotationRules, needed: Needed, clock: Clock
    ) -> None:
        self._log = log
        self._store = store
        self._index = index
        self._rules = rules
        self._needed = needed
        self._clock = clock
        self._anchored_at = self._retry_at = clock.monotonic()

    def begin(self, found: JournalScan) -> None:
        """Let the index answer for what came before the opened segment."""
        self._index.follow(found.link)

    def on_order_change(self, change: OrderChange) -> None:
        """Tend the journal after each change of an order, but never between an intent and its answer."""
        if change.event.event not in _WHILE_SENDING:
            self.tend()

    def tend(self) -> None:
        """Rotate and anchor where it is time to. What fails is logged, and tried again later."""
        now = self._clock.monotonic()
        if self._is_due() and now >= self._retry_at:
            try:
                self.rotate()
            except OrderLogError as error:
                self._retry_at = now + RETRY_EVERY_S
                _log.error("journal_rotation_failed", problem=str(error))
        if now - self._anchored_at >= ANCHOR_EVERY_S:
            self._anchored_at = now
            self._anchor()

    def rotate(self) -> str:
        """Finish the live segment now and return its name.

        Raises:
            OrderLogError: as `OrderLog.rotate`, or the next segment would not tell the same.
        """
        with self._store.open_book() as book:
            kept = self._kept(book.orders(), book.acceptances())
            carried = (*book.standing_facts(), *(event for order in kept for event in carried_events(order)))
            name = self._log.rotate(
                carried,
                confirm=lambda records: _confirm(records, kept, book.standing_facts()),
                then=lambda: self._go_on(book, kept),
            )
            try:
                self._index.catch_up()
            except OrderLogError as error:
                _log.error("order_index_failed", problem=str(error))
        return name

    def _go_on(self, book: OrderBook, kept: Sequence[TrackedOrder]) -> None:
        # The index first: at no moment may an order be known to neither of the two, or its id could be used again.
        self._index.follow(self._log.link)
        # What the new segment does not tell may not be known here either: more said of it has to tell it anew.
        book.leave_behind([order.client_order_id for order in kept])

    def _is_due(self) -> bool:
        if self._log.refusal is not None or self._log.grown_bytes <= 0:
            return False
        today = self._clock.now().astimezone(UTC).date()
        begun_on = self._log.begun_on
        return self._log.grown_bytes >= self._rules.max_bytes or (begun_on is not None and begun_on < today)

    def _kept(self, orders: Sequence[TrackedOrder], acceptances: Sequence[Acceptance]) -> tuple[TrackedOrder, ...]:
        since = self._clock.now() - RECENT
        named: Collection[ClientOrderId] = self._needed(orders, acceptances, since)
        return tuple(order for order in orders if is_recent(order, since=since) or order.client_order_id in named)

    def _anchor(self) -> None:
        try:
            self._log.anchor_head()
        except OSError as error:
            _log.error("journal_anchor_failed", problem=str(error))


def nothing_needed(
    orders: Sequence[TrackedOrder], acceptances: Sequence[Acceptance], since: datetime
) -> frozenset[ClientOrderId]:
    """Name no old order: for a journal on which no figure of a later day rests."""
    del orders, acceptances, since
    return frozenset()


def _confirm(records: Sequence[JournalRecord], kept: Sequence[TrackedOrder], standing: tuple[OrderEvent, ...]) -> None:
    told = OrderBook.replayed(records)
    if told.orders() != tuple(kept) or told.standing_facts() != standing:
        raise OrderLogError("the next segment of the journal would not tell the same orders; the old one goes on")
