"""A broker in memory for the order manager: it answers from a script, and keeps a book of its own to be asserted on."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Self, cast

from trading_bot.clock import Seconds, VirtualClock
from trading_bot.order_management.exceptions import OrderError, OrderNotFoundError, OrderNotSentError, OrderStatusError
from trading_bot.order_management.models import (
    ClientOrderId,
    Execution,
    ExecutionId,
    OrderId,
    OrderReport,
    OrderState,
    OrderTerms,
    RefId,
    Side,
)
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelReply,
    CancelTaken,
    DurableIntent,
    Listing,
    NotSent,
    PreparedOrder,
    Rejected,
    SubmitOutcome,
    Unknown,
    UnreadRow,
)
from trading_bot.order_management.ports import BrokerCapabilities, SendPermit, SendRefusedError


def nothing() -> None:
    """Do nothing meanwhile."""


@dataclass(frozen=True, kw_only=True)
class SubmitStep:
    """How the broker treats one submit. Without an ``outcome`` it answers with its report of the order."""

    outcome: SubmitOutcome | None = None
    arrives: bool = True
    """Whether an order comes of it."""
    writes: bool = True
    """Whether the bytes leave, through the permit."""
    takes_s: float = 0
    meanwhile: Callable[[], object] = nothing
    """Runs before the permit is asked for."""
    after: Callable[[], object] = nothing
    """Runs once the order is in the broker's book and before the answer."""
    echoes: Decimal | None = None
    """The quantity that the answer shows, where it is not ours."""
    mismatch: str | None = None
    awaits_approval: bool = False


AWAIT_APPROVAL = SubmitStep(awaits_approval=True)
ACCEPT = SubmitStep()
REPLY_LOST = SubmitStep(outcome=Unknown(cause="the reply was lost"))
REQUEST_LOST = SubmitStep(outcome=Unknown(cause="the request was lost"), arrives=False)
SURELY_THERE = SubmitStep(outcome=Unknown(cause="409: ref_id is taken", surely_there=True))
UNREACHABLE = SubmitStep(outcome=NotSent(cause="no connection", may_retry=True), arrives=False, writes=False)
UNAUTHORISED = SubmitStep(outcome=NotSent(cause="401", may_retry=True, needs_login=True), arrives=False)
BAD_CERTIFICATE = SubmitStep(
    outcome=NotSent(cause="bad certificate", may_retry=False, security_alert=True), arrives=False, writes=False
)


def throttled(seconds: float | None) -> SubmitStep:
    return SubmitStep(outcome=NotSent(cause="429", may_retry=True, retry_after_s=seconds), arrives=False)


def rejected(status: int = 400, *, freezes: bool = False) -> SubmitStep:
    outcome = Rejected(reason="not enough buying power", status_code=status, freezes_symbol=freezes)
    return SubmitStep(outcome=outcome, arrives=False)


@dataclass(kw_only=True)
class BrokerOrder:
    """An order as the broker keeps it."""

    order_id: OrderId
    ref_id: RefId | None
    terms: OrderTerms
    created_at: datetime
    state: OrderState = OrderState.CONFIRMED
    answer_was_lost: bool = False
    instrument_id: str | None = None
    symbol: str | None = None
    """What the broker calls the instrument now, where that is not the symbol of the terms."""
    word: str | None = None
    """A state word that nobody knows."""
    is_lost: bool = False
    """Whether no list of changes shows it."""
    executions: list[Execution] = field(default_factory=list)
    listed: int | None = None
    """How many of its executions are listed by now; None for all."""
    stop_triggered_at: datetime | None = None
    awaits_approval: bool = False
    changed_at: datetime | None = None

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.executions), Decimal(0))

    def fill(self, quantity: int | None = None, price: str = "99.80") -> None:
        """Fill ``quantity`` shares, or what is left."""
        left = Decimal(self.terms.quantity) - self.filled
        self.executions.append(
            Execution(
                execution_id=ExecutionId(f"{self.order_id}-x{len(self.executions) + 1}"),
                quantity=left if quantity is None else Decimal(quantity),
                price=Decimal(price),
                executed_at=self.created_at,
            )
        )
        done = self.filled == self.terms.quantity
        self.state = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED

    def end(self, state: OrderState = OrderState.CANCELLED) -> None:
        if not self.state.is_terminal:
            self.state = state

    def report(self) -> OrderReport:
        return OrderReport(
            order_id=self.order_id,
            ref_id=self.ref_id,
            symbol=self.symbol or self.terms.symbol,
            side=self.terms.side,
            quantity=Decimal(self.terms.quantity),
            limit_price=self.terms.limit_price,
            stop_price=self.terms.stop_price,
            stop_triggered_at=self.stop_triggered_at,
            waits_for_stop=self.terms.stop_price is not None,
            awaits_approval=self.awaits_approval,
            state=OrderState.CONFIRMED if self.word else self.state,
            broker_state=self.word or self.state.value,
            state_is_known=self.word is None,
            instrument_id=self.instrument_id,
            cumulative_quantity=self.filled,
            average_price=self.executions[0].price if self.executions else None,
            executions=tuple(self.executions[: self.listed]),
            created_at=self.created_at,
            last_transaction_at=self.changed_at,
        )


