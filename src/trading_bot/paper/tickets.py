"""Reading the fields of a posted order as strictly as the broker does."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from trading_bot.order_management.models import Side, TimeInForce
from trading_bot.paper.refusals import field_error, non_field_error
from trading_bot.paper.state import instrument_id_of

T = TypeVar("T")

BASE_URL = "https://api.robinhood.com"
_MAX_WHOLE_DIGITS = 8
_OLDEST_FORM = 2
_ONE_DOLLAR = Decimal(1)
_HOURS = {"regular_hours": False, "extended_hours": True}
_FLAGS = {"true": True, "false": False}
_MISSING = "This field is required."
_BAD_NUMBER = "Enter a valid number."
_NO_SUCH_OBJECT = "Invalid hyperlink - Object does not exist."
_OLD_APP = "Your app version is missing important stock trading updates. You can still place orders on the web."


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTicket:
    """A well-formed order that the exchange has not checked yet."""

    ref_id: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    time_in_force: TimeInForce
    extended_hours: bool
    order_form_version: int | None
    stop_price: Decimal | None = None
    """Where it becomes a limit order, in dollars; only of a sell in regular hours, at or above its limit."""


def read_ticket(fields: Mapping[str, object], *, account_number: str, knows: Callable[[str], bool]) -> OrderTicket:
    """Read a posted order.

    Raises:
        RefusalError: a field is missing or wrong, with the broker's status and body.
    """
    if _text(fields, "account").rstrip("/") != f"{BASE_URL}/accounts/{account_number}":
        raise field_error("account", _NO_SUCH_OBJECT)
    _choice(fields, "type", {"limit": None})
    has_stop = _choice(fields, "trigger", {"immediate": False, "stop": True})
    ticket = OrderTicket(
        ref_id=_ref_id(fields),
        symbol=_symbol(fields, knows),
        side=_choice(fields, "side", {side.value: side for side in Side}),
        quantity=_quantity(fields),
        price=_price(fields, "price"),
        time_in_force=_choice(fields, "time_in_force", {word.value: word for word in TimeInForce}),
        extended_hours=_extended_hours(fields),
        order_form_version=_form_version(fields),
        stop_price=_price(fields, "stop_price") if has_stop else None,
    )
    if ticket.stop_price is not None:
        _check_stop(ticket, ticket.stop_price)
    return ticket


def _check_stop(ticket: OrderTicket, stop: Decimal) -> None:
    if ticket.side is not Side.SELL or ticket.price > stop:
        raise non_field_error("This paper broker takes stops of sells alone, with a limit at or below the stop.")
    if ticket.extended_hours:
        raise non_field_error("Stop orders are only available during regular hours.")


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        raise field_error(name, _MISSING)
    return str(value)


def _choice(fields: Mapping[str, object], name: str, choices: Mapping[str, T]) -> T:
    word = _text(fields, name)
    if word not in choices:
        raise field_error(name, f'"{word}" is not a valid choice.')
    return choices[word]


def _number(fields: Mapping[str, object], name: str) -> Decimal:
    try:
        number = Decimal(_text(fields, name))
    except InvalidOperation as error:
        raise field_error(name, _BAD_NUMBER) from error
    if not number.is_finite():
        raise field_error(name, _BAD_NUMBER)
    if number <= 0:
        raise field_error(name, "Ensure this value is greater than 0.")
    if number.adjusted() >= _MAX_WHOLE_DIGITS:
        raise field_error(
            name, f"Ensure that there are no more than {_MAX_WHOLE_DIGITS} digits before the decimal point."
        )
    return number


def _quantity(fields: Mapping[str, object]) -> int:
    number = _number(fields, "quantity")
    if number != number.to_integral_value():
        raise non_field_error("Limit order quantity cannot include fractional shares.")
    return int(number)


def _price(fields: Mapping[str, object], name: str) -> Decimal:
    price = _number(fields, name)
    if price >= _ONE_DOLLAR and price % Decimal("0.01"):
        raise field_error(name, "Prices above $1.00 can't have subpenny increments.")
    if price % Decimal("0.0001"):
        raise field_error(name, "Ensure that there are no more than 4 decimal places.")
    return price


def _ref_id(fields: Mapping[str, object]) -> str:
    text = _text(fields, "ref_id")
    try:
        uuid.UUID(text)
    except ValueError as error:
        raise field_error("ref_id", "Must be a valid UUID.") from error
    return text


def _symbol(fields: Mapping[str, object], knows: Callable[[str], bool]) -> str:
    symbol = _text(fields, "symbol")
    expected = f"{BASE_URL}/instruments/{instrument_id_of(symbol)}"
    if not knows(symbol) or _text(fields, "instrument").rstrip("/") != expected:
        raise field_error("instrument", _NO_SUCH_OBJECT)
    return symbol


def _extended_hours(fields: Mapping[str, object]) -> bool:
    by_name = _choice({"market_hours": "regular_hours", **fields}, "market_hours", _HOURS)
    flag = fields.get("extended_hours", by_name)
    by_flag = _FLAGS.get(str(flag).lower())
    if by_flag is None:
        raise field_error("extended_hours", f'"{flag}" is not a valid boolean.')
    if by_flag is not by_name:
        raise non_field_error("Extended hours and market hours mismatch.")
    return by_name


def _form_version(fields: Mapping[str, object]) -> int | None:
    if fields.get("order_form_version") is None:
        return None
    text = _text(fields, "order_form_version")
    if not (text.isascii() and text.isdigit()):
        raise field_error("order_form_version", "A valid integer is required.")
    if int(text) < _OLDEST_FORM:
        raise non_field_error(_OLD_APP)
    return int(text)
