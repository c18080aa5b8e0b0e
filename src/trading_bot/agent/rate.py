"""How often we call: one call after another, under four a second, and cancels before everything else.

Of four calls a second for a minute none was throttled. Of eight a second, all were after some hundred calls, and 5 s
later none (seen in September 2026; tools share the limit). It is a login's, so each process keeps to it for itself.

1. Calls leave `CALL_EVERY_S` apart, in whatever threads they are made.
2. Who waits is served by what the call is for: cancels and exits, then buys, then reads; of one kind, the first first.
3. While anything else waits, one call in four is for it: an exit needs quotes, and a cancel a look at what it did.
"""

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trading_bot.agent.calls import is_throttled, wait_told_by
from trading_bot.agent.tool_call import AgentWire, CallResult, HttpRefusal, ToolCall
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.rate_budget import LEAST_REPLY_S, Purpose
from trading_bot.robinhood.sending import SendPhase

CALL_EVERY_S: Seconds = 0.26

PAUSE_S: Seconds = 5.0
"""How long other reads and buys pause once the server throttled and did not say for how long."""

LONGEST_PAUSE_S: Seconds = 30.0
"""However long the server says, reads are tried again: an exit needs a price, and a kill a list to go by."""

URGENT_PAUSE_S: Seconds = 1.0
LONGEST_URGENT_PAUSE_S: Seconds = 10.0
"""However long the server says, a cancel is tried again before a kill ends."""

_URGENT = 0
_RANKS: Mapping[Purpose, int] = MappingProxyType(
    {Purpose.CANCEL: _URGENT, Purpose.EXIT: _URGENT, Purpose.ORDER: 1, Purpose.READ: 2, Purpose.QUOTE: 2}
)
_SHORT_PAUSES = frozenset({Purpose.CANCEL, Purpose.EXIT, Purpose.QUOTE})
"""An exit needs its quote within 2 s."""

_URGENT_IN_A_ROW = 3
_SHORTEST_WAIT_S: Seconds = 0.001
_LOOK_AGAIN_S: Seconds = 0.02
"""When to look again where the turn is another caller's, who has not taken it yet."""

_OVERSLEPT_S: Seconds = 0.1
_SELL = b'"side":"sell"'
_QUOTES = "get_equity_quotes"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiter:
    purpose: Purpose
    rank: int
    ticket: int


