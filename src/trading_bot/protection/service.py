"""Protection as its callers see it: set a plan, end it, list the plans, give an entry its brackets, follow them all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.approvals import were_ever_asked_for
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.protections import (
    Plan,
    PlanChange,
    PlanEnding,
    protection_changed,
    protection_ended,
    protection_set,
)
from trading_bot.order_management.calculator import asked_terms
from trading_bot.order_management.exceptions import (
    OrderCancellationError,
    OrderError,
    OrderStatusError,
    OrderValidationError,
    TradeRefusedError,
)
from trading_bot.order_management.models import ClientOrderId, OrderRequest, Side, exact_sum
from trading_bot.order_management.portfolio import Quote
from trading_bot.prose import shares_in_words, typed
from trading_bot.protection.asked import BAD_PLAN, Brackets, Protect, refuse_reached
from trading_bot.protection.keeper import Keeper
from trading_bot.protection.plan_book import PlanBook
from trading_bot.protection.plans import filled, held_of, orders_of
from trading_bot.protection.rules import new_high, split_shown
from trading_bot.protection.shown import SetPlan, ShownPlan, shown_plan
from trading_bot.protection.watcher import Market, Watcher
from trading_bot.values import replace

NOT_A_GUARANTEE = (
    "a stop is no guarantee: a gap or a halt sells far below it, or not at all, and nothing is sold outside regular "
    "hours; target and trail, and a stop that cannot rest, are watched only while this program, the network and the "
    "login work"
)
APPROVALS_ASKED = "approvals_asked"
"""The code of a plan that is refused, because whoever owns the account may have to approve what it sells."""

_QUOTE_S: Seconds = 2.0
_log = get_logger(__name__)


class Protection:
    """The plans of one account. Safe to use from several threads."""

    def __init__(
        self,
        *,
        plans: PlanBook,
        keeper: Keeper,
        watcher: Watcher,
        market: Market,
        new_id: Callable[[], str],
        is_first_use: Callable[[], bool],
        asks_for_approval: Callable[[], bool],
    ) -> None:
        self._plans = plans
        self.keeper = keeper
        self.watcher = watcher
        self._market = market
        self._new_id = new_id
        self._is_first_use = is_first_use
        self._asks_for_approval = asks_for_approval
        self.is_followed = False
        """Whether threads of this process follow the plans; else whoever synchronises does."""

    def protect(self, asked: Protect) -> SetPlan:
        """Set a plan, in place of the one that the symbol has, and let its stop rest at the broker.

        Raises:
            OrderValidationError: no share is held, or fewer than asked for.
            TradeRefusedError: one of its prices has been reached already, or orders of the account may have to be
                approved by its owner first.
            OrderLogError: the journal cannot record it.
        """
        self._refuse_approvals(asked.symbol)
        quote = self._quote(asked.symbol)
        if quote is not None and quote.bid_price > 0:
            refuse_reached(asked.brackets, quote.bid_price, symbol=asked.symbol, what="the bid")
        with self._plans.open() as book:
            plan, before = self._planned(asked, book), book.protections.of(asked.symbol)
            if quote is not None:
                plan = replace(plan, split_known=split_shown(quote, self.watcher.limits))
            if quote is not None and plan.trail_pct is not None and self.watcher.is_fit(quote):
                plan = replace(plan, high=new_high(None, quote))
            events = [protection_set(plan, reason=asked.reason)]
            if before is not None:
                events.insert(0, protection_ended(before, PlanEnding.REPLACED, reason=f"by plan {plan.plan_id}"))
            self._plans.record(events)
        self._keep(plan)
        now = self.shown(plan.plan_id)
        shown = now[0] if now else ShownPlan(plan=plan, covers=plan.quantity, stop_order=None, rests=False)
        return SetPlan(shown=shown, notes=self._notes(shown))

    def end(self, symbol: str, *, by: str, reason: str) -> tuple[Plan, ...]:
        """End the plans of a symbol, and cancel their stop orders. Return those that were ended.

        Raises:
            OrderValidationError: the symbol has no plan.
            OrderCancellationError: a stop order may still be live; its plan ends once it is proven to have ended.
        """
        with self._plans.open() as book:
            plans = [plan for plan in book.protections.all() if plan.symbol == symbol]
            if not plans:
                raise OrderValidationError(
                    f"{symbol} has no protection; list what is protected with {typed('protect', '--list')}",
                    symbol=symbol,
                    code="not_protected",
                )
            closing = [replace(plan, closing=plan.closing or PlanEnding.OFF, by=by) for plan in plans]
            self._plans.record(protection_changed(plan, PlanChange.CLOSING, reason=reason) for plan in closing)
        for plan in closing:
            self.keeper.keep_one(plan.plan_id)
        for plan in closing:
            if plan.stop_order is not None and self._plans.get(plan.plan_id) is not None:
                raise _may_be_live(plan, plan.stop_order)
        return tuple(closing)

    def shown(self, plan_id: str | None = None) -> tuple[ShownPlan, ...]:
        """Return every plan as it stands, or one."""
        with self._plans.open() as book:
            return tuple(shown_plan(plan, book) for plan in book.protections.all() if plan_id in (None, plan.plan_id))

    def keep(self) -> None:
        """Settle every plan, and let its stop rest; nothing is done where threads do so."""
        if not self.is_followed:
            self.keeper.keep()

    def follow(self) -> None:
        """Do the same, and look at the prices once."""
        if not self.is_followed and self._plans.all():
            self.keeper.keep()
            self.watcher.look()

    @contextmanager
    def entering(self, request: OrderRequest, brackets: Brackets | None) -> Iterator[OrderRequest]:
        """Place an entry in the block, with a plan for the shares that it buys; the block gets the request to place.

        Raises:
            OrderValidationError: it is no buy.
            TradeRefusedError: the reference price has reached one of the prices already, or orders of the account may
                have to be approved by its owner first.
        """
        if brackets is None:
            yield request
            return
        if request.side != Side.BUY:
            raise OrderValidationError(
                f"{request.symbol}: stop, target and trail go with a buy; protect what is held with "
                f"{typed('protect', str(request.symbol), '--stop', 'PRICE')}",
                code=BAD_PLAN,
            )
        terms = asked_terms(request)
        self._refuse_approvals(terms.symbol)
        refuse_reached(brackets, terms.limit_price, symbol=terms.symbol, what="the reference price")
        name = ClientOrderId(request.client_order_id or self._new_id())
        plan = self._new_plan(terms.symbol, brackets, by=request.strategy_name or "")
        plan = replace(plan, entries=(name,), waits_for_entry=True)
        try:
            with self.keeper.placing(name):
                self._plans.record((protection_set(plan, reason=f"with entry {name}"),))
                yield replace(request, client_order_id=name)
        finally:
            if not self.is_followed:
                self._keep(plan)

    def _refuse_approvals(self, symbol: str) -> None:
        with self._plans.open() as book:
            if not (self._asks_for_approval() or were_ever_asked_for(book)):
                return
        raise TradeRefusedError(
            f"{symbol}: orders of this account may have to be approved in the Robinhood app before they work, so no "
            "order that sells by itself can be relied on; watch the position yourself, or set a stop in the app",
            symbol=symbol,
            code=APPROVALS_ASKED,
        )

    def _new_plan(self, symbol: str, brackets: Brackets, *, by: str) -> Plan:
        return Plan(
            plan_id=self._new_id(),
            symbol=symbol,
            set_for=symbol,
            stop=brackets.stop,
            target=brackets.target,
            trail_pct=brackets.trail_pct,
            by=by,
        )

    def _planned(self, asked: Protect, book: OrderBook) -> Plan:
        held = held_of(book, asked.symbol)
        wanted = held if asked.quantity is None else Decimal(asked.quantity)
        if held is None:
            raise TradeRefusedError(
                f"{asked.symbol}: the positions have not been read, so nothing is known to protect; run 'trading-bot "
                "sync' and try again",
                symbol=asked.symbol,
                code="positions_unknown",
            )
        if wanted is None or held < 1 or wanted > held:
            few = "no share is held" if held < 1 else f"only {shares_in_words(held)} shares are held"
            raise OrderValidationError(
                f"{asked.symbol}: {few}; protect what you hold, or give an entry a stop with "
                f"{typed('buy', asked.symbol, 'N', '--reference-price', 'PRICE', '--stop', 'PRICE')}",
                symbol=asked.symbol,
                code="insufficient_shares",
            )
        before = book.protections.of(asked.symbol)
        plan = replace(self._new_plan(asked.symbol, asked.brackets, by=asked.by), quantity=wanted)
        return plan if before is None else _instead_of(before, plan, book, keeps_entries=asked.quantity is None)

    def _keep(self, plan: Plan) -> None:
        try:
            self.keeper.keep_one(plan.plan_id)
        except OrderError as error:
            _log.warning("protection_not_kept", symbol=plan.symbol, code=error.code, problem=str(error))

    def _quote(self, symbol: str) -> Quote | None:
        by = self._market.clock.monotonic() + _QUOTE_S
        try:
            return self._market.read((symbol,), by).get(symbol)
        except OrderStatusError:
            return None

    def _notes(self, shown: ShownPlan) -> tuple[str, ...]:
        plan, notes = shown.plan, []
        if plan.stop is not None and not shown.rests:
            because = f": {plan.not_resting_because}" if plan.not_resting_because else ""
            notes.append(f"the stop does not rest at the broker and is watched instead{because}")
        if self._is_first_use():
            notes.append(NOT_A_GUARANTEE)
        return tuple(notes)


def _may_be_live(plan: Plan, order: ClientOrderId) -> OrderCancellationError:
    return OrderCancellationError(
        f"{plan.symbol}: stop order {order} may still be live at the broker; nothing else sells for the plan now, and "
        f"it ends once that order is proven to have ended: read it with {typed('status', order)}",
        results=(),
        order_id=order,
    )


def _instead_of(before: Plan, plan: Plan, book: OrderBook, *, keeps_entries: bool) -> Plan:
    """Return a plan with the orders of the one before it; both cover the shares that the plan asks for."""
    entries = before.entries if keeps_entries else ()
    bought = exact_sum(filled(book.get(name)) for name in entries)
    sold = exact_sum(filled(order) for order in orders_of(before, book.get))
    return replace(
        plan,
        quantity=plan.quantity - bought + sold,
        entries=entries,
        stop_order=before.stop_order,
        stop_rests_at=before.stop_rests_at,
        exit_id=before.exit_id,
    )
