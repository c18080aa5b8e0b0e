"""One synchronisation: what it counts while it reads, and its result."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from trading_bot.clock import Moment, Seconds
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.sync.external_orders import ExternalOrder
from trading_bot.order_management.sync.foreign import Row
from trading_bot.values import Value


class SyncRound(Value, frozen=True, kw_only=True):
    """What one synchronisation came to, and what it calls for."""

    began: Moment
    deadline: Seconds
    """A point on the clock by which all reads that belong to the round are to be over."""
    summary: SyncSummary
    is_view: bool
    """Whether every page of the open orders was read in one go: what there is, but for rows that nobody can read."""
    broker_time: datetime | None
    """When that began, by the broker's clock."""
    acknowledged: frozenset[ClientOrderId]
    """Orders of which the broker shows that a cancel is under way."""
    resurrected: tuple[OrderReport, ...]
    """Orders at work at the broker that had ended on record, or that no order on record stands for although they have
    its ``ref_id``: to be cancelled at once."""
    external: tuple[ExternalOrder, ...] | None
    """The open orders that no active order of ours stands for, or that cannot be read; None where the listing was not
    whole."""


@dataclass(slots=True)
class Tally:
    """What a round has read and booked so far."""

    gateway: BrokerGateway
    began: Moment
    active: frozenset[ClientOrderId]
    """The orders that had not ended when reading began."""
    fills: int = 0
    closed: int = 0
    problem: str | None = None
    notes: list[str] = field(default_factory=list)
    acknowledged: set[ClientOrderId] = field(default_factory=set)
    is_view: bool = True
    resurrected: list[OrderReport] = field(default_factory=list)

    def is_stale(self, order: TrackedOrder, report: OrderReport) -> bool:
        """Whether the order ended here after reading had begun, so that the report may be older than the end."""
        has_just_ended = order.client_order_id in self.active or order.envelope.created_at > self.began.at
        return order.state.is_terminal and report.state.is_working and has_just_ended

    def add_resurrected(self, report: OrderReport) -> None:
        """Keep it once, however many listings show it."""
        if all(known.order_id != report.order_id for known in self.resurrected):
            self.resurrected.append(report)


@dataclass(slots=True)
class BookedListing:
    """The rows of one listing, after what is ours of them was booked."""

    seen: set[OrderId] = field(default_factory=set)
    """The orders that were read in full."""
    ours: set[ClientOrderId] = field(default_factory=set)
    """The orders on record of which the listing has a row, readable or not."""
    ours_unread: dict[ClientOrderId, tuple[TrackedOrder, Row]] = field(default_factory=dict)
    unowned: list[Row] = field(default_factory=list)


def summary_of(tally: Tally, *, external: Collection[ExternalOrder], is_view: bool, still_open: int) -> SyncSummary:
    """Return what a round came to, in numbers; ``is_view`` says whether it saw every open order."""
    return SyncSummary(
        complete=is_view and tally.problem is None,
        is_view=is_view,
        open_orders=still_open,
        fills_booked=tally.fills,
        orders_closed=tally.closed,
        external_orders=sum(not order.is_ours for order in external),
        problem=tally.problem,
        notes=tuple(tally.notes),
    )


def problem_of(listing: Listing) -> str | None:
    """Return why a listing does not show every order that there is; a row that cannot be read is there all the same."""
    if listing.complete or (listing.has_all_pages and listing.unread):
        return None
    return listing.problem or "the listing was not whole"


def owner_of(row: Row, book: OrderBook) -> TrackedOrder | None:
    """Return the order on record that a row is of: the broker's order id decides first, then our ``ref_id``.

    Raises:
        OrderLogError: the journal cannot say whether there is such an order.
    """
    by_id = book.by_order_id(row.order_id) if row.order_id is not None else None
    if by_id is not None or row.ref_id is None:
        return by_id
    return book.by_ref_id(row.ref_id)


def is_resurrected(order: TrackedOrder, report: OrderReport) -> bool:
    """Whether an order that had ended on record works again by a working report of it.

    A word that nobody understands counts as working, but is no sign of that.
    """
    return order.state.is_terminal and report.state_is_known
