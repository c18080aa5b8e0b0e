"""The checker on trial: it must find every planted bug, and soon."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.simulation.directed_schedules import DIRECTED, setting_for
from tests.simulation.first_seeds import FIRST_SEEDS
from tests.simulation.planted_bugs import PLANTED, SETTINGS
from tests.simulation.planted_table import PROMISES, ROOMS, TABLE
from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_schedule import PLAIN, Setting, run, setting_of, steps_of
from tests.support.sim_steps import Step
from trading_bot.order_management.exceptions import OrderLogDamagedError

pytestmark = pytest.mark.no_cover

WITHIN = 1000


def test_there_are_bugs_enough():
    assert len(PLANTED) >= 60


def test_every_promise_and_every_room_has_a_bug():
    assert TABLE.keys() == PLANTED.keys()
    assert {promise for promise, _ in TABLE.values()} == PROMISES
    assert {room for _, room in TABLE.values()} == ROOMS


def test_every_bug_that_is_looked_for_early_exists():
    assert FIRST_SEEDS.keys() <= PLANTED.keys()
    assert max(FIRST_SEEDS.values()) < WITHIN


def test_every_bug_of_a_directed_schedule_exists():
    assert DIRECTED.keys() <= PLANTED.keys()


def schedules(bug: str) -> Iterator[tuple[Sequence[Step], Setting]]:
    """Return what may find the bug: a schedule made for it, or else what chance brings about."""
    if bug in DIRECTED:
        yield DIRECTED[bug], setting_for(bug)
        return
    for seed in (FIRST_SEEDS.get(bug, 0), *range(WITHIN)):
        yield steps_of(seed), setting_of(seed, SETTINGS.get(bug, PLAIN))


def broken(folder: Path, steps: Sequence[Step], setting: Setting) -> set[str]:
    """Live through a schedule, and return the promises that were found broken."""
    try:
        run(folder, steps, setting)
    except BrokenInvariantError as error:
        return set(re.findall("^([ILP][0-9]+) ", str(error), re.MULTILINE))
    except (OrderLogDamagedError, ValueError):
        # A journal that contradicts itself goes on no more by itself, and takes no record out of order.
        return {"I12"}
    return set()


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug, monkeypatch, tmp_path_factory):
    PLANTED[bug](monkeypatch)
    for steps, setting in schedules(bug):
        found = broken(tmp_path_factory.mktemp("schedule"), steps, setting)
        if found:
            promise, _ = TABLE[bug]
            assert promise in found
            return
    pytest.fail(f"not found by a directed schedule or in {WITHIN} of chance: {bug}")
