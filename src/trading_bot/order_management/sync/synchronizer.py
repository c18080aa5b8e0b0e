"""Bringing the book up to date with the broker: one listing, missing orders by id, and a search for those in doubt."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from trading_bot.clock import Moment, Seconds
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.context import InFlight, OrderContext
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.exceptions import OrderLogError, OrderNotFoundError, OrderStatusError
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderState
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.reconciliation import is_duplicate_ref_id, reconcile
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.send_horizon import SendHorizon
from trading_bot.order_management.sync.alarms import note_duplicate_ref_id, note_unjournaled, note_vanished
from trading_bot.order_management.sync.external_orders import ExternalOrder, external_order
from trading_bot.order_management.sync.foreign import ECHO_HOLDS_FOR, Ownership, Row, Whose, classify, intent_of_order
from trading_bot.order_management.sync.horizon import OrderHorizon
from trading_bot.order_management.sync.outstanding import OutstandingExecutions
from trading_bot.order_management.sync.renames import note_name
from trading_bot.order_management.sync.round import (
    BookedListing,
    SyncRound,
    Tally,
    is_resurrected,
    owner_of,
    problem_of,
    summary_of,
)
from trading_bot.order_management.sync.search import (
    FEW,
    LOOK_BACK,
    READ_BY_ID,
    AbsenceSearch,
    Searched,
    changed_orders,
    changed_since,
    likely_made,
    list_from,
    search_from,
)
from trading_bot.values import replace

SYNC_DEADLINE_S: Seconds = 120.0
"""How long one round may read. What is not read by then is read anew, from the first page, in the next one."""

_SLEPT = "the machine slept, or its clock was set, while the orders were being read; read them again"
_LATE = "it turned up after it had been given up; it is cancelled"


class Synchronizer:
    """Reads the broker and books what it says. A submit that is ``in_flight`` is nobody else's to look for."""

    def __init__(self, context: OrderContext, in_flight: InFlight) -> None:
        self._gateway = context.gateway
        self._store = context.store
        self._clock = context.clock
        self._in_flight = in_flight
        self._before_booking = context.before_booking
        self._horizon = OrderHorizon(
            sending=SendHorizon(times=context.settings, carrier=context.carrier), session_end=context.session_end
        )
        self._outstanding = OutstandingExecutions(store=context.store, clock=context.clock)
        self._search = AbsenceSearch(store=context.store, horizon=self._horizon, account=context.account)
        self._echoed: Moment | None = None
        self._viewed_at: datetime | None = None

    def run(self, *, within_s: Seconds = SYNC_DEADLINE_S) -> SyncRound:
        """Synchronise everything that is not terminal, in one round that reads for ``within_s`` at most."""
        tally, working, unresolved = self._begun(within_s)
        listing = tally.gateway.list_open_orders()
        self._before_booking()
        tally.problem = problem_of(listing)
        booked = self._book_listing(listing, tally)
        self._fetch_missing(working, booked, tally)
        self._look_for(unresolved, tally, by=tally.began.mono + within_s)
        self._outstanding.read_again(tally.gateway, lambda order, report: self._book(order, report, tally))
        if tally.began.slept_since(self._clock):
            tally.problem, tally.is_view = _SLEPT, False
        external = self._external(booked, tally)
        is_view = tally.is_view and problem_of(listing) is None
        self._viewed_at = tally.began.at if is_view and tally.problem is None else self._viewed_at
        return SyncRound(
            began=tally.began,
            deadline=tally.began.mono + within_s,
            summary=summary_of(tally, external=external, is_view=is_view, still_open=self._still_open()),
            is_view=tally.is_view and listing.has_all_pages,
            broker_time=listing.broker_time,
            acknowledged=frozenset(tally.acknowledged),
            resurrected=tuple(tally.resurrected),
            external=external if is_view else None,
        )

    def look_back(self, *, within_s: Seconds) -> str | None:
        """Book what changed within the last 24 hours, ended orders included; return why that was not all, if so."""
        tally, _, _ = self._begun(within_s)
        since = tally.began.at - LOOK_BACK
        with self._store.open_book() as book:
            since = list_from(tally.gateway, since, changed_orders(book.orders(), since))
        listing = tally.gateway.list_orders_since(since)
        self._book_listing(listing, tally)
        return problem_of(listing)

    def search(self, order: TrackedOrder, *, within_s: Seconds = SYNC_DEADLINE_S) -> str | None:
        """Look for one order in doubt and book what is found; return why it may be there all the same, if so.

        Raises:
            OrderStatusError: the broker's orders could not be read to the end.
        """
        tally, _, _ = self._begun(within_s)
        searched = self._searched((order,), tally, by=tally.began.mono + within_s)
        if searched is None:
            raise OrderStatusError(
                f"the broker's orders could not be read in full ({tally.problem}), so the order may be among them; "
                "try again",
                client_order_id=order.client_order_id,
            )
        if order.client_order_id in searched.ours:
            return "the broker's list has a row of this order"
        return "a row of the broker's list may be this order" if order.client_order_id in searched.fits else None

    def refresh(self, order: TrackedOrder, order_id: OrderId, *, by: Seconds | None = None) -> TrackedOrder:
        """Read one order, over ``by`` a point on the clock, and book what is said of it; a sleep makes it read again.

        Raises:
            OrderNotFoundError: the broker does not know the id, which proves nothing; the order keeps its state.
            OrderStatusError: it could not be read.
        """
        began, gateway = Moment.of(self._clock), self._gateway if by is None else self._gateway.by(by)
        latest = self._read(order, order_id, gateway)
        return self._read(order, order_id, gateway) if began.slept_since(self._clock) else latest

    def _read(self, order: TrackedOrder, order_id: OrderId, gateway: BrokerGateway) -> TrackedOrder:
        try:
            return self.learn(order, gateway.fetch_order_status(order_id))
        except OrderNotFoundError:
            self.note_vanished(order)
            raise

    def learn(self, order: TrackedOrder, report: OrderReport) -> TrackedOrder:
        """Book what a report says of an order, and return the order after that."""
        self.apply(order.client_order_id, report)
        with self._store.open_book() as book:
            return book.get(order.client_order_id) or order

    def apply(
        self,
        client_order_id: ClientOrderId,
        report: OrderReport,
        *,
        found_as: EventKind = EventKind.ORDER_ADOPTED,
    ) -> tuple[OrderEvent, ...]:
        """Book one report against the order as it stands now and return the events recorded."""
        with self._store.open_book() as book:
            order = self._under_its_name(book, client_order_id, report)
            if order is None:
                raise OrderStatusError(
                    f"no order {client_order_id} is in the journal; check the id", client_order_id=client_order_id
                )
            if report.ref_id == order.envelope.ref_id:
                self._echoed = Moment.of(self._clock)
            events = reconcile(order, report, found_as=found_as)
            self._store.record_facts(events)
        return events

    def _under_its_name(
        self, book: OrderBook, client_order_id: ClientOrderId, report: OrderReport
    ) -> TrackedOrder | None:
        order = book.get(client_order_id)
        is_same = order is not None and order.instrument_id == report.instrument_id
        if order is None or not is_same or not report.symbol_is_known:
            return order
        note_name(self._store, book, instrument_id=order.instrument_id, symbol=report.symbol, was=order.envelope.symbol)
        return book.get(client_order_id)

    def _begun(self, within_s: Seconds) -> tuple[Tally, tuple[TrackedOrder, ...], tuple[TrackedOrder, ...]]:
        """Return the tally of a new round, and the orders at work and in doubt as it begins."""
        began = Moment.of(self._clock)
        with self._store.open_book() as book:
            tally = Tally(
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
        still_open = self._still_open()
        return SyncSummary(
            complete=False, open_orders=still_open, fills_booked=0, orders_closed=0, external_orders=0, problem=problem
        )

    def _still_open(self) -> int:
        with self._store.open_book() as book:
            return len(book.active())

    def _doubtful(self, book: OrderBook) -> tuple[TrackedOrder, ...]:
        return tuple(order for order in book.unresolved() if order.client_order_id not in self._in_flight)

    def _book_listing(self, listing: Listing, tally: Tally) -> BookedListing:
        booked = BookedListing()
        rows: tuple[Row, ...] = (*listing.reports, *listing.unread)
        for row in rows:
            try:
                with self._store.open_book() as book:
                    order = owner_of(row, book)
            except OrderLogError as error:
                # Its owner is not known, and one such order must not hold up the news of the others.
                tally.problem, tally.is_view = str(error), False
                continue
            self._book_row(row, order, booked, tally)
        return booked

    def _book_row(self, row: Row, order: TrackedOrder | None, booked: BookedListing, tally: Tally) -> None:
        if order is None:
            booked.unowned.append(row)
            return
        booked.ours.add(order.client_order_id)
        if isinstance(row, OrderReport):
            booked.seen.add(row.order_id)
            self._book(order, row, tally)
        else:
            booked.ours_unread[order.client_order_id] = order, row

    def _classified(self, row: Row) -> Ownership:
        with self._store.open_book() as book:
            in_doubt = tuple(
                intent_of_order(order, send_horizon=self._horizon.sent_until(order)) for order in book.unresolved()
            )
        ownership = classify(row, order=None, in_doubt=in_doubt, echoes_ref_ids=self._echoes_ref_ids())
        if ownership.whose is Whose.UNJOURNALED:
            note_unjournaled(self._store, row)
        return ownership

    def _echoes_ref_ids(self) -> bool:
        return self._echoed is not None and self._echoed.age_s(self._clock) <= ECHO_HOLDS_FOR.total_seconds()

    def _external(self, booked: BookedListing, tally: Tally) -> tuple[ExternalOrder, ...]:
        # A row that is known to have ended stops nothing and sells nothing.
        rows = (row for row in booked.unowned if row.state is None or not row.state.is_terminal)
        ours = (row for _, row in booked.ours_unread.values() if row.state is None or not row.state.is_terminal)
        return (
            *(external_order(row, may_be=self._classified(row).fits) for row in rows),
            *(external_order(row, is_ours=True) for row in ours),
            *(external_order(report) for report in tally.resurrected),
        )

    def _book(self, read_for: TrackedOrder, report: OrderReport, tally: Tally) -> None:
        with self._store.open_book() as book:
            order = book.get(read_for.client_order_id) or read_for
            is_second = is_duplicate_ref_id(order, report)
            if not is_second and tally.is_stale(order, report):
                return
            events = self.apply(order.client_order_id, report)
        if is_second and report.state.is_working:
            note_duplicate_ref_id(self._store, order, report)
        if report.state.is_working and (is_second or is_resurrected(order, report)):
            tally.add_resurrected(report)
        elif report.state is OrderState.PENDING_CANCEL:
            tally.acknowledged.add(order.client_order_id)
        if order.state is OrderState.PRESUMED_ABSENT and not report.state.is_terminal:
            self._store.record_fact(replace(about(order.envelope, EventKind.CANCEL_REQUESTED), reason=_LATE))
        tally.fills += sum(event.event is EventKind.EXECUTION_BOOKED for event in events)
        tally.closed += sum(event.status is not None and event.status.is_terminal for event in events)

    def _fetch_missing(self, working: Iterable[TrackedOrder], booked: BookedListing, tally: Tally) -> None:
        missing = {order.client_order_id: (order, order.envelope.order_id) for order in working}
        missing |= {name: (order, row.order_id) for name, (order, row) in booked.ours_unread.items()}
        missing = {name: known for name, known in missing.items() if known[1] not in booked.seen}
        ended = self._ended_since([order for order, _ in missing.values()], tally)
        for name, (order, order_id) in missing.items():
            if order_id is None:
                tally.problem = f"the broker lists order {name} without its id, in a row that cannot be read"
                continue
            try:
                self._book(order, ended.get(order_id) or tally.gateway.fetch_order_status(order_id), tally)
                booked.ours_unread.pop(name, None)
            except OrderNotFoundError:
                self.note_vanished(order)
                tally.problem = f"the broker shows order {name} neither in its list nor by its id {order_id}"
            except OrderStatusError as error:
                tally.problem = str(error)

    def _ended_since(self, missing: Sequence[TrackedOrder], tally: Tally) -> Mapping[OrderId, OrderReport]:
        """List the ends of orders that are no longer open, where they are many; what it does not show is read by id."""
        if len(missing) <= READ_BY_ID:
            return {}
        since = changed_since(missing, viewed_at=self._viewed_at, now=tally.began.at)
        reports = tally.gateway.list_orders_since(list_from(tally.gateway, since, missing)).reports
        return {report.order_id: report for report in reports if report.state.is_terminal}

    def _look_for(self, unresolved: tuple[TrackedOrder, ...], tally: Tally, *, by: Seconds) -> None:
        # Also one that the open orders have shown: its `ref_id` may have a second order, which has ended.
        in_doubt = self._found_singly(unresolved, tally)
        searched = self._searched(in_doubt, tally, by=by) if in_doubt else None
        if searched is not None and not searched.began.slept_since(self._clock):
            tally.notes += self._search.conclude(in_doubt, searched)

    def _still_in_doubt(self, orders: tuple[TrackedOrder, ...]) -> tuple[TrackedOrder, ...]:
        with self._store.open_book() as book:
            latest = [book.get(order.client_order_id) or order for order in orders]
        return tuple(order for order in latest if order.state.is_unresolved)

    def _found_singly(self, in_doubt: tuple[TrackedOrder, ...], tally: Tally) -> tuple[TrackedOrder, ...]:
        """Look for a few orders where they should stand in the broker's list; return those to be looked for in all."""
        for order in in_doubt if len(in_doubt) <= FEW else ():
            after, before = likely_made(order)
            listing = tally.gateway.find_by_client_order_id(
                order.client_order_id,
                ref_id=order.envelope.ref_id,
                created_after=after,
                created_before=before,
            )
            self._book_listing(listing, tally)
        return self._still_in_doubt(in_doubt)

    def _searched(self, in_doubt: tuple[TrackedOrder, ...], tally: Tally, *, by: Seconds) -> Searched | None:
        """Book one listing of open and closed orders; None where it could not be read to its end."""
        began = Moment.of(self._clock)
        with self._store.open_book() as book:
            since = search_from(in_doubt, book.orders())
        listing = tally.gateway.list_orders_since(since)
        booked = self._book_listing(listing, tally)
        if (problem := problem_of(listing)) is not None:
            tally.problem = problem
            return None
        names = {order.client_order_id for order in in_doubt}
        booked.ours_unread = {name: unread for name, unread in booked.ours_unread.items() if name in names}
        self._fetch_missing((), booked, tally)
        return Searched(
            began=began,
            broker_time=listing.broker_time,
            ours=booked.ours,
            fits={name: row for row in booked.unowned for name in self._classified(row).fits},
            deadline=by,
        )

    def note_vanished(self, order: TrackedOrder) -> None:
        """Put on record, once, that the broker does not know an order that it has shown before."""
        note_vanished(self._store, order)
