"""What one sell order earned, as far as it is known, and in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.position_watch import in_words
from trading_bot.order_management.book.tracked_order import NOTHING, TrackedOrder
from trading_bot.order_management.models import exact_sum
from trading_bot.risk.results import sales_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResult:
    """The result of a sell order, in dollars without fees."""

    realised: Decimal | None
    """On the shares whose cost is known; None where no share's is."""
    unknown_quantity: Decimal
    """Shares sold whose cost is not known: they count in no limit."""
    accepted: Acceptance | None
    """The latest accepted position before the order that made the cost of shares unknown, if one did."""
    estimated_quantity: Decimal
    """Shares counted by total and average, because their executions are not listed yet."""


def result_of(
    order: TrackedOrder, orders: Sequence[TrackedOrder], acceptances: Sequence[Acceptance]
) -> OrderResult | None:
    """Return what an order among ``orders`` earned; None where it has sold nothing."""
    sales = [sale for sale in sales_of(orders, acceptances) if sale.client_order_id == order.client_order_id]
    if not sales:
        return None
    known = [sale.result for sale in sales if sale.result is not None]
    symbol = order.envelope.symbol
    unknown = [one for one in acceptances if one.symbol == symbol and not one.keeps_cost and one.number < order.number]
    return OrderResult(
        realised=exact_sum(known) if known else None,
        unknown_quantity=exact_sum(sale.unknown_quantity for sale in sales),
        accepted=unknown[-1] if unknown else None,
        estimated_quantity=order.unbacked_quantity,
    )


def result_lines(result: OrderResult | None) -> tuple[str, ...]:
    """Say what an order earned, what is unknown of it and why, and what is an estimate; nothing without a result."""
    lines: list[str] = []
    if result is None:
        return ()
    if result.realised is not None:
        estimate = ", by total and average where executions are not listed yet" if result.estimated_quantity else ""
        lines.append(f"its result is {in_words(result.realised)} dollars without fees{estimate}")
    if result.unknown_quantity > NOTHING:
        why = "they were not bought through this journal"
        if result.accepted is not None:
            why += f", or held when {result.accepted.by} accepted the position on {result.accepted.at:%Y-%m-%d}"
        shares = in_words(result.unknown_quantity)
        lines.append(f"the cost of {shares} of the shares sold is unknown: {why}; they count in no limit")
    return tuple(lines)
