"""A virtual clock for threads."""

import threading
from datetime import datetime, timedelta

from trading_bot.clock import VirtualClock


class SharedClock(VirtualClock):
    """Threads that sleep side by side sleep through the same time, not one after the other."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        until = timedelta(seconds=self.monotonic() + seconds)
        with self._lock:
            self._elapsed = max(self._elapsed, until)
