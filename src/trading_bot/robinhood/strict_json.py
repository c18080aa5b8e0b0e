"""JSON from the broker, read strictly: what is doubtful is refused, and no number passes through binary fractions."""

import json
import re
from decimal import Decimal, InvalidOperation

MAX_DEPTH = 32
MAX_DIGITS = 32

_STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class UnreadableReplyError(ValueError):
    """The broker's reply is not what its contract says: nothing may be concluded from it."""


def strict_json(body: bytes) -> object:
    """Decode JSON text: integers stay integers, all other numbers become `Decimal`.

    Raises:
        UnreadableReplyError: not UTF-8, not JSON, a key given twice, NaN or Infinity, a number of more than 32 digits,
            or nesting deeper than 32.
    """
    _check_depth(body)
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
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


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise UnreadableReplyError(f"the reply holds a number of more than {MAX_DIGITS} digits")
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise UnreadableReplyError("the reply holds a number beyond all bounds") from error
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise UnreadableReplyError(f"the reply holds a number of more than {MAX_DIGITS} digits")
    return number


def _refuse_constant(text: str) -> object:
    raise UnreadableReplyError(f"the reply holds {text}, which is no number")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise UnreadableReplyError("the reply gives a key twice")
    return result
