"""The one place where a call is repeated; whoever calls decides which errors deserve it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import RetryPolicy

T = TypeVar("T")

Jitter: TypeAlias = Callable[[Seconds], Seconds]
"""Maps an upper bound in seconds to a delay between zero and that bound."""

DelayHint: TypeAlias = Callable[[Exception], Seconds | None]
"""Reads from an error how long the broker asked us to wait, if it did."""

LONGEST_HINT_S: Seconds = 300.0
"""A Retry-After beyond this is obeyed only so far."""


def no_jitter(_bound: Seconds) -> Seconds:
    """Add nothing, so that a run repeats exactly."""
    return 0.0


def growing_pauses(first_s: Seconds, longest_s: Seconds) -> Iterator[Seconds]:
    """Yield pauses without end: the first one, then each twice the one before, up to the longest."""
    pause = first_s
    while True:
        yield pause
        pause = min(2 * pause, longest_s)


def with_retry(
    call: Callable[[], T],
    *,
    policy: RetryPolicy,
    clock: Clock,
    should_retry: Callable[[Exception], bool],
    delay_hint: DelayHint | None = None,
    deadline: Seconds | None = None,
    jitter: Jitter = no_jitter,
) -> T:
    """Call until it succeeds, fails for good, or has no attempt or time left; the last error is raised unchanged.

    A hinted delay, clamped to 0 to 300 seconds, replaces the policy's own. ``deadline`` is a point on
    ``clock.monotonic()``: a wait that would pass it is never begun.
    """

    def is_retryable(error: BaseException) -> bool:
        return isinstance(error, Exception) and should_retry(error)

    def is_over(state: RetryCallState) -> bool:
        if state.attempt_number >= policy.max_attempts:
            return True
        return deadline is not None and clock.monotonic() + state.upcoming_sleep > deadline

    retrying = Retrying(
        sleep=clock.sleep,
        stop=is_over,
        wait=_Wait(policy=policy, delay_hint=delay_hint, jitter=jitter),
        retry=retry_if_exception(is_retryable),
        reraise=True,
    )
    return retrying(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wait:
    policy: RetryPolicy
    delay_hint: DelayHint | None
    jitter: Jitter

    def __call__(self, state: RetryCallState) -> Seconds:
        hinted = self._hinted(state)
        if hinted is not None:
            return hinted
        exponential = wait_exponential(multiplier=self.policy.initial_delay_s, max=self.policy.max_delay_s)
        return exponential(state) + self.jitter(self.policy.jitter_s)

    def _hinted(self, state: RetryCallState) -> Seconds | None:
        error = state.outcome.exception() if state.outcome else None
        if self.delay_hint is None or not isinstance(error, Exception):
            return None
        hint = self.delay_hint(error)
        if hint is None or math.isnan(hint):
            return None
        return min(max(hint, 0.0), LONGEST_HINT_S)
