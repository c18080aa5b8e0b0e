"""The call that places an order: its parameters are the intent, byte for byte, with our ``ref_id`` inside.

The broker resolves the symbol itself, so an order needs no look-up before it. Every argument is text. The object that
comes back names type and trigger apart; the call names one of four types, of which we send two.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from trading_bot.agent.tool_call import ToolCall, tool_call
from trading_bot.order_management.models import LIMIT, STOP_LIMIT, OrderTerms, RefId
from trading_bot.robinhood.wire import price_text, stop_price_text

PLACE: Final = "place_equity_order"
CANCEL: Final = "cancel_equity_order"
ORDERS: Final = "get_equity_orders"


def place_call(terms: OrderTerms, *, ref_id: RefId, account_number: str, tick: Decimal | None = None) -> ToolCall:
    """Build the call that asks for a limit order, at once or from a stop price on; one order always gives one call.

    ``tick`` is the instrument's own price step in dollars, where one is known.

    Raises:
        OrderValidationError: the limit price or the stop price is not on the tick.
    """
    arguments = order_arguments(terms, account_number=account_number, tick=tick)
    return tool_call(PLACE, {**arguments, "ref_id": ref_id.lower()})


def order_arguments(terms: OrderTerms, *, account_number: str, tick: Decimal | None = None) -> Mapping[str, object]:
    """Return the arguments that name an order, without our ``ref_id``; as `place_call` in all else."""
    stop = stop_price_text(terms, tick)
    return {
        "account_number": account_number,
        "symbol": terms.symbol,
        "side": terms.side.value,
        "type": LIMIT if stop is None else STOP_LIMIT,
        "quantity": str(terms.quantity),
        "limit_price": price_text(terms, tick),
        **({} if stop is None else {"stop_price": stop}),
        "time_in_force": terms.time_in_force.value,
        "market_hours": "extended_hours" if terms.extended_hours else "regular_hours",
    }


def order_call(params: bytes) -> ToolCall:
    """Return the call that an intent on record is."""
    return ToolCall(tool=PLACE, params=params)


def cancel_call(order_id: str, *, account_number: str) -> ToolCall:
    """Build the call that asks for a cancel."""
    return tool_call(CANCEL, {"account_number": account_number, "order_id": order_id})
