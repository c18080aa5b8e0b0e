"""What the sells have earned and lost: a fold over executions and accepted positions, in journal order. Pure.

Costs are averages per symbol over the shares bought through this journal. Shares that came from elsewhere have no cost
here: a sell takes the known shares first, and what it sells beyond them has an unknown result, which is neither a win
nor a loss. Fees are not counted: the journal does not know them.

A fill counts once its execution is booked, and an execution that the broker annulled counts no more. Shares reported
filled whose executions are not listed yet count at once, by the cumulative quantity and the average price; where that
average and the executions booked so far say different prices, the one that makes the larger loss counts.

A split that a person accepted with its ratio spreads the total cost over the new shares. Any other accepted position
makes the cost of the shares held then unknown, as if they had come from elsewhere; sells before it keep their results.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, localcontext

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.tracked_order import NOTHING, TrackedOrder
from trading_bot.order_management.models import EXACT, ClientOrderId, Execution, ExecutionId, Side

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One execution of a sell."""

    client_order_id: ClientOrderId
    executed_at: datetime
    result: Decimal | None
    """Dollars earned, negative when lost, on the shares whose cost is known; None where no share's is."""
    unknown_quantity: Decimal = NOTHING
    """Shares of it whose cost is not known: they count neither way."""
    is_estimate: bool = False
    """Whether the execution is not listed yet, so that this rests on the order's total and average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResults:
    """The sells of one day, in dollars."""

    realised: Decimal
    lowest: Decimal
    """The worst that ``realised`` has been in the course of the day; never above zero."""
    unknown: int
    """Sales without a known result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LosingStreak:
    """Sell orders in a row that lost money."""

    current: int
    peak: int
    """The longest it has been today, or ``current`` where that is more."""


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
class Results:
    """What a journal says of costs and results."""

    sales: tuple[Sale, ...]
    """Every execution of a sell in the order of execution."""
    holdings: Mapping[str, Holding]
    """By symbol, whatever is held of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One fill of an order, listed or estimated."""

    order: TrackedOrder
    fill: Execution
    is_estimate: bool
    accepted_before: int
    """How many positions of the symbol had been accepted before the order was decided."""


def sales_of(orders: Iterable[TrackedOrder], acceptances: Sequence[Acceptance] = ()) -> tuple[Sale, ...]:
    """Return every execution of a sell in the order of execution; ``orders`` are oldest first."""
    return results_of(orders, acceptances).sales


def results_of(
    orders: Iterable[TrackedOrder], acceptances: Sequence[Acceptance] = (), *, today: datetime = _END_OF_TIME
) -> Results:
    """Fold orders and accepted positions, each oldest first; ``today`` is when the day began."""
    kept = tuple(orders)
    place = {order.client_order_id: number for number, order in enumerate(kept)}
    sales: list[Sale] = []
    holdings: dict[str, Holding] = {}
    with localcontext(EXACT):
        for symbol, fills in fills_by_symbol(kept, acceptances).items():
            accepted = [one for one in acceptances if one.symbol == symbol]
            holdings[symbol] = _fold(fills, accepted, sales, today)
    sales.sort(key=lambda sale: (sale.executed_at, place[sale.client_order_id]))
    held = {symbol: holding for symbol, holding in holdings.items() if holding.quantity or holding.unknown}
    return Results(sales=tuple(sales), holdings=held)


def fills_by_symbol(orders: Iterable[TrackedOrder], acceptances: Sequence[Acceptance]) -> Mapping[str, Sequence[Fill]]:
    """Return the fills of each symbol that was traded or accepted, in the order in which they count."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for acceptance in acceptances:
        numbers[acceptance.symbol].append(acceptance.number)
    fills: dict[str, list[Fill]] = {symbol: [] for symbol in numbers}
    for order in orders:
        symbol = order.envelope.symbol
        fills.setdefault(symbol, []).extend(_fills_of(order, numbers.get(symbol, ())))
    for those in fills.values():
        # Stable: what happened at one moment stays in the order of the orders.
        those.sort(key=lambda one: (one.accepted_before, one.fill.executed_at))
    return fills


def _fold(fills: Sequence[Fill], acceptances: Sequence[Acceptance], sales: list[Sale], today: datetime) -> Holding:
    holding, accepted = Holding(), 0
    for one in fills:
        for position in acceptances[accepted : one.accepted_before]:
            holding = holding.accepted(position)
        accepted = max(accepted, one.accepted_before)
        if one.order.envelope.side is Side.BUY:
            holding = holding.bought(one.fill, today=one.fill.executed_at >= today)
            continue
        known = min(one.fill.quantity, holding.quantity)
        holding, result = holding.sold(one.fill)
        sales.append(
            Sale(
                client_order_id=one.order.client_order_id,
                executed_at=one.fill.executed_at,
                result=result,
                unknown_quantity=one.fill.quantity - known,
                is_estimate=one.is_estimate,
            )
        )
    for position in acceptances[accepted:]:
        holding = holding.accepted(position)
    return holding


def _fills_of(order: TrackedOrder, accepted: Iterable[int]) -> Iterator[Fill]:
    before = sum(number < order.number for number in accepted)
    for fill in order.executions:
        yield Fill(order=order, fill=fill, is_estimate=False, accepted_before=before)
    if (estimate := estimated_fill(order)) is not None:
        yield Fill(order=order, fill=estimate, is_estimate=True, accepted_before=before)


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


def day_results(sales: Sequence[Sale], *, since: datetime) -> DayResults:
    """Add up the sales from ``since`` on."""
    todays = [sale for sale in sales if sale.executed_at >= since]
    realised = lowest = NOTHING
    with localcontext(EXACT):
        for sale in todays:
            realised += sale.result or NOTHING
            lowest = min(lowest, realised)
    return DayResults(realised=realised, lowest=lowest, unknown=sum(sale.result is None for sale in todays))


def losing_streak(sales: Sequence[Sale], *, since: datetime, counted_after: datetime | None = None) -> LosingStreak:
    """Count the losing sell orders in a row; the peak is that of the day which began at ``since``.

    The executions of one order make one result, dated by the last of them. An order that broke even, or whose result
    is unknown, neither lengthens nor ends a streak. What was executed up to ``counted_after`` is left out.
    """
    current = peak = 0
    for ended_at, result in _order_results(sales, counted_after):
        if result:
            current = current + 1 if result < 0 else 0
        if ended_at >= since:
            peak = max(peak, current)
    return LosingStreak(current=current, peak=max(peak, current))


def _order_results(sales: Sequence[Sale], counted_after: datetime | None) -> list[tuple[datetime, Decimal]]:
    totals: dict[ClientOrderId, tuple[datetime, Decimal]] = {}
    with localcontext(EXACT):
        for sale in sales:
            if counted_after is not None and sale.executed_at <= counted_after:
                continue
            _, total = totals.get(sale.client_order_id, (sale.executed_at, NOTHING))
            totals[sale.client_order_id] = (sale.executed_at, total + (sale.result or NOTHING))
    return sorted(totals.values(), key=lambda each: each[0])
