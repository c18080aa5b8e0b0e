"""Reads of the broker that do not depend on each other, begun together: they cost one round trip, not several.

A read begun here is an ordinary call that changes nothing. Whoever began it asks for its result later, and gets what
the call returned or raised, as if it had been made there. So an error is told where it always was, and each read keeps
the deadline that it was given.

Live accounts use `SideBySide`, which begins a read in a thread of its own. Paper and tests use `in_turn`: the read is
made when its result is asked for, in the caller's thread, so that a run repeats exactly.
"""

import contextvars
from collections.abc import Callable
from typing import Protocol, TypeVar

from trading_bot.threads import OWN_THREADS, Threads

T = TypeVar("T")

MOST_AT_ONCE = 4
"""Threads of one `SideBySide`. A read that finds none free waits for one."""


class Begin(Protocol):
    """Begins a read, and returns what yields its result, or raises what it raised."""

    def __call__(self, read: Callable[[], T], /) -> Callable[[], T]:
        """Begin it, now or when the result is asked for."""
        ...


def in_turn(read: Callable[[], T], /) -> Callable[[], T]:
    """Leave the read until its result is asked for; ask once."""
    return read


class SideBySide:
    """Begins each read at once, in a thread. Safe to share between threads, unless a read begins another one here."""

    def __init__(self, threads: Threads = OWN_THREADS) -> None:
        self._pool = threads.pool(MOST_AT_ONCE, "read")

    def __call__(self, read: Callable[[], T], /) -> Callable[[], T]:
        """Begin it; a result that nobody asks for is lost, with its error."""
        # The thread logs and correlates as its caller does.
        return self._pool.submit(contextvars.copy_context().run, read).result
