"""What the shares of a symbol cost, and what their sales earned: a fold over fills and accepted positions. Pure.

Costs are averages per symbol over the shares bought through this journal. Shares that came from elsewhere have no cost
here: a sell takes the known shares first, and what it sells beyond them has an unknown result, which is neither a win
nor a loss. Fees are not counted: the broker does not tell them of every order.

A fill counts once its execution is booked, and an execution that the broker annulled counts no more. Shares reported
filled whose executions are not listed yet count at once, by the cumulative quantity and the average price; where that
average and the executions booked so far say different prices, the one that makes the larger loss counts.

A split that a person accepted with its ratio spreads the total cost over the new shares. Any other accepted position
makes the cost of the shares held then unknown, as if they had come from elsewhere; sells before it keep their results.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import TypeAlias

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.tracked_order import NOTHING, TrackedOrder
from trading_bot.order_management.models import EXACT, ClientOrderId, Execution, ExecutionId, Side

Rank: TypeAlias = tuple[datetime, int, ClientOrderId, int]
"""Where a fill stands among all: when it was executed, the number and the name of its order, its place in that."""

CostKey: TypeAlias = tuple[int, int, Rank | None]
"""Where a fill or an accepted position stands among those of its symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One fill of an order, listed or estimated."""

    client_order_id: ClientOrderId
    side: Side
    execution: Execution
    is_estimate: bool
    rank: Rank
    """What happened at one moment stays in the order of the orders."""
    accepted_before: int
    """How many positions of the symbol had been accepted before the order was decided."""

    @property
    def cost_key(self) -> CostKey:
        """After the positions accepted before its order, and before the next one."""
        return self.accepted_before, 0, self.rank


def acceptance_key(place: int) -> CostKey:
    """Return where the accepted position of a symbol stands that is number ``place`` of them, from zero."""
    return place, 1, None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One execution of a sell."""

    client_order_id: ClientOrderId
    executed_at: datetime
    result: Decimal | None
    """Dollars earned, negative when lost, on the shares whose cost is known; None where no share's is."""
    unknown_quantity: Decimal
    """Shares of it whose cost is not known: they count neither way."""
    is_estimate: bool
    """Whether the execution is not listed yet, so that this rests on the order's total and average."""
    rank: Rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The shares of one symbol that are held as far as this journal tells."""

    quantity: Decimal = NOTHING
    """Shares of known cost."""
    cost: Decimal = NOTHING
    """Dollars paid for them."""
    todays_quantity: Decimal = NOTHING
    """How many of them were bought today; a sell takes its part of these and of the older ones alike."""
    todays_cost: Decimal = NOTHING
    unknown: Decimal = NOTHING
    """Shares whose cost is unknown since a person accepted the position."""
    unknown_since: datetime | None = None

    def bought(self, fill: Execution, *, today: bool) -> "Holding":
        """Return the holding after a buy."""
        paid = fill.quantity * fill.price
        return replace(
            self,
            quantity=self.quantity + fill.quantity,
            cost=self.cost + paid,
            todays_quantity=self.todays_quantity + (fill.quantity if today else NOTHING),
            todays_cost=self.todays_cost + (paid if today else NOTHING),
        )

    def sold(self, fill: Execution) -> "tuple[Holding, Decimal | None]":
        """Return the holding after a sell, and its result."""
        known = min(fill.quantity, self.quantity)
        after = replace(self, unknown=max(NOTHING, self.unknown - (fill.quantity - known)))
        if known == 0:
            return after, None
        cost = self.cost * known / self.quantity
        left = self.quantity - known
        after = replace(
            after,
            quantity=left,
            cost=self.cost - cost,
            todays_quantity=self.todays_quantity * left / self.quantity,
            todays_cost=self.todays_cost * left / self.quantity,
        )
        return after, known * fill.price - cost

    def accepted(self, position: Acceptance) -> "Holding":
        """Return the holding after a person accepted another position."""
        if not position.keeps_cost:
            return Holding(unknown=position.held, unknown_since=position.at)
        return replace(
            self if position.held else replace(self, cost=NOTHING, todays_cost=NOTHING),
            quantity=position.of(self.quantity),
            todays_quantity=position.of(self.todays_quantity),
            unknown=position.of(self.unknown),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CostBasis:
    """Where the fold over one symbol stands."""

    holding: Holding = Holding()
    sale: Sale | None = None
    """What the last fill sold, if it was one of a sell."""

    def after(self, event: Fill | Acceptance, *, today: datetime) -> "CostBasis":
        """Return where it stands after a fill or an accepted position; ``today`` is when the day began."""
        if isinstance(event, Acceptance):
            return CostBasis(holding=self.holding.accepted(event))
        execution = event.execution
        if event.side is Side.BUY:
            return CostBasis(holding=self.holding.bought(execution, today=execution.executed_at >= today))
        known = min(execution.quantity, self.holding.quantity)
        holding, result = self.holding.sold(execution)
        sale = Sale(
            client_order_id=event.client_order_id,
            executed_at=execution.executed_at,
            result=result,
            unknown_quantity=execution.quantity - known,
            is_estimate=event.is_estimate,
            rank=event.rank,
        )
        return CostBasis(holding=holding, sale=sale)


def fills_by_symbol(orders: Iterable[TrackedOrder], acceptances: Sequence[Acceptance]) -> Mapping[str, Sequence[Fill]]:
    """Return the fills of each symbol that was traded or accepted, in the order in which they count."""
    numbers = accepted_numbers(acceptances)
    fills: dict[str, list[Fill]] = {symbol: [] for symbol in numbers}
    for order in orders:
        symbol = order.envelope.symbol
        fills.setdefault(symbol, []).extend(fills_of(order, numbers.get(symbol, ())))
    for those in fills.values():
        those.sort(key=lambda fill: fill.cost_key)
    return fills


def accepted_numbers(acceptances: Iterable[Acceptance]) -> Mapping[str, Sequence[int]]:
    """Return the record numbers of the accepted positions of each symbol, in the given order."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for acceptance in acceptances:
        numbers[acceptance.symbol].append(acceptance.number)
    return numbers


