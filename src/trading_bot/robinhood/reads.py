"""Reads at the broker: repeated within bounds, because that is safe; failure is an error, never an empty result."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeAlias

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import READ_POLICY, RetryPolicy
from trading_bot.error_handling.retry import Jitter, no_jitter, with_retry
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.ports import SendPermit
from trading_bot.prose import clause
from trading_bot.robinhood.classify import error_text, retry_after_s
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.session import UnreadableReplyError, WireReply, WireRequest
from trading_bot.robinhood.strict_json import listed_json
from trading_bot.values import Value, replace

LOGIN_NEEDED = "login_needed"
PATIENCE_S: Seconds = 30.0
"""No repetition of a cancel begins later than this after the first call."""

_FINAL_FAILURES = frozenset({FailureKind.TLS, FailureKind.REDIRECT, FailureKind.OVERSIZED, FailureKind.FORKED})
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_THROTTLED = 429
_SUCCESS = range(200, 300)
_SERVER_TROUBLE = range(500, 600)


Renew: TypeAlias = Callable[[Seconds], bool]
"""Gets a fresh session after a 401, in about as many seconds as it is given; says whether there is one now."""


class Wire(Protocol):
    """The part of the broker session that reads, submits and cancels need."""

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        """Send once and return what came of it."""
        ...


class NotAtBrokerError(OrderStatusError):
    """The broker answers "not found" to this address."""

    code = "not_found"


class BrokerUnavailableError(OrderStatusError):
    """The read failed in a way that may pass: no connection, no reply in time, throttling or trouble at the broker."""


class PassingTroubleError(Exception):
    """One exchange ended in a way that repeating may cure."""

    def __init__(self, result: WireReply | WireFailure) -> None:
        super().__init__(describe(result))
        self.result = result


def noop(_reply: WireReply) -> None:
    """Take nothing from a reply."""


class Repeater(Value, frozen=True, kw_only=True):
    """Repeats an exchange that may be repeated: back-off for passing trouble, one session renewal for a 401."""

    wire: Wire
    clock: Clock
    renew: Renew
    timeout_s: Seconds
    """How long one attempt may take."""
    jitter: Jitter = no_jitter
    hear: Callable[[WireReply], None] = noop
    """Called with each reply, whatever it says."""
    deadline: Seconds | None = None
    """A point on the monotonic clock by which all is over, where the caller's own time is limited."""

    def repeated(self, request: WireRequest, policy: RetryPolicy) -> WireReply | WireFailure:
        """Return the first conclusive result, or the last one; an attempt that has begun may take all its time."""
        return self.attempts(request, policy)[-1]

    def attempts(self, request: WireRequest, policy: RetryPolicy) -> Sequence[WireReply | WireFailure]:
        """Do the same and return what each attempt came to, in their order."""
        until = self._until(self.clock.monotonic() + PATIENCE_S)
        results: list[WireReply | WireFailure] = []
        self._patiently(request, policy, until, results)
        last = results[-1]
        if isinstance(last, WireReply) and last.status == _UNAUTHORIZED and self._has_renewed(until):
            self._patiently(request, policy, until, results)
        return results

    def in_time(self, request: WireRequest, policy: RetryPolicy) -> WireReply | WireFailure:
        """Do the same, over in ``timeout_s`` altogether: attempts, waits between them and a renewal included."""
        return replace(self, deadline=self._until(self.deadline_from_now())).repeated(request, policy)

    def deadline_from_now(self) -> Seconds:
        """Return when a call that begins now has taken ``timeout_s``."""
        return self.clock.monotonic() + self.timeout_s

    def _has_renewed(self, until: Seconds) -> bool:
        left = until - self.clock.monotonic()
        return left > 0 and self.renew(left)

    def _patiently(
        self, request: WireRequest, policy: RetryPolicy, until: Seconds, results: list[WireReply | WireFailure]
    ) -> None:
        with suppress(PassingTroubleError):
            with_retry(
                lambda: self._once(request, results),
                policy=policy,
                clock=self.clock,
                should_retry=lambda error: isinstance(error, PassingTroubleError),
                delay_hint=self._hint,
                deadline=until,
                jitter=self.jitter,
            )

    def _once(self, request: WireRequest, results: list[WireReply | WireFailure]) -> None:
        now = self.clock.monotonic()
        result = self.wire.exchange(request, timeout_s=self._until(now + self.timeout_s) - now)
        results.append(result)
        if isinstance(result, WireReply):
            self.hear(result)
        if _is_passing(result):
            raise PassingTroubleError(result)

    def _until(self, moment: Seconds) -> Seconds:
        return moment if self.deadline is None else min(moment, self.deadline)

    def _hint(self, error: Exception) -> Seconds | None:
        result = error.result if isinstance(error, PassingTroubleError) else None
        return retry_after_s(result, self.clock.now()) if isinstance(result, WireReply) else None


class BrokerReads(Value, frozen=True, kw_only=True):
    """GET requests whose replies are decoded JSON, each over within the repeater's ``timeout_s`` altogether."""

    repeater: Repeater
    policy: RetryPolicy = READ_POLICY

    def by(self, deadline: Seconds) -> "BrokerReads":
        """Return the same reads, all of which are over by ``deadline``."""
        return replace(self, repeater=replace(self.repeater, deadline=deadline))

    def get(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> object:
        """Read one address.

        Raises:
            NotAtBrokerError: the broker answers 404.
            OrderStatusError: the read failed; its code is ``login_needed`` where only a new login helps.
        """
        result = self.repeater.in_time(WireRequest(method="GET", path=path, query=query), self.policy)
        if isinstance(result, WireFailure) or result.status not in _SUCCESS:
            raise _read_error(path, result)
        try:
            return listed_json(result.body)
        except UnreadableReplyError as error:
            raise OrderStatusError(f"reading {_area(path)}: {error}; try again, nothing was changed") from error


def describe(result: WireReply | WireFailure) -> str:
    """Say in one line what an exchange ended in."""
    return (
        result.cause if isinstance(result, WireFailure) else f"HTTP {result.status}: {clause(error_text(result.body))}"
    )


def is_final_failure(failure: WireFailure) -> bool:
    """Whether an exchange failed in a way that the next one would too."""
    return failure.kind in _FINAL_FAILURES


def _is_passing(result: WireReply | WireFailure) -> bool:
    if isinstance(result, WireFailure):
        return not is_final_failure(result)
    return result.status == _THROTTLED or result.status in _SERVER_TROUBLE


def _read_error(path: str, result: WireReply | WireFailure) -> OrderStatusError:
    said = f"reading {_area(path)}: {describe(result)}"
    if isinstance(result, WireFailure) and result.security_alert:
        return OrderStatusError(
            f"{said}; something may stand between you and the broker: check the network before trading"
        )
    if isinstance(result, WireReply) and result.status == _NOT_FOUND:
        return NotAtBrokerError(f"{said}; check the id")
    if isinstance(result, WireReply) and result.status == _UNAUTHORIZED:
        return OrderStatusError(f"{said}; the session could not be renewed: log in again", code=LOGIN_NEEDED)
    kind = BrokerUnavailableError if _is_passing(result) else OrderStatusError
    return kind(f"{said}; try again, nothing was changed")


def _area(path: str) -> str:
    return path.split("/")[1]
