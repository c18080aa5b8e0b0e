"""One line of signals, read: what a strategy wants traded, or left."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, NoReturn, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from trading_bot.caller_values import whole_number
from trading_bot.order_management.correlation import usable_correlation_id
from trading_bot.trades import TradeRequest
from trading_bot.wrong_values import in_words

MAX_LINE_BYTES = 64 * 1024
"""A longer line is refused unread."""

_OF_A_TRADE = tuple(field.name for field in fields(TradeRequest))


_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,18}([.][0-9]{1,30})?")


class SignalError(ValueError):
    """A line is not a signal: correct it as the message says. Nothing was sent for it; ``line`` is its number."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalLine:
    """One line as read, without its end; ``oversized`` lines come without their text."""

    number: int
    data: bytes
    oversized: bool = False


def _decimal(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str):
        if not _PLAIN_NUMBER.fullmatch(value):
            raise ValueError("is not a plain number; write dollars such as 250.30")
        return Decimal(value)
    return value


def _no_nonsense(price: Decimal) -> Decimal:
    if not -_LEADING_ZEROS <= price.adjusted() < _WHOLE_DIGITS or len(price.as_tuple().digits) > _MAX_DIGITS:
        raise ValueError(f"is no price; write dollars with at most {_MAX_DIGITS} digits, such as 250.30")
    return Decimal(f"{price:f}")  # 2.5E+2 would be shown to people as such


def _lower_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("must be a time such as 2026-11-20T09:30:00-05:00") from error
    if moment.year not in _YEARS:
        raise ValueError(f"must be a time from {_YEARS.start} to {_YEARS.stop - 1}")
    return moment


_YEARS = range(1970, 2101)
"""A replay moves its clock to the time of a signal in steps of seconds, and would not get to the year 9999."""
_LEADING_ZEROS = 20
_WHOLE_DIGITS = 18
_MAX_DIGITS = 30
"""A double prints up to 17 digits, an average by a table program 25; what has more than this is nonsense."""

Price = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_no_nonsense)]
Shares = Annotated[int, BeforeValidator(whole_number)]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


def _trail(value: object) -> object:
    # A number is a per cent as well; it is kept as text, which the plan reads.
    return f"{value}" if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


Trail = Annotated[str, Field(min_length=1, max_length=16), BeforeValidator(_trail)]


class Signal(BaseModel):
    """What a strategy wants traded. ``price`` is the reference price in dollars, ``at`` the time it was meant for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    symbol: Annotated[str, Field(min_length=1, max_length=16)]
    action: Annotated[Literal["buy", "sell"], BeforeValidator(_lower_case)]
    shares: Shares
    price: Price
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    strategy_name: Annotated[str, Field(min_length=1, max_length=64)] = "manual"
    order_type: Annotated[str, Field(min_length=1, max_length=32)] = "limit"
    time_in_force: Literal["gfd", "gtc"] = "gfd"
    extended_hours: bool = False
    client_order_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    pricing: Literal["passive", "marketable"] | None = None
    correlation_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    at: Moment | None = None
    stop: Price | None = None
    target: Price | None = None
    trail: Trail | None = None

    def trade(self) -> TradeRequest:
        """Return the trade that is wanted."""
        return TradeRequest(**{name: getattr(self, name) for name in _OF_A_TRADE})


class ExitSignal(BaseModel):
    """A position to be left: all of it without ``shares``; ``price``, if given, is the one limit to sell at.

    A ``correlation_id`` that cannot be used is dropped: it must not hold up an exit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    symbol: Annotated[str, Field(min_length=1, max_length=16)]
    action: Annotated[Literal["exit"], BeforeValidator(_lower_case)]
    shares: Shares | None = None
    price: Price | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    strategy_name: Annotated[str, Field(min_length=1, max_length=64)] = "manual"
    extended_hours: bool = False
    correlation_id: Annotated[str | None, BeforeValidator(usable_correlation_id)] = None
    at: Moment | None = None


class ProtectSignal(BaseModel):
    """A plan for what is held: ``shares`` of it or all; ``trail`` is a per cent; ``off`` ends the symbol's plans."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    symbol: Annotated[str, Field(min_length=1, max_length=16)]
    action: Annotated[Literal["protect"], BeforeValidator(_lower_case)]
    shares: Shares | None = None
    stop: Price | None = None
    target: Price | None = None
    trail: Trail | None = None
    off: bool = False
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    strategy_name: Annotated[str, Field(min_length=1, max_length=64)] = "manual"
    correlation_id: Annotated[str | None, BeforeValidator(usable_correlation_id)] = None
    at: Moment | None = None

    @property
    def price(self) -> None:
        """Name no reference price: a plan has none."""


AnySignal: TypeAlias = Signal | ExitSignal | ProtectSignal


_KINDS: Mapping[str, type[ExitSignal | ProtectSignal]] = {"exit": ExitSignal, "protect": ProtectSignal}


def parse_signal(line: SignalLine) -> AnySignal | None:
    """Read one line; None for a blank line and for a comment, which starts with ``#``.

    Raises:
        SignalError: the line is not exactly one signal.
    """
    if line.oversized or len(line.data) > MAX_LINE_BYTES:
        raise SignalError(f"longer than {MAX_LINE_BYTES} bytes; send one signal a line", line=line.number)
    try:
        text = line.data.decode("utf-8-sig" if line.number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise SignalError("not UTF-8 text; save the file as UTF-8", line=line.number) from error
    if not text or text.startswith("#"):
        return None
    return _validated(_json_object(text, line.number), line.number)


def _json_object(text: str, number: int) -> dict[str, object]:
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique_keys)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise SignalError(f"not valid JSON ({error}); write one JSON object a line", line=number) from error
    if not isinstance(value, dict):
        raise SignalError("not a JSON object; write one such as {...} a line", line=number)
    return value


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _validated(value: dict[str, object], number: int) -> AnySignal:
    action = _lower_case(value.get("action"))
    model = next((kind for word, kind in _KINDS.items() if action == word), Signal)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = "; ".join(
            _problem(str(item["loc"][0]), item, known=model.model_fields)
            if item["loc"]
            else f"a key {in_words(item)}"  # with half a character in it, it has no place that could be named
            for item in error.errors(include_url=False)
        )
        raise SignalError(f"{problems}; correct the line and send it again", line=number) from error


_IF_NULL = {
    "symbol": "give a ticker such as AAPL",
    "action": "give buy, sell, exit or protect",
    "shares": "give a whole number of shares",
    "price": "give the reference price in dollars",
    "reason": "say why in a few words",
}


def _problem(key: str, problem: ErrorDetails, *, known: Iterable[str]) -> str:
    if problem["type"] == "extra_forbidden":
        return f"{key[:40]!r} is not a key of such a signal (known: {', '.join(known)})"
    if key == "action" and problem["type"] == "literal_error" and problem["input"] is not None:
        return "'action' must be 'buy', 'sell', 'exit' or 'protect'"
    return f"{key!r} {in_words(problem, if_null=_IF_NULL.get(key, 'leave it out or give a value'))}"
