"""What it cost not to trade at the reference price: implementation shortfall, in the sense of Perold (1988). Pure.

Of one order, with the reference price R that its limit was computed from, Q shares ordered, and fills of q shares at p:

- *slippage*, of the filled part: s * sum(q * (p - R)), where s is 1 for a buy and -1 for a sell. Positive is a cost,
  negative a gain: a buy below the reference, a sell above it. In basis points: of sum(q) * R.
- *missed*, of the part never filled: s * (Q - sum(q)) * (P - R), where P is a later price. Positive: the market ran
  away, so that trading now would be dearer. Nothing is missed while an order may still trade, and nothing where its
  rest went on in another order, which is counted itself. An order that the broker refused or that never left was missed
  too.
- *shortfall*: both together. In basis points: of Q * R. It is unknown where the missed part is.

The later price P is the middle of bid and ask when the order ended, if a recorded quote held then; else the price of
our first execution in the symbol within `PRICE_LATER_WITHIN` after that; else unknown. Fees are in none of them.

Of a stop the reference is its stop price, and nothing of it is missed: if it was never reached, it was not meant to
trade.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from trading_bot.order_management.models import EXACT, exact_sum
from trading_bot.report.history import ReportedOrder
from trading_bot.report.numbers import bps
from trading_bot.report.prices import RecordedPrices

PRICE_LATER_WITHIN = timedelta(days=1)
"""How long after the end of an order an execution still says what its symbol cost. Chosen: about one session."""

NOTHING = Decimal(0)


class LaterPrices:
    """What a symbol cost at a moment, by recorded quotes, else by our next execution."""

    def __init__(self, orders: Iterable[ReportedOrder], quotes: RecordedPrices) -> None:
        self._quotes = quotes
        self._executions: dict[str, list[tuple[datetime, Decimal]]] = {}
        for order in orders:
            for fill in order.fills:
                self._executions.setdefault(order.symbol, []).append((fill.executed_at, fill.price))
        for those in self._executions.values():
            those.sort()

    def after(self, symbol: str, moment: datetime) -> Decimal | None:
        """Return the price in dollars; None where nobody knows."""
        quote = self._quotes.at(symbol, moment)
        if quote is not None:
            return quote.middle
        those = self._executions.get(symbol, [])
        place = bisect_left(those, (moment, NOTHING))
        if place == len(those) or those[place][0] - moment > PRICE_LATER_WITHIN:
            return None
        return those[place][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """The cost of one order or of several, in dollars; ``missed_unknown`` shares are in none of the amounts."""

    orders: int = 0
    ordered: Decimal = NOTHING
    """Dollars at the reference price, of every share ordered but those that may still trade or went on elsewhere."""
    filled: Decimal = NOTHING
    """Dollars at the reference price, of the shares filled."""
    slippage: Decimal = NOTHING
    missed: Decimal = NOTHING
    missed_shares: Decimal = NOTHING
    """Shares never filled of which a later price is known."""
    missed_unknown: Decimal = NOTHING
    """Shares never filled of which none is known."""

    @property
    def slippage_bps(self) -> Decimal | None:
        """Slippage in basis points of the shares filled; None where none were."""
        return bps(self.slippage, self.filled)

    @property
    def total(self) -> Decimal | None:
        """Slippage and what was missed; None where a part of that is unknown."""
        return None if self.missed_unknown else EXACT.add(self.slippage, self.missed)

    @property
    def total_bps(self) -> Decimal | None:
        """The shortfall in basis points of the shares ordered; None where it is unknown or none were."""
        return None if self.total is None else bps(self.total, self.ordered)


def shortfall_of(order: ReportedOrder, later: LaterPrices) -> Shortfall:
    """Return the cost of one order."""
    with localcontext(EXACT):
        filled = order.filled
        slippage = order.sign * exact_sum(fill.quantity * (fill.price - order.reference) for fill in order.fills)
        may_be_missed = order.ended_at is not None and not order.went_on and not order.is_stop
        missed = order.quantity - filled if may_be_missed else NOTHING
        price = later.after(order.symbol, order.ended_at) if missed > 0 and order.ended_at is not None else None
        return Shortfall(
            orders=1,
            ordered=(filled + missed) * order.reference,
            filled=filled * order.reference,
            slippage=slippage,
            missed=NOTHING if price is None else order.sign * missed * (price - order.reference),
            missed_shares=NOTHING if price is None else missed,
            missed_unknown=missed if price is None else NOTHING,
        )


def together(those: Iterable[Shortfall]) -> Shortfall:
    """Add up."""
    parts: Sequence[Shortfall] = tuple(those)
    return Shortfall(
        orders=sum(part.orders for part in parts),
        ordered=exact_sum(part.ordered for part in parts),
        filled=exact_sum(part.filled for part in parts),
        slippage=exact_sum(part.slippage for part in parts),
        missed=exact_sum(part.missed for part in parts),
        missed_shares=exact_sum(part.missed_shares for part in parts),
        missed_unknown=exact_sum(part.missed_unknown for part in parts),
    )


def by_symbol(orders: Iterable[ReportedOrder], later: LaterPrices) -> Mapping[str, Shortfall]:
    """Add up the orders of each symbol, in the order of the alphabet."""
    found: dict[str, list[Shortfall]] = {}
    for order in orders:
        found.setdefault(order.symbol, []).append(shortfall_of(order, later))
    return {symbol: together(found[symbol]) for symbol in sorted(found)}
