"""Run the real command line, or a few lines of Python, in a guarded child process with a bare environment."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "src"
_GUARD = Path(__file__).resolve().parent / "guard"
_KEPT = ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What a child process left behind."""

    returncode: int
    stdout: str
    stderr: str


def child_environment(home: Path) -> dict[str, str]:
    """Everything a child gets to see: the network guard, a home of its own, and no credentials."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "PYTHONPATH": os.pathsep.join(map(str, (_GUARD, SOURCE, REPOSITORY))),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }


def run_cli(
    arguments: Sequence[str],
    *,
    home: Path,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 100,
) -> CommandResult:
    """Run ``trading-bot`` with ``home`` as its home and working folder; without ``stdin`` it reads an empty one."""
    return _run(["-m", "trading_bot", *arguments], home, stdin=stdin, extra=environment or {}, timeout_s=timeout_s)


def run_python(code: str, *, home: Path, timeout_s: float = 100) -> CommandResult:
    """Run ``code`` in a fresh interpreter, so that what it has imported is known exactly."""
    return _run(["-c", code], home, stdin=None, extra={}, timeout_s=timeout_s)


def _run(
    arguments: Sequence[str], home: Path, *, stdin: str | None, extra: Mapping[str, str], timeout_s: float
) -> CommandResult:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=home,
        env=child_environment(home) | dict(extra),
        input=stdin or "",
        capture_output=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )
    return CommandResult(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)
