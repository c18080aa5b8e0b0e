"""What positions are worth and gained, by quotes that were just read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.account_summary import QuotedMarks
from trading_bot.order_management.models import EXACT
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.sync.account_view import ShownPosition, ShownPositions
from trading_bot.risk.cost_basis import Holding
from trading_bot.risk.position_cost import PositionCost, cost_of_position


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionValue:
    """One position, in dollars; None is what is not known."""

    shown: ShownPosition
    price: Decimal | None
    """Of a share, by its quote."""
    cost: PositionCost | None
    """Of all shares."""

    @property
    def value(self) -> Decimal | None:
        """What all shares are worth."""
        return None if self.price is None else EXACT.multiply(self.shown.quantity, self.price)

    @property
    def result(self) -> Decimal | None:
        """What they are worth beyond what they cost."""
        if self.value is None or self.cost is None:
            return None
        return EXACT.subtract(self.value, self.cost.dollars)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuedPositions:
    """All positions of one reading, and what they are worth."""

    shown: ShownPositions
    values: tuple[PositionValue, ...]
    problem: str | None
    """Why there are no prices, if they could not be read."""


def valued_positions(
    shown: ShownPositions, *, quotes: Mapping[str, Quote], holdings: Mapping[str, Holding], problem: str | None
) -> ValuedPositions:
    """Return positions with what they are worth; ``holdings`` is what the journal knows of their cost."""
    marks = QuotedMarks(quotes=quotes)
    values = []
    for each in shown.positions:
        mark = marks.of(each.symbol) if each.quantity else None
        values.append(
            PositionValue(
                shown=each,
                price=None if mark is None else mark.price,
                cost=cost_of_position(each.quantity, holdings.get(each.symbol), each.average_buy_price),
            )
        )
    return ValuedPositions(shown=shown, values=tuple(values), problem=problem)
