"""The numbers of a test, which may come as text, as whole numbers or as fractions."""

import math
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from trading_bot import caller_values
from trading_bot.clock import Seconds
from trading_bot.testing.errors import ScriptError

Number: TypeAlias = Decimal | str | int | float


def dollars(value: Number, *, name: str) -> Decimal:
    """Return a price or an amount exactly as it was written.

    Raises:
        ScriptError: it is no positive number.
    """
    number = _number(value)
    if number is None or number <= 0:
        raise ScriptError(f"{name} is a positive number of dollars such as '249.90', not {value!r}")
    return number


def balance(value: Number, *, name: str) -> Decimal:
    """Return an amount that may be nothing, exactly as it was written.

    Raises:
        ScriptError: it is no number, or below zero.
    """
    number = _number(value)
    if number is None or number < 0:
        raise ScriptError(f"{name} is a number of dollars such as '5000', and not below zero, not {value!r}")
    return number


def seconds(value: object, *, name: str) -> Seconds:
    """Return a time to wait.

    Raises:
        ScriptError: it is no number of seconds, or below zero.
    """
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ScriptError(f"{name} is a number of seconds such as 60, not {value!r}")
    return value


def whole(value: Number, *, name: str) -> Decimal:
    """Return a number of shares.

    Raises:
        ScriptError: it is no positive whole number.
    """
    number = _number(value)
    if number is None or number <= 0 or number != number.to_integral_value():
        raise ScriptError(f"{name} is a positive whole number of shares, not {value!r}")
    return number


def _number(value: Number) -> Decimal | None:
    exact = caller_values.exact_price(value)
    try:
        number = Decimal(exact) if isinstance(exact, str) else exact
    except InvalidOperation:
        return None
    return number if isinstance(number, Decimal) and number.is_finite() else None
