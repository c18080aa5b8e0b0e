"""During a kill a signal requests its end and never causes it: the cancels and a verdict come first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ASKING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # a platform may lack some of them


class KillSignals:
    """A flag that the signal handlers raise, as often as they like."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.count = 0

    def __call__(self) -> bool:
        """Whether somebody asked for an end."""
        return self.received is not None

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """Take a signal."""
        self.received = signal.Signals(number)
        self.count += 1


@contextmanager
def held_signals() -> Iterator[KillSignals]:
    """Take these signals while inside; those that the process ignores, as under nohup, stay ignored."""
    signals = KillSignals()
    earlier = {}
    if threading.current_thread() is threading.main_thread():  # Python sets handlers nowhere else
        kept = [number for number in _ASKING if signal.getsignal(number) is not signal.SIG_IGN]
        earlier = {number: signal.signal(number, signals.note) for number in kept}
    try:
        yield signals
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
