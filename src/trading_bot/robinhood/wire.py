"""Orders on the wire: the bytes that ask for one. How an order is read is in `order_rows`."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from urllib.parse import urlencode

from trading_bot.order_management.calculator import tick_size
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import OrderTerms, RefId
from trading_bot.robinhood.fields import printable
from trading_bot.robinhood.order_rows import (
    STATES,
    has_ended,
    order_account_number,
    order_names,
    parse_order,
)
from trading_bot.robinhood.session import BASE_URL

__all__ = [
    "ORDER_FORM_VERSION",
    "STATES",
    "account_url",
    "has_ended",
    "instrument_url",
    "order_account_number",
    "order_body",
    "order_names",
    "parse_order",
    "price_text",
    "printable",
    "stop_price_text",
    "wire_time",
]

ORDER_FORM_VERSION = 4
"""The client generation an order names: the broker refuses 1, and takes every later one."""

_EXACT = Context(prec=34, traps=[InvalidOperation, Inexact])


def order_body(
    terms: OrderTerms,
    *,
    ref_id: RefId,
    account_url: str,
    instrument_url: str,
    order_form_version: int = ORDER_FORM_VERSION,
    tick: Decimal | None = None,
) -> bytes:
    """Build the form that asks for a limit order, at once or from a stop price on; one order always gives one form.

    ``tick`` is the instrument's own price step in dollars, where it has one.

    Raises:
        OrderValidationError: the limit price or the stop price is not on the tick.
    """
    stop = stop_price_text(terms, tick)
    fields: Sequence[tuple[str, str]] = (
        ("account", account_url),
        ("instrument", instrument_url),
        ("symbol", terms.symbol),
        ("price", price_text(terms, tick)),
        *((("stop_price", stop),) if stop is not None else ()),
        ("quantity", str(terms.quantity)),
        ("ref_id", ref_id),
        ("type", "limit"),
        ("time_in_force", terms.time_in_force.value),
        ("trigger", "immediate" if stop is None else "stop"),
        ("side", terms.side.value),
        # The broker refuses the order when these two disagree.
        ("market_hours", "extended_hours" if terms.extended_hours else "regular_hours"),
        ("extended_hours", str(terms.extended_hours)),
        ("order_form_version", str(order_form_version)),
    )
    return urlencode(fields).encode("ascii")


def price_text(terms: OrderTerms, tick: Decimal | None = None) -> str:
    """Write the limit price as plain digits, never rounding it: as many places as its step has, and two at least.

    ``tick`` is the instrument's own price step; without one it is that of Rule 612.

    Raises:
        OrderValidationError: the price is not on the tick.
    """
    return _price_text(terms.symbol, "limit", price=terms.limit_price, tick=tick)


def stop_price_text(terms: OrderTerms, tick: Decimal | None = None) -> str | None:
    """Write the stop price as `price_text` writes the limit; None where the order has none.

    Raises:
        OrderValidationError: the price is not on the tick.
    """
    stop = terms.stop_price
    return None if stop is None else _price_text(terms.symbol, "stop", price=stop, tick=tick)


def _price_text(symbol: str, kind: str, *, price: Decimal, tick: Decimal | None) -> str:
    step = tick_size(price, tick)
    off_tick = OrderValidationError(
        f"{symbol} trades in steps of ${step}, and a {kind} price of {price} is off that tick; "
        "nothing was sent: choose a price on a step",
        symbol=symbol,
        code="off_tick",
    )
    try:
        if _EXACT.remainder(price, step):
            raise off_tick
        return f"{price.quantize(step, context=_EXACT):f}"
    except InvalidOperation as error:
        raise off_tick from error


def account_url(account_number: str) -> str:
    """Return the address by which an order names its account."""
    return f"{BASE_URL}/accounts/{account_number}/"


def instrument_url(instrument_id: str) -> str:
    """Return the address by which an order names its instrument."""
    return f"{BASE_URL}/instruments/{instrument_id}/"


def wire_time(moment: datetime) -> str:
    """Write a moment as the broker's list filters take it."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
