"""What the account may hold, in dollars: every position, and every entry that works or may work. Pure.

A share is worth its mark. Where there is no fresh mark, it counts at what it cost by the journal, else at what the
broker says it cost. A position of which neither is known is left out and named: the doubt stays with that symbol.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TypeAlias

from trading_bot.order_management.book.tracked_order import NOTHING, TrackedOrder
from trading_bot.order_management.models import EXACT, Side
from trading_bot.order_management.sync.held_shares import HeldShares

PriceOf: TypeAlias = Callable[[str], Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Dollars by symbol, and what they rest on."""

    worth: Mapping[str, Decimal]
    """Shares held and shares that entries may still bring."""
    at_cost: tuple[str, ...] = ()
    """Held symbols without a fresh price, counted at what they cost."""
    unpriced: tuple[str, ...] = ()
    """Held symbols that are left out: neither a price nor a cost is known."""

    @property
    def total(self) -> Decimal:
        """Dollars in all."""
        with localcontext(EXACT):
            return sum(self.worth.values(), NOTHING)

    @property
    def largest(self) -> tuple[str, Decimal] | None:
        """The symbol with the most dollars; None where nothing counts."""
        return max(self.worth.items(), key=lambda each: (each[1], each[0]), default=None)


NO_EXPOSURE = Exposure(worth={})


def exposure(
    held: Mapping[str, HeldShares], orders: Iterable[TrackedOrder], *, mark_of: PriceOf, cost_of: PriceOf
) -> Exposure:
    """Add up; ``orders`` are those that have not provably ended, of which the buys count at their limit or the mark."""
    worth: dict[str, Decimal] = {}
    at_cost, unpriced = list[str](), list[str]()
    with localcontext(EXACT):
        for symbol, shares in sorted(held.items()):
            if not shares.quantity:
                continue
            mark, cost = mark_of(symbol), cost_of(symbol) or shares.average_price or None
            price = cost if mark is None else mark
            if price is None:
                unpriced.append(symbol)
                continue
            if mark is None:
                at_cost.append(symbol)
            worth[symbol] = abs(shares.quantity) * price
        for order in orders:
            if order.envelope.side is Side.BUY:
                symbol, limit = order.envelope.symbol, order.envelope.limit_price
                dollars = max(limit, mark_of(symbol) or limit) * order.remaining_quantity
                worth[symbol] = worth.get(symbol, NOTHING) + dollars
    return Exposure(worth=worth, at_cost=tuple(at_cost), unpriced=tuple(unpriced))
