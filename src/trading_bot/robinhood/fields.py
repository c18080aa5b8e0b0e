"""The field types of broker payloads: how a number, a time, an id and a word are read from what the broker sends.

Reading is tolerant where a spelling cannot change the meaning (a number as text or as a JSON number, a word in another
case, space around either), and total: nothing here raises anything but ValueError, whatever it is given. A field comes
in two kinds. The plain kind (`Amount`) is one that a decision needs, and fails its row when it cannot be read. The
other kind (`MaybeAmount`) is None then.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from trading_bot.robinhood.broker_text import masked
from trading_bot.robinhood.strict_json import UnreadableReplyError

MAX_WORD_CHARS = 64
MAX_REASON_CHARS = 500
MAX_SYMBOL_CHARS = 20
_MAX_PLACES = 18
_MAX_WHOLE_DIGITS = 15
_MAX_MAGNITUDE = 60
_MAX_NUMBER_CHARS = 64
_NUMBER = re.compile(rf"-?[0-9]{{1,{_MAX_WHOLE_DIGITS}}}(?:\.[0-9]{{1,{_MAX_PLACES}}})?")
_SPELLED_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
"""How a number may be spelled: also with a sign, a bare point, an exponent or zeros at either end."""

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{7,63}")
_ACCOUNT = re.compile(r"[0-9A-Za-z-]{4,32}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UUID_CHARS = 36
_SHOWN_SYMBOL = re.compile(rf"[0-9A-Z](?:[0-9A-Z.^/+=*:_-]{{0,{MAX_SYMBOL_CHARS - 1}}})")
SYMBOL = re.compile(r"[A-Z][A-Z0-9]{0,7}(?:[.-][A-Z0-9]{1,3})?")
"""What a symbol must look like to be sent. What the broker shows may be named otherwise: `shown_symbol`."""

T = TypeVar("T")

_REMEMBERED = 1024
"""How many texts of a kind, none longer than its pattern allows, are read but once: most rows repeat others."""


def printable(text: str, *, known: Sequence[str] = ()) -> str:
    """Make foreign text safe to show: masked, as `masked` does it, and one printable line of at most 500 characters."""
    shown = masked(text, known=known)
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else " " for c in shown)
    return " ".join(shown.split())[:MAX_REASON_CHARS]


def word(text: object) -> str:
    """Fold one of the broker's words for comparison: case and surrounding space do not count. No text is ``""``."""
    return text.strip().casefold() if isinstance(text, str) else ""


def is_broker_id(text: object) -> bool:
    """Whether ``text`` looks like a UUID closely enough to be a path segment and nothing else."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def broker_id(value: object) -> str | None:
    """Return an id of the broker's, a UUID in lower case; None for anything else."""
    text = value.strip() if isinstance(value, str) else ""
    return (uuid_text(text) or text) if is_broker_id(text) else None


