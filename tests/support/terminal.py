"""Runs the real command line at a pseudo-terminal, as a person would see it."""

import os
import pty
import selectors
import subprocess
import sys
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
