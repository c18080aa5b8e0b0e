"""What the long runs share: where they ran, and a file of figures that is whole at each moment."""

import os
import platform
from pathlib import Path


def machine_of(workers: int) -> str:
    """Return how a run used the machine, for its figures."""
    return f"{workers} of {os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a run which is interrupted leaves the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
