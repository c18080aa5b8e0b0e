"""One command for every account of the config file: a process each, all at once, and one stream of their lines."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from types import FrameType
from typing import IO, TextIO

from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation

_FORWARDED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class AccountProcesses:
    """The same ``command`` for each account of ``names``; a ``{account}`` in it stands for the account's name.

    Each line of theirs comes with the account's name before it, or in its ``account`` where it is an object. A signal
    to this process goes to each of them once, because none of them is in its group.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        names: Sequence[str],
        invocation: Invocation,
        program: Sequence[str] = (sys.executable, "-P", "-m", "trading_bot"),
    ) -> None:
        self._calls = {name: [*program, *_options(invocation, name), *_meant(command, name)] for name in names}
        self._json = invocation.json
        # One for each stream: a reader who takes no answers holds up no line of a log, for which a bot would wait.
        self._writing = {sys.stdout: threading.Lock(), sys.stderr: threading.Lock()}

    def run(self) -> Mapping[str, int]:
        """Wait for all of them, and return the exit code of each; one that cannot begin keeps no other from it."""
        running: dict[str, subprocess.Popen[str]] = {}
        codes: dict[str, int] = {}
        early: list[int] = []
        have_begun = False

        def forward(number: int, _frame: FrameType | None = None) -> None:
            if not have_begun:
                early.append(number)
                return
            for each in running.values():
                each.send_signal(number)

        with ExitStack() as stack:
            # Before any begins: this process must not end without them.
            for number in _FORWARDED:
                stack.callback(signal.signal, number, signal.signal(number, forward))
            for name, call in self._calls.items():
                try:
                    running[name] = _started(call)
                except OSError as error:
                    codes[name] = ExitCode.UNEXPECTED
                    self._write(f"trading-bot: its process cannot begin ({error.strerror})", name=name, to=sys.stderr)
            have_begun = True
            for number in early:
                forward(number)
            for reader in [reader for name, each in running.items() for reader in self._readers(name, each)]:
                reader.join()
            return codes | {name: _shells_code(each.wait()) for name, each in running.items()}

    def _readers(self, name: str, process: subprocess.Popen[str]) -> list[threading.Thread]:
        streams = ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
        readers = [
            threading.Thread(target=self._pass_on, args=(name, source, target), daemon=True)
            for source, target in streams
            if source is not None
        ]
        for reader in readers:
            reader.start()
        return readers

    def _pass_on(self, name: str, source: IO[str], target: TextIO) -> None:
        with source:
            for line in source:
                self._write(line.rstrip("\n"), name=name, to=target)

    def _write(self, line: str, *, name: str, to: TextIO) -> None:
        # A reader who has gone away, or cannot show a letter, must not keep a bot waiting for its output.
        with self._writing[to], suppress(OSError, ValueError):
            to.write(self._named(name, line) + "\n")
            to.flush()

    def _named(self, name: str, line: str) -> str:
        if self._json:
            with suppress(ValueError):
                said = json.loads(line)
                if isinstance(said, dict):
                    return json.dumps({**said, "account": name})
        return f"{name}: {line}"


def _options(invocation: Invocation, name: str) -> list[str]:
    file = [] if invocation.config is None else ["--config", str(invocation.config)]
    flags = {
        "--json": invocation.json,
        "--quiet": invocation.quiet,
        "--no-color": invocation.no_color,
        "--no-input": True,
    }
    given = [flag for flag, is_given in flags.items() if is_given]
    return [*file, "--account", name, *given, *["-v"] * invocation.verbose]


def _meant(command: Sequence[str], name: str) -> list[str]:
    return [word.replace("{account}", name) for word in command]


def _started(call: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - this very program, with options of its own
        call,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _shells_code(code: int) -> int:
    return 128 - code if code < 0 else code  # ended by a signal, as a shell tells it
