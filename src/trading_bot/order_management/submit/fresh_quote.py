"""The market of one symbol, read for one order: what a stop is checked against, and the price of a replaced order."""

from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderStatusError, TradeRefusedError
from trading_bot.order_management.models import EXACT
from trading_bot.order_management.ports import AccountGateway
from trading_bot.order_management.submit.collar import NO_QUOTE

if TYPE_CHECKING:
    from trading_bot.order_management.portfolio import Quote

_NO_MARKET = "the broker shows no market on both sides"
_TWO = Decimal(2)


def fresh_quote(symbol: str, account: AccountGateway | None, *, by: Seconds) -> "Quote | str":
    """Return the market of a symbol, read by ``by``, a point on the clock, or why there is none."""
    try:
        quote = None if account is None else account.by(by).fetch_quotes((symbol,)).get(symbol)
    except OrderStatusError as error:
        return str(error)
    if quote is None or quote.bid_price > quote.ask_price:
        return _NO_MARKET
    return quote


def middle_of_market(symbol: str, account: AccountGateway | None, *, by: Seconds) -> Decimal:
    """Return the price in dollars half-way between bid and ask, read by ``by``, a point on the clock.

    Raises:
        TradeRefusedError: the market cannot be read (``no_usable_quote``).
    """
    quote = fresh_quote(symbol, account, by=by)
    if isinstance(quote, str):
        raise TradeRefusedError(
            f"{symbol}: its market cannot be read ({quote}), so there is no price for the new order; name a reference "
            "price, or try again in a moment",
            symbol=symbol,
            code=NO_QUOTE,
        )
    return EXACT.divide(EXACT.add(quote.bid_price, quote.ask_price), _TWO).normalize(EXACT)
