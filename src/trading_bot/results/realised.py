"""What all sales of a journal earned, by average cost as the limits of a day count it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.models import exact_sum
from trading_bot.results.history import AccountHistory
from trading_bot.risk.cost_basis import Sale
from trading_bot.risk.results import results_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """Dollars without fees; None where there were sales and the result of none is known."""

    today: Decimal | None
    total: Decimal | None
    unknown_today: int
    """Sales of shares whose cost is not known, whole or in part: those shares are no part of the result."""
    unknown: int


def realised_of(history: AccountHistory, *, today: datetime) -> Realised:
    """Add up every sale on record; ``today`` is when the exchange's day began."""
    sales = results_of(history.orders, history.acceptances, today=today).sales
    of_today = [sale for sale in sales if sale.executed_at >= today]
    return Realised(
        today=_known(of_today),
        total=_known(sales),
        unknown_today=sum(bool(sale.unknown_quantity) for sale in of_today),
        unknown=sum(bool(sale.unknown_quantity) for sale in sales),
    )


def _known(sales: Sequence[Sale]) -> Decimal | None:
    known = [sale.result for sale in sales if sale.result is not None]
    return exact_sum(known) if known or not sales else None
