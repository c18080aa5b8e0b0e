"""What the shares of a position cost: by the journal if it knows all of them, else by the broker's average. Pure."""

import enum
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.order_management.models import EXACT
from trading_bot.risk.cost_basis import Holding


class CostSource(enum.StrEnum):
    """Who says what shares cost."""

    JOURNAL = "journal"
    BROKER = "broker"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionCost:
    """What all shares of a position cost, in dollars."""

    dollars: Decimal
    source: CostSource


def cost_of_position(quantity: Decimal, holding: Holding | None, average: Decimal | None) -> PositionCost | None:
    """Return what ``quantity`` shares cost; None where nobody says it.

    ``average`` is the broker's, in dollars a share. An average of zero is that of shares whose cost it does not know.
    """
    if holding is not None and holding.quantity == quantity:
        return PositionCost(dollars=holding.cost, source=CostSource.JOURNAL)
    if not average:
        return None
    return PositionCost(dollars=EXACT.multiply(quantity, average), source=CostSource.BROKER)
