import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
import time_machine

from tests.support.jumpy_clock import JumpyClock
from trading_bot.clock import Moment, Seconds, SystemClock, VirtualClock

MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_a_virtual_clock_stands_still_until_somebody_sleeps():
    clock = VirtualClock(MONDAY)
    assert (clock.now(), clock.now(), clock.monotonic()) == (MONDAY, MONDAY, 0.0)


def test_sleeping_moves_both_of_its_times_at_once():
    clock = VirtualClock(MONDAY)
    clock.sleep(1.5)
    clock.sleep(60)
    assert clock.now() == MONDAY + timedelta(seconds=61.5)
    assert clock.monotonic() == 61.5


@pytest.mark.parametrize("seconds", [0, -1, -0.0, float("nan"), float("-inf")])
def test_no_wait_moves_it_backwards(seconds):
    clock = VirtualClock(MONDAY)
    clock.sleep(seconds)
    assert (clock.now(), clock.monotonic()) == (MONDAY, 0.0)


def test_advancing_is_time_passing_and_never_back():
    clock = VirtualClock(MONDAY)
    clock.advance(60)
    with pytest.raises(ValueError, match="only goes forward"):
        clock.advance(-1)
    assert clock.monotonic() == 60.0


def test_it_sleeps_until_a_moment_and_not_back_to_one():
    clock = VirtualClock(MONDAY)
    clock.sleep_until(MONDAY + timedelta(minutes=1))
    clock.sleep_until(MONDAY)
    assert clock.now() == MONDAY + timedelta(minutes=1)
    assert clock.monotonic() == 60.0


def test_it_tells_utc_whatever_zone_it_was_started_in():
    tokyo = timezone(timedelta(hours=9))
    now = VirtualClock(datetime(2026, 11, 24, tzinfo=tokyo)).now()
    assert now == MONDAY
    assert now.tzinfo is UTC


def test_it_does_not_guess_a_zone():
    with pytest.raises(ValueError, match="add a zone"):
        VirtualClock(datetime(2026, 11, 23, 15))


def test_the_systems_clock_tells_utc_whatever_the_machines_zone():
    tokyo = timezone(timedelta(hours=9))
    with time_machine.travel(datetime(2026, 11, 24, tzinfo=tokyo), tick=False):
        now = SystemClock().now()
    assert now == MONDAY
    assert now.tzinfo is UTC


def test_the_systems_monotonic_clock_is_the_operating_systems():
    earlier = time.monotonic()
    told = SystemClock().monotonic()
    assert earlier <= told <= time.monotonic()


@pytest.mark.parametrize(("seconds", "slept"), [(0.25, [0.25]), (0, []), (-1, [])])
def test_the_systems_clock_blocks_for_a_positive_time_only(monkeypatch, seconds, slept):
    """A negative wait is an error of ``time.sleep``, and common where a deadline has just passed."""
    waits: list[Seconds] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    SystemClock().sleep(seconds)
    assert waits == slept


class TestMoment:
    @pytest.mark.parametrize(("slept", "jumped", "age"), [(5, 0, 5), (5, 60, 65), (5, -60, 5)])
    def test_its_age_is_that_of_the_clock_that_saw_more_time(self, slept, jumped, age):
        clock = JumpyClock(MONDAY)
        moment = Moment.of(clock)
        clock.sleep(slept)
        clock.jump(jumped)
        assert moment.age_s(clock) == age

    @pytest.mark.parametrize(("jumped", "has_slept"), [(0, False), (2, False), (2.5, True), (-60, False)])
    def test_a_wall_clock_that_ran_ahead_of_the_other_means_a_sleep(self, jumped, has_slept):
        clock = JumpyClock(MONDAY)
        moment = Moment.of(clock)
        clock.sleep(100)
        clock.jump(jumped)
        assert moment.slept_since(clock) is has_slept


def test_a_virtual_clock_gets_past_a_moment_that_rounding_leaves_less_than_a_microsecond_away():
    clock = VirtualClock(MONDAY)
    clock.sleep(1e-16)
    assert clock.monotonic() == 1e-6
