"""What a plan covers, what it becomes once its orders have ended, and when it is over. Pure."""

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from typing import TypeAlias

from trading_bot.order_management.book.exit_facts import leg_name
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.protections import Plan, PlanEnding
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import ClientOrderId, OrderState, exact_sum
from trading_bot.values import replace

FindOrder: TypeAlias = Callable[[ClientOrderId], TrackedOrder | None]
_MOST_LEGS = 12
"""More orders than one exit places."""


def filled(order: TrackedOrder | None) -> Decimal:
    """Return the shares of an order that traded; none of one that is not on record."""
    return Decimal(0) if order is None else max(order.envelope.filled_quantity, order.executed_quantity)


def orders_of(plan: Plan, find: FindOrder) -> tuple[TrackedOrder, ...]:
    """Return the orders that sell for a plan: its stop, and those of its exit."""
    stop = None if plan.stop_order is None else find(plan.stop_order)
    return _legs(plan, find) if stop is None else (stop, *_legs(plan, find))


def covered(plan: Plan, find: FindOrder) -> Decimal:
    """Return the whole shares that a plan may sell still, whatever is held; an order's open shares are among them."""
    bought = exact_sum(filled(find(name)) for name in plan.entries)
    sold = exact_sum(filled(order) for order in orders_of(plan, find))
    left = plan.quantity + bought - sold
    return max(left, Decimal(0)).to_integral_value(ROUND_FLOOR)


def sellable(plan: Plan, book: OrderBook) -> Decimal:
    """Return the whole shares that a plan covers of those that are held."""
    covers, held = covered(plan, book.get), held_of(book, plan.symbol)
    return covers if held is None else min(covers, held)


def rests(plan: Plan, order: TrackedOrder | None, shares: Decimal) -> bool:
    """Whether the stop of a plan rests at the broker for all of these shares, so that it need not be watched."""
    if order is None or not order.state.is_working or order.state is OrderState.PENDING_CANCEL:
        return False
    if order.envelope.awaits_approval or not order.envelope.state_is_known:
        return False  # a word that nobody knows may say that it awaits approval
    return plan.stop_rests_at == plan.stop and order.remaining_quantity >= shares


def settled(plan: Plan, find: FindOrder, *, is_over: Callable[[TrackedOrder], bool], is_leaving: bool) -> Plan:
    """Return the plan with what its ended orders bought and sold counted in its quantity, and named no more.

    ``is_over`` says of an entry that no other order can take its place; one that is not on record was never placed. An
    exit that ``is_leaving`` may place another order.
    """
    entries = [(name, find(name)) for name in plan.entries]
    ended = {name: order for name, order in entries if order is None or is_over(order)}
    quantity = plan.quantity + exact_sum(filled(order) for order in ended.values())
    kept = tuple(name for name, _ in entries if name not in ended)
    plan = replace(plan, quantity=quantity, entries=kept)
    return plan if is_leaving else with_sells_settled(plan, find)


def with_sells_settled(plan: Plan, find: FindOrder) -> Plan:
    """Return the plan with what its ended stop, and its ended exit, sold taken off, and neither named any more."""
    stop = None if plan.stop_order is None else find(plan.stop_order)
    if stop is None or stop.state.is_terminal:
        plan = replace(plan, quantity=plan.quantity - filled(stop), stop_order=None, stop_rests_at=None)
    legs = _legs(plan, find)
    if plan.exit_id is not None and all(leg.state.is_terminal for leg in legs):
        plan = replace(plan, quantity=plan.quantity - exact_sum(filled(leg) for leg in legs), exit_id=None)
    return plan


def _legs(plan: Plan, find: FindOrder) -> tuple[TrackedOrder, ...]:
    if plan.exit_id is None:
        return ()
    names = (leg_name(plan.exit_id, number) for number in range(1, _MOST_LEGS + 1))
    return tuple(order for name in names if (order := find(name)) is not None)


def ending_of(plan: Plan, covers: Decimal, held: Decimal | None) -> PlanEnding | None:
    """Return why a settled plan is over, or None; ``held`` is None while the positions are not known."""
    if plan.entries:
        return None
    if plan.waits_for_entry and covers < 1:
        return PlanEnding.NOT_BOUGHT
    if covers < 1:
        return PlanEnding.SOLD
    return PlanEnding.POSITION_GONE if held is not None and held < 1 else None


def held_of(book: OrderBook, symbol: str) -> Decimal | None:
    """Return the whole shares held as far as our records explain; None while the positions are not known."""
    if not book.knows_positions:
        return None
    return book.expected_positions().get(symbol, Decimal(0)).to_integral_value(ROUND_FLOOR)


def taken_over(plan: Plan, before: Plan | None) -> Plan:
    """Return a plan whose entry has filled with the shares of the plan that covered the symbol before."""
    plan = replace(plan, waits_for_entry=False)
    if before is None:
        return plan
    others = tuple(name for name in before.entries if name not in plan.entries)
    return replace(
        plan,
        quantity=plan.quantity + before.quantity,
        entries=(*others, *plan.entries),
        stop_order=before.stop_order,
        stop_rests_at=before.stop_rests_at,
        exit_id=before.exit_id,
    )
