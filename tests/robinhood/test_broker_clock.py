"""The broker's time, by what its replies say."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.jumpy_clock import JumpyClock
from trading_bot.robinhood.broker_clock import BrokerClock, http_date
from trading_bot.robinhood.session import WireReply

OURS = datetime(2026, 11, 23, 15, tzinfo=UTC)
THEIRS = datetime(2026, 11, 23, 14, 59, 58, tzinfo=UTC)
DATE = "Mon, 23 Nov 2026 14:59:58 GMT"


def reply(date: str | None) -> WireReply:
    return WireReply(status=200, headers={} if date is None else {"date": date}, body=b"")


def test_before_the_first_date_it_is_not_known():
    assert BrokerClock(JumpyClock(OURS)).now() is None


def test_it_goes_on_from_the_latest_date():
    clock = JumpyClock(OURS)
    broker = BrokerClock(clock)
    broker.hear(reply("Mon, 23 Nov 2026 10:00:00 GMT"))
    broker.hear(reply(DATE))
    clock.sleep(90)
    assert broker.now() == THEIRS + timedelta(seconds=90)


@pytest.mark.parametrize("hours", [-8, 8])
def test_our_wall_clock_does_not_count(hours):
    clock = JumpyClock(OURS)
    broker = BrokerClock(clock)
    broker.hear(reply(DATE))
    clock.jump(hours * 3600)
    assert broker.now() == THEIRS


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "soon",
        "Mon, 99 Nov 2026 14:59:58 GMT",
        "12",
        "\x00",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 23 Nov 2026 14:59:58 +99999999999999",
        "Fri, 31 Dec 9999 23:30:00 -0100",
        "Mon, 01 Jan 0001 00:30:00 +0100",
    ],
)
def test_a_reply_without_a_readable_date_changes_nothing(date):
    broker = BrokerClock(JumpyClock(OURS))
    broker.hear(reply(DATE))
    broker.hear(reply(date))
    assert broker.now() == THEIRS


def test_a_date_without_a_zone_is_in_utc():
    assert http_date("Mon, 23 Nov 2026 14:59:58 -0000") == THEIRS


@pytest.mark.parametrize(
    ("date", "is_heard"),
    [
        ("Tue, 31 Dec 2019 23:59:59 GMT", False),
        ("Wed, 01 Jan 2020 00:00:00 GMT", True),
        ("Fri, 31 Dec 2100 23:59:59 GMT", True),
        ("Sat, 01 Jan 2101 00:00:00 GMT", False),
        ("Fri, 31 Dec 9999 23:30:00 GMT", False),
    ],
)
def test_a_date_that_cannot_be_is_not_heard(date, is_heard):
    """One near the end of the calendar would break the sums of whoever reckons with it."""
    broker = BrokerClock(JumpyClock(OURS))
    broker.hear(reply(DATE))
    broker.hear(reply(date))
    assert broker.now() == (http_date(date) if is_heard else THEIRS)


def test_a_time_beyond_the_calendar_is_not_known():
    clock = JumpyClock(OURS)
    broker = BrokerClock(clock)
    broker.hear(reply(DATE))
    clock.sleep(8000 * 366 * 86400)
    assert broker.now() is None


def test_a_date_of_another_zone_is_told_in_utc():
    told = http_date("Mon, 23 Nov 2026 09:59:58 -0500")
    assert (told, told and told.tzinfo) == (THEIRS, UTC)
