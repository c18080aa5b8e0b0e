"""Gives inputs to a door, one after the other, and keeps those that broke a promise."""

import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.bounds import Ear, MemoryBound, bounded
from tests.fuzz.registry import TARGETS
from tests.fuzz.targets import Take, Target

_FRAMES = 12
_LOOKED_AT_EVERY = 50
_ROUND = 50
"""Inputs of a round for each share of a door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """An input that broke a promise. ``number`` is -1 for one of the corpus."""

    target: str
    seed: int
    number: int
    data: bytes
    why: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many inputs a door took, and how they ended."""

    inputs: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count another part of the same door in."""
        self.inputs += other.inputs
        self.endings += other.endings
        self.broken += other.broken


@contextmanager
def opened(target: Target) -> Iterator[Take]:
    """Open a door over a folder that goes with it; what is logged meanwhile is looked at after each input."""
    ear = Ear()
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_fast_folder()) as folder, ear.listening():
        door = target.open(Path(folder))

        def take(data: bytes) -> str:
            ended = door(data)
            ear.refuse_secrets()
            return ended

        yield take


def why_broken(take: Take, data: bytes, tally: Tally) -> str | None:
    """Give one input to a door within the bounds, count how it ended, and return what was wrong, if anything was."""
    tally.inputs += 1
    try:
        with bounded(len(data)):
            tally.endings[take(data)] += 1
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is raised here is a find
        tally.endings[f"broken {type(error).__name__}"] += 1
        return "".join(traceback.format_exception(error, limit=-_FRAMES))
    return None


def lived(name: str, seed: int, numbers: Iterable[int]) -> Tally:
    """Give the inputs of these numbers to a door."""
    target, tally = TARGETS[name], Tally()
    with opened(target) as take:
        take(next(iter(target.corpus.values())))  # what is loaded at first use is not the input's doing
        memory, longest = MemoryBound(), 0
        for number in numbers:
            data = target.made(seed, number)
            longest = max(longest, len(data))
            why = why_broken(take, data, tally)
            if why is None and tally.inputs % _LOOKED_AT_EVERY == 0:
                problem = memory.problem(longest=longest)
                longest = 0
                why = problem and f"{problem}, or one of the {_LOOKED_AT_EVERY} inputs before it did"
            if why is not None:
                tally.broken.append(Broken(target=name, seed=seed, number=number, data=data, why=why))
    return tally


def rounds_of(names: Sequence[str], *, inputs: int, first: int = 0) -> Iterator[tuple[str, range]]:
    """Share inputs out among doors, in rounds that give every door its part; ``first`` inputs are left out."""
    whole = _ROUND * sum(TARGETS[name].share for name in names)
    for number in range(first // whole, -(-(first + inputs) // whole)):
        for name in names:
            part = _ROUND * TARGETS[name].share
            yield name, range(number * part, (number + 1) * part)


def _fast_folder() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else None
