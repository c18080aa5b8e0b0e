"""Signals in, results out: one JSON object a line says what to trade, one result a line says what came of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from trading_bot.bot_exits import exited_trade
from trading_bot.clock import Clock, Seconds
from trading_bot.event_json import SIGNAL_RESULT
from trading_bot.order_json import FORM_VERSION, JsonObject, amount_text
from trading_bot.order_management.book.protections import Plan
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.submit.exit_run import ExitResult
from trading_bot.protection.shown import SetPlan
from trading_bot.protection.words import plan_in_words
from trading_bot.signal_lines import (
    MAX_LINE_BYTES,
    AnySignal,
    ExitSignal,
    Price,
    ProtectSignal,
    Signal,
    SignalError,
    SignalLine,
    parse_signal,
)
from trading_bot.trades import TradeRequest, TradeResult, TradeStatus

__all__ = [
    "DONE",
    "INVALID",
    "INVALID_CODE",
    "MAX_LINE_BYTES",
    "RESULT_VERSION",
    "AnySignal",
    "ExitSignal",
    "Price",
    "ProtectSignal",
    "Replay",
    "Signal",
    "SignalBot",
    "SignalError",
    "SignalLine",
    "SignalResult",
    "SignalRunner",
    "parse_signal",
]

RESULT_VERSION = FORM_VERSION
INVALID = "invalid"
"""The status of a line that is no signal; every other status is a `TradeStatus`."""
INVALID_CODE = "invalid_signal"
DONE = "done"
"""The status of a signal that set or ended a protection plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalResult:
    """What came of one line; ``signal`` and ``trade`` are absent where the line was no signal."""

    line: int
    status: str
    code: str
    message: str
    signal: AnySignal | None = None
    trade: TradeResult | None = None

    def as_json(self) -> JsonObject:
        """Return the result as one JSON object: decimals as text, absent facts as null."""
        signal, envelope = self.signal, self.trade.envelope if self.trade else None
        return {
            "v": RESULT_VERSION,
            "event": SIGNAL_RESULT,
            "line": self.line,
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "symbol": signal and signal.symbol,
            "action": signal and signal.action,
            "shares": signal and signal.shares,
            "price": amount_text(signal.price if signal else None),
            "strategy_name": signal and signal.strategy_name,
            "limit_price": amount_text(envelope.limit_price) if envelope else None,
            "client_order_id": envelope and envelope.client_order_id,
            "order_id": envelope and envelope.order_id,
            "duplicate_of": envelope and envelope.duplicate_of,
            "correlation_id": self.trade and self.trade.correlation_id,
        }


class SignalBot(Protocol):
    """The part of `TradingBot` that signals drive."""

    def trade(self, trade: TradeRequest) -> TradeResult:
        """Check, submit and record one trade."""
        ...

    def exit_position(
        self,
        symbol: str,
        quantity: int | None,
        *,
        reason: str,
        strategy_name: str,
        limit: Decimal | None,
        extended_hours: bool,
        correlation_id: str | None,
    ) -> ExitResult:
        """Leave a position and record it."""
        ...

    def protect(
        self,
        symbol: str,
        quantity: int | None,
        *,
        stop: Decimal | None,
        target: Decimal | None,
        trail: str | None,
        reason: str,
        strategy_name: str,
        correlation_id: str | None,
    ) -> SetPlan:
        """Set a plan, or raise an `OrderError`."""
        ...

    def unprotect(
        self, symbol: str, *, reason: str, strategy_name: str, correlation_id: str | None
    ) -> tuple[Plan, ...]:
        """End the plans of a symbol, or raise an `OrderError`."""
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

    def admit(self, signal: AnySignal, line: int) -> None:
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

    def _traded(self, signal: AnySignal, line: int) -> SignalResult:
        if isinstance(signal, ProtectSignal):
            return self._protected(signal, line)
        trade = exited_trade(self._left(signal)) if isinstance(signal, ExitSignal) else self._bot.trade(signal.trade())
        return SignalResult(
            line=line,
            status=trade.status.value,
            code=trade.code,
            message=trade.message,
            signal=signal,
            trade=trade,
        )

    def _protected(self, signal: ProtectSignal, line: int) -> SignalResult:
        try:
            code, message = self._plan(signal)
        except OrderError as error:
            status = TradeStatus.BLOCKED.value
            return SignalResult(line=line, status=status, code=error.code, message=str(error), signal=signal)
        return SignalResult(line=line, status=DONE, code=code, message=message, signal=signal)

    def _plan(self, signal: ProtectSignal) -> tuple[str, str]:
        symbol, reason, name = signal.symbol, signal.reason, signal.strategy_name
        if signal.off:
            self._bot.unprotect(symbol, reason=reason, strategy_name=name, correlation_id=signal.correlation_id)
            return "protection_ended", f"{symbol} is not protected any more"
        answer = self._bot.protect(
            symbol,
            signal.shares,
            stop=signal.stop,
            target=signal.target,
            trail=signal.trail,
            reason=reason,
            strategy_name=name,
            correlation_id=signal.correlation_id,
        )
        return "protected", "; ".join((plan_in_words(answer.shown), *answer.notes))

    def _left(self, signal: ExitSignal) -> ExitResult:
        return self._bot.exit_position(
            signal.symbol,
            signal.shares,
            reason=signal.reason,
            strategy_name=signal.strategy_name,
            limit=signal.price,
            extended_hours=signal.extended_hours,
            correlation_id=signal.correlation_id,
        )
