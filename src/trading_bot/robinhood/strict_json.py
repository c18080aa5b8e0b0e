"""JSON from the broker, read strictly: what is doubtful is refused, and no number passes through binary fractions.

A list is read a little less strictly: what is doubtful in one value (NaN, a number beyond all bounds, a key given
twice with two meanings) makes that value an `UnreadableValue`, which no field type reads, and leaves the other rows
alone. A byte that is no UTF-8 becomes U+FFFD, which no field that a decision needs may hold.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn

MAX_DEPTH = 32
MAX_LIST_DEPTH = 256
"""How deep a list may nest: one row that nests needlessly hides no other, and no reader runs out of stack."""

MAX_DIGITS = 32
_TOO_LONG = f"a number of more than {MAX_DIGITS} digits"

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


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
    _check_depth(body, MAX_DEPTH)
    return _decoded(_text(body, errors="strict"), _STRICT)


def listed_json(body: bytes) -> object:
    """Decode JSON text whose values are doubted one by one: a doubtful one becomes an `UnreadableValue`.

    Raises:
        UnreadableReplyError: not JSON, or nesting deeper than 256.
    """
    _check_depth(body, MAX_LIST_DEPTH)
    return _decoded(_text(body, errors="replace"), _LISTED)


def _refuse(because: str) -> NoReturn:
    raise UnreadableReplyError(f"the reply holds {because}")


def _text(body: bytes, *, errors: str) -> str:
    try:
        return body.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise UnreadableReplyError("the reply is not UTF-8 text") from error


def _decoder(doubt: Callable[[str], object], *, is_list: bool = False) -> json.JSONDecoder:
    # In a list a text may hold raw control characters, and a key may come twice with one value.
    return json.JSONDecoder(
        strict=not is_list,
        parse_int=lambda text: int(text) if len(text) <= MAX_DIGITS else doubt(_TOO_LONG),
        parse_float=lambda text: _decimal(text, doubt),
        parse_constant=lambda text: doubt(f"{text}, which is no number"),
        object_pairs_hook=lambda pairs: _unique_keys(pairs, doubt, may_repeat=is_list),
    )


def _decoded(text: str, decoder: json.JSONDecoder) -> object:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise UnreadableReplyError(f"the reply is not JSON: {error.msg}") from error


def _check_depth(body: bytes, deepest: int) -> None:
    if body.count(b"[") + body.count(b"{") <= deepest:
        return
    depth = 0
    for bracket in _STRINGS.sub(b"", body).translate(None, _ALL_BUT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > deepest:
            raise UnreadableReplyError(f"the reply nests deeper than {deepest}")


def _decimal(text: str, doubt: Callable[[str], object]) -> object:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return doubt("a number beyond all bounds")
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        return doubt(_TOO_LONG)
    return number


def _unique_keys(
    pairs: list[tuple[str, object]], doubt: Callable[[str], object], *, may_repeat: bool
) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counted = Counter(key for key, _ in pairs)
        twice = (key for key, count in counted.items() if count > 1)
        result |= {key: doubt("a key twice") for key in twice if not (may_repeat and _is_repeated(key, pairs))}
    return result


def _is_repeated(key: str, pairs: list[tuple[str, object]]) -> bool:
    first, *others = (value for name, value in pairs if name == key)
    return all(type(other) is type(first) and other == first for other in others)


_STRICT = _decoder(_refuse)
_LISTED = _decoder(UnreadableValue, is_list=True)
