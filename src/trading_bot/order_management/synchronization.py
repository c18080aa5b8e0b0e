"""Bringing the book up to the broker: one listing, the missing orders by id, the unresolved ones by ``ref_id``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.order_management.absence import judge_absence
from trading_bot.order_management.causes import CAUSE, Cause, leaves_exits
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.exceptions import OrderLogError, OrderNotFoundError, OrderStatusError
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.models import ClientOrderId, OrderEnvelope, OrderId, OrderReport, OrderState
from trading_bot.order_management.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.outstanding import OutstandingExecutions
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.reconciliation import is_twin, reconcile, two_orders
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.send_horizon import SendHorizon

SYNC_DEADLINE_S: Seconds = 120.0
"""How long one round may read. What is not read by then is read anew, from the first page, in the next one."""

_LOOK_BACK = timedelta(hours=24)
_SLEPT = "the machine slept, or its clock was set, while the orders were being read; read them again"
_VANISHED = "the broker answers that it does not know this order"
_LATE = "it turned up after it had been given up; it is cancelled"
_STRANGER = (
    "the broker holds order {order_id} on {symbol}, which bears our mark and is not in the journal: the journal was "
    "lost or another copy of this program trades the account; find out which, then adopt the order"
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRound:
    """What one synchronisation came to, and what it calls for."""

    began: Moment
    deadline: Seconds
    """A point on the clock by which all reads that belong to the round are to be over."""
    summary: SyncSummary
    is_view: bool
    """Whether every page of the open orders was read in one go: what there is, but for rows that nobody can read."""
    broker_time: datetime | None
    """When that began, by the broker's clock."""
    heeded: frozenset[ClientOrderId]
    """Orders of which the broker shows that a cancel is under way."""
    revenants: tuple[OrderReport, ...]
    """Orders at work at the broker that had ended on record, or that no order on record stands for although they bear
    its ``ref_id``: to be cancelled at once."""
    external: tuple[OrderReport, ...] | None
    """The open orders that no active order of ours stands for; None where the listing was not whole."""


@dataclass(slots=True)
class _Tally:
    gateway: BrokerGateway
    began: Moment
    active: frozenset[ClientOrderId]
    """The orders that had not ended when reading began."""
    fills: int = 0
    closed: int = 0
    external: int = 0
    problem: str | None = None
    heeded: set[ClientOrderId] = field(default_factory=set)
    is_view: bool = True
    revenants: list[OrderReport] = field(default_factory=list)
    unowned: list[OrderReport] = field(default_factory=list)

    def is_stale(self, order: TrackedOrder, report: OrderReport) -> bool:
        """Whether the order ended here after reading had begun, so that the report may be older than the end."""
        has_just_ended = order.client_order_id in self.active or order.envelope.created_at > self.began.at
        return order.state.is_terminal and report.state.is_working and has_just_ended

    def add_revenant(self, report: OrderReport) -> None:
        """Keep it once, however many listings show it."""
        if all(known.order_id != report.order_id for known in self.revenants):
            self.revenants.append(report)


