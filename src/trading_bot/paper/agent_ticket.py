"""Reading an order as the agent interface takes it: one of its types, in place of a type and a trigger."""

from collections.abc import Callable, Mapping

from trading_bot.paper.agent_arguments import ToolRefusalError
from trading_bot.paper.refusals import non_field_error
from trading_bot.paper.tickets import OrderTicket, read_ticket
from trading_bot.paper.wire_pages import account_url, instrument_url

_TRIGGERS = {"limit": "immediate", "stop_limit": "stop"}
_HOURS = ("regular_hours", "extended_hours")
_PRICES = {"limit_price": "price", "stop_price": "stop_price"}


def read_agent_ticket(arguments: Mapping[str, str], *, ref_id: str, knows: Callable[[str], bool]) -> OrderTicket:
    """Read the arguments of a place or a review; a ``ref_id`` among them comes before the one given.

    Raises:
        RefusalError: a term is missing or wrong, or one that this exchange has not.
        ToolRefusalError: there is no such symbol.
    """
    symbol, number = arguments["symbol"], arguments["account_number"]
    if not knows(symbol):
        raise ToolRefusalError(f"instrument not found for symbol {symbol:.40}")
    trigger = _TRIGGERS.get(arguments["type"])
    if trigger is None or "dollar_amount" in arguments:
        raise non_field_error("This paper broker takes limit and stop_limit orders of whole shares alone.")
    fields: dict[str, object] = {
        "ref_id": ref_id,
        "time_in_force": "gfd",
        **{_PRICES.get(name, name): value for name, value in arguments.items()},
        "account": account_url(number),
        "instrument": instrument_url(symbol),
        "type": "limit",
        "trigger": trigger,
    }
    if fields.get("market_hours", _HOURS[0]) not in _HOURS:
        raise non_field_error("This paper broker trades in regular_hours and extended_hours alone.")
    return read_ticket(fields, account_number=number, knows=knows)
