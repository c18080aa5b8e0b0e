"""How often we ask the broker: a budget for each purpose, so that nothing can use up what exits and cancels need.

The broker publishes no limits. For long, a request a second was reported to be safe; a burst may be larger, and is as
large as the orders of twenty symbols at once need. Why so: `docs/decisions/`, "twenty orders at once".
"""

import enum
import math
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

LEAST_REPLY_S: Seconds = 3.0
"""An order leaves only with this much time for its reply: one cut short is in doubt, one not sent is not."""

CANCELS_AT_ONCE = 20
"""So many cancels leave side by side, and four a second after them.

Users of the private API report four requests a second as safe for long, and 20 to 30 within 15 s, again and again, as
what gets an address blocked. The agent interface took four a second for long, and of eight a second some hundred.
"""

_SHORTEST_WAIT_S: Seconds = 0.001
_OVERSLEPT_S: Seconds = 0.1
"""By how much a wait may overrun, as every sleep does, before that counts."""

_THROTTLED = 429
_SELLS = b"side=sell"
_FOR_STRATEGIES = ("/marketdata/", "/portfolios/")
"""What no order is checked with. Quotes are not among them: the collar of an order reads those too."""

_QUOTES = "/quotes/"


class Purpose(enum.StrEnum):
    """What a request is for."""

    READ = "read"
    QUOTE = "read of quotes"
    MARKET = "read of market data"
    ORDER = "order"
    EXIT = "sell order"
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
        Purpose.READ: Allowance(burst=40, every_s=0.5),
        # Users report 10 to 20 a second, where the account takes 5: these have a limit of their own.
        Purpose.QUOTE: Allowance(burst=20, every_s=0.25),
        # For strategies, which can wait: half of a read's, so that what orders and cancels rest on never waits long.
        Purpose.MARKET: Allowance(burst=4, every_s=1.0),
        Purpose.ORDER: Allowance(burst=20, every_s=1.0),
        # A share of its own: nothing is sold short here, so a sell can only reduce, and waits behind no buy.
        Purpose.EXIT: Allowance(burst=20, every_s=0.25),
        Purpose.CANCEL: Allowance(burst=CANCELS_AT_ONCE, every_s=0.25),
        Purpose.LOGIN: Allowance(burst=3, every_s=5.0),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPauses:
    """Pauses that the broker does not measure out: each is twice the one before, while it goes on throttling."""

    first_s: Seconds
    longest_s: Seconds


_PATIENT = OwnPauses(first_s=5.0, longest_s=80.0)
_URGENT = OwnPauses(first_s=1.0, longest_s=5.0)
OWN_PAUSES: Mapping[Purpose, OwnPauses] = MappingProxyType(
    {
        Purpose.READ: _PATIENT,
        Purpose.QUOTE: _PATIENT,
        Purpose.MARKET: _PATIENT,
        Purpose.ORDER: _PATIENT,
        # Short, so that an exit is tried again before its price is too old, and a cancel before a kill ends.
        Purpose.EXIT: _URGENT,
        Purpose.CANCEL: _URGENT,
        Purpose.LOGIN: _PATIENT,
    }
)

# However long the broker says: the throttled request itself waits as told, but a kill has under a minute, and what the
# broker said of one cancel may not keep the first request of every other order from leaving in that time.
_LONGEST_CANCEL_PAUSE_S: Seconds = 10.0

