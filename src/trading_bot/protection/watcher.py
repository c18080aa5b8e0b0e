"""Watches the prices that no order at the broker watches: reads quotes, asks the rules, and leaves the position.

What was read is kept in memory: after a restart a price has to be read twice again. That a leg fired is on record, with
the name of its exit, before the exit begins.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TypeAlias

from trading_bot.clock import Clock, Seconds
from trading_bot.config import ProtectionConfig
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.exit_facts import ExitOrigin
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.book.protections import Plan, PlanChange, Suspension, protection_changed
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.submit.exit_run import Leave
from trading_bot.prose import dollars_in_words, typed
from trading_bot.protection.plan_book import PlanBook
from trading_bot.protection.plans import filled, rests, sellable, with_sells_settled
from trading_bot.protection.rules import (
    Confirmation,
    Leg,
    Levels,
    Limits,
    confirmed,
    is_worth_a_record,
    leg_through,
    new_high,
    split_shown,
    unfit_because,
)
from trading_bot.protection.sessions import Sessions
from trading_bot.values import replace

READ_WITHIN_S: Seconds = 5.0
"""How long one read of the watched prices may take. Chosen: two are over well before a plan is suspended."""

ReadQuotes: TypeAlias = Callable[[Sequence[str], Seconds], Mapping[str, Quote]]
"""Reads quotes of these symbols by a point on the clock, or raises `OrderStatusError`."""

Begin: TypeAlias = Callable[[Callable[[], None]], object]
"""Begins something that may take long, at once or beside the caller."""

_log = get_logger(__name__)


def at_once(work: Callable[[], None]) -> None:
    """Do it before anything else is watched."""
    work()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Where prices come from, and when they count."""

    read: ReadQuotes
    sessions: Sessions
    clock: Clock


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """How a position is left."""

    leave: Callable[[Leave], object]
    is_leaving: Callable[[str], bool]
    """Whether an exit of the symbol is under way, of whomever."""
    new_id: Callable[[], str]
    """Names an exit."""
    is_shut: Callable[[], bool]
    """Whether nothing may be sold at all, as after a kill: a plan then waits and does not fire."""


