"""A plan as it is shown: how much of what is held it covers, and where its stop is. Reads a book and nothing else."""

from dataclasses import dataclass
from decimal import Decimal

from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.protections import Plan
from trading_bot.order_management.models import OrderEnvelope
from trading_bot.protection.plans import rests, sellable


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPlan:
    """A plan as it stands: how many shares it covers, and its stop order."""

    plan: Plan
    covers: Decimal
    stop_order: OrderEnvelope | None
    rests: bool
    """Whether the stop rests at the broker for all of these shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPlan:
    """The answer to a new plan."""

    shown: ShownPlan
    notes: tuple[str, ...]
    """What somebody who relies on it should know."""


def shown_plan(plan: Plan, book: OrderBook) -> ShownPlan:
    """Return a plan as it stands in a book."""
    order, covers = None if plan.stop_order is None else book.get(plan.stop_order), sellable(plan, book)
    return ShownPlan(
        plan=plan,
        covers=covers,
        stop_order=None if order is None else order.envelope,
        rests=plan.stop is not None and rests(plan, order, covers),
    )


def needs_watching(shown: ShownPlan) -> bool:
    """Whether a price of the plan is watched by this program, and by nobody else."""
    plan = shown.plan
    prices = (plan.target, plan.trail_pct, None if shown.rests else plan.stop)
    return any(price is not None for price in prices)
