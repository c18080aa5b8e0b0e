"""What the bot asks of the scripted broker: the ports of the order layer, answered from its book.

Each call is a plain method, looked up on the broker when the bot makes it, so that a test can watch or replace it on
the object. `submit` and `cancel` decide how the broker treats a request, and nothing more: whatever they are replaced
by, the outcome they return is carried out on the book here. An `OSError` that they raise is an answer that never came.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from trading_bot.clock import Seconds, VirtualClock
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError, OrderValidationError
from trading_bot.order_management.models import (
    EXACT,
    ClientOrderId,
    OrderId,
    OrderReport,
    OrderState,
    OrderTerms,
    RefId,
    Side,
    exact_sum,
)
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelRefused,
    CancelReply,
    CancelTaken,
    CancelUnknown,
    DurableIntent,
    Listing,
    NotSent,
    PreparedOrder,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from trading_bot.order_management.portfolio import (
    AccountSnapshot,
    Bar,
    Position,
    PositionListing,
    Quote,
)
from trading_bot.order_management.ports import BrokerCapabilities, SendPermit, SendRefusedError
from trading_bot.testing.book import BrokerBook, Held
from trading_bot.testing.errors import ScriptError
from trading_bot.testing.orders import BrokerOrder, SubmittedOrder, instrument_id_of
from trading_bot.testing.outcomes import Outcome, Reply, accept, lose_request, refuse_connection, reject

CALLS = (
    *("submit", "cancel", "fetch_order_status", "list_open_orders", "list_orders_since", "find_by_client_order_id"),
    *("fetch_account", "fetch_positions", "fetch_position", "fetch_quotes", "fetch_history", "fetch_equity"),
)
"""Every call that the bot makes of the broker and that has an answer."""

_DOWN = "the broker cannot be reached"
_REFUSED = 400
_NOT_FOUND = 404


class BrokerCalls:
    """Fulfils `trading_bot.order_management.ports.Gateway` by outcomes; nothing it does takes any time.

    ``capabilities`` may be replaced to rehearse a broker that can do less.
    """

    capabilities = BrokerCapabilities()

    def __init__(self, clock: VirtualClock, book: BrokerBook) -> None:
        self._clock = clock
        self._book = book
        self._quotes: dict[str, Quote] = {}
        self._bars: dict[tuple[str, str], tuple[Bar, ...]] = {}
        self._refused_symbols: set[str] = set()
        self._submitted: list[SubmittedOrder] = []
        self._outcomes: deque[Outcome] = deque()
        self._cancel_outcomes: deque[Outcome] = deque()
        self._is_down = False
        self._was_looked_at = False

    def submit(self, order: SubmittedOrder) -> Outcome:
        """Decide what becomes of a request for an order: what the test said comes next, else what is covered rests."""
        return self._outcomes.popleft() if self._outcomes else self._usual(order)

    def cancel(self, order: BrokerOrder) -> Outcome:
        """Decide what becomes of a request to cancel: what the test said comes next, else an open order ends."""
        if self._cancel_outcomes:
            return self._cancel_outcomes.popleft()
        return reject(f"the order is {order.state} already") if order.state.is_terminal else accept()

    def tick_of(self, symbol: str, side: Side) -> Decimal | None:
        """Return None: every instrument trades in the steps of SEC Rule 612."""
        self._refuse_unless_traded(symbol)
        return None

    def prepare_order(self, terms: OrderTerms, ref_id: RefId) -> PreparedOrder:
        """Return an order that is ready to be sent.

        Raises:
            OrderValidationError: the test says that the broker does not trade this symbol.
        """
        self._refuse_unless_traded(terms.symbol)
        body = f"{ref_id} {terms}".encode()
        return PreparedOrder(ref_id=ref_id, terms=terms, body=body, instrument_id=instrument_id_of(terms.symbol))

    def submit_limit_buy(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Take one buy, as `submit` decides."""
        return self._send(intent, permit)

    def submit_limit_sell(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Take one sell, as `submit` decides."""
        return self._send(intent, permit)

    def by(self, deadline: Seconds) -> Self:
        """Return the same broker: its answers take no time, so all of them are over by then."""
        return self

    def renew_session(self, *, within_s: Seconds) -> bool:
        """Say that the session is in place: this broker never ends one."""
        return True

    def cancel_order(self, order_id: OrderId) -> CancelReply:
        """Take one request to cancel, as `cancel` decides."""
        if self._is_down:
            return CancelNotSent(cause=_DOWN)
        order = self._book.by_id(order_id)
        if order is None:
            return CancelRefused(reason="there is no such order", status_code=_NOT_FOUND)
        outcome = _decided(lambda: self.cancel(order), name="cancel")
        if outcome.acts_after_s is not None and not order.state.is_terminal:
            ends_at = self._clock.now() + timedelta(seconds=outcome.acts_after_s)
            order.ends_at = min(ends_at, order.ends_at or ends_at)
        return _cancel_reply(outcome)

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Take each request by itself."""
        return {order_id: self.cancel_order(order_id) for order_id in order_ids}

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        """Report one order."""
        self._refuse_while_down()
        order = self._book.by_id(order_id)
        if order is None:
            raise OrderNotFoundError(f"the broker has no order {order_id}; check the id", order_id=order_id)
        return order.report()

    def list_open_orders(self) -> Listing:
        """List the orders that can still trade."""
        return self._listing(lambda order: not order.state.is_terminal)

    def list_orders_since(self, changed_after: datetime) -> Listing:
        """List the orders, open or ended, that changed since; or were created since, by ``capabilities``."""
        by_change = self.capabilities.lists_by_change
        return self._listing(lambda order: (order.updated_at if by_change else order.created_at) >= changed_after)

    def find_by_client_order_id(
        self,
        client_order_id: ClientOrderId,
        *,
        ref_id: RefId,
        created_after: datetime,
        created_before: datetime | None = None,
    ) -> Listing:
        """List the order of that ``ref_id``, if there is one."""
        return self._listing(lambda order: order.ref_id == ref_id)

    def fetch_account(self) -> AccountSnapshot:
        """Tell the balances of a cash account in which everything is settled."""
        self._refuse_while_down()
        cash, promised = self._book.cash(), self._book.promised()
        free = EXACT.subtract(cash, promised)
        return AccountSnapshot(
            account_suffix="0001",
            buying_power=max(free, Decimal(0)),
            cash=free,
            cash_held_for_orders=promised,
            restriction=None,
            as_of=self._clock.now(),
            unsettled_funds=Decimal(0),
            account_type="cash",
            portfolio_cash=cash,
        )

    def fetch_positions(self) -> PositionListing:
        """Tell what is held."""
        self._refuse_while_down()
        self._was_looked_at = True
        rows = tuple(self._position(symbol, held) for symbol, held in self._book.holdings().items())
        return PositionListing(positions=rows)

    def fetch_position(self, instrument_id: str) -> Position | None:
        """Tell what is held of one instrument."""
        self._refuse_while_down()
        held = self._book.holdings()
        symbol = next((name for name in held if instrument_id_of(name) == instrument_id), None)
        return None if symbol is None else self._position(symbol, held[symbol])

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Tell the quotes that the test has set, and no others."""
        self._refuse_while_down()
        return {symbol: self._quotes[symbol] for symbol in symbols if symbol in self._quotes}

    def fetch_history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        """Tell the bars of that interval that the test has set, whatever the span; all of them have ended."""
        self._refuse_while_down()
        if symbol in self._refused_symbols:
            raise OrderStatusError(f"no bars of {symbol} were read: the broker has none; check the symbol")
        return self._bars.get((symbol, interval), ())

    def fetch_equity(self) -> Decimal | None:
        """Tell what cash and shares are worth; None where a held symbol has no quote."""
        self._refuse_while_down()
        held = self._book.holdings()
        if not held.keys() <= self._quotes.keys():
            return None
        values = (EXACT.multiply(each.quantity, self._quotes[symbol].bid_price) for symbol, each in held.items())
        return exact_sum((self._book.cash(), *values))

    def _send(self, intent: DurableIntent, permit: SendPermit) -> SubmitOutcome:
        try:
            with permit:
                order = self._request(intent)
        except SendRefusedError as refusal:
            return NotSent(cause=str(refusal), may_retry=False, refused_by=refusal.gate)
        outcome = refuse_connection() if self._is_down else _decided(lambda: self.submit(order), name="submit")
        if outcome.reply is not Reply.NO_CONNECTION:
            self._submitted.append(order)
        return self._carried_out(outcome, intent)

    def _request(self, intent: DurableIntent) -> SubmittedOrder:
        terms = intent.terms
        return SubmittedOrder(
            client_order_id=intent.client_order_id,
            ref_id=intent.ref_id,
            symbol=terms.symbol,
            side=terms.side,
            quantity=terms.quantity,
            limit_price=terms.limit_price,
            time_in_force=terms.time_in_force,
            extended_hours=terms.extended_hours,
            at=self._clock.now(),
            stop_price=terms.stop_price,
        )

    def _carried_out(self, outcome: Outcome, intent: DurableIntent) -> SubmitOutcome:
        if outcome.acts_after_s is None:
            return _submit_reply(outcome)
        if self._book.has(intent.ref_id):
            return Unknown(cause="the broker has an order of this key already", surely_there=True)
        order = self._book.add(
            intent.terms,
            ref_id=intent.ref_id,
            client_order_id=intent.client_order_id,
            at=self._clock.now() + timedelta(seconds=outcome.acts_after_s),
        )
        if outcome.awaits_approval:
            order.move(OrderState.QUEUED, order.created_at)
            order.awaits_approval = True
        reply = Accepted(report=order.report()) if outcome.reply is Reply.YES else _submit_reply(outcome)
        if outcome.fill is not None:
            self._book.fill(order, outcome.fill.quantity, outcome.fill.price)
        return reply

    def _usual(self, order: SubmittedOrder) -> Outcome:
        if order.side is Side.SELL:
            held = self._book.holdings().get(order.symbol, Held()).quantity
            covered = order.quantity <= held - self._book.promised_shares(order.symbol)
            return accept() if covered else reject("Not enough shares to sell.")
        cost = EXACT.multiply(Decimal(order.quantity), order.limit_price)
        free = EXACT.subtract(self._book.cash(), self._book.promised())
        return accept() if cost <= free else reject("You do not have enough buying power.")

    def _listing(self, wanted: Callable[[BrokerOrder], bool]) -> Listing:
        if self._is_down:
            return Listing(reports=(), complete=False, problem=_DOWN)
        return Listing(
            reports=tuple(order.report() for order in self._book.orders() if wanted(order)),
            complete=True,
            has_all_pages=True,
            broker_time=self._clock.now(),
        )

    def _position(self, symbol: str, held: Held) -> Position:
        return Position(
            symbol=symbol,
            quantity=held.quantity,
            average_buy_price=held.average_price,
            held_for_sells=self._book.promised_shares(symbol),
            as_of=self._clock.now(),
            instrument_id=instrument_id_of(symbol),
        )

    def _refuse_while_down(self) -> None:
        if self._is_down:
            raise OrderStatusError(f"{_DOWN}; read it again once it is back")

    def _refuse_unless_traded(self, symbol: str) -> None:
        if symbol in self._refused_symbols:
            raise OrderValidationError(f"the broker does not trade {symbol}; check the symbol", symbol=symbol)


def _decided(decide: Callable[[], Outcome], *, name: str) -> Outcome:
    try:
        outcome: object = decide()
    except OSError:
        return lose_request()
    except StopIteration:
        raise ScriptError(
            f"the bot called {name} once more than side_effect has outcomes; a request that was throttled, or whose "
            "connection was refused, is made again"
        ) from None
    if not isinstance(outcome, Outcome):
        raise ScriptError(f"{name} answers with accept(), reject(...) or another outcome, not {outcome!r}")
    return outcome


def _submit_reply(outcome: Outcome) -> SubmitOutcome:
    match outcome.reply:
        case Reply.LATER:
            return NotSent(cause=outcome.reason, may_retry=True, retry_after_s=outcome.retry_after_s)
        case Reply.NO_CONNECTION:
            return NotSent(cause=outcome.reason, may_retry=True)
        case Reply.NO:
            return Rejected(reason=outcome.reason, status_code=_REFUSED)
        case _:
            return Unknown(cause=outcome.reason)


def _cancel_reply(outcome: Outcome) -> CancelReply:
    match outcome.reply:
        case Reply.YES:
            return CancelTaken()
        case Reply.NO:
            return CancelRefused(reason=outcome.reason, status_code=_REFUSED)
        case Reply.NOTHING:
            return CancelUnknown(cause=outcome.reason)
        case _:
            return CancelNotSent(cause=outcome.reason, retry_after_s=outcome.retry_after_s)
