"""Random lives of the bot against a broker with every bad habit; after each step the promises are checked.

More of them: ``python -m tests.simulation``, or ``SIMULATION_SCHEDULES=5000 pytest tests/simulation/test_schedules.py``
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import pytest

from tests.simulation.directed_schedules import DIRECTED, setting_for
from tests.simulation.lived import ANSWERS, BROKER, EVENTS, JOURNAL, LIVE, VERDICTS, WAYS_OUT, Life, Lived, live, shown
from tests.simulation.many import SCHEDULES
from tests.support.sim_schedule import ODD_FROM, SENDING_AGAIN, run, setting_of, shrunk, steps_of
from trading_bot.bot import TradeStatus
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

pytestmark = [
    pytest.mark.timeout(max(600, SCHEDULES * 5)),  # all of them live within one test
    pytest.mark.no_cover,  # tracing makes them three times as slow, and each line has a test of its own
]


def life(seed: int, order_management=None, wire: PaperWire = PaperWire.PRIVATE) -> Life:
    setting = setting_of(seed, order_management or {})
    return Life(number=seed, steps=steps_of(seed), setting=replace(setting, wire=wire))


class Lives:
    """Lived by the first test that asks, whichever it is."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders

    def of(self, lives: Iterable[Life]) -> Lived:
        """Live through them; those that are broken fail the test that asked."""
        each = {life.number: life for life in lives}
        lived = live(self._folders.mktemp("lives"), each.values())
        if lived.broken:
            first = each[min(lived.broken)]
            smaller = shown(first, self._folders.mktemp("smaller"))
            pytest.fail(f"lives {sorted(lived.broken)} break promises; the first, made small: {smaller}")
        return lived

    @cached_property
    def all_of_them(self) -> Lived:
        return self.of(life(seed) for seed in range(SCHEDULES // 2))

    @cached_property
    def odd_ones(self) -> Lived:
        """Lives of accounts with odd rows and moved shares, whose positions somebody leaves."""
        return self.of(life(seed) for seed in range(ODD_FROM, ODD_FROM + SCHEDULES // 3))


@pytest.fixture(scope="module")
def lives(tmp_path_factory) -> Lives:
    return Lives(tmp_path_factory)


def test_no_schedule_breaks_a_promise(lives):
    assert lives.all_of_them.reached["an order in doubt sent again"] == 0


def test_no_schedule_breaks_a_promise_where_an_order_in_doubt_is_sent_again(lives):
    again = lives.of(life(seed, SENDING_AGAIN) for seed in range(max(SCHEDULES // 10, 20)))
    assert again.reached["an order in doubt sent again"] > 0


@pytest.mark.parametrize("what", sorted(ANSWERS | VERDICTS | EVENTS | JOURNAL | BROKER | LIVE))
def test_the_schedules_reach(lives, what):
    """A simulation that never comes to an unknown outcome proves nothing about unknown outcomes."""
    assert lives.all_of_them.reached[what] > 0


def test_no_schedule_of_an_odd_account_breaks_a_promise(lives):
    """Doubt stays with what it concerns, and there is always a way out: see `sim_principles`."""
    assert lives.odd_ones.reached["an order in doubt sent again"] == 0


@pytest.mark.parametrize("what", sorted(WAYS_OUT))
def test_the_schedules_of_odd_accounts_reach(lives, what):
    assert lives.odd_ones.reached[what] > 0


def test_no_schedule_over_the_agent_interface_breaks_a_promise(lives):
    """Its replies vary in form, and its sessions are lost now and then; see `sim_agent_broker`."""
    seeds = [*range(SCHEDULES // 15), *range(ODD_FROM, ODD_FROM + SCHEDULES // 30)]
    lived = lives.of(life(seed, wire=PaperWire.AGENT) for seed in seeds)
    assert lived.reached[TradeStatus.UNKNOWN] > 0


@pytest.mark.parametrize("bug", DIRECTED)
@pytest.mark.parametrize("mode", ExecutionMode)
def test_the_bot_lives_through_a_directed_schedule(bug, mode, tmp_path):
    run(tmp_path, DIRECTED[bug], setting_for(bug, mode))


def test_a_failing_schedule_is_made_small():
    steps = steps_of(3)
    needed = {steps[2], steps[7]}
    assert set(shrunk(steps, lambda some: needed <= set(some))) == needed
