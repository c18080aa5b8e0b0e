import os
from datetime import timedelta

import pytest

from tests.support.risk_bench import ACCOUNT, MONDAY_NOON, breaker_of
from tests.support.safety_fakes import FullDisk
from trading_bot.clock import VirtualClock
from trading_bot.risk.breaker import BreakerTrips, RiskBreaker, RiskBreakerError
from trading_bot.risk.exchange_day import exchange_day

MONDAY = exchange_day(MONDAY_NOON)
TUESDAY = exchange_day(MONDAY_NOON + timedelta(days=1))
TRIPPED = f'{{"v":1,"account":"{ACCOUNT}","losing_streak":{{"at":"2026-11-23T16:00:00Z","reason":"five"}}}}'
LOST = f'{{"v":1,"account":"{ACCOUNT}","daily_loss":{{"day":"2026-11-23","reason":"lost"}}}}'
REARMED = f'{{"v":1,"account":"{ACCOUNT}","rearmed":{{"at":"2026-11-23T17:00:00Z","by":"A"}}}}'


@pytest.fixture
def clock():
    return VirtualClock(MONDAY_NOON)


@pytest.fixture
def breaker(tmp_path, clock) -> RiskBreaker:
    return breaker_of(tmp_path / "state", clock)


def halted(breaker: RiskBreaker, day=MONDAY) -> str | None:
    return breaker.standing(day).halted_because


def test_without_a_file_nothing_has_tripped(breaker):
    standing = breaker.standing(MONDAY)
    assert (standing.halted_because, standing.rearmed_at) == (None, None)


def test_a_daily_loss_halts_until_the_next_exchange_day(breaker, clock):
    breaker.trip_daily_loss(MONDAY, "lost 1000")
    assert halted(breaker, MONDAY) == "lost 1000"
    clock.sleep(24 * 3600)
    assert halted(breaker, TUESDAY) is None


def test_the_day_before_a_daily_loss_is_halted_too(breaker, clock):
    """A wall clock set back by a day lifts nothing."""
    clock.sleep(24 * 3600)
    breaker.trip_daily_loss(TUESDAY, "lost 1000")
    assert halted(breaker, MONDAY) == "lost 1000"


def test_a_losing_streak_halts_until_somebody_re_arms(breaker, clock):
    breaker.trip_losing_streak("five in a row")
    clock.sleep(24 * 3600)
    assert halted(breaker, TUESDAY) == "five in a row"
    breaker.rearm(by="Ada")
    standing = breaker.standing(TUESDAY)
    assert (standing.halted_because, standing.rearmed_at) == (None, clock.now())


def test_re_arming_does_not_lift_a_daily_loss(breaker):
    breaker.trip_daily_loss(MONDAY, "lost 1000")
    breaker.trip_losing_streak("five in a row")
    breaker.rearm(by="Ada")
    assert halted(breaker) == "lost 1000"


def test_both_kinds_are_on_record_at_once(breaker, clock):
    breaker.trip_losing_streak("five in a row")
    breaker.trip_daily_loss(MONDAY, "lost 1000")
    clock.sleep(24 * 3600)
    assert halted(breaker, TUESDAY) == "five in a row"


def test_the_first_reason_of_a_trip_stays(breaker):
    breaker.trip_daily_loss(MONDAY, "lost 1000")
    breaker.trip_daily_loss(MONDAY, "lost 2000")
    assert halted(breaker) == "lost 1000"
    breaker.trip_losing_streak("five in a row")
    breaker.trip_losing_streak("six in a row")
    assert halted(breaker) == "five in a row"


def test_a_loss_on_a_later_day_trips_again(breaker, clock):
    breaker.trip_daily_loss(MONDAY, "lost on Monday")
    clock.sleep(24 * 3600)
    breaker.trip_daily_loss(TUESDAY, "lost on Tuesday")
    assert halted(breaker, TUESDAY) == "lost on Tuesday"


def test_a_later_trip_keeps_the_re_arming_on_record(breaker, clock):
    breaker.rearm(by="Ada")
    breaker.trip_daily_loss(MONDAY, "lost 1000")
    assert breaker.standing(MONDAY).rearmed_at == clock.now()


@pytest.mark.parametrize("trip", ["daily_loss", "losing_streak"])
def test_a_restart_forgets_nothing(tmp_path, clock, trip):
    before = breaker_of(tmp_path, clock)
    before.trip_daily_loss(MONDAY, "tripped") if trip == "daily_loss" else before.trip_losing_streak("tripped")
    assert halted(breaker_of(tmp_path, clock)) == "tripped"


def test_the_file_is_private(tmp_path, clock):
    breaker_of(tmp_path, clock).trip_losing_streak("five in a row")
    assert (tmp_path / "risk.json").stat().st_mode & 0o777 == 0o600


