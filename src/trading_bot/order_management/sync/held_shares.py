"""The most that may be held of each symbol, for limits that must not count too little. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.order_management.book.position_watch import NOTHING, Look
from trading_bot.order_management.models import EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShares:
    """Shares of one symbol at the most that they may be."""

    quantity: Decimal
    average_price: Decimal | None = None
    """What one of them cost by the broker, in dollars; None where it does not say."""


def held_at_most(expected: Mapping[str, Decimal], look: Look | None) -> Mapping[str, HeldShares]:
    """Return what our fills explain, or what the last look shows carried on by our fills, whichever is more."""
    if look is None:
        return {symbol: HeldShares(quantity=shares) for symbol, shares in expected.items()}
    prices = {row.symbol: row.average_buy_price for row in look.rows}
    return {
        symbol: _at_most(symbol, expected, look=look, price=prices.get(symbol)) for symbol in {*expected, *look.held}
    }


def _at_most(symbol: str, expected: Mapping[str, Decimal], *, look: Look, price: Decimal | None) -> HeldShares:
    explained = expected.get(symbol, NOTHING)
    shown = EXACT.add(look.held.get(symbol, NOTHING), look.since_began(symbol, explained))
    # A short is the bigger one, the further below zero it is.
    return HeldShares(quantity=max(explained, shown, key=abs), average_price=price)
