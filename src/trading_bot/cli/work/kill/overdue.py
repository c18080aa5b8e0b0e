"""When a kill's verdict is overdue. Its requests end in time by themselves; a disk that hangs does not."""

from trading_bot.cli.work.kill.signals import KillSignals
from trading_bot.clock import Clock, Seconds
from trading_bot.kill.progress import KillProgress

OVERDUE_AFTER_S: Seconds = 60.0
"""How long after the stated time, or after a later signal, the kill is given up. Chosen."""


class VerdictWatch:
    """Waits for a verdict until it is overdue; once one was told, only a signal makes the next one due."""

    def __init__(self, *, clock: Clock, signals: KillSignals) -> None:
        self._clock = clock
        self._signals = signals
        self._due: Seconds | None = clock.monotonic()
        self._has_heard = False

    def progress(self, progress: KillProgress) -> None:
        """Take the time that is stated."""
        if progress.verdict_within_s is not None:
            self._due = self._clock.monotonic() + progress.verdict_within_s

    def told(self) -> None:
        """A verdict is out, and the kill goes on for as long as it takes."""
        self._due = None

    def is_overdue(self) -> bool:
        """Whether to end without the kill's own verdict."""
        now = self._clock.monotonic()
        if self._signals() and not self._has_heard:
            self._has_heard = True
            self._due = max(now, self._due or now)
        return self._due is not None and now > self._due + OVERDUE_AFTER_S
