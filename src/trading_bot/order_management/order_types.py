"""Which order types there are: one is sent, and the others are refused with what to use instead."""

from collections.abc import Mapping

from trading_bot import caller_values
from trading_bot.order_management.exceptions import UnsupportedOrderTypeError
from trading_bot.order_management.models import LIMIT, OrderRequest

_CROSS = "use a limit order with pricing 'marketable', which trades at once and at no worse price than its limit"
_WATCH = "watch the price yourself and leave the position with an exit once it is reached"
_ENTER = "to enter at a price that is reached later, send a limit order then"
_INSTEAD: Mapping[str, str] = {
    "market": _CROSS,
    **dict.fromkeys(("stop", "stop_loss", "stop_market", "stop_limit", "trailing_stop"), f"{_WATCH}; {_ENTER}"),
}


def ensure_limit_order_type(request: OrderRequest) -> None:
    """Let a limit order pass; ``limit`` may be written in any case.

    Raises:
        UnsupportedOrderTypeError: any other type, with what to use instead.
    """
    given: object = request.order_type
    word = given.lower() if isinstance(given, str) else ""
    if word == LIMIT:
        return
    which = f"{word} orders" if word in _INSTEAD else f"orders of type {caller_values.shown(given)}"
    raise UnsupportedOrderTypeError(
        f"{which} are not implemented and nothing was sent; {_INSTEAD.get(word, _CROSS)}",
        client_order_id=request.client_order_id,
        symbol=request.symbol,
    )
