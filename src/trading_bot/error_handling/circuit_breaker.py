"""Stop asking somebody who keeps failing."""

import threading
from collections import deque

from trading_bot.clock import Clock, Seconds


class CircuitBreaker:
    """Open once ``threshold`` failures fall within ``window_s`` seconds, and until `reset`: only a caller closes it."""

    def __init__(self, *, threshold: int, window_s: Seconds, clock: Clock) -> None:
        if threshold < 1:
            raise ValueError(f"threshold is {threshold}; a breaker opens after 1 failure or more")
        if window_s <= 0:
            raise ValueError("window_s is a positive number of seconds")
        self._threshold = threshold
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: deque[Seconds] = deque()
        self._is_open = False

    def allows_call(self) -> bool:
        """Whether a call may start now."""
        with self._lock:
            return not self._is_open

    def record_failure(self) -> None:
        """Count a failure."""
        with self._lock:
            now = self._clock.monotonic()
            self._failures.append(now)
            while self._failures[0] < now - self._window_s:
                self._failures.popleft()
            self._is_open = self._is_open or len(self._failures) >= self._threshold

    def reset(self) -> None:
        """Close the breaker and forget all failures."""
        with self._lock:
            self._failures.clear()
            self._is_open = False
