"""What is left of the journal's database when the machine stops, at each step and with any part of what was not synced.

A run is recorded below SQLite, its disk is rebuilt as a crash behind each step may leave it, and each such disk is
opened as the next start does. More of them: FAULT_DEPTH=50 pytest tests/real/test_database_crashes.py
"""

import itertools
import os
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.commit_story import CommitStory, problems_of
from tests.support.crashed_journal import (
    Crash,
    RecordedRun,
    files_in,
    found_after,
    journal_at,
    put,
    unflushed,
)
from tests.support.sqlite_shim.vfs import Call, Fault, Shim, Way
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.port import CommitUnknownError

pytestmark = [pytest.mark.subprocess, pytest.mark.no_cover, pytest.mark.timeout(3600)]

DEPTH = int(os.environ.get("FAULT_DEPTH", "1"))
SAMPLE = 4 * DEPTH
SECTORS = (512, 4096)


@pytest.fixture
def opened_quickly() -> Iterator[Shim]:
    """Images are opened without flushes: nothing crashes behind them."""
    with unflushed().as_default() as shim:
        yield shim


def a_day(folder: Path) -> RecordedRun:
    """Orders, a checkpoint, more orders that reuse the log, another checkpoint, and a clean end."""
    run = RecordedRun(folder).commit(7)
    run.journal.checkpoint()
    run.commit(5)
    run.journal.checkpoint()
    return run.commit(2).close()


def wrong(run: RecordedRun, folder: Path, *, sample: int = SAMPLE, sector: int = 4096) -> list[str]:
    """Return what is wrong with any disk that a crash of this run may leave."""
    crashes = run.crashes(random.Random(20261127), sample=sample, sector=sector)
    problems, count = [], 0
    for count, crash in enumerate(crashes, 1):
        problems += found_after(crash, run.story, folder, goes_on=count % 4 == 0)
    assert count > len(run.story.commits)
    return problems


@pytest.mark.parametrize("sector", SECTORS)
def test_after_a_crash_at_any_step_every_acknowledged_commit_is_there_and_none_by_half(
    tmp_path, opened_quickly, sector
):
    run = a_day(tmp_path / "run")
    assert run.refused is None
    assert wrong(run, tmp_path / "crashed", sector=sector) == []


def test_a_start_after_a_crash_may_crash_itself(tmp_path, opened_quickly):
    first = RecordedRun(tmp_path / "run").commit(5)
    crashes = list(first.crashes(random.Random(1), sample=2))
    problems = []
    for crash in crashes[:: max(1, len(crashes) // (10 * DEPTH))]:
        second = again_after(crash, first.story, tmp_path / "again")
        problems += wrong(second, tmp_path / "crashed", sample=2 * DEPTH)
    assert problems == []


def short_day(folder: Path, fault: Fault) -> RecordedRun:
    """The same with a fault in it: it may strike at the start, in any commit, or while the log is tidied up."""
    run = RecordedRun(folder, fault=fault).commit(4)
    run.journal.checkpoint()
    return run.commit(2)


def faulty_days(folder: Path, calls: frozenset[Call], *ways: Way) -> Iterator[RecordedRun]:
    """Let each call of the day go wrong in its turn, alone or with all that come after it.

    How it goes wrong changes with the call; in depth each goes wrong in every way.
    """
    kinds = list(itertools.product(ways, (False, True)))
    for number in itertools.count(1):
        for way, lasts in kinds if DEPTH > 1 else (kinds[number % len(kinds)],):
            fault = Fault(way=way, at=number, calls=calls, lasts=lasts)
            run = short_day(folder / f"{number}-{way}-{lasts}", fault)
            if not run.is_hit():
                assert number > len(run.story.commits)
                return
            yield run


def wrong_after(run: RecordedRun, folder: Path) -> list[str]:
    """Return what is wrong after a fault: in the process that saw it, behind a crash, and at the next start."""
    problems = refusal_problems(run)
    chance = random.Random(run.shim.matched)
    crashes = list(run.crashes(chance, sample=SAMPLE, behind=run.first_failed_step()))
    for crash in chance.sample(crashes, min(3 * DEPTH, len(crashes))):
        problems += found_after(as_told(run, crash), run.story, folder)
    run.shim.arm(None)
    run.close()
    acknowledged, tried = run.counts()
    left = Crash(image=files_in(run.folder), acknowledged=acknowledged, tried=tried, step=len(run.shim.steps))
    problems += found_after(as_told(run, left), run.story, folder)
    return [f"{run.shim.fault}, {run.refused!r}: {problem}" for problem in problems]


def as_told(run: RecordedRun, crash: Crash) -> Crash:
    """Hold the journal to its word: a commit is unknown only where it was said to be; else it was not stored."""
    if run.refused is None or isinstance(run.refused, CommitUnknownError):
        return crash
    return replace(crash, tried=crash.acknowledged)


def refusal_problems(run: RecordedRun) -> list[str]:
    if run.refused is None:
        return []
    before = run.journal.head
    try:
        run.journal.commit(run.story.commits[-1] if run.story.commits else CommitStory().next())
    except OrderLogError:
        return [] if run.journal.head == before else ["its head moved"]
    return ["it had refused, and took a commit"]


@pytest.mark.parametrize(
    ("calls", "ways"),
    [
        (frozenset({Call.SYNC}), (Way.FAIL,)),
        (frozenset({Call.WRITE}), (Way.FAIL, Way.FULL, Way.TEAR)),
        (frozenset({Call.OPEN, Call.SHM_MAP, Call.TRUNCATE, Call.DELETE}), (Way.FAIL,)),
    ],
    ids=["sync", "write", "open or truncate"],
)
def test_after_a_call_of_the_disk_failed_nothing_is_lost_and_what_is_unknown_was_said_to_be(
    tmp_path, opened_quickly, calls, ways
):
    problems = []
    for run in faulty_days(tmp_path / "days", calls, *ways):
        problems += wrong_after(run, tmp_path / "crashed")
    assert problems == []


def again_after(crash: Crash, story: CommitStory, folder: Path) -> RecordedRun:
    """Start over a crashed disk, tidy up, go on for two commits and end cleanly."""
    put(crash.image, folder)
    with closing(journal_at(folder)) as journal:
        number, problems = problems_of(journal, journal.open(), story.held)
    assert (number is not None, problems) == (True, [])
    put(crash.image, folder)
    run = RecordedRun(folder, CommitStory.of(number or 0)).commit(1)
    run.journal.checkpoint()
    return run.commit(1).close()
