"""A file with one change, and what became of it."""

import enum
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

_SHOWN = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change in one file; ``make`` writes the whole changed source."""

    path: str
    function: str
    before: str
    after: str
    nth: int
    """Which one, counted from 1, where the function has the same text more than once."""
    lines: tuple[int, int]
    """First and last line of the changed statement, counted from 1."""
    make: Callable[[], str]

    @property
    def identity(self) -> str:
        """Ten hex digits that stay the same as long as the function's changed text does."""
        whole = "\n".join((self.path, self.function, self.before, self.after, str(self.nth)))
        return hashlib.sha256(whole.encode()).hexdigest()[:10]

    @property
    def told(self) -> str:
        """The change in one line, for a person."""
        before, after = _differing(self.before, self.after)
        return f"{self.path}: {self.function or 'module'}: {before} -> {after}"


class End(enum.StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"  # a test ran past its limit; counts as killed
    SURVIVED = "survived"
    NOT_RUN = "not run"  # no test that takes part runs the line; counts as survived
    SAME = "same"  # compiles to the same code; not counted
    NOT_TRIED = "not tried"  # the trial itself broke before a test told anything; not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The end of one mutant, as it is kept."""

    identity: str
    told: str
    end: End
    line: int
    by: str = ""
    """The test that killed it."""
    seconds: float = 0.0
    digest: str = ""
    """Of the file that was mutated."""
    at: float = 0.0
    """When it ended, in seconds since 1970."""


def one_line(code: str) -> str:
    """Return code with every run of white space made one space."""
    return " ".join(code.split())


def _differing(before: str, after: str) -> tuple[str, str]:
    """Cut what long texts have in common, so that the difference is seen."""
    if max(len(before), len(after)) <= _SHOWN:
        return before, after
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    start = max(0, start - _SHOWN // 4)
    return f"…{before[start : start + _SHOWN]}…", f"…{after[start : start + _SHOWN]}…"
