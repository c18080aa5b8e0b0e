"""The one place where a call is repeated; whoever calls decides which errors deserve it."""

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

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
    pauses = growing_pauses(policy.initial_delay_s, policy.max_delay_s)
    attempt = 0
    while True:
        attempt += 1
        try:
            return call()
        except Exception as error:
            if not should_retry(error) or attempt >= policy.max_attempts:
                raise
            pause_s = next(pauses)
            hinted_s = None if delay_hint is None else _bounded(delay_hint(error))
            wait_s = pause_s + jitter(policy.jitter_s) if hinted_s is None else hinted_s
            if deadline is not None and clock.monotonic() + wait_s > deadline:
                raise
        clock.sleep(wait_s)


def _bounded(hint: Seconds | None) -> Seconds | None:
    return None if hint is None or math.isnan(hint) else min(max(hint, 0.0), LONGEST_HINT_S)
