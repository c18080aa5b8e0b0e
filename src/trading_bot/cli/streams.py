"""Standard output and standard error whose failure does not change what the command does.

A reader may go away (`| head -1`), and a disk may fill up. Neither may end a command between two cancels, and neither
may change the exit code that tells what became of an order. So a write that fails goes nowhere, and all later ones too.
"""

import io
import os
import select
import sys
from pathlib import Path
from typing import TextIO

_STDOUT, _STDERR = 1, 2


class SteadyRaw(io.FileIO):
    """A descriptor whose first failed write turns it into the null device. ``problem`` is what went wrong."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.problem: OSError | None = None

    def write(self, data: object, /) -> int:
        """Write, or take the bytes as written once that is impossible."""
        try:
            return super().write(data)  # type: ignore[arg-type]  # any buffer, as the base class has it
        except OSError as error:
            self.problem = error
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return memoryview(data).nbytes  # type: ignore[arg-type]  # the same

    def is_left(self) -> bool:
        """Whether nobody reads any more, as far as that can be told without writing."""
        if self.problem is not None or not hasattr(select, "poll"):
            return self.problem is not None
        poll = select.poll()
        poll.register(self.fileno(), 0)
        return any(events & select.POLLERR for _, events in poll.poll(0))


def reader_is_gone() -> bool:
    """Whether what this process writes to stdout reaches nobody: a reason to stop what goes on for ever."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return isinstance(raw, SteadyRaw) and raw.is_left()


def leads_nowhere(stream: TextIO) -> bool:
    """Whether `SteadyStreams` put this in the place of a stream that was closed before the process began."""
    return getattr(stream, "name", None) == os.devnull  # one that was opened for us has a number


class SteadyStreams:
    """Takes the place of ``sys.stdout`` and ``sys.stderr``; a stream that was closed becomes the null device."""

    def __init__(self, *, out: int = _STDOUT, err: int = _STDERR) -> None:
        self._out = None if sys.stdout is None else SteadyRaw(out)
        sys.stdout = _text(self._out, like=sys.stdout)
        sys.stderr = _text(None if sys.stderr is None else SteadyRaw(err), like=sys.stderr, at_once=True)

    def lost_output(self) -> str | None:
        """Return why output is missing, if it is; a reader who had read enough has lost nothing."""
        sys.stdout.flush()
        problem = self._out.problem if self._out is not None else None
        return None if problem is None or isinstance(problem, BrokenPipeError) else problem.strerror or str(problem)


def _text(raw: SteadyRaw | None, *, like: TextIO | None, at_once: bool = False) -> TextIO:
    if raw is None or like is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=like.encoding,
        errors=like.errors,
        line_buffering=raw.isatty() or at_once,
    )
