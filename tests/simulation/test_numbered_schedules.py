"""The lives with which `python -m tests.simulation` begins: both wires and odd accounts in turns."""

import re
from pathlib import Path

from tests.simulation.lived import numbered
from tests.simulation.many import NUMBERED_FILES
from tests.simulation.numbered_part import MARKS, live_through_part
from tests.support.sim_schedule import ODD_FROM, PLAIN
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

pytestmark = MARKS


def test_no_numbered_schedule_breaks_a_promise(tmp_path):
    live_through_part(0, tmp_path)


def test_each_part_has_a_file_of_its_own():
    files = Path(__file__).parent.glob("test_numbered_schedules*.py")
    parts = sorted(
        int(*re.findall(r"live_through_part\(([0-9]+), ", file.read_text(encoding="utf-8"))) for file in files
    )
    assert parts == list(range(NUMBERED_FILES))


def test_of_some_hundred_numbers_every_kind_of_life_is_one():
    """The turns must not run in step: a wire that is never spoken by a live account would prove nothing about it."""
    places = [numbered(number).setting for number in range(2000)]
    kinds = {(at.wire, at.mode, at.in_memory, at.has_past, at.order_management is PLAIN) for at in places}
    assert len(kinds) == len(PaperWire) * len(ExecutionMode) * 2**3
    assert len({(at.wire, at.mode, at.in_memory, at.is_thorough) for at in places}) == 2**4


def test_of_three_lives_one_at_least_speaks_the_agent_interface():
    wires = [numbered(number).setting.wire for number in range(700)]
    assert wires.count(PaperWire.AGENT) * 3 >= len(wires)
    assert {numbered(number, PaperWire.PRIVATE).setting.wire for number in range(7)} == {PaperWire.PRIVATE}


def test_a_number_is_the_seed_of_its_life():
    assert [numbered(number).number for number in range(12)] == list(range(12))
    assert numbered(2).steps != numbered(ODD_FROM + 1).steps