@dataclass(frozen=True, kw_only=True)
class CancelStep:
    """How the broker treats one cancel request."""

    reply: CancelReply = CancelTaken()  # noqa: RUF009 - a frozen value
    before: Callable[[BrokerOrder], object] = lambda order: None
    ends: bool = True
    """Whether the order has ended when the answer leaves; else the broker is still at it."""
    drops: bool = False
    """Whether the broker takes the request and forgets it."""


class FakeGateway:
    """Fulfils `BrokerGateway`. Each script answers the next calls in order; then everything works."""

    capabilities = BrokerCapabilities()

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.orders: list[BrokerOrder] = []
        self.submits: deque[SubmitStep] = deque()
        self.cancels: deque[CancelStep] = deque()
        self.calls: list[DurableIntent] = []
        self.call_times: list[float] = []
        self.timeouts: list[float] = []
        self.posts: list[DurableIntent] = []
        self.cancel_requests: list[OrderId] = []
        self.fetched: list[OrderId] = []
        self.lookups: list[datetime] = []
        self.look_backs: list[datetime] = []
        self.look_back_problem: str | None = None
        self.renewals = 0
        self.renewal_times: list[Seconds] = []
        self.can_renew = True
        self.hidden: set[OrderId] = set()
        self.forgotten: set[OrderId] = set()
        self.blind_lookups = 0
        self.listing_problem: str | None = None
        self.lookup_problem: str | None = None
        self.prepare_error: OrderError | None = None
        self.ticks: dict[str, Decimal] = {}
        self.ticks_asked: list[tuple[str, Side]] = []
        self.tick_error: OrderError | None = None
        self.on_prepare: Callable[[], object] = nothing
        self.unreadable = 0
        self.odd: list[UnreadRow] = []
        self.odd_changes: list[UnreadRow] = []
        self.instrument_ids: dict[str, str] = {}
        self.ends_at_read: int | None = None
        self.deadlines: list[Seconds] = []
        self.only_rows_are_bad = False
        self.shows_changes = True
        self.broker_time: Callable[[], datetime | None] = clock.now

    @property
    def ref_ids(self) -> list[RefId | None]:
        """The names of all orders ever made here: a name standing twice is an order sent twice."""
        return [order.ref_id for order in self.orders]

    def order(self, order_id: str | None = None) -> BrokerOrder:
        """The order of that id, or the last one."""
        return self.orders[-1] if order_id is None else next(o for o in self.orders if o.order_id == order_id)

    def add(self, terms: OrderTerms, *, ref_id: str | None = None) -> BrokerOrder:
        """Put an order in the book that nobody sent through here."""
        order = BrokerOrder(
            order_id=OrderId(f"broker-{len(self.orders) + 1}"),
            ref_id=RefId(ref_id) if ref_id else None,
            terms=terms,
            created_at=self._clock.now(),
            instrument_id=self.instrument_ids.get(terms.symbol),
        )
        self.orders.append(order)
        return order

    def answer_cancels(self, reply: CancelReply) -> None:
        """Answer every cancel from now on with ``reply``, which ends nothing."""
        self.cancels.extend([CancelStep(reply=reply, drops=True)] * 99)

    def by(self, deadline: Seconds) -> Self:
        self.deadlines.append(deadline)
        return cast("Self", BoundedFake(self, deadline, self._clock))

    def tick_of(self, symbol: str, side: Side) -> Decimal | None:
        self.ticks_asked.append((symbol, side))
        if self.tick_error is not None:
            raise self.tick_error
        return self.ticks.get(symbol)

    def prepare_order(self, terms: OrderTerms, ref_id: RefId) -> PreparedOrder:
        self.on_prepare()
        if self.prepare_error is not None:
            raise self.prepare_error
        return PreparedOrder(
            ref_id=ref_id,
            terms=terms,
            body=f"{ref_id} {terms}".encode(),
            instrument_id=self.instrument_ids.get(terms.symbol),
        )

    def submit_limit_buy(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: float) -> SubmitOutcome:
        assert intent.terms.side is Side.BUY
        return self._submit(intent, permit, timeout_s)

    def submit_limit_sell(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: float) -> SubmitOutcome:
        assert intent.terms.side is Side.SELL
        return self._submit(intent, permit, timeout_s)

    def renew_session(self, *, within_s: Seconds) -> bool:
        self.renewals += 1
        self.renewal_times.append(within_s)
        return self.can_renew

    def cancel_order(self, order_id: OrderId) -> CancelReply:
        self.cancel_requests.append(order_id)
        step = self.cancels.popleft() if self.cancels else CancelStep()
        order = self.order(order_id)
        step.before(order)
        if isinstance(step.reply, CancelTaken) and not step.drops:
            order.end(OrderState.CANCELLED if step.ends else OrderState.PENDING_CANCEL)
        return step.reply

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        return {order_id: self.cancel_order(order_id) for order_id in order_ids}

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        self.fetched.append(order_id)
        if self.unreadable > 0:
            self.unreadable -= 1
            raise OrderStatusError("the read failed; read it again")
        known = [order for order in self.orders if order.order_id == order_id and order_id not in self.forgotten]
        if not known:
            raise OrderNotFoundError("the broker has no such order; check the id", order_id=order_id)
        if self.ends_at_read is not None and len(self.fetched) >= self.ends_at_read:
            known[0].end()
        return known[0].report()

    def list_open_orders(self) -> Listing:
        rows = [order.report() for order in self.orders if order.state.is_working and order.order_id not in self.hidden]
        return self._listing(rows, self.listing_problem, self.odd)

    def list_orders_since(self, changed_after: datetime) -> Listing:
        self.look_backs.append(changed_after)
        if not self.shows_changes:
            return self._listing([], None)
        problem = self.look_back_problem or self.lookup_problem
        by_change = self.capabilities.lists_by_change
        shown = (order for order in self._found() if not order.is_lost)
        rows = [order.report() for order in shown if by_change or order.created_at >= changed_after]
        return self._listing(rows, problem, self.odd_changes)

    def _found(self) -> list[BrokerOrder]:
        """The orders, without those whose answer was lost while look-ups are blind to them."""
        blind, self.blind_lookups = self.blind_lookups > 0, max(0, self.blind_lookups - 1)
        return [order for order in self.orders if not (blind and order.answer_was_lost)]

    def find_by_client_order_id(
        self,
        client_order_id: ClientOrderId,
        *,
        ref_id: RefId,
        created_after: datetime,
        created_before: datetime | None = None,
    ) -> Listing:
        if created_before is not None:  # as a broker whose list cannot be entered anywhere but at its top
            return self._listing([], "there is no such page")
        self.lookups.append(created_after)
        rows = [order.report() for order in self._found() if order.ref_id == ref_id]
        return self._listing(rows, self.lookup_problem)

    def _submit(self, intent: DurableIntent, permit: SendPermit, timeout_s: float) -> SubmitOutcome:
        self.calls.append(intent)
        self.call_times.append(self._clock.monotonic())
        self.timeouts.append(timeout_s)
        step = self.submits.popleft() if self.submits else ACCEPT
        step.meanwhile()
        if step.writes:
            try:
                with permit:
                    self.posts.append(intent)
            except SendRefusedError as refusal:
                return NotSent(cause=str(refusal), may_retry=False, refused_by=refusal.gate)
        order = self.add(intent.terms, ref_id=intent.ref_id) if step.arrives else None
        if order is not None:
            order.answer_was_lost = isinstance(step.outcome, Unknown)
            if step.awaits_approval:
                order.awaits_approval, order.state = True, OrderState.QUEUED
        self._clock.sleep(step.takes_s)
        step.after()
        if step.outcome is not None:
            return step.outcome
        assert order is not None, "a step without an outcome needs an order to report"
        report = order.report()
        return Accepted(
            report=report if step.echoes is None else replace(report, quantity=step.echoes), mismatch=step.mismatch
        )

    def _listing(self, rows: Sequence[OrderReport], problem: str | None, odd: Sequence[UnreadRow] = ()) -> Listing:
        return Listing(
            reports=tuple(rows),
            complete=problem is None and not odd,
            has_all_pages=problem is None or self.only_rows_are_bad,
            unread=tuple(odd),
            problem=problem,
            broker_time=self.broker_time(),
        )


