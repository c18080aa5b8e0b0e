"""JSON from the broker, read strictly: what is doubtful is refused, and no number passes through binary fractions.

A list is read a little less strictly: what is doubtful in one value (NaN, a number beyond all bounds, a key given
twice) makes that value an `UnreadableValue`, which no field type reads, and leaves the other rows alone.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn

MAX_DEPTH = 32
MAX_DIGITS = 32
_TOO_LONG = f"a number of more than {MAX_DIGITS} digits"

_STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class UnreadableReplyError(ValueError):
    """The broker's reply is not what its contract says: nothing may be concluded from it."""


@dataclass(frozen=True, slots=True)
class UnreadableValue:
    """A value that means nothing: NaN, Infinity, a number of more than 32 digits, or one of several under one key."""

    because: str

    def __str__(self) -> str:
        """Say why."""
        return self.because


def strict_json(body: bytes) -> object:
    """Decode JSON text: integers stay integers, all other numbers become `Decimal`.

    Raises:
        UnreadableReplyError: not UTF-8, not JSON, a key given twice, NaN or Infinity, a number of more than 32 digits,
            or nesting deeper than 32.
    """
    return _decoded(body, _refuse)


def listed_json(body: bytes) -> object:
    """Decode JSON text whose values are doubted one by one: a doubtful one becomes an `UnreadableValue`.

    Raises:
        UnreadableReplyError: not UTF-8, not JSON, or nesting deeper than 32.
    """
    return _decoded(body, UnreadableValue)


def _refuse(because: str) -> NoReturn:
    raise UnreadableReplyError(f"the reply holds {because}")


def _decoded(body: bytes, doubt: Callable[[str], object]) -> object:
    _check_depth(body)
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_int=lambda text: int(text) if len(text) <= MAX_DIGITS else doubt(_TOO_LONG),
            parse_float=lambda text: _decimal(text, doubt),
            parse_constant=lambda text: doubt(f"{text}, which is no number"),
            object_pairs_hook=lambda pairs: _unique_keys(pairs, doubt),
        )
    except UnicodeDecodeError as error:
        raise UnreadableReplyError("the reply is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise UnreadableReplyError(f"the reply is not JSON: {error.msg}") from error


def _check_depth(body: bytes) -> None:
    depth = 0
    for match in _STRINGS_AND_BRACKETS.finditer(body):
        token = match.group()
        if token in (b"[", b"{"):
            depth += 1
        elif token in (b"]", b"}"):
            depth -= 1
        if depth > MAX_DEPTH:
            raise UnreadableReplyError(f"the reply nests deeper than {MAX_DEPTH}")


def _decimal(text: str, doubt: Callable[[str], object]) -> object:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return doubt("a number beyond all bounds")
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        return doubt(_TOO_LONG)
    return number


def _unique_keys(pairs: list[tuple[str, object]], doubt: Callable[[str], object]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counted = Counter(key for key, _ in pairs)
        result |= {key: doubt("a key twice") for key, count in counted.items() if count > 1}
    return result
