"""The fourth part of the numbered lives: see `test_numbered_schedules`."""

from tests.simulation.numbered_part import MARKS, live_through_part

pytestmark = MARKS


def test_no_numbered_schedule_of_this_part_breaks_a_promise(tmp_path):
    live_through_part(3, tmp_path)
