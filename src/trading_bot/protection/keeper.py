"""Keeps plans in step with their orders: counts what was bought and sold, and lets the stop rest at the broker.

The name of a stop order is on record before it is placed. After a crash in between, no order of that name is on record,
so nothing was sent, and the next one gets another name. A stop is cancelled, and proven to have ended, before another
one takes its place; meanwhile the price is watched.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.config import ProtectionConfig
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.protections import (
    Plan,
    PlanChange,
    PlanEnding,
    Suspension,
    protection_changed,
    protection_ended,
)
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.exceptions import (
    DuplicateOrderError,
    OrderError,
    OrderRejectedError,
    OrderStatusError,
    TradeRefusedError,
    TradingHaltedError,
    UnsupportedOrderTypeError,
)
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import EXACT, ClientOrderId, OrderEnvelope, OrderState
from trading_bot.order_management.stop_orders import StopRequest
from trading_bot.order_management.submit.collar import NO_QUOTE
from trading_bot.prose import dollars_in_words
from trading_bot.protection.plan_book import PlanBook
from trading_bot.protection.plans import covered, ending_of, held_of, rests, sellable, settled, taken_over
from trading_bot.protection.watcher import READ_WITHIN_S, Market
from trading_bot.values import replace

ENTRY_GRACE_S: Seconds = 60.0
"""How long after the end of an entry another order may still take its place: a replace cancels first. Chosen."""

APPROVAL_AWAITED = "approval_awaited"
"""The code of a stop that rests at the broker and protects nothing, because the owner has to approve it first."""

STATE_NOT_KNOWN = "state_not_known"
"""The code of a stop in a state whose name is not known: whether it works cannot be told."""

_LONGEST_TEXT = 500
_LONGEST_AGAIN_S: Seconds = 3_600.0
_CENT_OF_A_CENT = Decimal("0.0001")
_WHY = {
    PlanEnding.SOLD: "all of its shares are sold",
    PlanEnding.POSITION_GONE: "no share is held any more",
    PlanEnding.NOT_BOUGHT: "its entry ended without a fill",
}
_log = get_logger(__name__)


class Keeper:
    """Keeps the plans of one account. Safe to use from several threads: one plan is kept at a time."""

    def __init__(self, *, plans: PlanBook, manager: OrderManager, market: Market, settings: ProtectionConfig) -> None:
        self._plans = plans
        self._manager = manager
        self._market = market
        self._clock = market.clock
        self._settings = settings
        self._lock = threading.RLock()
        self._placing: set[ClientOrderId] = set()
        self._ended_since: dict[ClientOrderId, Seconds] = {}
        self._again: dict[str, tuple[Seconds, Seconds]] = {}
        """By plan or stop order: when a stop, or its cancel, may be tried again, and how long the wait before was."""

    def keep(self) -> None:
        """Keep every plan once; what fails for one is logged, and keeps no other waiting."""
        for plan in self._plans.all():
            try:
                self.keep_one(plan.plan_id, at_once=False)
            except OrderError as error:
                _log.warning("protection_not_kept", symbol=plan.symbol, code=error.code, problem=str(error))

    def keep_one(self, plan_id: str, *, at_once: bool = True) -> None:
        """Keep one plan; nothing is done for one that has ended.

        Unless it is ``at_once``, a cancel or a stop order that did not work out waits before it is tried again.

        Raises:
            OrderError: its stop order could not be cancelled.
        """
        with self._lock:
            plan = self.settle(plan_id)
            if plan is None:
                return
            if at_once and plan.stop_order is not None:
                self._again.pop(plan.stop_order, None)
            if plan.closing is not None:
                self._close(plan)
            elif not plan.waits_for_entry:
                self._rest(plan)

    @contextmanager
    def placing(self, entry: ClientOrderId) -> Iterator[None]:
        """Do not settle the plan of an entry that is placed in the block: its order is not missing."""
        self._placing.add(entry)  # without the lock, which a cancel may hold for long
        try:
            yield
        finally:
            self._placing.discard(entry)

    def settle(self, plan_id: str) -> Plan | None:
        """Count what ended orders bought and sold, and end the plan where it is over; None where it has ended."""
        with self._lock, self._plans.open() as book:
            plan = book.protections.get(plan_id)
            if plan is None or self._placing & set(plan.entries):
                return None
            events: list[OrderEvent] = []
            is_leaving, change = plan.exit_id in self._plans.leaving, PlanChange.SETTLED
            now = settled(plan, book.get, is_over=self._is_over, is_leaving=is_leaving)
            covers = covered(now, book.get)
            if now.waits_for_entry and covers >= 1 and now.closing is None:
                before, change = book.protections.of(plan.symbol), PlanChange.TOOK_OVER
                now = taken_over(now, before)
                if before is not None:
                    events.append(protection_ended(before, PlanEnding.REPLACED, reason=f"by plan {plan_id}"))
            ending = ending_of(now, covers, held_of(book, now.symbol)) if now.closing is None else None
            if ending is not None and now.stop_order is None and now.exit_id is None:
                self._plans.record([*events, protection_ended(now, ending, reason=_WHY[ending])])
                return None
            if ending is not None:
                now, change = replace(now, closing=ending), PlanChange.CLOSING
            if now != plan:
                why = None if now.closing is None else _WHY.get(now.closing)
                self._plans.record([*events, protection_changed(now, change, reason=why)])
            return now

    def _is_over(self, entry: TrackedOrder) -> bool:
        """Whether an entry has ended, and no other order can take its place any more."""
        if entry.state is not OrderState.CANCELLED:
            return entry.state.is_terminal
        now = self._clock.monotonic()
        return now - self._ended_since.setdefault(entry.client_order_id, now) >= ENTRY_GRACE_S

    def _close(self, plan: Plan) -> None:
        order = self._order(plan.stop_order)
        if order is not None and not order.state.is_terminal:
            self._cancel(order)
            order = self._order(plan.stop_order)
        if order is not None and not order.state.is_terminal:
            return
        with self._plans.open() as book:
            now = book.protections.get(plan.plan_id)
            if now is not None and now.closing is not None:
                why = _WHY.get(now.closing, "somebody ended it")
                self._plans.record([protection_ended(now, now.closing, reason=why)])

    def _rest(self, plan: Plan) -> None:
        with self._plans.open() as book:
            shares = sellable(plan, book)
            order = None if plan.stop_order is None else book.get(plan.stop_order)
            buys = [book.get(name) for name in plan.entries]
        is_suspended = plan.suspended is not None and plan.suspended is not Suspension.UNWATCHED
        is_doubtful = is_suspended or plan.symbol != plan.set_for  # nobody looks for that while the session is closed
        if is_doubtful or self._manager.ways_out.is_leaving(plan.symbol):
            return
        if order is not None and not order.state.is_terminal:
            is_growing = any(buy is not None and not buy.state.is_terminal for buy in buys)
            if self._is_right(plan, order, shares, is_growing=is_growing):
                return
            if self._may_be_approved(plan, order, shares) or self._is_kept(plan, order, shares):
                return
            self._cancel(order)
            again = self.settle(plan.plan_id)
            if again is None or again.stop_order is not None or again.closing is not None:
                return
            plan = again
        if plan.stop is not None and shares >= 1 and plan.exit_id is None and self._is_time(plan.plan_id):
            self._place(plan, plan.stop, int(shares))

    def _is_right(self, plan: Plan, order: TrackedOrder, shares: Decimal, *, is_growing: bool) -> bool:
        """Whether the stop order stays: it fits, or it cannot be changed now, or its entry is filling still."""
        if rests(plan, order, shares):
            self._note_resting(plan)
            return order.remaining_quantity == shares
        is_smaller = order.remaining_quantity < shares and plan.stop_rests_at == plan.stop
        is_movable = order.state.is_working and order.state is not OrderState.PENDING_CANCEL
        return not is_movable or (is_growing and is_smaller)

    def _may_be_approved(self, plan: Plan, order: TrackedOrder, shares: Decimal) -> bool:
        """Whether a stop that would fit stays, although it may protect nothing before the owner approves it."""
        fits = plan.stop_rests_at == plan.stop and order.remaining_quantity == shares
        why = _why_not_relied_on(order.envelope)
        if why is None or not fits:
            return False
        self._tell_not_resting(plan, why)
        return True

    def _is_kept(self, plan: Plan, order: TrackedOrder, shares: Decimal) -> bool:
        """Whether a stop that does not fit stays, because another one would not be taken in its place now."""
        if plan.stop is None or order.remaining_quantity > shares:
            return False
        why = self._why_not_now(plan.symbol, plan.stop)
        if why is None:
            return False
        self._tell_not_resting(plan, why, but=f"; stop order {order.client_order_id} stays at the broker until then")
        return True

    def _why_not_now(self, symbol: str, stop: Decimal) -> OrderError | None:
        killed = self._manager.ways_out.latch_look().not_reducing
        if killed is not None:
            return TradingHaltedError(killed)
        try:
            quote = self._market.read((symbol,), self._clock.monotonic() + READ_WITHIN_S).get(symbol)
        except OrderStatusError as error:
            return error
        if quote is not None and stop < quote.bid_price <= quote.ask_price:
            return None
        why = f"{symbol}: no bid above the stop at {dollars_in_words(stop)} can be read"
        return TradeRefusedError(why, symbol=symbol, code=NO_QUOTE)

    def _place(self, plan: Plan, stop: Decimal, shares: int) -> None:
        name = ClientOrderId(f"{plan.plan_id}-stop-{plan.stops_placed + 1}")
        self._plans.placing.add(name)
        try:
            placed = self._plans.change(
                plan.plan_id, PlanChange.STOP_PLACED, lambda now: _with_stop(now, name, rests_at=stop)
            )
            if placed is not None and placed.stop_order == name:
                self._send(placed, name, stop=stop, shares=shares)
        finally:
            self._plans.placing.discard(name)

    def _send(self, plan: Plan, name: ClientOrderId, *, stop: Decimal, shares: int) -> None:
        limit = EXACT.quantize(stop * (100 - self._settings.stop_limit_offset_pct) / 100, _CENT_OF_A_CENT)
        request = StopRequest(
            symbol=plan.symbol,
            quantity=shares,
            stop_price=stop,
            limit_price=limit,
            reason="protection",
            strategy_name=plan.by or None,
            client_order_id=name,
        )
        try:
            placed = self._manager.place_stop_sell(request)
        except OrderError as error:
            self._note_not_resting(plan, error)
            return
        if placed.client_order_id != name:
            self._note_not_resting(plan, _stands_already(placed))
        elif (why := _why_not_relied_on(placed)) is not None:
            self._tell_not_resting(plan, why)
        else:
            self._note_resting(plan)

    def _note_resting(self, plan: Plan) -> None:
        self._again.pop(plan.plan_id, None)
        if plan.not_resting_code is not None:
            self._plans.change(
                plan.plan_id,
                PlanChange.RESTING,
                lambda now: replace(now, not_resting_code=None, not_resting_because=None),
            )

    def _note_not_resting(self, plan: Plan, error: OrderError) -> None:
        is_refused = isinstance(error, OrderRejectedError | UnsupportedOrderTypeError)
        self._put_off(plan.plan_id, _LONGEST_AGAIN_S if is_refused else 0)
        _log.warning("stop_does_not_rest", symbol=plan.symbol, code=error.code, problem=str(error))
        self._tell_not_resting(plan, error)

    def _tell_not_resting(self, plan: Plan, error: OrderError, *, but: str = "") -> None:
        if plan.not_resting_code == error.code:
            return
        why = f"the stop does not rest at the broker, so only this program watches it: {error}{but}"
        self._plans.change(
            plan.plan_id,
            PlanChange.NOT_RESTING,
            lambda now: replace(now, not_resting_code=error.code, not_resting_because=f"{error}{but}"[:_LONGEST_TEXT]),
            reason=why[:_LONGEST_TEXT],
        )

    def _cancel(self, order: TrackedOrder) -> None:
        if self._is_time(order.client_order_id):
            self._put_off(order.client_order_id)
            self._manager.cancel_order(order.client_order_id)

    def _put_off(self, name: str, at_least: Seconds = 0) -> None:
        waited = self._again.get(name, (0.0, self._settings.again_after_s / 2))[1]
        wait = min(max(2 * waited, at_least), _LONGEST_AGAIN_S)
        self._again[name] = self._clock.monotonic() + wait, wait

    def _is_time(self, name: str) -> bool:
        return self._clock.monotonic() >= self._again.get(name, (0.0, 0.0))[0]

    def _order(self, name: ClientOrderId | None) -> TrackedOrder | None:
        with self._plans.open() as book:
            return None if name is None else book.get(name)


def _with_stop(plan: Plan, name: ClientOrderId, *, rests_at: Decimal) -> Plan:
    """Name the stop order that is placed next, unless the plan has fired or is over by now."""
    if plan.exit_id is not None or plan.closing is not None:
        return plan
    return replace(plan, stop_order=name, stop_rests_at=rests_at, stops_placed=plan.stops_placed + 1)


def _why_not_relied_on(order: OrderEnvelope) -> TradeRefusedError | None:
    if order.awaits_approval:
        why, code = (
            "waits for your approval in the Robinhood app, and protects nothing before you give it",
            APPROVAL_AWAITED,
        )
    elif not order.state_is_known:
        why, code = (
            "is in a state that is not known, and may protect nothing; look at it in the Robinhood app",
            STATE_NOT_KNOWN,
        )
    else:
        return None
    return TradeRefusedError(
        f"{order.symbol}: stop order {order.client_order_id} {why}",
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        code=code,
    )


def _stands_already(order: OrderEnvelope) -> DuplicateOrderError:
    return DuplicateOrderError(
        f"{order.symbol}: order {order.client_order_id} of the same shares and prices is not of this plan, and stands "
        "already",
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        code="stop_stands_already",
    )
