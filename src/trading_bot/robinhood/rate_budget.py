"""How often we ask the broker: a budget for each purpose, so that nothing can use up what cancels need.

The broker publishes no limits. The defaults stay below what users of its private API report to be safe: about one
request a second for long, some ten in a burst.
"""

import enum
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.classify import retry_after_s
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.reads import Wire
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import WireReply, WireRequest

FIRST_PAUSE_S: Seconds = 5.0
LONGEST_PAUSE_S: Seconds = 80.0
"""A pause the broker does not measure out doubles from the first to the longest while it goes on throttling."""

_SHORTEST_WAIT_S: Seconds = 0.001
_THROTTLED = 429


class Purpose(enum.StrEnum):
    """What a request is for."""

    READ = "read"
    ORDER = "order"
    CANCEL = "cancel"
    LOGIN = "login"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """``burst`` requests at once, and one more every ``every_s`` seconds."""

    burst: int
    every_s: Seconds

    def __post_init__(self) -> None:
        """Refuse an allowance that allows nothing, or everything."""
        if self.burst < 1 or self.every_s <= 0:
            raise ValueError("an allowance has a burst of 1 or more and a positive every_s")


ALLOWANCES: Mapping[Purpose, Allowance] = MappingProxyType(
    {
        Purpose.READ: Allowance(burst=10, every_s=0.5),
        Purpose.ORDER: Allowance(burst=5, every_s=1.0),
        Purpose.CANCEL: Allowance(burst=20, every_s=0.25),
        Purpose.LOGIN: Allowance(burst=3, every_s=5.0),
    }
)

# Being throttled stops what can wait; a cancel waits only when the broker throttled a cancel.
_PAUSED_BY: Mapping[Purpose, frozenset[Purpose]] = MappingProxyType(
    {purpose: frozenset(Purpose) - {Purpose.CANCEL} for purpose in Purpose} | {Purpose.CANCEL: frozenset(Purpose)}
)


class RateBudget:
    """The budgets of one login. Safe to share between threads; whoever asks first is served first."""

    def __init__(self, *, clock: Clock, allowances: Mapping[Purpose, Allowance] = ALLOWANCES) -> None:
        self._clock = clock
        self._allowances = dict(allowances)
        self._lock = threading.Lock()
        now = clock.monotonic()
        self._spent_until = dict.fromkeys(Purpose, now)
        self._paused_until = dict.fromkeys(Purpose, now)
        self._throttled_in_a_row = 0

    def take(self, purpose: Purpose, *, within_s: Seconds) -> bool:
        """Wait until a request may go out, and whether it may: False after waiting in vain, or without waiting."""
        not_after = self._clock.monotonic() + within_s
        start = self._reserve(purpose, not_after)
        while start is not None:
            start = max(start, self._paused_until[purpose])
            wait = start - self._clock.monotonic()
            if start > not_after:
                return False
            if wait < _SHORTEST_WAIT_S:
                return True
            self._clock.sleep(wait)
        return False

    def throttled(self, purpose: Purpose, pause_s: Seconds | None) -> None:
        """Note a 429: pause for as long as the broker says, or by our own measure where it says nothing."""
        with self._lock:
            own_s = min(FIRST_PAUSE_S * 2**self._throttled_in_a_row, LONGEST_PAUSE_S)
            self._throttled_in_a_row += 1
            until = self._clock.monotonic() + (own_s if pause_s is None else pause_s)
            for paused in _PAUSED_BY[purpose]:
                self._paused_until[paused] = max(self._paused_until[paused], until)

    def served(self) -> None:
        """Note any other answer: the next pause without a measure is a first one again."""
        with self._lock:
            self._throttled_in_a_row = 0

    def _reserve(self, purpose: Purpose, not_after: Seconds) -> Seconds | None:
        allowance = self._allowances[purpose]
        with self._lock:
            spent_until = max(self._spent_until[purpose], self._clock.monotonic())
            start = spent_until - (allowance.burst - 1) * allowance.every_s
            if max(start, self._paused_until[purpose]) > not_after:
                return None
            self._spent_until[purpose] = spent_until + allowance.every_s
            return start


class BudgetedWire:
    """A wire whose requests keep to the budget; one that would have to wait too long is not sent."""

    def __init__(self, *, wire: Wire, budget: RateBudget, clock: Clock) -> None:
        self._wire = wire
        self._budget = budget
        self._clock = clock

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        """Send once, when the budget allows it; the wait counts against ``timeout_s``."""
        purpose = purpose_of(request)
        deadline = self._clock.monotonic() + timeout_s
        if not self._budget.take(purpose, within_s=timeout_s):
            return _over_budget(purpose)
        result = self._wire.exchange(request, timeout_s=deadline - self._clock.monotonic(), permit=permit)
        if isinstance(result, WireReply) and result.status == _THROTTLED:
            self._budget.throttled(purpose, retry_after_s(result, self._clock.now()))
        elif isinstance(result, WireReply):
            self._budget.served()
        return result


def purpose_of(request: WireRequest) -> Purpose:
    """Tell the purpose of a request from where it goes."""
    if request.path.startswith("/oauth2/"):
        return Purpose.LOGIN
    if request.method == "GET":
        return Purpose.READ
    return Purpose.CANCEL if request.path.endswith("/cancel/") else Purpose.ORDER


def _over_budget(purpose: Purpose) -> WireFailure:
    return WireFailure(
        phase=SendPhase.BEGUN,
        first_byte_written=False,
        cause=f"our own rate limit for a {purpose} left no room in time",
        kind=FailureKind.RATE_BUDGET,
    )
