"""The market of a stop: one that has been reached already would sell at once, so it is refused before it is sent."""

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import TradeRefusedError
from trading_bot.order_management.models import OrderTerms
from trading_bot.order_management.ports import AccountGateway
from trading_bot.order_management.submit.collar import NO_QUOTE
from trading_bot.order_management.submit.fresh_quote import fresh_quote
from trading_bot.prose import dollars_in_words, typed

STOP_REACHED = "stop_reached"
"""The code of the refusal."""


def refuse_reached_stop(terms: OrderTerms, account: AccountGateway | None, *, by: Seconds) -> None:
    """Refuse a stop at or above the bid; reading it is over by ``by``, a point on the clock.

    Raises:
        TradeRefusedError: with both numbers (``stop_reached``), or because no bid can be read (``no_usable_quote``).
    """
    stop, symbol = terms.stop_price, terms.symbol
    if stop is None:
        return
    quote = fresh_quote(symbol, account, by=by)
    if isinstance(quote, str):
        raise TradeRefusedError(
            f"{symbol}: the bid cannot be read ({quote}), so a stop at {dollars_in_words(stop)} may sell at once; "
            "nothing was sent: try again in a moment",
            symbol=symbol,
            code=NO_QUOTE,
        )
    if stop >= quote.bid_price:
        raise TradeRefusedError(
            f"{symbol}: a stop at {dollars_in_words(stop)} would sell at once, because the bid is "
            f"{dollars_in_words(quote.bid_price)}; name a stop below it, or run {typed('exit', symbol)} to sell now",
            symbol=symbol,
            code=STOP_REACHED,
        )
