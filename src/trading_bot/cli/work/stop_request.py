"""SIGINT, SIGTERM and a closed terminal request a clean stop; a second one ends the process as the system does.

Started under ``nohup``, a closed terminal stops nothing.
"""

import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType

from trading_bot.cli.exit_codes import ExitCode

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
if hasattr(signal, "SIGHUP"):
    _CODES[signal.SIGHUP] = ExitCode.TERMINATED


class StopRequest:
    """A flag that the signal handlers raise and the run looks at between two steps."""

    def __init__(self, listened_to: Collection[signal.Signals] = tuple(_CODES)) -> None:
        self.received: signal.Signals | None = None
        self._listened_to = listened_to

    def __call__(self) -> bool:
        """Whether somebody asked to stop."""
        return self.received is not None

    @property
    def exit_code(self) -> ExitCode:
        """The code the shell expects after this signal, or 0 without one."""
        return ExitCode.DONE if self.received is None else _CODES[self.received]

    def note(self, number: int, _frame: FrameType | None = None) -> None:
        """Take a signal: raise the flag, and let a second signal end the process at once."""
        self.received = signal.Signals(number)
        for each in self._listened_to:
            signal.signal(each, signal.SIG_DFL)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Listen for these signals while inside, and give the earlier handlers back afterwards."""
    listened_to = [number for number in _CODES if not _is_left_out(number)]
    request = StopRequest(listened_to)
    earlier = {number: signal.signal(number, request.note) for number in listened_to}
    try:
        yield request
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _is_left_out(number: signal.Signals) -> bool:
    # Shells ignore SIGINT too for what they start in the background, but whoever sends that one means it.
    return number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN
