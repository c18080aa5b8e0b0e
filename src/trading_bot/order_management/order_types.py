"""Which order types there are: limit orders and stop-limit sells are sent, and the others are refused."""

from collections.abc import Mapping
from decimal import Decimal

from trading_bot import caller_values
from trading_bot.order_management.exceptions import OrderValidationError, UnsupportedOrderTypeError
from trading_bot.order_management.models import LIMIT, STOP_LIMIT, OrderRequest, OrderTerms, Side, TimeInForce
from trading_bot.prose import dollars_in_words
from trading_bot.values import replace

_CROSS = "use a limit order with pricing 'marketable', which trades at once and at no worse price than its limit"
_WATCH = "watch the price yourself and leave the position with an exit once it is reached"
_ENTER = "to enter at a price that is reached later, send a limit order then"
_INSTEAD: Mapping[str, str] = {
    "market": _CROSS,
    **dict.fromkeys(("stop", "stop_loss", "stop_market", "stop_limit", "trailing_stop"), f"{_WATCH}; {_ENTER}"),
}


def ensure_limit_order_type(request: OrderRequest) -> None:
    """Let a limit order pass, and a stop-limit order that names its stop; the type may be written in any case.

    Raises:
        UnsupportedOrderTypeError: any other type, with what to use instead.
        OrderValidationError: a limit order with a stop price.
    """
    given: object = request.order_type
    word = given.lower() if isinstance(given, str) else ""
    if word == LIMIT and request.stop_price is not None:
        raise OrderValidationError(
            "a limit order has no stop price; leave it out, or place a stop with place_stop_sell", code="bad_stop"
        )
    if word == LIMIT or (word == STOP_LIMIT and request.stop_price is not None):
        return
    which = f"{word} orders" if word in _INSTEAD else f"orders of type {caller_values.shown(given)}"
    raise UnsupportedOrderTypeError(
        f"{which} are not implemented and nothing was sent; {_INSTEAD.get(word, _CROSS)}",
        client_order_id=request.client_order_id,
        symbol=request.symbol,
    )


def with_stop(terms: OrderTerms, stop_price: Decimal) -> OrderTerms:
    """Return the terms of an order that rests until ``stop_price``, a positive number of dollars, is reached.

    Raises:
        OrderValidationError: it is no good-till-cancelled sell in regular hours, or its limit is above the stop.
    """
    symbol = terms.symbol
    if (terms.side, terms.time_in_force, terms.extended_hours) != (Side.SELL, TimeInForce.GTC, False):
        raise OrderValidationError(
            f"{symbol}: a stop is a sell, good till cancelled, in regular hours; place it with place_stop_sell",
            symbol=symbol,
            code="bad_stop",
        )
    if terms.limit_price > stop_price:
        raise OrderValidationError(
            f"{symbol}: the limit of a stop, {dollars_in_words(terms.limit_price)}, is above its stop price "
            f"{dollars_in_words(stop_price)}; name a limit at or below the stop",
            symbol=symbol,
            code="bad_stop",
        )
    return replace(terms, stop_price=stop_price)