class Watcher:
    """Looks at the prices of every plan. `look` is called by one thread at a time."""

    def __init__(self, *, plans: PlanBook, market: Market, settings: ProtectionConfig, way_out: WayOut) -> None:
        self._plans = plans
        self._market = market
        self._settings = settings
        self._way_out = way_out
        self.begin: Begin = at_once
        """How an exit is begun: beside the caller, where other prices are to be watched meanwhile."""
        self.is_steady = False
        """Whether `look` is called every few seconds, so that a gap is one; a caller may take larger steps."""
        self.limits = Limits(
            confirm_s=settings.confirm_s,
            max_spread_pct=settings.max_spread_pct,
            split_pct=settings.split_pct,
            unwatched_after_s=settings.unwatched_after_s,
        )
        self._read_at: dict[str, Seconds] = {}
        self._seen: dict[str, Confirmation | None] = {}
        self._highs: dict[str, Decimal] = {}
        self._again_at: dict[str, Seconds] = {}

    @property
    def _gap(self) -> Limits:
        return self.limits if self.is_steady else dataclasses.replace(self.limits, unwatched_after_s=math.inf)

    def look(self) -> None:
        """Read every watched price once, and leave what has to be left."""
        opened_at = self._market.sessions.opened_at(self._market.clock.now())
        plans = [plan for plan in self._plans.all() if plan.is_watched]
        if opened_at is None or not plans:
            self._read_at.clear()
            self._seen.clear()
            return
        quotes = self._read(tuple(dict.fromkeys(plan.symbol for plan in plans)))
        now = self._market.clock.monotonic()
        for plan in plans:
            quote = quotes.get(plan.symbol)
            if self._is_suspended(plan, quote, now) or quote is None:
                self._seen.pop(plan.plan_id, None)
            elif (leg := self._reached(plan, quote, now=now, opened_at=opened_at)) is not None:
                self._fire(plan, leg, quote)
        self._read_at = {
            plan.symbol: now if plan.symbol in quotes else self._read_at.get(plan.symbol, now) for plan in plans
        }

    def is_fit(self, quote: Quote) -> bool:
        """Whether a price of this quote counts now."""
        opened_at = self._market.sessions.opened_at(self._market.clock.now())
        return unfit_because(quote, opened_at=opened_at, limits=self.limits) is None

    def _read(self, symbols: tuple[str, ...]) -> Mapping[str, Quote]:
        try:
            return self._market.read(symbols, self._market.clock.monotonic() + READ_WITHIN_S)
        except OrderStatusError as error:
            _log.warning("protected_prices_not_read", problem=str(error))
            return {}

    def _is_suspended(self, plan: Plan, quote: Quote | None, now: Seconds) -> bool:
        cause, why = self._suspension(plan, quote, now)
        if cause is plan.suspended:
            return cause is not None
        change = PlanChange.RESUMED if cause is None else PlanChange.SUSPENDED
        self._plans.change(
            plan.plan_id,
            change,
            lambda known: replace(known, suspended=cause, suspended_because=why or None),
            reason=why or "its prices are watched again",
        )
        return cause is not None

    def _suspension(self, plan: Plan, quote: Quote | None, now: Seconds) -> tuple[Suspension | None, str]:
        again = f"the plan sells nothing until it is set again: {typed('protect', plan.symbol, '--stop', 'PRICE')}"
        split = None if quote is None else split_shown(quote, self.limits)
        if plan.suspended is Suspension.SPLIT or split not in (None, plan.split_known):
            return Suspension.SPLIT, f"the closes before today say that the shares were split; {again}"
        if plan.symbol != plan.set_for:
            return Suspension.RENAMED, f"{plan.set_for} is called {plan.symbol} now; {again}"
        with self._plans.open() as book:
            drifting = book.frozen_for(Cause.DRIFT) | book.frozen_for(Cause.NEGATIVE_POSITION)
        if plan.symbol in drifting:
            return Suspension.DRIFT, "the broker's shares are not what our fills explain; it ends once they agree"
        silent_s = now - self._read_at.get(plan.symbol, now)
        if silent_s > (self._gap.unwatched_after_s if quote is not None else self.limits.unwatched_after_s):
            return Suspension.UNWATCHED, f"its price was not read for {silent_s:.0f} s; it ends with the next reading"
        return None, ""

    def _reached(self, plan: Plan, quote: Quote, *, now: Seconds, opened_at: datetime) -> Leg | None:
        unfit = unfit_because(quote, opened_at=opened_at, limits=self.limits)
        if unfit is not None:
            self._seen.pop(plan.plan_id, None)
            return None
        plan = self._raised(plan, quote)
        leg = leg_through(self._levels(plan), quote)
        seen, fires = confirmed(self._seen.get(plan.plan_id), leg, now=now, limits=self._gap)
        self._seen[plan.plan_id] = seen
        is_time = now >= self._again_at.get(plan.plan_id, now)
        return leg if fires and is_time and plan.exit_id not in self._plans.leaving else None

    def _raised(self, plan: Plan, quote: Quote) -> Plan:
        if plan.trail_pct is None:
            return plan
        known = max((high for high in (plan.high, self._highs.get(plan.plan_id)) if high is not None), default=None)
        high = new_high(known, quote)
        if high is None:
            return plan
        self._highs[plan.plan_id] = high
        if is_worth_a_record(high, recorded=plan.high, step_pct=self._settings.trail_step_pct):
            self._plans.change(plan.plan_id, PlanChange.RAISED, lambda now: replace(now, high=high))
        return replace(plan, high=high)

    def _levels(self, plan: Plan) -> Levels:
        with self._plans.open() as book:
            order = None if plan.stop_order is None else book.get(plan.stop_order)
            is_at_broker = rests(plan, order, sellable(plan, book))
        return Levels(stop=None if is_at_broker else plan.stop, trail=plan.trail_level, target=plan.target)

    def _fire(self, plan: Plan, leg: Leg, quote: Quote) -> None:
        why = (
            f"{leg} of {plan.symbol} reached: bid {dollars_in_words(quote.bid_price)}, "
            f"last {dollars_in_words(quote.last_price or quote.bid_price)}"
        )
        leave = self._fired(plan, why)
        if leave is not None:
            self.begin(partial(self._left, plan.plan_id, leave))

    def _fired(self, plan: Plan, why: str) -> Leave | None:
        """Record that a plan fired, and return the exit; None where there is nothing to leave, or somebody does."""
        if self._way_out.is_leaving(plan.symbol) or self._way_out.is_shut():
            return None
        exit_id = self._way_out.new_id()
        with self._plans.open() as book:
            known = book.protections.get(plan.plan_id)
            if known is None or not known.is_watched or known.suspended is not None:
                return None
            if known.exit_id in self._plans.leaving or known.stop_order in self._plans.placing:
                return None  # an exit may place another order, or the stop may rest, in a moment
            now, shares = with_sells_settled(known, book.get), sellable(known, book)
            if shares < 1 or now.exit_id is not None:
                return None  # nothing is left, or an order of the exit before rests at the broker
            stop = None if now.stop_order is None else book.get(now.stop_order)
            self._plans.leaving.add(exit_id)  # its plan is not settled meanwhile
            self._plans.record([protection_changed(replace(now, exit_id=exit_id), PlanChange.FIRED, reason=why)])
        return Leave(
            symbol=now.symbol,
            quantity=int(shares + filled(stop)),
            origin=ExitOrigin.STOP,
            by="protection",
            reason=why,
            exit_id=exit_id,
            counts=() if now.stop_order is None else (now.stop_order,),
        )

    def _left(self, plan_id: str, leave: Leave) -> None:
        try:
            self._way_out.leave(leave)
        finally:
            self._again_at[plan_id] = self._market.clock.monotonic() + self._settings.again_after_s
            self._plans.leaving.discard(leave.exit_id)
