"""How long renewing a session may take: whoever asks goes on in time, and a request of our own is not cut short."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from trading_bot.clock import Seconds
from trading_bot.robinhood.classify import MAX_RETRY_AFTER_S, told_wait_s
from trading_bot.robinhood.session import WireReply
from trading_bot.threads import OWN_THREADS, Threads

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


def throttled_pause_s(reply: WireReply, now: datetime, *, least_s: Seconds, untold_s: Seconds) -> Seconds:
    """Return how long no login is tried after a 429: as long as it says, from ``least_s`` to 300 seconds.

    It is ``untold_s`` where the reply says nothing, or names a time that is over.
    """
    told_s = told_wait_s(reply, now)
    return min(max(told_s, least_s), MAX_RETRY_AFTER_S) if told_s is not None and told_s > 0 else untold_s


class RenewalInTime:
    """Renews a session, and lets its caller go on in time; the answer of a request on its way is kept all the same.

    Where less is left than a request of ours may take, the request goes on in a thread of its own once that is over.
    The process does not end before it.
    """

    def __init__(self, renew: Callable[[Seconds], bool], threads: Threads = OWN_THREADS) -> None:
        self._renew = renew
        self._pool = threads.pool(1, "renewal")

    def __call__(self, within_s: Seconds) -> bool:
        """Return whether there is a session to work with, in ``within_s`` seconds at most."""
        if within_s >= LEAST_REQUEST_S:
            return self._renew(within_s)
        try:
            return self._pool.submit(self._renew, within_s).result(timeout=within_s)
        except TimeoutError:
            return False
