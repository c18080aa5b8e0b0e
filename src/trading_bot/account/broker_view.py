"""What the broker itself says of one symbol and of the account's results, each part as far as it can be had."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.broker_books import BrokerBooks
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import PriceBook, RealisedResult, TaxLot, Tradability

RESULTS_SPAN = "3month"
"""The span of results that is asked for."""
_PART_WITHIN_S: Seconds = 5.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerView:
    """One reading; a part that is None could not be had, and ``problems`` says why, or the broker has nothing of it."""

    symbol: str
    tradability: Tradability | None
    book: PriceBook | None
    lots: tuple[TaxLot, ...] | None
    realised: RealisedResult | None
    problems: tuple[str, ...]


def broker_view(books: BrokerBooks, symbol: str, *, clock: Clock, by: Seconds) -> BrokerView:
    """Read all parts, over by ``by``, a point on the clock; one that fails keeps none of the others away."""
    problems: list[str] = []

    def part(read: Callable[[BrokerBooks], T]) -> T | None:
        try:
            return read(books.by(min(by, clock.monotonic() + _PART_WITHIN_S)))
        except OrderStatusError as error:
            problems.append(str(error))
            return None

    may_trade = part(lambda asked: asked.fetch_tradability((symbol,))) or {}
    levels = part(lambda asked: asked.fetch_price_books((symbol,))) or {}
    return BrokerView(
        symbol=symbol,
        tradability=may_trade.get(symbol),
        book=levels.get(symbol),
        lots=part(lambda asked: asked.fetch_tax_lots(symbol)),
        realised=part(lambda asked: asked.fetch_realised(RESULTS_SPAN)),
        problems=tuple(problems),
    )
