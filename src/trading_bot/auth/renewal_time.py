"""How long renewing a session may take: waiting for others ends in time, a request of our own is not cut short."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from trading_bot.clock import Seconds

LEAST_REQUEST_S: Seconds = 5.0
"""A request for new tokens has at least this long: its answer may hold the only refresh token that still works."""


def request_time_s(left_s: Seconds, *, longest_s: Seconds) -> Seconds:
    """Return how long a request for new tokens may take where its caller has ``left_s``."""
    return min(longest_s, max(left_s, LEAST_REQUEST_S))


@contextmanager
def held_within(lock: threading.Lock, within_s: Seconds) -> Iterator[bool]:
    """Hold a lock, having waited no longer than ``within_s`` for it; yield whether it is held."""
    is_held = lock.acquire(timeout=max(within_s, 0))
    try:
        yield is_held
    finally:
        if is_held:
            lock.release()
