"""What the long runs share: of which code and where they ran, and a file of figures that is whole at each moment."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def machine_of(workers: int) -> str:
    """Return how a run used the machine, for its figures."""
    return f"{workers} of {os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a run which is interrupted leaves the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


@cache
def code_here() -> str:
    """Return the commit that runs, with a plus sign where files differ from it; or that there is none to tell."""
    try:
        commit = _git("rev-parse", "--short=10", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "src", "tests") else "")
    except (OSError, subprocess.CalledProcessError):
        return "no commit"


def _git(*words: str) -> str:
    told = subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, text=True, check=True)
    return told.stdout.strip()
