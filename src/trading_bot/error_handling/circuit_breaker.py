"""Stop asking somebody who keeps failing."""

import enum
import threading
from collections import deque

from trading_bot.clock import Clock, Seconds


class CircuitState(enum.StrEnum):
    """Whether calls may pass."""

    CLOSED = "closed"  # all calls pass
    OPEN = "open"  # none does
    HALF_OPEN = "half_open"  # one trial call decides


class CircuitBreaker:
    """Open once ``threshold`` failures fall within ``window_s`` seconds.

    After ``cooldown_s`` one call is let through: its success closes the breaker, its failure opens it for another
    cooldown, and a trial that never reports is replaced after another cooldown. Without a cooldown the breaker stays
    open until `reset`. Successes while closed do not forgive failures; only time does.
    """

    def __init__(self, *, threshold: int, window_s: Seconds, clock: Clock, cooldown_s: Seconds | None = None) -> None:
        if threshold < 1:
            raise ValueError(f"threshold is {threshold}; a breaker opens after 1 failure or more")
        if window_s <= 0 or (cooldown_s is not None and cooldown_s <= 0):
            raise ValueError("window_s and cooldown_s are positive numbers of seconds")
        self._threshold = threshold
        self._window_s = window_s
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: deque[Seconds] = deque()
        self._opened_at: Seconds | None = None
        self._trial_running = False

    def state(self) -> CircuitState:
        """Return the state now; reading it uses up no trial."""
        with self._lock:
            return self._current()

    def allows_call(self) -> bool:
        """Whether a call may start now; a half-open breaker says so once, and the caller must report how it ended."""
        with self._lock:
            state = self._current()
            if state is CircuitState.HALF_OPEN:
                self._opened_at = self._clock.monotonic()
                self._trial_running = True
            return state is not CircuitState.OPEN

    def record_failure(self) -> None:
        """Count a failure; a failed trial opens the breaker for another cooldown."""
        with self._lock:
            now = self._clock.monotonic()
            self._failures.append(now)
            self._forget_before(now - self._window_s)
            if self._trial_running or (self._opened_at is None and len(self._failures) >= self._threshold):
                self._opened_at = now
                self._trial_running = False

    def record_success(self) -> None:
        """Close the breaker if this was its trial; a late success of an older call proves nothing."""
        with self._lock:
            if self._trial_running:
                self._close()

    def reset(self) -> None:
        """Close the breaker and forget all failures."""
        with self._lock:
            self._close()

    def _current(self) -> CircuitState:
        if self._opened_at is None:
            return CircuitState.CLOSED
        if self._cooldown_s is None or self._clock.monotonic() - self._opened_at < self._cooldown_s:
            return CircuitState.OPEN
        return CircuitState.HALF_OPEN

    def _forget_before(self, moment: Seconds) -> None:
        while self._failures and self._failures[0] < moment:
            self._failures.popleft()

    def _close(self) -> None:
        self._failures.clear()
        self._opened_at = None
        self._trial_running = False
