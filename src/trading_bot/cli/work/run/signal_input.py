"""Reads signal lines from a file or stdin; no read blocks, so that a stop takes effect at once."""

import os
import select
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import click

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.clock import Clock, Seconds
from trading_bot.signals import MAX_LINE_BYTES, SignalLine

IDLE_S: Seconds = 0.25
"""How long a reader waits for input before it says that there is none yet."""

_CHUNK = 64 * 1024


class RawInput(Protocol):
    """An unbuffered stream: one read is one system call."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        ...

    def read(self, size: int = -1, /) -> bytes | None:
        """Return what is there, at most ``size`` bytes; empty at the end."""
        ...


class LineSplitter:
    """Cuts chunks into numbered lines, holding never more than one line of the longest allowed size."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0
        self._oversized = False

    def feed(self, chunk: bytes) -> Iterator[SignalLine]:
        """Yield the lines that ``chunk`` completes."""
        *whole, rest = (self._rest + chunk).split(b"\n")
        for data in whole:
            yield self._line(data)
        self._oversized = self._oversized or len(rest) > MAX_LINE_BYTES
        self._rest = b"" if self._oversized else rest

    def finish(self) -> Iterator[SignalLine]:
        """Yield the last line where it has no end of line."""
        if self._rest or self._oversized:
            yield self._line(self._rest)

    def _line(self, data: bytes) -> SignalLine:
        self._number += 1
        oversized, self._oversized = self._oversized or len(data) > MAX_LINE_BYTES, False
        return SignalLine(number=self._number, data=b"" if oversized else data, oversized=oversized)


def lines_of(stream: RawInput, *, idle_s: Seconds = IDLE_S) -> Iterator[SignalLine | None]:
    """Yield every line, and None each time nothing came within ``idle_s``."""
    splitter = LineSplitter()
    while True:
        readable, _, _ = select.select([stream], [], [], idle_s)
        if not readable:
            yield None
            continue
        chunk = stream.read(_CHUNK)
        if chunk is None:
            continue  # somebody else was quicker
        if not chunk:
            yield from splitter.finish()
            return
        yield from splitter.feed(chunk)


def no_lines(clock: Clock, *, idle_s: Seconds = IDLE_S) -> Iterator[None]:
    """Yield None every so often, for a run that reads no signals and ends when it is stopped."""
    while True:
        clock.sleep(idle_s)
        yield None


@contextmanager
def open_fifo(path: Path) -> Iterator[RawInput]:
    """Open a FIFO that any number of programs write to, one after the other; it is made where nothing is there yet.

    Its end is never seen, because a writer of our own stays open: whoever writes a line ends it with a newline.

    Raises:
        CommandError: it cannot be made or read, or users other than ours may write to it.
    """
    with ExitStack() as stack:
        try:
            if not path.exists():
                os.mkfifo(path, mode=0o600)
            _refuse_other_writers(path, path.stat())
            # In this order neither waits: a reader that does not block may come first, and then the writer finds it.
            stream = stack.enter_context(os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0))
            stack.enter_context(path.open("wb", buffering=0))
        except OSError as error:
            raise _unreadable(path, error) from error
        yield stream


def _refuse_other_writers(path: Path, status: os.stat_result) -> None:
    if status.st_mode & stat.S_IWOTH or status.st_uid != os.geteuid():
        raise CommandError(
            f"{path} belongs to another user or may be written by any, who could trade; remove it, so that it is made "
            "anew, or run 'chmod o-w' on it",
            exit_code=ExitCode.USAGE,
        )


def is_fifo(source: str) -> bool:
    """Whether signals are to come from a FIFO: there is one at this path, or nothing yet."""
    path = Path(source)
    return source != "-" and (path.is_fifo() or not path.exists())


@contextmanager
def open_signals(source: str) -> Iterator[RawInput]:
    """Open the file, or stdin for ``-``.

    Raises:
        CommandError: there is no such readable file, or stdin is closed.
    """
    if source == "-":
        if sys.stdin is None:
            raise CommandError("stdin is closed; give --signals a file, or pipe signals in", exit_code=ExitCode.USAGE)
        if sys.stdin.isatty():
            click.echo('Type one signal a line, such as {"symbol":"TSLA","action":"buy","shares":1,', err=True)
            click.echo('"price":"250.30","reason":"..."} on one line; end with Ctrl-D.', err=True)
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stream:
            yield stream
        return
    with _opened(Path(source)) as stream:
        yield stream


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> CommandError:
    return CommandError(
        f"cannot read the signals file {path} ({error.strerror}); give --signals the path of a readable file, or -",
        exit_code=ExitCode.USAGE,
    )
