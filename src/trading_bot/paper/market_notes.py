"""What the paper exchange notes of a symbol's market: the price that somebody named, and the sizes that are gone."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.models import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The last price that an order's sender named for a symbol."""

    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSize:
    """How much of the sizes shown by the quote of ``quoted_at`` has been traded away."""

    quoted_at: datetime
    shares: dict[Side, int]
