"""Runs the real command line at a pseudo-terminal, as a person would see it."""

import fcntl
import os
import pty
import selectors
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.command_line import child_environment


def at_terminal(
    arguments: Sequence[str], *, home: Path, environment: Mapping[str, str] | None = None, typed: str | None = None
) -> tuple[int, str]:
    """Run the command at a pseudo-terminal and return its exit code and everything it drew.

    With ``typed`` the terminal is its stdin too; the text waits there from the start.
    """
    ours, theirs = pty.openpty()
    environ = child_environment(home) | {"TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40"}
    os.write(ours, (typed or "").encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "trading_bot", *arguments],
        cwd=home,
        env=environ | dict(environment or {}),
        stdin=subprocess.DEVNULL if typed is None else theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    drawn = b"".join(_chunks(ours, until=time.monotonic() + 60))
    os.close(ours)
    return process.wait(timeout=10), drawn.decode()


class Screen:
    """A command that has a whole pseudo-terminal of a size to itself, and somebody who types and reads along."""

    def __init__(self, arguments: Sequence[str], *, home: Path, columns: int, lines: int) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environ = {name: value for name, value in child_environment(home).items() if name not in ("COLUMNS", "LINES")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "trading_bot", *arguments],
            cwd=home,
            env=environ | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.drawn = ""

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def read_until(self, words: str) -> None:
        """Wait until the command draws these words; what it drew before is not looked at again."""
        for chunk in _chunks(self._ours, until=time.monotonic() + 30):
            self.drawn += chunk.decode(errors="replace")
            if words in self.drawn:
                self.drawn = self.drawn.partition(words)[2]
                return
        raise AssertionError(f"{words!r} was not drawn; this was: {self.drawn!r}")

    def end(self) -> tuple[int, str]:
        """Read to its end, and return the exit code and what was drawn since the last words."""
        for chunk in _chunks(self._ours, until=time.monotonic() + 30):
            self.drawn += chunk.decode(errors="replace")
        return self._process.wait(timeout=10), self.drawn

    def close(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        os.close(self._ours)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=10)


def _chunks(descriptor: int, *, until: float) -> Iterator[bytes]:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while time.monotonic() < until:
            if not selector.select(1):
                continue
            try:
                chunk = os.read(descriptor, 65_536)
            except OSError:  # Linux reports the other side's end this way
                return
            if not chunk:
                return
            yield chunk
