"""The checker on trial: it must find every planted bug, and soon."""

import pytest

from tests.simulation.first_seeds import FIRST_SEEDS
from tests.simulation.planted_bugs import PLANTED, SETTINGS
from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_schedule import PLAIN, run, setting_of, steps_of
from trading_bot.order_management.exceptions import OrderLogDamagedError

pytestmark = pytest.mark.no_cover

WITHIN = 1000
FOUND = (BrokenInvariantError, OrderLogDamagedError)
"""A journal that contradicts itself refuses to go on by itself."""


def test_there_are_bugs_enough():
    assert len(PLANTED) >= 25


def test_every_bug_that_is_looked_for_early_exists():
    assert FIRST_SEEDS.keys() <= PLANTED.keys()
    assert max(FIRST_SEEDS.values()) < WITHIN


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug, monkeypatch, tmp_path_factory):
    PLANTED[bug](monkeypatch)
    for seed in (FIRST_SEEDS.get(bug, 0), *range(WITHIN)):
        try:
            setting = setting_of(seed, SETTINGS.get(bug, PLAIN))
            run(tmp_path_factory.mktemp(f"schedule-{seed}-"), steps_of(seed), setting)
        except FOUND:
            return
    pytest.fail(f"not found in {WITHIN} schedules: {bug}")
