"""The message of the day, made once when the session has closed."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from trading_bot.clock import Clock

CloseAfter: TypeAlias = Callable[[datetime], datetime]
"""Returns the first close after a moment."""


class DailySummary:
    """Calls ``tell`` once after each close. Call `look` every so often, on a thread that may wait for the broker."""

    def __init__(self, tell: Callable[[datetime], object], *, close_after: CloseAfter, clock: Clock) -> None:
        self._tell = tell
        self._close_after = close_after
        self._clock = clock
        self._next_close = close_after(clock.now())

    def look(self) -> None:
        """Tell of the day if a close has come since the last look."""
        now = self._clock.now()
        if now >= self._next_close:
            self._next_close = self._close_after(now)
            self._tell(now)