LATE = "no time was left to send"


class BoundedFake:
    """The fake as `by` hands it out: past its deadline no read and no cancel gets through."""

    def __init__(self, gateway: FakeGateway, deadline: Seconds, clock: VirtualClock) -> None:
        self._gateway = gateway
        self._deadline = deadline
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    @property
    def _is_late(self) -> bool:
        return self._clock.monotonic() > self._deadline

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        if self._is_late:
            return {order_id: CancelNotSent(cause=LATE) for order_id in order_ids}
        return self._gateway.cancel_all_equity_orders(order_ids)

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        if self._is_late:
            raise OrderStatusError(LATE)
        return self._gateway.fetch_order_status(order_id)

    def prepare_order(self, terms: OrderTerms, ref_id: RefId) -> PreparedOrder:
        if self._is_late:
            raise OrderNotSentError(LATE)
        return self._gateway.prepare_order(terms, ref_id)

    def list_open_orders(self) -> Listing:
        return self._in_time(self._gateway.list_open_orders)

    def list_orders_since(self, changed_after: datetime) -> Listing:
        return self._in_time(lambda: self._gateway.list_orders_since(changed_after))

    def find_by_client_order_id(self, client_order_id: ClientOrderId, **named: Any) -> Listing:
        return self._in_time(lambda: self._gateway.find_by_client_order_id(client_order_id, **named))

    def _in_time(self, read: Callable[[], Listing]) -> Listing:
        return Listing(reports=(), complete=False, problem=LATE) if self._is_late else read()