# What waits after a 429, beside the throttled purpose itself: whatever adds exposure or can wait. A cancel and an exit
# wait for no other purpose, and neither does a read: it shows what is open and proves that a cancel worked.
_PAUSED_BY: Mapping[Purpose, frozenset[Purpose]] = MappingProxyType(
    {
        # No order leaves whose outcome could not be looked up.
        Purpose.READ: frozenset({Purpose.READ, Purpose.MARKET, Purpose.ORDER, Purpose.LOGIN}),
        # An order that needs a quote waits for it or is refused, and the reply to one is looked up all the same.
        Purpose.QUOTE: frozenset({Purpose.QUOTE, Purpose.MARKET}),
        # No order rests on a chart.
        Purpose.MARKET: frozenset({Purpose.MARKET}),
        Purpose.ORDER: frozenset({Purpose.ORDER, Purpose.MARKET, Purpose.LOGIN}),
        # What the broker still takes is for the exits.
        Purpose.EXIT: frozenset({Purpose.EXIT, Purpose.ORDER, Purpose.MARKET, Purpose.LOGIN}),
        # What the broker still takes is for the cancels.
        Purpose.CANCEL: frozenset({Purpose.CANCEL, Purpose.ORDER, Purpose.MARKET, Purpose.LOGIN}),
        # Failed logins get the whole account throttled; the session there is goes on reading, selling and cancelling.
        Purpose.LOGIN: frozenset({Purpose.LOGIN, Purpose.ORDER, Purpose.MARKET}),
    }
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
        self._next_pause_s = {purpose: OWN_PAUSES[purpose].first_s for purpose in Purpose}

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

    def throttled(self, purpose: Purpose, pause_s: Seconds | None, *, sent_at: Seconds) -> None:
        """Note a 429: pause for as long as the broker says, or by our own measure where it says nothing.

        Cancels pause for 10 seconds at most; what waits for them pauses for all of it.
        ``sent_at``, on the monotonic clock, tells requests of one burst: of those that were under way when a pause of
        our own began, none lengthens it.
        """
        with self._lock:
            if pause_s is None:
                if sent_at + _SHORTEST_WAIT_S <= self._paused_until[purpose]:
                    return
                pause_s = self._next_pause_s[purpose]
                self._next_pause_s[purpose] = min(2 * pause_s, OWN_PAUSES[purpose].longest_s)
            now = self._clock.monotonic()
            for paused in _PAUSED_BY[purpose]:
                wait = min(pause_s, _LONGEST_CANCEL_PAUSE_S) if paused is Purpose.CANCEL else pause_s
                self._paused_until[paused] = max(self._paused_until[paused], now + wait)

    def served(self, purpose: Purpose) -> None:
        """Note any other answer: the purpose's next pause without a measure is a first one again."""
        with self._lock:
            self._next_pause_s[purpose] = OWN_PAUSES[purpose].first_s

    def left(self) -> Mapping[Purpose, int]:
        """Return how many requests of each purpose could leave now, one after the other, without waiting."""
        with self._lock:
            now = self._clock.monotonic()
            return {purpose: self._left(purpose, now) for purpose in Purpose}

    def _left(self, purpose: Purpose, now: Seconds) -> int:
        if self._paused_until[purpose] > now:
            return 0
        allowance = self._allowances[purpose]
        spent = math.ceil(max(self._spent_until[purpose] - now, 0) / allowance.every_s)
        return max(allowance.burst - spent, 0)

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

    def requests_left(self) -> Mapping[str, int]:
        """Return how many requests of each purpose could leave now."""
        return {purpose.value: left for purpose, left in self._budget.left().items()}

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        """Send once, when the budget allows it; the wait counts against ``timeout_s``.

        An order is not sent where the wait would leave less than `LEAST_REPLY_S`, or than the whole of a shorter
        ``timeout_s``, for its reply.
        """
        if timeout_s <= 0:
            return _not_sent(FailureKind.TIMEOUT, "no time was left to send")
        purpose = purpose_of(request)
        deadline = self._clock.monotonic() + timeout_s
        reply_s = min(LEAST_REPLY_S, timeout_s) if purpose in (Purpose.ORDER, Purpose.EXIT) else 0.0
        if not self._budget.take(purpose, within_s=timeout_s - reply_s):
            return _over_budget(purpose)
        sent_at = self._clock.monotonic()
        if deadline - sent_at < reply_s - _OVERSLEPT_S:
            return _over_budget(purpose)
        result = self._wire.exchange(request, timeout_s=deadline - sent_at, permit=permit)
        if isinstance(result, WireReply):
            self._note(purpose, result, sent_at)
        return result

    def _note(self, purpose: Purpose, reply: WireReply, sent_at: Seconds) -> None:
        if reply.status == _THROTTLED:
            self._budget.throttled(purpose, retry_after_s(reply, self._clock.now()), sent_at=sent_at)
        else:
            self._budget.served(purpose)


def purpose_of(request: WireRequest) -> Purpose:
    """Tell the purpose of a request from where it goes, and that of an order from its side."""
    if request.path.startswith("/oauth2/"):
        return Purpose.LOGIN
    if request.method == "GET" and request.path == _QUOTES:
        return Purpose.QUOTE
    if request.method == "GET":
        return Purpose.MARKET if request.path.startswith(_FOR_STRATEGIES) else Purpose.READ
    if request.path.endswith("/cancel/"):
        return Purpose.CANCEL
    return Purpose.EXIT if _SELLS in request.body.split(b"&") else Purpose.ORDER


def _over_budget(purpose: Purpose) -> WireFailure:
    return _not_sent(FailureKind.RATE_BUDGET, f"our own rate limit for a {purpose} left no room in time")


def _not_sent(kind: FailureKind, cause: str) -> WireFailure:
    return WireFailure(phase=SendPhase.BEGUN, first_byte_written=False, cause=cause, kind=kind)
