"""The one place where a call is repeated; whoever calls decides which errors deserve it.

A repeat must never send an order a second time. The order layer repeats its own requests by what the broker answered,
and by nothing else. A function that somebody decorates here may do anything, so two things hold for it. By default
only a failed read of the broker is repeated. And none is repeated once an order was begun in it, whatever it raised.
That covers orders begun in its thread, in `asyncio` tasks and in `asyncio.to_thread`. A function that places orders in
threads or executors of its own has to name each with a client order id, under which an order is sent once.
"""

import inspect
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import ParamSpec, TypeAlias, TypeVar, overload

from trading_bot.clock import Clock, Seconds, SystemClock
from trading_bot.error_handling.policies import READ_POLICY, RetryPolicy
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError

P = ParamSpec("P")
T = TypeVar("T")

Jitter: TypeAlias = Callable[[Seconds], Seconds]
"""Maps an upper bound in seconds to a delay between zero and that bound."""

DelayHint: TypeAlias = Callable[[Exception], Seconds | None]
"""Reads from an error how long the broker asked us to wait, if it did."""

ShouldRetry: TypeAlias = Callable[[Exception], bool]
"""Whether what caused an error may be gone the next time."""

LONGEST_HINT_S: Seconds = 300.0
"""A Retry-After beyond this is obeyed only so far."""

_calls_around: ContextVar[tuple[threading.Event, ...]] = ContextVar("calls_around", default=())
"""One event for each decorated call that is under way here, set once an order is begun in it. A task gets a copy of the
variable, and in it the same events."""


def no_jitter(_bound: Seconds) -> Seconds:
    """Add nothing, so that a run repeats exactly."""
    return 0.0


def growing_pauses(first_s: Seconds, longest_s: Seconds) -> Iterator[Seconds]:
    """Yield pauses without end: the first one, then each twice the one before, up to the longest."""
    pause = first_s
    while True:
        yield pause
        pause = min(2 * pause, longest_s)


def note_order() -> None:
    """Let no decorated function around this point be repeated: an order was begun in it."""
    for has_begun_an_order in _calls_around.get():
        has_begun_an_order.set()


@contextmanager
def _noting_orders() -> Iterator[threading.Event]:
    has_begun_an_order = threading.Event()
    around = _calls_around.set((*_calls_around.get(), has_begun_an_order))
    try:
        yield has_begun_an_order
    finally:
        _calls_around.reset(around)


def is_failed_read(error: Exception) -> bool:
    """Whether the broker could not be read. An order that nobody knows will not be known the next time either."""
    return isinstance(error, OrderStatusError) and not isinstance(error, OrderNotFoundError)


@overload
def with_retry(
    call: Callable[[], T],
    /,
    *,
    policy: RetryPolicy,
    clock: Clock,
    should_retry: ShouldRetry,
    delay_hint: DelayHint | None = None,
    deadline: Seconds | None = None,
    jitter: Jitter = no_jitter,
) -> T: ...


@overload
def with_retry(call: Callable[P, T], /) -> Callable[P, T]: ...


@overload
def with_retry(
    *,
    policy: RetryPolicy | None = None,
    clock: Clock | None = None,
    should_retry: ShouldRetry | None = None,
    delay_hint: DelayHint | None = None,
    jitter: Jitter = no_jitter,
) -> Callable[[Callable[P, T]], Callable[P, T]]: ...


def with_retry(
    call: Callable[..., T] | None = None,
    /,
    *,
    policy: RetryPolicy | None = None,
    clock: Clock | None = None,
    should_retry: ShouldRetry | None = None,
    delay_hint: DelayHint | None = None,
    deadline: Seconds | None = None,
    jitter: Jitter = no_jitter,
) -> object:
    """Call until it succeeds, fails for good, or has no attempt or time left; the last error is raised unchanged.

    With a call, a policy, a clock and ``should_retry`` it calls at once. As ``@with_retry`` or
    ``@with_retry(policy=...)`` it makes a function that does so each time. That one retries, unless told otherwise,
    what `is_failed_read` says, by `READ_POLICY`, on the machine's clock; and never once an order was begun in it.

    A hinted delay, clamped to 0 to 300 seconds, replaces the policy's own. ``deadline`` is a point on
    ``clock.monotonic()``: a wait that would pass it is never begun.

    Raises:
        TypeError: a call with some of the three and not all; a function whose call does not run it, such as ``async``;
            a policy that is not given by its name.
    """
    if call is not None and policy is not None and clock is not None and should_retry is not None:
        return _repeated(
            call,
            policy=policy,
            clock=clock,
            should_retry=should_retry,
            delay_hint=delay_hint,
            deadline=deadline,
            jitter=jitter,
        )
    if call is not None and any(each is not None for each in (policy, clock, should_retry)):
        raise TypeError("a call made at once needs policy, clock and should_retry; a decorator takes no call with them")

    deserves_it = should_retry or is_failed_read

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        _refuse_what_cannot_be_repeated(function)

        @wraps(function)
        def run(*arguments: P.args, **named: P.kwargs) -> T:
            with _noting_orders() as has_begun_an_order:
                return _repeated(
                    partial(function, *arguments, **named),
                    policy=policy or READ_POLICY,
                    clock=clock or SystemClock(),
                    should_retry=lambda error: not has_begun_an_order.is_set() and deserves_it(error),
                    delay_hint=delay_hint,
                    deadline=deadline,
                    jitter=jitter,
                )

        return run

    return decorated if call is None else decorated(call)


def _refuse_what_cannot_be_repeated(function: object) -> None:
    if not callable(function):
        raise TypeError("with_retry repeats a function; a policy is given by its name, as in @with_retry(policy=...)")
    runs_later = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_such(function) for is_such in runs_later):
        raise TypeError("with_retry repeats a plain function: calling an async function or a generator does not run it")


def _repeated(
    call: Callable[[], T],
    *,
    policy: RetryPolicy,
    clock: Clock,
    should_retry: ShouldRetry,
    delay_hint: DelayHint | None,
    deadline: Seconds | None,
    jitter: Jitter,
) -> T:
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
