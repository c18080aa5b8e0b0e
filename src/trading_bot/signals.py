"""Signals in, results out: one JSON object a line says what to trade, one result a line says what came of it."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, NoReturn, Protocol

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from trading_bot.bot import TradeResult
from trading_bot.clock import Clock, Seconds
from trading_bot.order_json import FORM_VERSION, JsonObject, amount_text
from trading_bot.order_management.caller_values import whole_number
from trading_bot.order_management.results import SyncSummary
from trading_bot.wrong_values import in_words

MAX_LINE_BYTES = 64 * 1024
"""A longer line is refused unread."""

RESULT_VERSION = FORM_VERSION
INVALID = "invalid"
"""The status of a line that is no signal; every other status is a `TradeStatus`."""
INVALID_CODE = "invalid_signal"


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
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("must be a time such as 2026-11-20T09:30:00-05:00") from error


_LEADING_ZEROS = 20
_WHOLE_DIGITS = 18
_MAX_DIGITS = 30
"""A double prints up to 17 digits, an average by a table program 25; what has more than this is nonsense."""

Price = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_no_nonsense)]
Shares = Annotated[int, BeforeValidator(whole_number)]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


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
    at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalResult:
    """What came of one line; ``signal`` and ``trade`` are absent where the line was no signal."""

    line: int
    status: str
    code: str
    message: str
    signal: Signal | None = None
    trade: TradeResult | None = None

    def as_json(self) -> JsonObject:
        """Return the result as one JSON object: decimals as text, absent facts as null."""
        signal, envelope = self.signal, self.trade.envelope if self.trade else None
        return {
            "v": RESULT_VERSION,
            "line": self.line,
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "symbol": signal and signal.symbol,
            "action": signal and signal.action,
            "shares": signal and signal.shares,
            "price": amount_text(signal.price) if signal else None,
            "strategy_name": signal and signal.strategy_name,
            "limit_price": amount_text(envelope.limit_price) if envelope else None,
            "client_order_id": envelope and envelope.client_order_id,
            "order_id": envelope and envelope.order_id,
            "duplicate_of": envelope and envelope.duplicate_of,
        }


def parse_signal(line: SignalLine) -> Signal | None:
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


def _validated(value: dict[str, object], number: int) -> Signal:
    try:
        return Signal.model_validate(value)
    except ValidationError as error:
        problems = "; ".join(_problem(str(item["loc"][0]), item) for item in error.errors(include_url=False))
        raise SignalError(f"{problems}; correct the line and send it again", line=number) from error


_IF_NULL = {
    "symbol": "give a ticker such as AAPL",
    "action": "give buy or sell",
    "shares": "give a whole number of shares",
    "price": "give the reference price in dollars",
    "reason": "say why in a few words",
}


def _problem(key: str, problem: ErrorDetails) -> str:
    if problem["type"] == "extra_forbidden":
        return f"{key[:40]!r} is not a key of a signal (known: {', '.join(Signal.model_fields)})"
    return f"{key!r} {in_words(problem, if_null=_IF_NULL.get(key, 'leave it out or give a value'))}"


class SignalBot(Protocol):
    """The part of `TradingBot` that signals drive."""

    def execute_trade(
        self,
        symbol: str,
        action: str,
        *,
        shares: int,
        price: Decimal,
        reason: str,
        strategy_name: str,
        order_type: str,
        time_in_force: str,
        extended_hours: bool,
        client_order_id: str | None,
        pricing: str | None,
    ) -> TradeResult:
        """Check, submit and record one trade."""
        ...

    def synchronize_open_orders(self) -> SyncSummary:
        """Read all open orders once."""
        ...


class Replay:
    """Moves a virtual clock from signal to signal, synchronising at every poll boundary on the way."""

    def __init__(
        self,
        *,
        bot: SignalBot,
        clock: Clock,
        poll_interval_s: Seconds,
        on_sync: Callable[[SyncSummary], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._bot = bot
        self._clock = clock
        self._interval = timedelta(seconds=poll_interval_s)
        self._on_sync = on_sync
        self._should_stop = should_stop
        self._next_sync = clock.now() + self._interval
        self._latest: datetime | None = None

    def admit(self, signal: Signal, line: int) -> None:
        """Move to the signal's time; without one it trades at the current time.

        Raises:
            SignalError: its time is before that of an earlier line.
        """
        if signal.at is None:
            return
        if self._latest is not None and signal.at < self._latest:
            raise SignalError("'at' is earlier than on a line before; sort the signals by time", line=line)
        self._latest = signal.at
        self.advance_to(signal.at)

    def advance_to(self, moment: datetime) -> None:
        """Synchronise at each boundary up to ``moment`` and stop the clock there; a stop request ends it early."""
        while self._next_sync <= moment:
            if self._should_stop():
                return
            self._sleep_until(self._next_sync)
            self._on_sync(self._bot.synchronize_open_orders())
            # Work on the way (a retry) may have slept past boundaries: those are not made up for.
            while self._next_sync <= self._clock.now():
                self._next_sync += self._interval
        self._sleep_until(moment)

    def _sleep_until(self, moment: datetime) -> None:
        self._clock.sleep((moment - self._clock.now()).total_seconds())


class SignalRunner:
    """Takes lines one by one and trades them; a bad line is a result, never the end of the run."""

    def __init__(
        self,
        *,
        bot: SignalBot,
        on_result: Callable[[SignalResult], None],
        on_idle: Callable[[], None],
        should_stop: Callable[[], bool],
        replay: Replay | None = None,
    ) -> None:
        self._bot = bot
        self._on_result = on_result
        self._on_idle = on_idle
        self._should_stop = should_stop
        self._replay = replay

    def run(self, lines: Iterable[SignalLine | None]) -> None:
        """Trade every line until they end or a stop is asked for; None stands for "nothing to read yet"."""
        for line in lines:
            if self._should_stop():
                return
            if line is None:
                self._on_idle()
            else:
                self._take(line)

    def _take(self, line: SignalLine) -> None:
        try:
            signal = parse_signal(line)
            if signal is None:
                return
            if self._replay:
                self._replay.admit(signal, line.number)
        except SignalError as error:
            self._on_result(SignalResult(line=line.number, status=INVALID, code=INVALID_CODE, message=str(error)))
            return
        # The clock stands still once a stop is asked for, and a signal must not trade before its time.
        if not self._should_stop():
            self._on_result(self._traded(signal, line.number))

    def _traded(self, signal: Signal, line: int) -> SignalResult:
        trade = self._bot.execute_trade(
            signal.symbol,
            signal.action,
            shares=signal.shares,
            price=signal.price,
            reason=signal.reason,
            strategy_name=signal.strategy_name,
            order_type=signal.order_type,
            time_in_force=signal.time_in_force,
            extended_hours=signal.extended_hours,
            client_order_id=signal.client_order_id,
            pricing=signal.pricing,
        )
        return SignalResult(
            line=line,
            status=trade.status.value,
            code=trade.code,
            message=trade.message,
            signal=signal,
            trade=trade,
        )
