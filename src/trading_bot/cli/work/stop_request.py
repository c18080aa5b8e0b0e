"""SIGINT, SIGTERM and a closed terminal request a clean stop; a second one ends the process as the system does.

Started under ``nohup``, a closed terminal stops nothing, nor does it where a run is to outlive its terminal.
"""

import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType

from trading_bot.cli.exit_codes import ExitCode

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
if hasattr(signal, "SIGHUP"):
    _CODES[signal.SIGHUP] = ExitCode.TERMINATED


class StopRequest:
    """A flag that the signal handlers raise and the run looks at between two steps; ``also`` is another way to ask."""

    def __init__(
        self, listened_to: Collection[signal.Signals] = tuple(_CODES), *, also: Callable[[], bool] = lambda: False
    ) -> None:
        self.received: signal.Signals | None = None
        self._also = also
        self._listened_to = listened_to

    def __call__(self) -> bool:
        """Whether somebody asked to stop."""
        return self.received is not None or self._also()

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
def stop_on_signals(
    *, also: Callable[[], bool] = lambda: False, on_hangup: Callable[[], object] | None = None
) -> Iterator[StopRequest]:
    """Listen for these signals while inside, and give the earlier handlers back afterwards.

    ``also`` is another way to ask for the stop. With ``on_hangup`` a SIGHUP stops nothing and calls that, between any
    two steps of the program: it may raise a flag and no more.
    """
    listened_to = [number for number in _CODES if not _is_left_out(number, is_answered=on_hangup is not None)]
    request = StopRequest(listened_to, also=also)
    earlier = {number: signal.signal(number, request.note) for number in listened_to}
    if on_hangup is not None and hasattr(signal, "SIGHUP"):
        earlier[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda _number, _frame: on_hangup())
    try:
        yield request
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _is_left_out(number: signal.Signals, *, is_answered: bool) -> bool:
    # Shells ignore SIGINT too for what they start in the background, but whoever sends that one means it.
    return number.name == "SIGHUP" and (is_answered or signal.getsignal(number) is signal.SIG_IGN)
