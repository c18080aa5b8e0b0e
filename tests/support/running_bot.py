"""A bot that runs in a process of its own while other commands are given beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.command_line import child_environment

SIGNAL = {"symbol": "MSFT", "action": "buy", "shares": 1, "price": "100", "reason": "to see that it runs"}


class BackgroundCommand:
    """A command that goes on while others are given."""

    def __init__(self, config: Path, *arguments: str, module: str = "trading_bot") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, "-c", str(config), *arguments],
            cwd=config.parent,
            env=child_environment(config.parent),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def write_line(self, text: str) -> None:
        if self._process.stdin is None:
            raise AssertionError("the pipe was asked for")
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def read_line(self) -> str:
        if self._process.stdout is None:
            raise AssertionError("the pipe was asked for")
        return self._process.stdout.readline()

    def read_error_line(self) -> str:
        if self._process.stderr is None:
            raise AssertionError("the pipe was asked for")
        return self._process.stderr.readline()

    def wait_for(self, path: Path, *, at_most_s: float = 60) -> None:
        """Wait until it has made a file."""
        give_up_at = time.monotonic() + at_most_s
        while not path.exists():
            if time.monotonic() > give_up_at or self._process.poll() is not None:
                raise AssertionError(f"{path.name} was not made")
            time.sleep(0.02)

    def hang_up(self) -> None:
        """Let it hear that its terminal has closed."""
        os.kill(self.pid, signal.SIGHUP)

    def go_on(self) -> None:
        """Let a process go on that hangs."""
        os.kill(self.pid, signal.SIGCONT)

    def hang(self) -> None:
        """Stop the process without ending it, as a debugger or a full swap would."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def end(self, number: signal.Signals | None = None) -> tuple[int, str, str]:
        """End it by a signal, or by the end of its input, and return exit code, stdout and stderr."""
        if number is not None:
            self._process.send_signal(number)
        out, err = self._process.communicate(timeout=60)
        return self._process.returncode, out, err

    def destroy(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate(timeout=30)


@contextmanager
def in_background(config: Path, *arguments: str, module: str = "trading_bot") -> Iterator[BackgroundCommand]:
    """Let a command go on while inside."""
    command = BackgroundCommand(config, *arguments, module=module)
    try:
        yield command
    finally:
        command.destroy()


@contextmanager
def running_bot(config: Path) -> Iterator[BackgroundCommand]:
    """Run a bot while inside; it has taken its first signal and waits for the next one."""
    with in_background(config, "run", "--signals", "-") as bot:
        bot.write_line(json.dumps(SIGNAL))
        bot.read_line()
        yield bot