def fills_of(order: TrackedOrder, accepted: Iterable[int]) -> Iterator[Fill]:
    """Yield the fills of an order; ``accepted`` are the record numbers of the accepted positions of its symbol."""
    executions = order.executions
    if (estimate := estimated_fill(order)) is not None:
        executions = (*executions, estimate)
    if not executions:
        return
    before = sum(number < order.number for number in accepted)
    for place, execution in enumerate(executions):
        yield Fill(
            client_order_id=order.client_order_id,
            side=order.envelope.side,
            execution=execution,
            is_estimate=execution is estimate,
            rank=(execution.executed_at, order.number, order.client_order_id, place),
            accepted_before=before,
        )


def estimated_fill(order: TrackedOrder) -> Execution | None:
    """Return the shares reported filled without an execution as one fill, or None where every share has one.

    Its price is what the average leaves for them, or the average itself, whichever makes the larger loss; the limit
    where the broker told no average.
    """
    quantity = order.unbacked_quantity
    if not quantity:
        return None
    envelope = order.envelope
    return Execution(
        execution_id=ExecutionId(f"not listed yet: {envelope.client_order_id}"),
        quantity=quantity,
        price=_estimated_price(order, quantity),
        executed_at=order.last_transaction_at or order.filled_at or envelope.created_at,
    )


def _estimated_price(order: TrackedOrder, quantity: Decimal) -> Decimal:
    envelope = order.envelope
    average = envelope.average_price
    if average is None or not average > 0:
        return envelope.limit_price
    with localcontext(EXACT):
        booked = sum((fill.quantity * fill.price for fill in order.executions), NOTHING)
        left = (average * envelope.filled_quantity - booked) / quantity
    worse = max if envelope.side is Side.BUY else min
    return worse(average, left) if left > 0 else average
