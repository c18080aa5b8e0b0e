"""What the limits of a day count: trades, results, the losing streak and what is held. Pure.

`RunningTotals` follows the orders one by one as they change, and what it tells is what all of them together say, in
whatever order and however often they were told: a restart, which tells each once, comes to the same figures. What a
change costs does not grow with the orders before it. Costs and results are those of `cost_basis`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.tracked_order import NOTHING, TrackedOrder
from trading_bot.order_management.models import EXACT, ClientOrderId
from trading_bot.risk.cost_basis import CostBasis, Fill, Holding, Rank, Sale, acceptance_key, accepted_numbers, fills_of
from trading_bot.risk.entry_rate import EntryRate
from trading_bot.risk.losing_streak import LosingStreak, RunningStreak
from trading_bot.risk.running_fold import RunningFold

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResults:
    """The sells of one day, in dollars."""

    realised: Decimal = NOTHING
    lowest: Decimal = NOTHING
    """The worst that ``realised`` has been in the course of the day; never above zero."""
    unknown: int = 0
    """Sales without a known result."""
    estimated: int = 0
    """Sales whose executions are not listed yet."""

    def after(self, sale: Sale) -> "DayResults":
        """Return the results with one more sale."""
        realised = EXACT.add(self.realised, sale.result or NOTHING)
        return DayResults(
            realised=realised,
            lowest=min(self.lowest, realised),
            unknown=self.unknown + (sale.result is None),
            estimated=self.estimated + sale.is_estimate,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a journal says of costs and results."""

    sales: tuple[Sale, ...]
    """Every execution of a sell in the order of execution."""
    holdings: Mapping[str, Holding]
    """By symbol, whatever is held of it."""


class RunningTotals:
    """The totals of the orders told so far, beside ``acceptances``; ``today`` is when the day began."""

    def __init__(self, acceptances: Sequence[Acceptance] = (), *, today: datetime = _END_OF_TIME) -> None:
        self.acceptances = acceptances
        self.today = today
        self.holdings: dict[str, Holding] = {}
        """By symbol, whatever is held of it."""
        self._accepted = accepted_numbers(acceptances)
        self.entries = EntryRate()
        self._taken_today: set[ClientOrderId] = set()
        self._fills: dict[ClientOrderId, tuple[str, tuple[Fill, ...]]] = {}
        self._symbols: dict[str, RunningFold[Fill | Acceptance, CostBasis]] = {}
        self._sales: dict[ClientOrderId, dict[int, Sale]] = {}
        self._day: RunningFold[Sale, DayResults] = RunningFold(DayResults(), DayResults.after)
        self._streak = RunningStreak(today=today)
        self._resold: dict[ClientOrderId, None] = {}
        """The orders whose sales have changed since the streak was asked for."""
        with localcontext(EXACT):
            self._settle(self._accepted)

    def tell(self, orders: Iterable[TrackedOrder]) -> None:
        """Take in orders that are new or have changed."""
        moved: dict[str, None] = {}
        with localcontext(EXACT):
            for order in orders:
                self._count(order)
                self._book(order, moved)
            self._settle(moved)

    @property
    def trades(self) -> int:
        """Orders of today that the broker has taken or may have taken."""
        return len(self._taken_today)

    @property
    def day(self) -> DayResults:
        """The sells of today."""
        return self._day.state

    def streak(self, *, counted_after: datetime | None = None) -> LosingStreak:
        """Return the losing sell orders in a row, without what was executed up to ``counted_after``."""
        if counted_after != self._streak.counted_after:
            self._streak = RunningStreak(today=self.today, counted_after=counted_after)
            self._resold = dict.fromkeys(self._sales)
        for name in self._resold:
            self._streak.tell(name, self._sales[name].values())
        self._resold.clear()
        return self._streak.state

    def results(self) -> Results:
        """Return every sale, and what is held."""
        sales = (sale for those in self._sales.values() for sale in those.values())
        return Results(sales=tuple(sorted(sales, key=lambda sale: sale.rank)), holdings=dict(self.holdings))

    def _count(self, order: TrackedOrder) -> None:
        self.entries.tell(order.envelope)
        was_taken = order.envelope.order_id is not None or order.state.is_unresolved
        if was_taken and order.envelope.created_at >= self.today:
            self._taken_today.add(order.client_order_id)
        else:
            self._taken_today.discard(order.client_order_id)

    def _book(self, order: TrackedOrder, moved: dict[str, None]) -> None:
        name, symbol = order.client_order_id, order.envelope.symbol
        fills = tuple(fills_of(order, self._accepted.get(symbol, ())))
        was, before = self._fills.get(name, (symbol, ()))
        if (symbol, fills) == (was, before):
            return
        self._fills[name] = symbol, fills
        kept = {*before} & {*fills} if symbol == was else set[Fill]()
        for fill in (one for one in before if one not in kept):
            self._fold_of(was).drop(fill.cost_key)
            self._note_sale(fill.rank, None)
        for fill in (one for one in fills if one not in kept):
            self._fold_of(symbol).put(fill.cost_key, fill)
        moved |= {was: None, symbol: None}

    def _fold_of(self, symbol: str) -> RunningFold[Fill | Acceptance, CostBasis]:
        fold = self._symbols.get(symbol)
        if fold is None:
            fold = self._symbols[symbol] = RunningFold(CostBasis(), self._after)
            for place, one in enumerate(one for one in self.acceptances if one.symbol == symbol):
                fold.put(acceptance_key(place), one)
        return fold

    def _after(self, basis: CostBasis, event: Fill | Acceptance) -> CostBasis:
        return basis.after(event, today=self.today)

    def _settle(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            fold = self._fold_of(symbol)
            for basis in fold.settle():
                if basis.sale is not None:
                    self._note_sale(basis.sale.rank, basis.sale)
            holding = fold.state.holding
            self.holdings.pop(symbol, None)
            if holding.quantity or holding.unknown:
                self.holdings[symbol] = holding

    def _note_sale(self, rank: Rank, sale: Sale | None) -> None:
        """Take in what a fill sold, in place of what the fill of that order and place had sold before."""
        *_, name, place = rank
        those = self._sales.setdefault(name, {})
        before = those.pop(place, None)
        if sale is not None:
            those[place] = sale
        if sale == before:
            return
        if before is not None and before.executed_at >= self.today:
            self._day.drop(before.rank)
        if sale is not None and sale.executed_at >= self.today:
            self._day.put(sale.rank, sale)
        self._resold[name] = None


def sales_of(orders: Iterable[TrackedOrder], acceptances: Sequence[Acceptance] = ()) -> tuple[Sale, ...]:
    """Return every execution of a sell in the order of execution."""
    return results_of(orders, acceptances).sales


def results_of(
    orders: Iterable[TrackedOrder], acceptances: Sequence[Acceptance] = (), *, today: datetime = _END_OF_TIME
) -> Results:
    """Fold orders and accepted positions, the latter oldest first; ``today`` is when the day began."""
    totals = RunningTotals(acceptances, today=today)
    totals.tell(orders)
    return totals.results()


def day_results(sales: Iterable[Sale], *, since: datetime) -> DayResults:
    """Add up the sales from ``since`` on, given in the order of execution."""
    results = DayResults()
    for sale in sales:
        if sale.executed_at >= since:
            results = results.after(sale)
    return results
