"""What a broker's own books say beyond what trading needs, and the port that asks for it."""

from collections.abc import Mapping, Sequence
from typing import Protocol, Self, runtime_checkable

from trading_bot.clock import Seconds
from trading_bot.order_management.portfolio import PriceBook, RealisedResult, TaxLot, Tradability


@runtime_checkable
class BrokerBooks(Protocol):
    """Reads that not every interface of a broker has. Each raises `OrderStatusError` when the data cannot be had."""

    def by(self, deadline: Seconds) -> Self:
        """Return the same books, whose reads are all over by ``deadline``, a point on the clock."""
        ...

    def fetch_tradability(self, symbols: Sequence[str]) -> Mapping[str, Tradability]:
        """Read what may be done with each symbol; one that the broker does not know is absent."""
        ...

    def fetch_price_books(self, symbols: Sequence[str]) -> Mapping[str, PriceBook]:
        """Read the levels of each symbol; one without a book is absent."""
        ...

    def fetch_tax_lots(self, symbol: str) -> tuple[TaxLot, ...]:
        """Read the lots that are held of a symbol."""
        ...

    def fetch_realised(self, span: str) -> RealisedResult:
        """Read what sells earned over a span, in the broker's word for it."""
        ...
