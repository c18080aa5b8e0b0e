"""The figures of a room's last run, and the reasons of those that survived."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.mutation.mutant import End, Mutant, Trial
from tests.mutation.rooms import Room

FOLDER = Path(__file__).with_name("figures")
REASONS = Path(__file__).with_name("reasons.toml")
_EQUIVALENT = "equivalent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a mutant may survive."""

    mutant: str
    why: str
    equivalent: bool
    """Whether it changes nothing that a test could see; otherwise a test could be written and none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A mutant that no test noticed."""

    identity: str
    told: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One room's run."""

    name: str
    command: str
    seed: int
    count: int
    """Mutants tried; those that compile to the same code are not counted."""
    possible: int
    same: int
    killed: int
    timed_out: int
    not_tried: int
    survivors: tuple[Survivor, ...]
    hours: float
    date: str
    violations: int = 0
    """Survivors without a reason."""
    machine: str = "two cores"

    def unexplained(self, known: Mapping[str, Reason]) -> int:
        """Count the survivors that have no reason."""
        return sum(1 for each in self.survivors if each.identity not in known)

    def equivalent(self, known: Mapping[str, Reason]) -> int:
        """Count the survivors that change nothing."""
        return sum(1 for each in self.survivors if each.identity in known and known[each.identity].equivalent)

    def share(self, known: Mapping[str, Reason]) -> float:
        """Return the share of killed mutants among those that change something, from 0 to 1."""
        return (self.killed + self.timed_out) / max(1, self.count - self.equivalent(known))

    def told(self) -> str:
        """Say it in one line."""
        known = reasons()
        return (
            f"{self.name}: {self.count} mutants, {self.killed} killed, {self.timed_out} timed out, "
            f"{len(self.survivors)} survived ({self.equivalent(known)} equivalent, {self.unexplained(known)} without a "
            f"reason), {self.not_tried} not tried: {self.share(known):.1%} killed"
        )

    def write(self) -> None:
        """Keep them as JSON beside the tool."""
        FOLDER.mkdir(exist_ok=True)
        text = json.dumps({**asdict(self), "violations": self.unexplained(reasons())}, indent=1)
        (FOLDER / f"{self.name}.json").write_text(text + "\n")


def figures_of(
    room: Room,
    *,
    possible: int,
    drawn: Sequence[Mutant],
    trials: Mapping[str, Trial],
    seed: int,
) -> Figures:
    """Count the ends of a run."""
    found = [trials[mutant.identity] for mutant in drawn if mutant.identity in trials]
    ends = [trial for trial in found if trial.end is not End.NOT_TRIED]
    lived = [trial for trial in ends if trial.end in {End.SURVIVED, End.NOT_RUN}]
    same = sum(1 for trial in ends if trial.end is End.SAME)
    return Figures(
        name=room.name,
        command=f"make mutate ROOM={room.name}",
        seed=seed,
        count=len(ends) - same,
        possible=possible,
        same=same,
        killed=sum(1 for trial in ends if trial.end is End.KILLED),
        timed_out=sum(1 for trial in ends if trial.end is End.TIMED_OUT),
        not_tried=len(drawn) - len(ends),
        survivors=tuple(Survivor(identity=each.identity, told=each.told, end=each.end.value) for each in lived),
        hours=round(sum(trial.seconds for trial in ends) / 3600, 2),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def kept_figures() -> list[Figures]:
    """Read every room's last run."""
    read = [json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))]
    return [Figures(**{**each, "survivors": tuple(Survivor(**one) for one in each["survivors"])}) for each in read]


def reasons() -> Mapping[str, Reason]:
    """Read why mutants may survive, by their identity."""
    listed = tomllib.loads(REASONS.read_text()).get("survivor", [])
    return {
        each["id"]: Reason(mutant=each["mutant"], why=each["why"], equivalent=each["kind"] == _EQUIVALENT)
        for each in listed
    }