class Synchronizer:
    """Reads the broker and books what it says. ``is_in_flight`` names orders whose submit is still under way here."""

    def __init__(
        self,
        *,
        gateway: BrokerGateway,
        ledger: OrderLedger,
        clock: Clock,
        horizon: OrderHorizon,
        is_in_flight: Callable[[ClientOrderId], bool],
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._clock = clock
        self._horizon = horizon
        self._is_in_flight = is_in_flight
        self._outstanding = OutstandingExecutions(ledger=ledger, clock=clock)
        self._watched_since: dict[ClientOrderId, Seconds] = {}

    def run(self, *, within_s: Seconds = SYNC_DEADLINE_S) -> SyncRound:
        """Synchronise everything that is not terminal, in one round that reads for ``within_s`` at most."""
        tally, working, unresolved = self._begun(within_s)
        listing = tally.gateway.list_open_orders()
        tally.problem = listing.problem
        self._book_listing(listing, tally)
        self._fetch_missing(working, listing, tally)
        self._look_for(unresolved, tally)
        self._outstanding.read_again(tally.gateway, lambda order, report: self._book(order, report, tally))
        if tally.began.slept_since(self._clock):
            tally.problem, tally.is_view = _SLEPT, False
        is_whole = listing.complete and tally.is_view
        return SyncRound(
            began=tally.began,
            deadline=tally.began.mono + within_s,
            summary=self._summary(tally, complete=listing.complete and tally.problem is None),
            is_view=tally.is_view and listing.has_all_pages,
            broker_time=listing.broker_time,
            heeded=frozenset(tally.heeded),
            revenants=tuple(tally.revenants),
            external=(*tally.unowned, *tally.revenants) if is_whole else None,
        )

    def look_back(self, *, within_s: Seconds) -> str | None:
        """Book what changed within the last 24 hours, ended orders included; return why that was not all, if so."""
        tally, _, _ = self._begun(within_s)
        listing = tally.gateway.list_orders_since(tally.began.at - _LOOK_BACK)
        self._book_listing(listing, tally)
        return None if listing.complete else listing.problem or "the listing was not whole"

    def refresh(self, order: TrackedOrder, order_id: OrderId) -> TrackedOrder:
        """Read one order and book what the broker says of it; what spans a sleep is read again.

        Raises:
            OrderNotFoundError: the broker does not know the id, which proves nothing; the order keeps its state.
            OrderStatusError: it could not be read.
        """
        began = Moment.of(self._clock)
        latest = self._read(order, order_id)
        return self._read(order, order_id) if began.slept_since(self._clock) else latest

    def _read(self, order: TrackedOrder, order_id: OrderId) -> TrackedOrder:
        try:
            return self.learn(order, self._gateway.fetch_order_status(order_id))
        except OrderNotFoundError:
            self.note_vanished(order)
            raise

    def learn(self, order: TrackedOrder, report: OrderReport) -> TrackedOrder:
        """Book what a report says of an order, and return the order after that."""
        self.apply(order.client_order_id, report)
        with self._ledger.open_book() as book:
            return book.get(order.client_order_id) or order

    def apply(
        self,
        client_order_id: ClientOrderId,
        report: OrderReport,
        *,
        found_as: EventKind = EventKind.ORDER_ADOPTED,
    ) -> tuple[OrderEvent, ...]:
        """Book one report against the order as it stands now and return the events recorded."""
        with self._ledger.open_book() as book:
            order = book.get(client_order_id)
            if order is None:
                raise OrderStatusError(
                    f"no order {client_order_id} is in the journal; check the id", client_order_id=client_order_id
                )
            events = reconcile(order, report, found_as=found_as)
            self._ledger.record_facts(events)
        return events

    def _begun(self, within_s: Seconds) -> tuple[_Tally, tuple[TrackedOrder, ...], tuple[TrackedOrder, ...]]:
        """Return the tally of a new round, and the orders at work and in doubt as it begins."""
        began = Moment.of(self._clock)
        with self._ledger.open_book() as book:
            tally = _Tally(
                gateway=self._gateway.by(began.mono + within_s),
                began=began,
                active=frozenset(order.client_order_id for order in book.active()),
            )
            return tally, book.working(), self._doubtful(book)

    def may_be_on_its_way(self, order: TrackedOrder) -> datetime | None:
        """Until when its submit may still reach the broker, so that no listing disproves it; None once that is over."""
        until = self._horizon.sent_until(order)
        return until if self._clock.now() <= until else None

    def nothing_read(self, problem: str) -> SyncSummary:
        """Return the summary of a round that could not begin."""
        with self._ledger.open_book() as book:
            still_open = len(book.active())
        return SyncSummary(
            complete=False, open_orders=still_open, fills_booked=0, orders_closed=0, external_orders=0, problem=problem
        )

    def _summary(self, tally: _Tally, *, complete: bool) -> SyncSummary:
        with self._ledger.open_book() as book:
            still_open = len(book.active())
        return SyncSummary(
            complete=complete,
            open_orders=still_open,
            fills_booked=tally.fills,
            orders_closed=tally.closed,
            external_orders=tally.external,
            problem=tally.problem,
        )

    def _doubtful(self, book: OrderBook) -> tuple[TrackedOrder, ...]:
        return tuple(order for order in book.unresolved() if not self._is_in_flight(order.client_order_id))

    def _book_listing(self, listing: Listing, tally: _Tally) -> None:
        for report in listing.reports:
            try:
                with self._ledger.open_book() as book:
                    order = _owner(book, report)
            except OrderLogError as error:
                # Whose it is cannot be told, and one such order must not hold up the news of the others.
                tally.problem, tally.is_view = str(error), False
                continue
            if order is None:
                tally.external += 1
                tally.unowned.append(report)
                self._note_stranger(report)
            else:
                self._book(order, report, tally)

    def _book(self, read_for: TrackedOrder, report: OrderReport, tally: _Tally) -> None:
        with self._ledger.open_book() as book:
            order = book.get(read_for.client_order_id) or read_for
            is_second = is_twin(order, report)
            if not is_second and tally.is_stale(order, report):
                return
            events = self.apply(order.client_order_id, report)
        if is_second and report.state.is_working:
            self._note_twin(order, report)
        if report.state.is_working and (is_second or order.state.is_terminal):
            tally.add_revenant(report)
        elif report.state is OrderState.PENDING_CANCEL:
            tally.heeded.add(order.client_order_id)
        if order.state is OrderState.PRESUMED_ABSENT and not report.state.is_terminal:
            self._ledger.record_fact(replace(about(order.envelope, EventKind.CANCEL_REQUESTED), reason=_LATE))
        tally.fills += sum(event.event is EventKind.EXECUTION_BOOKED for event in events)
        tally.closed += sum(event.status is not None and event.status.is_terminal for event in events)

    def _fetch_missing(self, working: Iterable[TrackedOrder], listing: Listing, tally: _Tally) -> None:
        seen = {report.order_id for report in listing.reports}
        for order in working:
            order_id = order.envelope.order_id
            if order_id is None or order_id in seen:
                continue
            try:
                self._book(order, tally.gateway.fetch_order_status(order_id), tally)
            except OrderNotFoundError:
                self.note_vanished(order)
            except OrderStatusError as error:
                tally.problem = str(error)

    def _look_for(self, unresolved: Iterable[TrackedOrder], tally: _Tally) -> None:
        for order in unresolved:
            began = Moment.of(self._clock)
            listing = tally.gateway.find_by_client_order_id(
                order.client_order_id,
                ref_id=order.envelope.ref_id,
                created_after=order.envelope.created_at - _LOOK_BACK,
            )
            for report in listing.reports:
                self._book(order, report, tally)
            if not listing.complete:
                tally.problem = listing.problem
            elif not listing.reports and not began.slept_since(self._clock):
                self._note_absence(order, began, listing.broker_time)

    def _note_absence(self, order: TrackedOrder, began: Moment, broker_time: datetime | None) -> None:
        name, is_on_record = order.client_order_id, order.absent_since is not None
        # Times of another process mean nothing on this one's clock: what it noted counts from when it is seen here.
        since = self._watched_since.setdefault(name, began.mono) if is_on_record else began.mono
        event = judge_absence(
            order,
            listing_began=began.at,
            broker_time=broker_time,
            sent_until=self._horizon.sent_until(order),
            rested_until=self._horizon.rested_until(order),
            watched_s=began.mono - since,
        )
        if event is not None:
            self._ledger.record_fact(event)
            self._watched_since[name] = began.mono

    def _note_stranger(self, report: OrderReport) -> None:
        if not bears_our_mark(report.ref_id):
            return
        reason = _STRANGER.format(order_id=report.order_id, symbol=report.symbol)
        with self._ledger.open_book() as book:
            if book.halt is None:
                self._ledger.record_fact(
                    OrderEvent(
                        event=EventKind.TRADING_HALTED,
                        ref_id=report.ref_id,
                        order_id=report.order_id,
                        symbol=report.symbol,
                        reason=reason,
                        details={CAUSE: Cause.STRANGER.value},
                    )
                )

    def _note_twin(self, order: TrackedOrder, report: OrderReport) -> None:
        with self._ledger.open_book() as book:
            if book.halt_fact is None or leaves_exits(book.halt_fact):
                self._ledger.record_fact(
                    OrderEvent(
                        event=EventKind.TRADING_HALTED,
                        ref_id=report.ref_id,
                        order_id=report.order_id,
                        symbol=report.symbol,
                        reason=two_orders(order, report),
                        details={CAUSE: Cause.TWIN.value},
                    )
                )

    def note_vanished(self, order: TrackedOrder) -> None:
        """Put on record, once, that the broker does not know an order that it has told of."""
        if _VANISHED not in order.anomalies:
            self._ledger.record_fact(replace(about(order.envelope, EventKind.ANOMALY_FOUND), reason=_VANISHED))


def _owner(book: OrderBook, report: OrderReport) -> TrackedOrder | None:
    by_name = book.by_ref_id(report.ref_id) if report.ref_id is not None else None
    return by_name or book.by_order_id(report.order_id)
