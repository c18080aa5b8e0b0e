"""The gateway to Robinhood: the ports of the order layer spoken over one broker session.

A submit is one POST, whatever comes of it. Reads and cancels may be repeated, and are, within bounds.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import CANCEL_POLICY, READ_POLICY, RetryPolicy
from trading_bot.error_handling.retry import Jitter, no_jitter
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderNotFoundError,
    OrderNotSentError,
    OrderStatusError,
)
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import (
    CancelNotSent,
    CancelReply,
    DurableIntent,
    Listing,
    PreparedOrder,
    SubmitOutcome,
    check_side,
    last_of,
)
from trading_bot.order_management.portfolio import AccountSnapshot, Bar, Position, PositionListing, Quote
from trading_bot.order_management.ports import BrokerCapabilities, BrokerGateway, SendPermit
from trading_bot.robinhood.broker_clock import BrokerClock
from trading_bot.robinhood.classify import classify_cancel, classify_submit
from trading_bot.robinhood.exchange_facts import cancel_on_record, submit_on_record
from trading_bot.robinhood.fields import is_broker_id
from trading_bot.robinhood.listing import (
    EndsReading,
    FilterIgnoredError,
    Query,
    is_elsewhere,
    open_orders_alone,
    order_remarks,
    read_orders,
    walk_pages,
)
from trading_bot.robinhood.one_call import Readers
from trading_bot.robinhood.order_rows import order_instrument, parse_order, read_order
from trading_bot.robinhood.order_search import OrderSearch
from trading_bot.robinhood.rate_budget import CANCELS_AT_ONCE
from trading_bot.robinhood.reads import LOGIN_NEEDED, BrokerReads, NotAtBrokerError, Renew, Repeater, Wire
from trading_bot.robinhood.session import FORM, UnreadableReplyError, WireRequest
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.robinhood.wire import (
    ORDER_FORM_VERSION,
    account_url,
    instrument_url,
    order_account_number,
    order_body,
    wire_time,
)
from trading_bot.threads import OWN_THREADS, Threads
from trading_bot.values import replace

__all__ = ["BrokerGateway", "RobinhoodGateway"]

_CAPABILITIES = BrokerCapabilities(cancels_at_once=CANCELS_AT_ONCE)
_LONGEST_REST = timedelta(days=100)
"""A good-till-cancelled order is said to rest for some 90 days."""


class RobinhoodGateway:
    """Orders, listings, balances, positions and quotes of one account.

    ``renew`` asks for a fresh session after a 401 and says whether there is one now; ``account_number`` None means the
    login's only account. ``symbols`` keeps the names of instruments; with ``asks_symbols`` False none is asked for.
    A call that reads is over within ``read_timeout_s``, all its requests, repetitions and waits included; what `by`
    returned has until then for each call, and ``read_timeout_s`` for each page or address.
    Fulfils `BrokerGateway`, `AccountGateway` and `MarketDataGateway`.
    """

    def __init__(
        self,
        *,
        session: Wire,
        clock: Clock,
        account_number: str | None,
        renew: Renew,
        read_policy: RetryPolicy = READ_POLICY,
        read_timeout_s: Seconds = 10.0,
        jitter: Jitter = no_jitter,
        order_form_version: int = ORDER_FORM_VERSION,
        asks_symbols: bool = True,
        symbols: SymbolTable | None = None,
        threads: Threads = OWN_THREADS,
    ) -> None:
        self._session = session
        self._clock = clock
        self._renew = renew
        self._threads = threads
        self._order_form_version = order_form_version
        self._submit_query = () if account_number is None else (("account_numbers", account_number),)
        self._broker_clock = BrokerClock(clock)
        repeater = Repeater(
            wire=session,
            clock=clock,
            renew=renew,
            timeout_s=read_timeout_s,
            jitter=jitter,
            hear=self._broker_clock.hear,
        )
        reads = BrokerReads(repeater=repeater, policy=read_policy)
        self._readers = Readers.of(reads, clock, account_number=account_number, symbols=symbols, asks=asks_symbols)

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What the private wire can do."""
        return _CAPABILITIES

    def by(self, deadline: Seconds) -> Self:
        """Return the same gateway, whose reads and cancels are all over by ``deadline``, a point on the clock."""
        bounded = object.__new__(type(self))
        vars(bounded).update(vars(self), _readers=self._readers.by(deadline))
        return bounded

    def broker_time(self) -> datetime | None:
        """Return the broker's time by the dates of its replies, at the earliest; None before the first date."""
        return self._broker_clock.now()

    @property
    def not_understood(self) -> tuple[str, ...]:
        """What the broker said so far in words, flags or rows that could not be read; nothing stops for it alone."""
        return self._readers.directory.remarks.all()

    def renew_session(self, *, within_s: Seconds) -> bool:
        """Ask once for a fresh session; whether there is one now."""
        return self._renew(within_s)

    def tick_of(self, symbol: str, side: Side) -> Decimal | None:
        """Return the instrument's own price step in dollars, None where the usual ones hold; looked up once a day.

        Raises:
            OrderValidationError: the broker does not trade this symbol on this side.
            OrderNotSentError: the look-up failed (`AuthenticationError` where only a new login helps).
        """
        try:
            return self._readers.in_time().directory.facts(symbol, side).tick
        except OrderStatusError as error:
            raise _not_prepared(symbol, error) from error

    def prepare_order(self, terms: OrderTerms, ref_id: RefId) -> PreparedOrder:
        """Build the bytes of an order from cached look-ups.

        Raises:
            OrderValidationError: the broker does not trade this symbol, or the price is not on its tick.
            OrderNotSentError: a look-up failed (`AuthenticationError` where only a new login helps).
        """
        directory = self._readers.in_time().directory
        try:
            instrument = directory.facts(terms.symbol, terms.side)
            number = directory.account_number()
        except OrderStatusError as error:
            raise _not_prepared(terms.symbol, error) from error
        body = order_body(
            terms,
            ref_id=ref_id,
            account_url=account_url(number),
            instrument_url=instrument_url(instrument.id),
            order_form_version=self._order_form_version,
            tick=instrument.tick,
        )
        return PreparedOrder(ref_id=ref_id, terms=terms, body=body, instrument_id=instrument.id)

    def submit_limit_buy(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one buy, once.

        Raises:
            OrderValidationError: the intent is a sell; nothing was sent.
        """
        check_side(intent, Side.BUY)
        return self._submit(intent, permit, timeout_s)

    def submit_limit_sell(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one sell, once.

        Raises:
            OrderValidationError: the intent is a buy; nothing was sent.
        """
        check_side(intent, Side.SELL)
        return self._submit(intent, permit, timeout_s)

    def cancel_order(self, order_id: OrderId) -> CancelReply:
        """Ask for one cancel, again where that is safe. The address is built here, never taken from the broker."""
        if not is_broker_id(order_id):
            return CancelNotSent(cause="that is not a broker's order id; look it up with the status of the order")
        request = WireRequest(method="POST", path=f"/orders/{order_id}/cancel/", content_type=FORM)
        results = self._readers.repeater.attempts(request, CANCEL_POLICY)
        reply = last_of([classify_cancel(result, now=self._clock.now()) for result in results])
        return cancel_on_record(reply, results[-1])

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Ask for each cancel, whatever happens to the others."""
        if len(order_ids) <= 1:
            return {order_id: self.cancel_order(order_id) for order_id in order_ids}
        # Side by side, so that no request waits for the answer to another.
        with self._threads.pool(min(CANCELS_AT_ONCE, len(order_ids)), "cancel") as pool:
            return dict(zip(order_ids, pool.map(self.cancel_order, order_ids), strict=True))

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        """Read one order by the broker's id.

        Raises:
            OrderNotFoundError: the broker answers "not found", which is not yet an outcome.
            OrderStatusError: the read failed, or its reply makes no sense or is about another order.
        """
        if not is_broker_id(order_id):
            raise OrderNotFoundError("that is not a broker's order id; check it", order_id=order_id)
        try:
            return self._order(order_id, self._readers.in_time())
        except NotAtBrokerError as error:
            raise OrderNotFoundError(f"the broker has no order {order_id}; check the id", order_id=order_id) from error
        except UnreadableReplyError as error:
            raise OrderStatusError(f"{error}; nothing was concluded, read it again", order_id=order_id) from error

    def list_open_orders(self) -> Listing:
        """Read all open orders of the account.

        A broker that ignores the filter would list the whole history: then what changed lately is read instead,
        far enough back for any order that can still rest, and ended ones are dropped.
        """
        listing = self._list((("is_closed", "false"),), narrows_to_open=True)
        unread = tuple(row for row in listing.unread if row.state is None or row.state.is_working)
        return replace(
            listing,
            reports=tuple(report for report in listing.reports if report.state.is_working),
            unread=unread,
            unreadable_ids=tuple(row.order_id for row in unread if row.order_id is not None),
            complete=listing.has_all_pages and not unread,
        )

    def list_orders_since(self, changed_after: datetime) -> Listing:
        """Read every order, open or ended, that changed since."""
        return self._list((("updated_at[gte]", wire_time(changed_after)),))

    def find_by_client_order_id(
        self,
        client_order_id: ClientOrderId,
        *,
        ref_id: RefId,
        created_after: datetime,
        created_before: datetime | None = None,
    ) -> Listing:
        """Look for ``ref_id`` in everything that changed since ``created_after``; the broker cannot search for it.

        ``created_after`` is of our clock, and is taken back by as much as the broker's is behind. Reading ends with the
        page that shows the order, or only older ones. Rows that do not say whose they are come along as unread.
        """
        search = OrderSearch.at(self._broker_clock, ref_id, created_after=created_after, created_before=created_before)
        listing = search.looked_for(self._list(search.query, until=search.is_over))
        problem = None if listing.problem is None else f"looking for {client_order_id}: {listing.problem}"
        return replace(listing, problem=problem)

    def fetch_account(self) -> AccountSnapshot:
        """Read balances and restrictions, as of the moment the read began."""
        return self._readers.in_time().account.account()

    def fetch_positions(self) -> PositionListing:
        """Read all non-zero positions, row by row: one that cannot be read is listed as such and hides no other.

        Raises:
            OrderStatusError: a page could not be read, or a row is of another account.
        """
        return self._readers.in_time().account.positions()

    def fetch_position(self, instrument_id: str) -> Position | None:
        """Read the position of one instrument alone; None where the broker has none, or none is left of it.

        Raises:
            OrderStatusError: the read failed, or its reply makes no sense or is about another position.
        """
        return self._readers.in_time().account.position(instrument_id)

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Read quotes; symbols unknown, not readable or without a two-sided market are absent."""
        return self._readers.in_time().account.quotes(symbols)

    def fetch_history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        """Read the bars that have ended, oldest first; see `MarketDataGateway.fetch_history`."""
        return self._readers.in_time().account.history(symbol, interval, span)

    def fetch_equity(self) -> Decimal | None:
        """Read what the whole account is worth, in dollars; None where the broker does not say."""
        return self._readers.in_time().account.equity()

    def _submit(self, intent: DurableIntent, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        request = WireRequest(
            method="POST", path="/orders/", query=self._submit_query, body=intent.body, content_type=FORM
        )
        result = self._session.exchange(request, timeout_s=timeout_s, permit=permit)
        outcome = classify_submit(
            result,
            intent=intent,
            parse=lambda row: parse_order(row, self._readers.directory.known_symbol),
            now=self._clock.now(),
        )
        return submit_on_record(outcome, result)

    def _list(self, query: Query, *, until: EndsReading | None = None, narrows_to_open: bool = False) -> Listing:
        readers = self._readers.in_time()
        try:
            number = readers.directory.account_number()
        except OrderStatusError as error:
            return Listing(reports=(), complete=False, problem=str(error))
        broker_time = self._broker_clock.now()
        ours = ("account_numbers", number)
        get = open_orders_alone(readers.reads.get) if narrows_to_open else readers.reads.get
        pages = walk_pages(get, "/orders/", (ours, *query), until=until)
        if isinstance(pages.problem, FilterIgnoredError):
            since = wire_time(self._clock.now() - _LONGEST_REST)
            pages = walk_pages(readers.reads.get, "/orders/", (ours, ("updated_at[gte]", since)))
        _learn_names(pages.rows, readers)
        listing = read_orders(
            pages, account_number=number, read=lambda row: read_order(row, readers.directory.known_symbol)
        )
        readers.directory.remarks.note(*order_remarks(listing))
        return replace(listing, broker_time=broker_time)

    def _order(self, order_id: OrderId, readers: Readers) -> OrderReport:
        row = readers.reads.get(f"/orders/{order_id}/")
        _learn_names((row,), readers)
        report = parse_order(row, readers.directory.known_symbol)
        if report.order_id != order_id.lower():
            raise UnreadableReplyError(f"asked for order {order_id}, the broker answered with another")
        if is_elsewhere(order_account_number(row), readers.directory.account_number()):
            raise UnreadableReplyError(f"order {order_id} belongs to another account")
        return report


def _learn_names(rows: Iterable[object], readers: Readers) -> None:
    readers.directory.look_ups.learn(each for row in rows if (each := order_instrument(row)) is not None)


def _not_prepared(symbol: str, error: OrderStatusError) -> OrderNotSentError:
    kind = AuthenticationError if error.code == LOGIN_NEEDED else OrderNotSentError
    return kind(f"no order was sent: {error}", symbol=symbol)