class Pace:
    """Whose turn it is to call. Safe to share between threads."""

    def __init__(self, *, clock: Clock, every_s: Seconds = CALL_EVERY_S) -> None:
        self._clock = clock
        self._every_s = every_s
        self._lock = threading.Lock()
        self._tickets = itertools.count()
        self._waiting: list[_Waiter] = []
        self._free_at = clock.monotonic()
        self._paused_until = dict.fromkeys(_RANKS, self._free_at)
        self._urgent_in_a_row = 0

    def take(self, purpose: Purpose, *, within_s: Seconds) -> bool:
        """Wait for a turn, and whether it came in time."""
        not_after = self._clock.monotonic() + within_s
        waiter = self._waiter(purpose)
        try:
            while (look_at := self._taken_or_later(waiter)) is not None:
                if look_at > not_after:
                    return False
                self._clock.sleep(look_at - self._clock.monotonic())
            return True
        finally:
            self._leave(waiter)

    def throttled(self, told_s: Seconds | None) -> None:
        """Pause for as long as the server says, within bounds; cancels, exits and quotes for a short time only."""
        urgent_s = URGENT_PAUSE_S if told_s is None else min(told_s, LONGEST_URGENT_PAUSE_S)
        other_s = PAUSE_S if told_s is None else min(told_s, LONGEST_PAUSE_S)
        with self._lock:
            now = self._clock.monotonic()
            for purpose in _RANKS:
                until = now + (urgent_s if purpose in _SHORT_PAUSES else other_s)
                self._paused_until[purpose] = max(self._paused_until[purpose], until)

    def left(self) -> Mapping[Purpose, int]:
        """Return how many calls of each purpose could leave now without waiting."""
        with self._lock:
            now = self._clock.monotonic()
            return {purpose: int(max(self._free_at, until) <= now) for purpose, until in self._paused_until.items()}

    def _waiter(self, purpose: Purpose) -> _Waiter:
        waiter = _Waiter(purpose=purpose, rank=_RANKS[purpose], ticket=next(self._tickets))
        with self._lock:
            self._waiting.append(waiter)
        return waiter

    def _leave(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _taken_or_later(self, waiter: _Waiter) -> Seconds | None:
        """Take the turn and return None, or return when to ask again.

        That is a moment and no duration, for a thread may stand still before it waits. Who is served waits no longer
        from then on, or the others would wait until its thread runs again.
        """
        with self._lock:
            now = self._clock.monotonic()
            free_at = max(self._free_at, self._paused_until[waiter.purpose])
            if free_at - now >= _SHORTEST_WAIT_S:
                return free_at
            if self._next(now) is not waiter:
                return now + _LOOK_AGAIN_S
            is_alone = all(other.rank == _URGENT for other in self._waiting)
            self._urgent_in_a_row = 0 if is_alone or waiter.rank != _URGENT else self._urgent_in_a_row + 1
            self._free_at = now + self._every_s
            self._waiting.remove(waiter)
            return None

    def _next(self, now: Seconds) -> _Waiter:
        ready = [each for each in self._waiting if self._paused_until[each.purpose] - now < _SHORTEST_WAIT_S]
        others = [each for each in ready if each.rank != _URGENT]
        is_their_turn = bool(others) and self._urgent_in_a_row >= _URGENT_IN_A_ROW
        return min(others if is_their_turn else ready, key=lambda each: (each.rank, each.ticket))


class PacedWire:
    """An `AgentWire` whose calls keep to the pace; one that would have to wait too long is not sent."""

    def __init__(self, *, wire: AgentWire, clock: Clock, pace: Pace | None = None) -> None:
        self._wire = wire
        self._clock = clock
        self._pace = pace or Pace(clock=clock)

    def requests_left(self) -> Mapping[str, int]:
        """Return how many calls of each purpose could leave now."""
        return {purpose.value: left for purpose, left in self._pace.left().items()}

    def call(self, call: ToolCall, *, timeout_s: Seconds, permit: SendPermit | None = None) -> CallResult:
        """Call once, when it is our turn; the wait counts against ``timeout_s``.

        A place is not sent where the wait would leave less than `LEAST_REPLY_S`, or than the whole of a shorter
        ``timeout_s``, for its reply.
        """
        if timeout_s <= 0:
            return _not_sent(FailureKind.TIMEOUT, "no time was left to send")
        purpose = purpose_of(call)
        deadline = self._clock.monotonic() + timeout_s
        reply_s = min(LEAST_REPLY_S, timeout_s) if permit is not None else 0.0
        is_our_turn = self._pace.take(purpose, within_s=timeout_s - reply_s)
        left_s = deadline - self._clock.monotonic()
        if not is_our_turn or left_s < reply_s - _OVERSLEPT_S:
            return _not_sent(
                FailureKind.RATE_BUDGET, f"the rate that the broker bears left no room for a {purpose} in time"
            )
        result = self._wire.call(call, timeout_s=left_s, permit=permit)
        if is_throttled(result):
            self._pace.throttled(wait_told_by(result, self._clock) if isinstance(result, HttpRefusal) else None)
        return result


def purpose_of(call: ToolCall) -> Purpose:
    """Tell what a call is for from its tool, and that of a place from its side: nothing is sold short here."""
    if call.tool.startswith("cancel_"):
        return Purpose.CANCEL
    if call.tool.startswith("place_"):
        return Purpose.EXIT if _SELL in call.params else Purpose.ORDER
    return Purpose.QUOTE if call.tool == _QUOTES else Purpose.READ


def _not_sent(kind: FailureKind, cause: str) -> WireFailure:
    return WireFailure(phase=SendPhase.BEGUN, first_byte_written=False, cause=cause, kind=kind)
