from datetime import UTC, date, datetime, timedelta

import pytest

from trading_bot.clock import VirtualClock
from trading_bot.risk.exchange_day import ExchangeDays, exchange_day

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


class JumpingClock(VirtualClock):
    """A wall clock that somebody may set."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.jump = timedelta()

    def now(self) -> datetime:
        return super().now() + self.jump


@pytest.mark.parametrize(
    ("moment", "day", "begins"),
    [
        (datetime(2026, 11, 23, 5, 0, tzinfo=UTC), date(2026, 11, 23), datetime(2026, 11, 23, 5, 0, tzinfo=UTC)),
        (
            datetime(2026, 11, 23, 4, 59, 59, tzinfo=UTC),
            date(2026, 11, 22),
            datetime(2026, 11, 22, 5, 0, tzinfo=UTC),
        ),
        (datetime(2026, 7, 6, 12, 0, tzinfo=UTC), date(2026, 7, 6), datetime(2026, 7, 6, 4, 0, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_midnight_in_new_york(moment, day, begins):
    found = exchange_day(moment)
    assert (found.date, found.begins) == (day, begins)


def test_a_day_ends_when_its_time_has_passed():
    clock = VirtualClock(NOON)
    days = ExchangeDays(clock)
    clock.sleep(12 * 3600 - 1)
    assert days.current().date == date(2026, 11, 23)
    clock.sleep(1)
    assert days.current().date == date(2026, 11, 24)


def test_a_wall_clock_set_forward_does_not_end_the_day():
    clock = JumpingClock(NOON)
    days = ExchangeDays(clock)
    clock.jump = timedelta(days=1)
    assert days.current().date == date(2026, 11, 23)


def test_a_wall_clock_set_back_brings_the_earlier_day_with_everything_since_it_began():
    clock = JumpingClock(NOON)
    days = ExchangeDays(clock)
    clock.jump = timedelta(days=-1)
    assert days.current().date == date(2026, 11, 22)
