"""The builds that are compared, each with the libraries that it names itself."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parents[2]
LAST_OF_0_1 = "2d73d4901707"
BEFORE_REPLAYS = "46644e476bf0"
"""The last build whose replays traded an account as a run does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """The checkouts of a run; None where nothing is compared with one of them."""

    this: Path = HERE
    old: Path | None = None
    """The last build of version 0.1."""

    before_replays: Path | None = None


def python_of(checkout: Path) -> str:
    """Return the interpreter of a checkout's own environment; without one, this one has to do."""
    own = checkout / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


@contextmanager
def checkout_of(commit: str, folder: Path, *, with_libraries: bool) -> Iterator[Path | None]:
    """Yield a commit of this history in a folder, with libraries of its own if it needs them.

    None, once that was said, where it cannot be had.
    """
    git = ["git", "-C", str(HERE), "worktree"]
    made = subprocess.run([*git, "add", "--detach", folder, commit], check=False, capture_output=True, text=True)
    if made.returncode:
        sys.stdout.write(f"\nno comparison with {commit}: it is not in this history; fetch the whole history\n")
        yield None
        return
    try:
        command = ["make", "-C", str(folder), "install"] if with_libraries else ["true"]
        installed = subprocess.run(command, check=False, capture_output=True, text=True)
        if installed.returncode:
            sys.stdout.write(f"\nno comparison with {commit}: it cannot be installed:\n{installed.stderr}\n")
        yield None if installed.returncode else folder
    finally:
        subprocess.run([*git, "remove", "--force", folder], check=True, capture_output=True)
