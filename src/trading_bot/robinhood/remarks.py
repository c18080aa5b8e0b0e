"""What the broker said that nobody here understands: kept so that it can be shown, and never a reason to stop."""

import threading

from trading_bot.robinhood.fields import printable

MAX_REMARKS = 100
"""How many are kept; what comes after them is news of the same kind."""


class Remarks:
    """Each remark once, in the order in which it first came. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, None] = {}

    def note(self, *texts: str) -> None:
        """Keep what is new of ``texts``, made safe to show."""
        with self._lock:
            for text in texts:
                if len(self._kept) < MAX_REMARKS:
                    self._kept.setdefault(printable(text))

    def all(self) -> tuple[str, ...]:
        """Return every remark."""
        with self._lock:
            return tuple(self._kept)
