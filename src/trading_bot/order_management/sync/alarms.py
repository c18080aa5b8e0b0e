"""Orders at the broker that must not exist, or that are gone: what is recorded, once, when that is seen."""

from trading_bot.order_management.book.anomalies import Anomaly, AnomalyKind
from trading_bot.order_management.book.freezes import CAUSE, Cause
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderReport
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.reconciliation import two_orders
from trading_bot.order_management.sync.foreign import Row

_UNJOURNALED = (
    "the broker holds order {order_id} on {symbol}, which has our mark and is not in the journal: the journal was "
    "lost or another copy of this program trades the account; find out which, then adopt the order"
)

_VANISHED = Anomaly(kind=AnomalyKind.VANISHED, evidence="the broker answers that it does not know this order")


def shows_unjournaled(book: OrderBook, listing: Listing) -> bool:
    """Whether a listing has an order that has our mark and is not in the journal."""
    rows: tuple[Row, ...] = (*listing.reports, *listing.unread)
    marked = (row.ref_id for row in rows if bears_our_mark(row.ref_id))
    return any(ref_id is None or book.by_ref_id(ref_id) is None for ref_id in marked)


def note_unjournaled(store: OrderStore, row: Row) -> None:
    """Halt entries over an order that has our mark and is not in the journal."""
    symbol = row.symbol or row.instrument_id or "an unknown instrument"
    with store.open_book() as book:
        if not book.is_halted_for(Cause.UNJOURNALED):
            store.record_fact(
                OrderEvent(
                    event=EventKind.TRADING_HALTED,
                    ref_id=row.ref_id,
                    order_id=row.order_id,
                    symbol=row.symbol,
                    reason=_UNJOURNALED.format(order_id=row.order_id, symbol=symbol),
                    details={CAUSE: Cause.UNJOURNALED.value},
                )
            )


def note_duplicate_ref_id(store: OrderStore, order: TrackedOrder, report: OrderReport) -> None:
    """Halt trading over a second order under the ``ref_id`` of one of ours."""
    with store.open_book() as book:
        if not book.is_halted_for(Cause.DUPLICATE_REF_ID):
            store.record_fact(
                OrderEvent(
                    event=EventKind.TRADING_HALTED,
                    ref_id=report.ref_id,
                    order_id=report.order_id,
                    symbol=report.symbol,
                    reason=two_orders(order, report),
                    details={CAUSE: Cause.DUPLICATE_REF_ID.value},
                )
            )


def note_vanished(store: OrderStore, order: TrackedOrder) -> None:
    """Put on record that the broker does not know an order that it has shown before."""
    if all(anomaly.kind is not AnomalyKind.VANISHED for anomaly in order.anomalies):
        store.record_fact(_VANISHED.event(order.envelope))