BAD_FILES = {
    "empty": "",
    "torn": TRIPPED[:-3],
    "not an object": "[]",
    "no account": '{"v":1}',
    "another version": TRIPPED.replace('"v":1', '"v":2'),
    "an older version": TRIPPED.replace('"v":1', '"v":0'),
    "a version that is no number": TRIPPED.replace('"v":1', '"v":true'),
    "an unknown field": TRIPPED.replace('"v":1', '"v":1,"armed":true'),
    "another account": TRIPPED.replace(ACCOUNT, "somebody-else"),
    "no zone": TRIPPED.replace("00Z", "00"),
    "an empty reason": TRIPPED.replace("five", ""),
    "no reason": TRIPPED.replace(',"reason":"five"', ""),
    "a reason that is too long": TRIPPED.replace("five", "x" * 501),
    "a loss for no reason": LOST.replace(',"reason":"lost"', ""),
    "a loss for an empty reason": LOST.replace('"lost"', '""'),
    "a loss for a reason that is too long": LOST.replace('"lost"', f'"{"x" * 501}"'),
    "a re-arming by nobody": REARMED.replace(',"by":"A"', ""),
    "a re-arming by an empty name": REARMED.replace('"A"', '""'),
    "a re-arming by a name that is too long": REARMED.replace('"A"', f'"{"x" * 201}"'),
    "a streak in the future": TRIPPED.replace("16:00", "17:01"),
    "a re-arming in the future": REARMED.replace("17:00:00", "17:00:01"),
    "a day in the future": LOST.replace("11-23", "11-24"),
    "too long": TRIPPED + " " * 5000,
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_file_that_cannot_be_relied_on_counts_as_tripped_and_can_be_re_armed(tmp_path, clock, content):
    path = tmp_path / "risk.json"
    path.write_text(content)
    breaker = breaker_of(tmp_path, clock)
    reason = halted(breaker)
    assert reason is not None
    assert str(path) in reason
    assert "cannot be relied on" in reason
    assert "`trading-bot arm`" in reason
    breaker.rearm(by="Ada")
    assert halted(breaker) is None


GOOD_FILES = {
    "a streak": (TRIPPED, "five"),
    "a loss": (LOST, "lost"),
    "a re-arming": (REARMED, None),
    "as long as a file may be": (TRIPPED.ljust(4096), "five"),
    "as long as a reason may be": (TRIPPED.replace("five", "x" * 500), "x" * 500),
    "as long as the reason of a loss may be": (LOST.replace('"lost"', f'"{"x" * 500}"'), "x" * 500),
    "as long as a name may be": (REARMED.replace('"A"', f'"{"x" * 200}"'), None),
}


@pytest.mark.parametrize(("content", "reason"), GOOD_FILES.values(), ids=GOOD_FILES.keys())
def test_a_good_file_like_the_bad_ones_is_relied_on(tmp_path, clock, content, reason):
    (tmp_path / "risk.json").write_text(content)
    assert halted(breaker_of(tmp_path, clock)) == reason


def test_what_tripped_last_is_told_with_its_day_and_moment_until_it_cannot_be_relied_on(tmp_path, breaker, clock):
    assert breaker.trips() == BreakerTrips()
    breaker.trip_daily_loss(MONDAY, "lost 1000")
    breaker.trip_losing_streak("five in a row")
    streak = (clock.now(), "five in a row")
    assert breaker.trips() == BreakerTrips(daily_loss=(MONDAY.date, "lost 1000"), losing_streak=streak)
    breaker.rearm(by="Ada")
    assert breaker.trips() == BreakerTrips(daily_loss=(MONDAY.date, "lost 1000"))
    (tmp_path / "state" / "risk.json").write_text("torn")
    assert breaker.trips() == BreakerTrips()


@pytest.mark.parametrize("link", ["symlink", "hardlink"])
def test_a_link_is_not_relied_on(tmp_path, clock, link):
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(f'{{"v":1,"account":"{ACCOUNT}"}}')
    path = tmp_path / "risk.json"
    path.symlink_to(elsewhere) if link == "symlink" else os.link(elsewhere, path)
    assert "cannot be relied on" in str(halted(breaker_of(tmp_path, clock)))


def test_a_file_that_cannot_be_read_counts_as_tripped(tmp_path, clock):
    class Unreadable(FullDisk):
        def read(self, path):
            raise PermissionError(13, "Permission denied")

    (tmp_path / "risk.json").write_text(f'{{"v":1,"account":"{ACCOUNT}"}}')
    assert "Permission denied" in str(halted(breaker_of(tmp_path, clock, files=Unreadable())))


@pytest.mark.parametrize("trip", ["daily_loss", "losing_streak"])
def test_a_file_that_cannot_be_relied_on_is_left_for_a_person(tmp_path, clock, trip):
    path = tmp_path / "risk.json"
    path.write_text("torn")
    breaker = breaker_of(tmp_path, clock)
    breaker.trip_daily_loss(MONDAY, "lost") if trip == "daily_loss" else breaker.trip_losing_streak("five")
    assert path.read_text() == "torn"


def test_a_re_arming_that_cannot_be_written_is_an_error_and_changes_nothing(tmp_path, clock):
    disk = FullDisk(is_full=False)
    breaker = breaker_of(tmp_path, clock, files=disk)
    breaker.trip_losing_streak("five in a row")
    disk.is_full = True
    with pytest.raises(RiskBreakerError, match=r"No space left on device; repair .* and arm again"):
        breaker.rearm(by="Ada")
    assert halted(breaker) == "five in a row"


@pytest.mark.parametrize("trip", ["daily_loss", "losing_streak"])
def test_a_trip_that_cannot_be_written_is_logged_with_the_problem(tmp_path, clock, trip, caplog):
    breaker = breaker_of(tmp_path, clock, files=FullDisk())
    breaker.trip_daily_loss(MONDAY, "lost") if trip == "daily_loss" else breaker.trip_losing_streak("five")
    (told,) = [record.getMessage() for record in caplog.records if "risk_breaker_not_saved" in record.getMessage()]
    assert "No space left on device" in told


@pytest.mark.parametrize("name", ["", " ", "x" * 201])
def test_whoever_re_arms_has_a_name(breaker, name):
    with pytest.raises(ValueError, match="name who re-arms"):
        breaker.rearm(by=name)


def test_a_name_of_200_characters_will_do(breaker, clock):
    breaker.rearm(by="x" * 200)
    assert breaker.standing(MONDAY).rearmed_at == clock.now()
