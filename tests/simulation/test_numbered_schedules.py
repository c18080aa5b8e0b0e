"""The lives with which `python -m tests.simulation` begins: both wires and odd accounts in turns."""

import pytest

from tests.simulation.lived import live, numbered, shown
from tests.simulation.long_run import ENOUGH
from tests.simulation.many import SCHEDULES
from tests.support.sim_schedule import ODD_FROM
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

pytestmark = [pytest.mark.timeout(max(600, SCHEDULES * 5)), pytest.mark.no_cover]


def test_no_numbered_schedule_breaks_a_promise(tmp_path):
    lived = live(tmp_path, map(numbered, range(SCHEDULES)))
    if lived.broken:
        first = numbered(min(lived.broken))
        (tmp_path / "smaller").mkdir()
        pytest.fail(f"lives {sorted(lived.broken)}; the first, made small: {shown(first, tmp_path / 'smaller')}")
    assert lived.never_reached() == [] or SCHEDULES < ENOUGH


def test_of_some_hundred_numbers_every_kind_of_life_is_one():
    """The turns must not run in step: a wire that is never spoken by a live account would prove nothing about it."""
    kinds = {
        (life.setting.wire, life.setting.mode, life.setting.in_memory, life.setting.has_past, life.sends_again)
        for life in map(numbered, range(2000))
    }
    assert len(kinds) == len(PaperWire) * len(ExecutionMode) * 2**3


def test_of_three_lives_one_at_least_speaks_the_agent_interface():
    wires = [numbered(number).setting.wire for number in range(700)]
    assert wires.count(PaperWire.AGENT) * 3 >= len(wires)
    assert {numbered(number, PaperWire.PRIVATE).setting.wire for number in range(7)} == {PaperWire.PRIVATE}


def test_a_number_is_the_seed_of_its_life():
    assert [numbered(number).number for number in range(12)] == list(range(12))
    assert numbered(2).steps != numbered(ODD_FROM + 1).steps
