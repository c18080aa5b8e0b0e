"""Read `requirements.lock`: which version of each library an application installs, and the hashes of its files."""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
LOCK = REPOSITORY / "requirements.lock"
BUILD_LOCK = REPOSITORY / "requirements-build.lock"
EXTRAS = ("postgres", "report", "notify", "metrics")
"""The extras that an application may need; those of the tests and the tools are not locked."""

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+?))?\s*\\?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?: \\)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One library of the lock; `marker` says where it is installed, and is empty where that is everywhere."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pins_of(text: str) -> tuple[Pin, ...]:
    """Read the text of a lock.

    Raises:
        ValueError: a line is neither a comment, an exact version nor a hash. An address of a registry is such a line.
    """
    found: list[Pin] = []
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if _HASH.fullmatch(line) and found:
            last = found.pop()
            name, version, marker = last.name, last.version, last.marker
            word = line.removesuffix(" \\").removeprefix("--hash=")
            found.append(Pin(name=name, version=version, marker=marker, hashes=(*last.hashes, word)))
        elif pin := _PIN.fullmatch(line):
            found.append(Pin(name=pin["name"], version=pin["version"], marker=pin["marker"] or "", hashes=()))
        else:
            raise ValueError(f"this line of the lock is no exact version and no hash: {line!r}; run make lock")
    return tuple(found)


def locked(path: Path = LOCK) -> tuple[Pin, ...]:
    """Read a lock of this repository."""
    return pins_of(path.read_text(encoding="utf-8"))
