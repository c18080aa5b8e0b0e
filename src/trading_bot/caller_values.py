"""What Python callers hand over, turned into the order layer's own types where that changes no value.

Ten shares may come as ``10``, ``10.0``, ``Decimal(10)`` or a numpy scalar, and a side as ``"BUY"``: those are
converted. Everything else is returned as it is, so that the calculator refuses it with the message for that value.
numpy is not imported: its scalars register with the abstract numbers of the standard library.
"""

import enum
import numbers
import operator
from decimal import Decimal, InvalidOperation
from typing import TypeVar, cast

_T = TypeVar("_T")
_E = TypeVar("_E", bound=enum.StrEnum)

_NO_VALUE = frozenset({"na", "nan", "nat", "nil", "none", "null", "inf", "true", "false"})
_LARGEST_EXPONENT = 18
"""A larger number is no share count, and writing it out could take all memory."""

_SHOWN = 40
_SHOWN_BITS = 128  # Python refuses to write out an int of thousands of digits


def plain_text(value: _T) -> _T | str:
    """Return text as a plain ``str``, whatever subclass it came in."""
    return str.__str__(value) if isinstance(value, str) else value


def ticker(value: _T) -> _T | str:
    """Return small ASCII letters in capitals, but for the words that other programs write for "no value".

    A letter of another alphabet could become another ticker, and ``nan`` would become the ticker NAN.
    """
    text = plain_text(value)
    if not isinstance(text, str) or not text.isascii() or not text.islower() or text in _NO_VALUE:
        return text
    return text.upper()


def member(words: type[_E], value: _T) -> _T | _E:
    """Return the member that ``value`` names in any case."""
    if isinstance(value, words) or not isinstance(value, str):
        return value
    try:
        return words(str.__str__(value).lower())
    except ValueError:
        return value


def whole_number(value: _T) -> _T | int:
    """Return a number without a fractional part as an ``int``: 10.0 is 10, and 10.5 stays what it is."""
    if type(value) is int or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return operator.index(value)
    number = exact_price(value)
    if not isinstance(number, Decimal) or not number.is_finite() or number.adjusted() > _LARGEST_EXPONENT:
        return _plain(value)
    return int(number) if number == number.to_integral_value() else _plain(value)


def exact_price(value: _T) -> _T | Decimal:
    """Return a binary fraction as the shortest decimal that reads back as the same fraction: 0.1 is 0.1.

    Text is for the calculator to read; infinities and what is no number are left alone.
    """
    if type(value) is Decimal:
        return value
    number = value if isinstance(value, (bool, Decimal)) else _decimal_of(value)
    return number if isinstance(number, Decimal) and number.is_finite() else _plain(value)


def _plain(value: _T) -> _T:
    # A refusal shows Python's own numbers and texts; numpy's are subclasses, and look like calls.
    same: object = value
    if isinstance(value, float):
        same = float(value)
    elif isinstance(value, str):
        same = str.__str__(value)
    return cast("_T", same)


def _decimal_of(value: object) -> Decimal | None:
    if isinstance(value, numbers.Integral):
        return Decimal(operator.index(value))
    if not isinstance(value, float | numbers.Real):
        return None
    try:
        # numpy's double is a float whose own repr is a call; its other widths write the shortest decimal of theirs.
        return Decimal(float.__repr__(value) if isinstance(value, float) else str(value))
    except (InvalidOperation, ValueError):
        return None  # a fraction such as 1/3, which no decimal states exactly, or one of thousands of digits


def switch(value: _T) -> _T | bool:
    """Return numpy's booleans as Python's."""
    kind = type(value)
    is_numpy_bool = kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")
    return bool(value) if is_numpy_bool else value


def shown(value: object) -> str:
    """Return a value as a refusal of it shows it, in at most 43 printable characters, whatever it is."""
    if value is None:
        return "nothing"
    if type(value) is int and value.bit_length() > _SHOWN_BITS:
        return "an int beyond all use"
    if type(value) in (str, int, float, Decimal, bool, bytes):
        text = str(value) if type(value) is Decimal else ascii(value)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"a {type(value).__name__}"
