"""The builds that are compared, each with the libraries that it names itself."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parents[2]
LAST_OF_0_1 = "2d73d4901707"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """The checkouts of a run; ``old`` is the last one of version 0.1, None where nothing is compared with it."""

    this: Path = HERE
    old: Path | None = None


def python_of(checkout: Path) -> str:
    """Return the interpreter of a checkout's own environment; without one, this one has to do."""
    own = checkout / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


@contextmanager
def old_checkout(folder: Path) -> Iterator[Path | None]:
    """Yield the last build of 0.1 in an environment of its own; None, once that was said, where that cannot be had."""
    git = ["git", "-C", str(HERE), "worktree"]
    made = subprocess.run([*git, "add", "--detach", folder, LAST_OF_0_1], check=False, capture_output=True, text=True)
    if made.returncode:
        sys.stdout.write(
            f"\nno comparison with 0.1: its last commit {LAST_OF_0_1} is not in this history; fetch the whole history, "
            f"or give --old with a checkout of it\n"
        )
        yield None
        return
    try:
        # Its libraries are not ours.
        installed = subprocess.run(["make", "-C", folder, "install"], check=False, capture_output=True, text=True)
        if installed.returncode:
            sys.stdout.write(f"\nno comparison with 0.1: it cannot be installed:\n{installed.stderr}\n")
        yield None if installed.returncode else folder
    finally:
        subprocess.run([*git, "remove", "--force", folder], check=True, capture_output=True)
