"""What a kill writes to the terminal, in a thread of its own: a full, closed or stopped output does not delay it.

A line that cannot be written is lost without effect. The verdict goes to the other stream if its own one fails, and is
in the kill's own file in any case.
"""

import os
import queue
import select
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from trading_bot.cli.render.text import printable
from trading_bot.cli.streams import leads_nowhere

_LONGEST_LINE = 100_000
"""A report as JSON is one line; nothing of it may be cut off."""


_LOOKS_UP_EVERY_S = 0.2
_LAST_LINES_S = 1.0
"""How long an interrupted wait still lets lines be written that nobody holds up."""


def _never() -> bool:
    return False


class KillTerminal:
    """Writes lines to stdout and stderr, in the order in which they were given."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="kill-terminal", daemon=True)
        self._writer.start()

    def say(self, text: str) -> None:
        """Write one line to stderr, without anything a terminal could take as a command."""
        self._lines.put((printable(text), False))

    def answer(self, text: str) -> None:
        """Write one line to stdout, or to stderr where that fails."""
        self._lines.put((printable(text, longest=_LONGEST_LINE), True))

    def answer_json(self, text: str) -> None:
        """Write one line of ASCII to stdout as it is, or to stderr where that fails."""
        self._lines.put((text, True))

    def close(self, is_interrupted: Callable[[], bool] = _never) -> None:
        """Wait until everything is written, or has failed, or somebody wants no more of it."""
        self._lines.put(None)
        while self._writer.is_alive() and not is_interrupted():
            self._writer.join(_LOOKS_UP_EVERY_S)
        self._writer.join(_LAST_LINES_S)

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            text, is_answer = line
            streams = (sys.stdout, sys.stderr) if is_answer else (sys.stderr,)
            for stream in streams:
                if _has_written(stream, f"{text}\n"):
                    break


def _has_written(stream: TextIO | None, text: str) -> bool:
    if stream is None or leads_nowhere(stream):  # it was closed before the process began
        return False
    try:
        return _has_written_out(stream.fileno(), text.encode(stream.encoding or "ascii", "backslashreplace"))
    except (OSError, ValueError):  # not a file of the system's, or not one any more
        return _has_written_inside(stream, text)


def _has_written_out(descriptor: int, data: bytes) -> bool:
    # Past Python's own buffer: what could not be written would otherwise fail once more when the process ends.
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
        except OSError:
            return False
    return True


def _has_written_inside(stream: TextIO, text: str) -> bool:
    try:
        stream.write(text)
    except (OSError, ValueError):
        return False
    return True
