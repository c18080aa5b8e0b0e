"""The builds that are compared, each with the libraries that it names itself."""

import sys
from pathlib import Path


def python_of(checkout: Path) -> str:
    """Return the interpreter of a checkout's own environment; without one, this one has to do."""
    own = checkout / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable
