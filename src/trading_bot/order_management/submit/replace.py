"""Replacing an order: cancel it, and only once the broker shows its end, place what it left unfilled.

Two requests, because the broker has no single one. So there is a moment with no order at all, and whatever goes wrong
between the two ends there: nothing here ever risks both orders being live. Nothing is remembered beyond the call: after
a restart the first leg is followed to its end like any cancel, and the second, whose price is stale, is never sent.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from trading_bot.caller_values import exact_price
from trading_bot.clock import Moment, Seconds
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.calculator import parse_price
from trading_bot.order_management.cancel.canceller import CancelService
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.exceptions import (
    DuplicateOrderError,
    OrderCancellationError,
    OrderError,
    OrderNotSentError,
    OrderValidationError,
)
from trading_bot.order_management.models import (
    EXACT,
    STOP_LIMIT,
    ClientOrderId,
    OrderEnvelope,
    OrderRequest,
    OrderState,
    OrderTerms,
    Pricing,
)
from trading_bot.order_management.ports import ArmingId
from trading_bot.order_management.results import CancelResult
from trading_bot.order_management.submit.fresh_quote import middle_of_market
from trading_bot.order_management.submit.intents import Replaced
from trading_bot.order_management.submit.placement import Approval, Gather, SubmitService

_ENDED_AT_BROKER = frozenset({OrderState.CANCELLED, OrderState.FILLED})
_NOT_REPLACED = "not_replaced"
REPLACE_UNDER_WAY = "replace_under_way"
"""The code of the refusal to replace an order twice at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the new order is to be. ``quantity`` is the whole new order, what has filled of the old one included.

    Without a ``quantity`` it stays the old one's; prices are in dollars, as of now.
    """

    reference_price: Decimal | None = None
    """Without it, the middle of the market. Of a stop it is the limit itself, by default as far below as before."""
    stop_price: Decimal | None = None
    """Of a stop, where it is to be another one."""
    quantity: int | None = None
    pricing: Pricing | None = None
    client_order_id: str | None = None
    reason: str | None = None
    """Why, for the record of the cancel and of the new order."""
    reprices: int = 0
    """How often the time-out of an entry has placed it anew, this time included."""


@dataclass(slots=True)
class ReplaceRun:
    """One replace under way."""

    began: Moment
    arming: ArmingId | None
    is_stopped: bool = False


class Replacement:
    """Runs one replace per order at a time, by a cancel and then a submit."""

    def __init__(self, context: OrderContext, *, submit: SubmitService, cancel: CancelService) -> None:
        self._store = context.store
        self._account = context.account
        self._latch = context.latch
        self._clock = context.clock
        self._submits = submit
        self._cancels = cancel
        self._price_ttl_s = context.settings.intent_ttl_s
        """How old the reference price may be at the second leg."""
        self._lock = threading.Lock()
        self._under_way: dict[ClientOrderId, ReplaceRun] = {}

    def replace(self, order: TrackedOrder, change: Change, *, gather: Gather) -> OrderEnvelope:
        """Cancel ``order`` and place what is left; see `OrderManager.replace`.

        All that can be known is checked first, so that a new order which is refused costs the old one nothing.
        """
        old = order.envelope
        if order.state is OrderState.FILLED:
            return old
        _refuse_unless_at_work(order)
        self._refuse_used_id(change)
        request = self._request(old, change)
        self._submits.admission.refuse_if_halted(self._submits.asked(request))
        with self._alone(order) as run:
            _refuse_unless_at_work(self._now(order))
            self._foresee(request, self._now(order), gather=gather)
            ended = self._cancelled(order, change.reason)
            left = _left(ended, request.quantity)
            if left < 1:
                return ended.envelope
            with _reporting(ended):
                replaces = Replaced(client_order_id=ended.client_order_id, reprices=change.reprices)
                gather = self._until_overtaken(ended, run, gather)
                request = replace(request, quantity=left)
                return self._submits.place(request, gather=gather, replaces=replaces).envelope

    def _request(self, old: OrderEnvelope, change: Change) -> OrderRequest:
        if old.stop_price is not None:
            return _changed_stop(old, old.stop_price, change)
        if change.stop_price is not None:
            raise _wrong_change(old, "is no stop; leave the stop price out")
        reference = change.reference_price
        if reference is None:
            by = self._clock.monotonic() + self._price_ttl_s / 2
            reference = middle_of_market(old.symbol, self._account, by=by)
        return _changed(old, change, reference_price=reference)

    def _foresee(self, request: OrderRequest, order: TrackedOrder, *, gather: Gather) -> None:
        left = _left(order, request.quantity)
        if left >= 1:
            self._submits.foresee(
                replace(request, quantity=left),
                gather=gather,
                instead_of=order,
            )

    def _refuse_used_id(self, change: Change) -> None:
        if change.client_order_id is None:
            return
        with self._store.open_book() as book:
            used = book.get(ClientOrderId(change.client_order_id))
        if used is not None:
            raise OrderValidationError(
                f"client order id {used.client_order_id} already stands for an order; give the new one another",
                client_order_id=used.client_order_id,
                symbol=used.envelope.symbol,
                code="client_order_id_reused",
            )

    def stop(self, orders: Collection[ClientOrderId] | None = None) -> None:
        """Send no second leg for these orders, or for any: somebody wants them cancelled."""
        with self._lock:
            for name, run in self._under_way.items():
                if orders is None or name in orders:
                    run.is_stopped = True

    @contextmanager
    def _alone(self, order: TrackedOrder) -> Iterator[ReplaceRun]:
        name = order.client_order_id
        run = ReplaceRun(began=Moment.of(self._clock), arming=self._latch.look().arming)
        with self._lock:
            if name in self._under_way:
                raise DuplicateOrderError(
                    f"{order.envelope.symbol}: order {name} is being replaced already; wait for that to end",
                    client_order_id=name,
                    symbol=order.envelope.symbol,
                    code=REPLACE_UNDER_WAY,
                )
            self._under_way[name] = run
        try:
            yield run
        finally:
            with self._lock:
                del self._under_way[name]

    def _cancelled(self, order: TrackedOrder, reason: str | None) -> TrackedOrder:
        (result,) = self._cancels.cancel((order,), reason=reason)
        ended = self._now(order)
        if ended.state not in _ENDED_AT_BROKER:
            raise _still_open(order, result)
        return ended

    def _now(self, order: TrackedOrder) -> TrackedOrder:
        with self._store.open_book() as book:
            return book.get(order.client_order_id) or order

    def _until_overtaken(self, old: TrackedOrder, run: ReplaceRun, gather: Gather) -> Gather:
        def gather_now(terms: OrderTerms, by: Seconds, instead_of: TrackedOrder | None) -> Approval:
            approve = gather(terms, by, instead_of)

            def approve_now(terms: OrderTerms) -> None:
                approve(terms)
                self._refuse_if_overtaken(old, run)

            return approve_now

        return gather_now

    def _refuse_if_overtaken(self, old: TrackedOrder, run: ReplaceRun) -> None:
        with self._lock:
            is_stopped = run.is_stopped
        if is_stopped:
            raise _not_sent(old, "somebody cancelled it meanwhile; place a new order if one is wanted", "cancelled")
        if self._latch.look().arming != run.arming:
            raise _not_sent(old, "the account was killed, or armed anew, meanwhile; place a new order", "armed_anew")
        if run.began.age_s(self._clock) > self._price_ttl_s:
            raise _not_sent(old, "the cancel took so long that the price is out of date; place a new order", "stale")


def _refuse_unless_at_work(order: TrackedOrder) -> None:
    if order.state.is_working and order.state is not OrderState.PENDING_CANCEL:
        return
    name, symbol = order.client_order_id, order.envelope.symbol
    remedy = "place a new order" if order.state.is_terminal else "wait for its end, then place a new order"
    raise OrderValidationError(
        f"{symbol}: order {name} is {order.state}, so it cannot be replaced; {remedy}",
        client_order_id=name,
        symbol=symbol,
        code="not_replaceable",
        envelope=order.envelope,
    )


def _changed_stop(old: OrderEnvelope, stop: Decimal, change: Change) -> OrderRequest:
    if change.pricing is not None:
        raise _wrong_change(old, "is a stop, whose limit is the caller's own; leave the pricing out")
    if (change.stop_price, change.reference_price, change.quantity) == (None, None, None):
        raise _wrong_change(old, "is a stop; name its new stop price, limit or quantity")
    new_stop = exact_price(stop if change.stop_price is None else change.stop_price)
    limit = change.reference_price
    if limit is None:
        new_stop = parse_price(new_stop, symbol=old.symbol)
        limit = EXACT.subtract(new_stop, EXACT.subtract(stop, old.limit_price))
    plain = _changed(old, change, reference_price=limit)
    return replace(plain, order_type=STOP_LIMIT, stop_price=new_stop)


def _wrong_change(old: OrderEnvelope, why: str) -> OrderValidationError:
    return OrderValidationError(
        f"{old.symbol}: order {old.client_order_id} {why}",
        client_order_id=old.client_order_id,
        symbol=old.symbol,
        code="bad_request",
    )


def _changed(old: OrderEnvelope, change: Change, *, reference_price: Decimal) -> OrderRequest:
    return OrderRequest(
        symbol=old.symbol,
        side=old.side,
        quantity=old.quantity if change.quantity is None else change.quantity,
        reference_price=reference_price,
        time_in_force=old.time_in_force,
        extended_hours=old.extended_hours,
        client_order_id=change.client_order_id,
        pricing=change.pricing,
        strategy_name=old.strategy_name,
        reason=change.reason,
    )


def _left(old: TrackedOrder, quantity: int) -> int:
    # Down to whole shares: what a broken share left over is never bought twice.
    filled = max(old.envelope.filled_quantity, old.executed_quantity)
    return int(EXACT.subtract(Decimal(quantity), filled))


def _still_open(order: TrackedOrder, result: CancelResult) -> OrderCancellationError:
    return OrderCancellationError(
        f"{result.symbol}: order {order.client_order_id} is not proven cancelled ({result.verdict}: {result.reason}), "
        "so no new order was sent; read its status, and replace it again once that is clear",
        results=(result,),
        order_id=result.order_id,
    )


def _not_sent(old: TrackedOrder, why: str, word: str) -> OrderNotSentError:
    return OrderNotSentError(
        why, client_order_id=old.client_order_id, symbol=old.envelope.symbol, code=f"{_NOT_REPLACED}_{word}"
    )


@contextmanager
def _reporting(old: TrackedOrder) -> Iterator[None]:
    """Let an error of the second leg say that the first is done; its class still says what may be done next."""
    try:
        yield
    except OrderError as error:
        error.args = (f"order {old.client_order_id} is cancelled and not replaced: {error}",)
        raise
