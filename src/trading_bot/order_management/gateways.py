"""The gateway to Robinhood: the manager's two ports spoken over one broker session.

A submit is one POST, whatever comes of it. Reads and cancels may be repeated, and are, within bounds.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
    OrderValidationError,
)
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import (
    CancelNotSent,
    CancelReply,
    DurableIntent,
    Listing,
    PreparedOrder,
    SubmitOutcome,
)
from trading_bot.order_management.portfolio import AccountSnapshot, Position, Quote
from trading_bot.order_management.ports import BrokerGateway, SendPermit
from trading_bot.robinhood.account_wire import PositionPayload, account_snapshot, parse_quote, position
from trading_bot.robinhood.broker_clock import BrokerClock
from trading_bot.robinhood.classify import classify_cancel, classify_submit
from trading_bot.robinhood.directory import BrokerDirectory, checked_symbol
from trading_bot.robinhood.fields import SYMBOL, is_broker_id, parse_payload
from trading_bot.robinhood.listing import (
    FilterIgnoredError,
    Pages,
    Query,
    open_orders_alone,
    read_orders,
    rows_naming,
    walk_pages,
)
from trading_bot.robinhood.reads import LOGIN_NEEDED, BrokerReads, NotAtBrokerError, Renew, Repeater, Wire
from trading_bot.robinhood.session import FORM, UnreadableReplyError, WireRequest
from trading_bot.robinhood.wire import (
    ORDER_FORM_VERSION,
    account_url,
    instrument_url,
    order_account_number,
    order_body,
    parse_order,
    wire_time,
)

__all__ = ["BrokerGateway", "RobinhoodGateway"]

_CANCELS_AT_ONCE = 4
_LONGEST_REST = timedelta(days=100)
"""A good-till-cancelled order is said to rest for some 90 days."""


class RobinhoodGateway:
    """Orders, listings, balances, positions and quotes of one account.

    ``renew`` asks for a fresh session after a 401 and says whether there is one now; ``account_number`` None means the
    login's only account. With ``asks_symbols`` False, no read of an order waits for the look-up of its symbol. Fulfils
    `BrokerGateway` and `AccountGateway`.
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
    ) -> None:
        self._session = session
        self._clock = clock
        self._renew = renew
        self._order_form_version = order_form_version
        self._submit_query = () if account_number is None else (("account_numbers", account_number),)
        self._broker_clock = BrokerClock(clock)
        self._repeater = Repeater(
            wire=session,
            clock=clock,
            renew=renew,
            timeout_s=read_timeout_s,
            jitter=jitter,
            hear=self._broker_clock.hear,
        )
        self._reads = BrokerReads(repeater=self._repeater, policy=read_policy)
        self._directory = BrokerDirectory(
            reads=self._reads, clock=clock, account_number=account_number, asks_symbols=asks_symbols
        )

    def by(self, deadline: Seconds) -> Self:
        """Return the same gateway, whose reads and cancels are all over by ``deadline``, a point on the clock."""
        bounded = copy.copy(self)
        vars(bounded).update(
            _repeater=replace(self._repeater, deadline=deadline),
            _reads=self._reads.by(deadline),
            _directory=self._directory.by(deadline),
        )
        return bounded

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
            return self._directory.facts(symbol, side).tick
        except OrderStatusError as error:
            raise _not_prepared(symbol, error) from error

    def prepare_order(self, terms: OrderTerms, ref_id: RefId) -> PreparedOrder:
        """Build the bytes of an order from cached look-ups.

        Raises:
            OrderValidationError: the broker does not trade this symbol, or the price is not on its tick.
            OrderNotSentError: a look-up failed (`AuthenticationError` where only a new login helps).
        """
        try:
            instrument = self._directory.facts(terms.symbol, terms.side)
            number = self._directory.account_number()
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
        return PreparedOrder(ref_id=ref_id, terms=terms, body=body)

    def submit_limit_buy(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one buy, once.

        Raises:
            OrderValidationError: the intent is a sell; nothing was sent.
        """
        _check_side(intent, Side.BUY)
        return self._submit(intent, permit, timeout_s)

    def submit_limit_sell(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one sell, once.

        Raises:
            OrderValidationError: the intent is a buy; nothing was sent.
        """
        _check_side(intent, Side.SELL)
        return self._submit(intent, permit, timeout_s)

    def cancel_order(self, order_id: OrderId) -> CancelReply:
        """Ask for one cancel, again where that is safe. The address is built here, never taken from the broker."""
        if not is_broker_id(order_id):
            return CancelNotSent(cause="that is not a broker's order id; look it up with the status of the order")
        request = WireRequest(method="POST", path=f"/orders/{order_id}/cancel/", content_type=FORM)
        return classify_cancel(self._repeater.exchange(request, CANCEL_POLICY), now=self._clock.now())

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Ask for each cancel, whatever happens to the others."""
        if len(order_ids) <= 1:
            return {order_id: self.cancel_order(order_id) for order_id in order_ids}
        # Side by side, so that one answer that does not come does not keep the other requests from leaving.
        with ThreadPoolExecutor(max_workers=min(_CANCELS_AT_ONCE, len(order_ids))) as pool:
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
            row = self._reads.get(f"/orders/{order_id}/")
            return self._own_order(row, order_id)
        except NotAtBrokerError as error:
            raise OrderNotFoundError(f"the broker has no order {order_id}; check the id", order_id=order_id) from error
        except UnreadableReplyError as error:
            raise OrderStatusError(f"{error}; nothing was concluded, read it again", order_id=order_id) from error

    def list_open_orders(self) -> Listing:
        """Read all open orders of the account.

        A broker that does not heed the filter would list the whole history: then what changed lately is read instead,
        far enough back for any order that can still rest, and ended ones are dropped.
        """
        listing = self._list((("is_closed", "false"),), narrows_to_open=True)
        return replace(listing, reports=tuple(report for report in listing.reports if report.state.is_working))

    def list_orders_since(self, changed_after: datetime) -> Listing:
        """Read every order, open or ended, that changed since."""
        return self._list((("updated_at[gte]", wire_time(changed_after)),))

    def find_by_client_order_id(
        self,
        client_order_id: ClientOrderId,
        *,
        ref_id: RefId,
        created_after: datetime,
    ) -> Listing:
        """Look for ``ref_id`` in everything that changed since ``created_after``; the broker cannot search for it."""
        since = (("updated_at[gte]", wire_time(created_after)),)
        listing = self._list(since, narrow=lambda pages: rows_naming(pages, ref_id))
        if listing.problem is None:
            return listing
        return replace(listing, problem=f"looking for {client_order_id}: {listing.problem}")

    def fetch_account(self) -> AccountSnapshot:
        """Read balances and restrictions, as of the moment the read began."""
        began = self._clock.now()
        return account_snapshot(self._directory.fetch_account(), began)

    def fetch_positions(self) -> tuple[Position, ...]:
        """Read all non-zero positions; one unreadable row fails the whole read."""
        began = self._clock.now()
        number = self._directory.account_number()
        pages = walk_pages(self._reads.get, "/positions/", (("account_number", number), ("nonzero", "true")))
        if pages.problem is not None:
            raise pages.problem
        try:
            held = [parse_payload(PositionPayload, row) for row in pages.rows]
            ours = [payload for payload in held if payload.account_number == number and payload.quantity]
            return tuple(position(payload, symbol=self._symbol(payload), as_of=began) for payload in ours)
        except UnreadableReplyError as error:
            raise OrderStatusError(f"reading the positions: {error}; read them again before trading") from error

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Read quotes in one request; symbols unknown, unreadable or without a two-sided market are absent.

        Raises:
            OrderStatusError: the read failed as a whole.
            OrderValidationError: none of these can be a symbol.
        """
        if not symbols:
            return {}
        asked = [symbol for symbol in symbols if SYMBOL.fullmatch(symbol)] or [checked_symbol(symbols[0])]
        reply = self._reads.get("/quotes/", (("symbols", ",".join(asked)),))
        rows = reply.get("results") if isinstance(reply, dict) else None
        if not isinstance(rows, list):
            raise OrderStatusError("reading the quotes: the reply holds none; ask again before trading")
        quotes = [quote for row in rows if (quote := _quote(row)) is not None]
        return {quote.symbol: quote for quote in quotes if quote.symbol in symbols}

    def _submit(self, intent: DurableIntent, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        request = WireRequest(
            method="POST", path="/orders/", query=self._submit_query, body=intent.body, content_type=FORM
        )
        result = self._session.exchange(request, timeout_s=timeout_s, permit=permit)
        return classify_submit(
            result,
            intent=intent,
            parse=lambda row: parse_order(row, self._directory.known_symbol),
            now=self._clock.now(),
        )

    def _list(
        self,
        query: Query,
        *,
        narrow: Callable[[Pages], Pages] = lambda pages: pages,
        narrows_to_open: bool = False,
    ) -> Listing:
        try:
            number = self._directory.account_number()
        except OrderStatusError as error:
            return Listing(reports=(), complete=False, problem=str(error))
        broker_time = self._broker_clock.now()
        ours = ("account_numbers", number)
        get = open_orders_alone(self._reads.get) if narrows_to_open else self._reads.get
        pages = walk_pages(get, "/orders/", (ours, *query))
        if isinstance(pages.problem, FilterIgnoredError):
            since = wire_time(self._clock.now() - _LONGEST_REST)
            pages = walk_pages(self._reads.get, "/orders/", (ours, ("updated_at[gte]", since)))
        listing = read_orders(narrow(pages), account_number=number, parse=self._parse)
        return replace(listing, broker_time=broker_time)

    def _parse(self, row: object) -> OrderReport:
        return parse_order(row, self._directory.symbol_of)

    def _own_order(self, row: object, order_id: OrderId) -> OrderReport:
        report = self._parse(row)
        if report.order_id != order_id:
            raise UnreadableReplyError(f"asked for order {order_id}, the broker answered with another")
        if order_account_number(row) not in (None, self._directory.account_number()):
            raise UnreadableReplyError(f"order {order_id} belongs to another account")
        return report

    def _symbol(self, payload: PositionPayload) -> str:
        symbol = self._directory.symbol_of(payload.instrument_id)
        if symbol is None:
            raise UnreadableReplyError(f"instrument {payload.instrument_id} belongs to no symbol")
        return symbol


def _quote(row: object) -> Quote | None:
    """Read one row; whatever is wrong with it concerns its own symbol alone."""
    try:
        return None if row is None else parse_quote(row)
    except UnreadableReplyError:
        return None


def _not_prepared(symbol: str, error: OrderStatusError) -> OrderNotSentError:
    kind = AuthenticationError if error.code == LOGIN_NEEDED else OrderNotSentError
    return kind(f"no order was sent: {error}", symbol=symbol)


def _check_side(intent: DurableIntent, side: Side) -> None:
    if intent.terms.side is not side:
        raise OrderValidationError(
            f"the intent is a {intent.terms.side}, not a {side}; nothing was sent: use the other method",
            client_order_id=intent.client_order_id,
            symbol=intent.terms.symbol,
        )
