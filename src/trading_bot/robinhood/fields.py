"""The field types of broker payloads: every number bounded, every time aware, every name safe to put into a path."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from trading_bot.robinhood.broker_text import masked
from trading_bot.robinhood.strict_json import UnreadableReplyError

_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,12})?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{7,63}")
SYMBOL = re.compile(r"[A-Z][A-Z0-9]{0,7}(?:[.-][A-Z0-9]{1,3})?")


def is_broker_id(text: object) -> bool:
    """Whether ``text`` looks like a UUID closely enough to be a path segment and nothing else."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def _number(value: object) -> Decimal:
    if not isinstance(value, str) or _NUMBER.fullmatch(value) is None:
        raise ValueError("not a plain decimal number of at most 15 digits before the point, as text")
    return Decimal(value)


def _amount(value: object) -> Decimal:
    number = _number(value)
    if number < 0:
        raise ValueError("negative")
    return number


def _time(value: object) -> datetime:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        raise ValueError("not a time with a zone")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time beyond the calendar") from error


def _id(value: object) -> str:
    if not isinstance(value, str) or not is_broker_id(value):
        raise ValueError("not an id")
    return value


def _printable(value: object) -> object:
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("holds characters that cannot be shown")
    return masked(value) if isinstance(value, str) else value


Number = Annotated[Decimal, BeforeValidator(_number)]
"""A decimal sent as text; may be negative."""

Amount = Annotated[Decimal, BeforeValidator(_amount)]
"""A decimal sent as text, zero or more."""

WireTime = Annotated[datetime, BeforeValidator(_time)]
"""A moment with or without a fraction of a second, turned to UTC."""

WireId = Annotated[str, BeforeValidator(_id)]

Word = Annotated[str, StringConstraints(min_length=1, max_length=64), BeforeValidator(_printable)]
"""A word of the broker's, masked like any text of its own."""

Symbol = Annotated[str, StringConstraints(pattern=f"^{SYMBOL.pattern}$", max_length=12)]


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