def account_number_of(value: object) -> str | None:
    """Return an account number, also one that came as a JSON number; None for anything else."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text.strip() if isinstance(text, str) and _ACCOUNT.fullmatch(text.strip()) else None


def uuid_text(value: object) -> str | None:
    """Return a UUID in lower case, whatever case and surrounding space it came in; None for anything else."""
    text = value.strip() if isinstance(value, str) else ""
    return _uuid_in_lower_case(text) if len(text) == _UUID_CHARS else None


@lru_cache(_REMEMBERED)
def _uuid_in_lower_case(text: str) -> str | None:
    text = text.lower()
    return text if _UUID.fullmatch(text) else None


def id_in_address(value: object, collection: str) -> str | None:
    """Return the id that follows ``collection`` at the end of an address; None where the text is no such address.

    The text is matched, not parsed: parsing an address raises for some texts (``http://[``).
    """
    found = _address_in(collection).search(value) if isinstance(value, str) else None
    return None if found is None else uuid_text(found.group(1)) or found.group(1)


@cache
def _address_in(collection: str) -> re.Pattern[str]:
    return re.compile(rf"/{collection}/([0-9A-Za-z-]{{1,64}})/?(?:[?#].*)?\s*\Z", re.IGNORECASE | re.DOTALL)


def agreed_id(*found: str | None) -> str | None:
    """Return the one id that several fields of a row name; None where there is none, or where they disagree."""
    named = {each for each in found if each is not None and is_broker_id(each)}
    return named.pop() if len(named) == 1 else None


def shown_symbol(value: object) -> str | None:
    """Return the name of an instrument as it can be shown: up to 20 characters, also of delisted and foreign names."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if _SHOWN_SYMBOL.fullmatch(text) else None


def _number(value: object) -> Decimal:
    return _written_number(_spelled(value.strip()) if isinstance(value, str) else _plain(value))


@lru_cache(_REMEMBERED)
def _written_number(text: str) -> Decimal:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError("not a plain decimal number of at most 15 digits before the point")
    return Decimal(text)


def _spelled(text: str) -> str:
    return _respelled(text) if len(text) <= _MAX_NUMBER_CHARS else ""


@lru_cache(_REMEMBERED)
def _respelled(text: str) -> str:
    if _NUMBER.fullmatch(text) is not None:
        return text
    is_number = _SPELLED_NUMBER.fullmatch(text) is not None
    return _plain(Decimal(text)) if is_number else ""


def _plain(value: object) -> str:
    # The magnitude is checked first: writing 1E+1000000 out would take a million digits.
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**_MAX_WHOLE_DIGITS else ""
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > _MAX_MAGNITUDE:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _amount(value: object) -> Decimal:
    number = _number(value)
    if number < 0:
        raise ValueError("negative")
    return number


def _time(value: object) -> datetime:
    text = value.strip().upper() if isinstance(value, str) else ""
    if _TIME.fullmatch(text) is None:
        raise ValueError("not a time with a zone")
    return _moment(text)


@lru_cache(_REMEMBERED)
def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time beyond the calendar") from error


def _id(value: object) -> str:
    found = broker_id(value)
    if found is None:
        raise ValueError("not an id")
    return found


def _word(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or not text.isprintable() or len(text) > MAX_WORD_CHARS:
        raise ValueError("not a word that can be shown")
    return masked(text)


def maybe(read: Callable[[object], T]) -> Callable[[object], T | None]:
    """Turn a reading that raises ValueError into one that returns None."""

    def reading(value: object) -> T | None:
        try:
            return read(value)
        except ValueError:
            return None

    return reading


def flag(value: object) -> bool | None:
    """Read a flag: True, False, or None where there is none or where it is neither."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(word(value))
    return value if isinstance(value, bool) else None


amount = maybe(_amount)
"""Read a number of zero or more, or None."""

moment_of = maybe(_time)
"""Read a moment with a zone, turned to UTC, or None."""

Number = Annotated[Decimal, BeforeValidator(_number)]
"""A decimal sent as text or as a JSON number; may be negative."""

Amount = Annotated[Decimal, BeforeValidator(_amount)]
"""A decimal sent as text or as a JSON number, zero or more."""

WireTime = Annotated[datetime, BeforeValidator(_time)]
"""A moment with or without a fraction of a second, turned to UTC."""

WireId = Annotated[str, BeforeValidator(_id)]
"""An id of the broker's; a UUID in lower case."""

Symbol = Annotated[str, StringConstraints(pattern=f"^{SYMBOL.pattern}$", max_length=12)]
"""A symbol that may be sent."""

MaybeNumber = Annotated[Decimal | None, BeforeValidator(maybe(_number))]
MaybeAmount = Annotated[Decimal | None, BeforeValidator(maybe(_amount))]
MaybeTime = Annotated[datetime | None, BeforeValidator(maybe(_time))]
MaybeId = Annotated[str | None, BeforeValidator(broker_id)]
MaybeUuid = Annotated[str | None, BeforeValidator(uuid_text)]
MaybeWord = Annotated[str | None, BeforeValidator(maybe(_word))]
"""A word of the broker's in its own spelling, masked like any text of its own; compare it with `word`."""

MaybeSymbol = Annotated[str | None, BeforeValidator(shown_symbol)]
MaybeFlag = Annotated[bool | None, BeforeValidator(flag)]


class Payload(BaseModel):
    """A piece of a broker reply: unknown keys are ignored, everything named is checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


P = TypeVar("P", bound=Payload)


def parse_payload(model: type[P], value: object) -> P:
    """Read ``value`` as ``model``.

    Raises:
        UnreadableReplyError: a field is missing or makes no sense; the message names fields, never values.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = {".".join(str(part) for part in fault["loc"]) or "all of it" for fault in error.errors()}
        raise UnreadableReplyError(f"{model.__name__}: missing or senseless: {', '.join(sorted(faults))}") from error
