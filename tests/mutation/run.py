"""One room's run: draw mutants, try them, tell what survived."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.mutation import baseline as base
from tests.mutation.cold import PYTEST_OPTIONS, check_that_nothing_fails_unchanged, try_cold
from tests.mutation.drawing import drawn
from tests.mutation.figures import Figures, figures_of, reasons
from tests.mutation.mutant import End, Mutant, Trial
from tests.mutation.mutants import mutants_of
from tests.mutation.page import write_page
from tests.mutation.record import SCRATCH, Record, digest_of_all
from tests.mutation.rooms import HERE, Room, rooms
from tests.mutation.trial import Trials


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run was asked for."""

    seed: int
    count: int
    minutes: float
    budget_s: float
    """What the tests of one mutant may take together, in seconds of processor time."""
    only_survivors: bool = False
    only_known: bool = False
    matching: str = ""


def run(room: Room, asked: Asked, *, page: bool) -> int:
    """Try a room's mutants, and return how many survived for no reason that is on record."""
    possible = [mutant for path in room.files for mutant in mutants_of(path, (HERE / path).read_text())]
    chosen = drawn(possible, seed=asked.seed, count=asked.count)
    record = Record(room.name)
    done = record.of(chosen) if asked.only_survivors or asked.only_known else {}
    left = [] if asked.only_known else [each for each in chosen if not _is_done(done.get(each.identity))]
    left = [mutant for mutant in left if asked.matching in mutant.told]
    sys.stderr.write(
        f"{room.name}: {len(possible)} mutants, {len(chosen)} drawn by seed {asked.seed}, {len(left)} to try\n"
    )
    trials = _tried(room, left, asked, record)
    figures = figures_of(room, possible=len(possible), drawn=chosen, trials={**done, **trials}, seed=asked.seed)
    _tell(figures, trials)
    if page and not asked.matching:
        figures.write()
        write_page()
    return figures.unexplained(reasons())


def _is_done(trial: Trial | None) -> bool:
    return trial is not None and trial.end not in {End.SURVIVED, End.NOT_RUN, End.NOT_TRIED}


def _tried(room: Room, mutants: Sequence[Mutant], asked: Asked, record: Record) -> dict[str, Trial]:
    """Try those that can be exchanged in a process that has the tests, and the rest in this one, which has not."""
    if not mutants:
        return {}
    until = time.monotonic() + asked.minutes * 60
    progress = _Progress(record, len(mutants))
    beside = tuple(path for other in rooms().values() if other.tests == room.tests for path in other.files)
    files = tuple(dict.fromkeys((*room.files, *beside)))
    kept = SCRATCH / f"lines-{digest_of_all(('src', 'tests/support'))}-{len(files)}.json"
    pid = os.fork()
    if pid == 0:
        until_then = Trials(
            mutants=mutants, files=files, kept=kept, record=progress.add, until=until, budget_s=asked.budget_s
        )
        pytest.main([*room.tests, "-q", *PYTEST_OPTIONS], plugins=[until_then])
        sys.stderr.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    baseline = base.kept(kept)
    if baseline is None:
        raise RuntimeError("the tests could not be run without a change; run them with pytest to see why")
    found = progress.found(mutants)
    controlled: set[str] = set()
    for mutant in mutants:
        if mutant.identity in found or time.monotonic() > until:
            continue
        if mutant.path not in controlled:
            check_that_nothing_fails_unchanged(mutant, baseline)
            controlled.add(mutant.path)
        progress.add(mutant, try_cold(mutant, baseline, budget_s=asked.budget_s))
    return progress.found(mutants)


class _Progress:
    def __init__(self, record: Record, wanted: int) -> None:
        self._record = record
        self._wanted = wanted
        self._began = time.time()
        self._count = 0

    def add(self, mutant: Mutant, trial: Trial) -> None:
        self._record.add(mutant, trial)
        self._count += 1
        if trial.end in {End.SURVIVED, End.NOT_RUN}:
            sys.stderr.write(f"  {trial.end}: {mutant.path}:{mutant.lines[0]} {trial.told} [{trial.identity}]\n")
        if self._count % 20 == 0:
            sys.stderr.write(f"  {self._count} of {self._wanted} after {time.time() - self._began:.0f} s\n")

    def found(self, mutants: Sequence[Mutant]) -> dict[str, Trial]:
        """Return what this run has recorded, in whichever process."""
        return self._record.of(mutants, since=self._began)


def _tell(figures: Figures, trials: dict[str, Trial]) -> None:
    slow = sum(trial.seconds for trial in trials.values()) / max(1, len(trials))
    sys.stdout.write(f"{figures.told()}; {slow:.2f} s a mutant\n")
