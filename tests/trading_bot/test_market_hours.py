from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from trading_bot.market_hours import Calendar, MarketHours

NEW_YORK = ZoneInfo("America/New_York")
METHODS = ("is_open", "next_open", "close_after", "why_closed")


def hours_of(
    calendar: Calendar = Calendar.NYSE, *, start: time = time(9, 30), end: time = time(16), zone: ZoneInfo = NEW_YORK
) -> MarketHours:
    return MarketHours(calendar=calendar, start_time=start, end_time=end, timezone=zone)


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T09:29:59.999999", False),
        ("2026-11-23T09:30", True),
        ("2026-11-23T15:59:59.999999", True),
        ("2026-11-23T16:00", False),
        ("2026-11-21T12:00", False),  # Saturday
        ("2026-11-22T12:00", False),  # Sunday
        ("2026-11-26T12:00", False),  # Thanksgiving
        ("2026-07-03T12:00", False),  # Independence Day, observed on the Friday
        ("2026-04-03T12:00", False),  # Good Friday
        ("2027-12-31T12:00", True),  # New Year's Day on a Saturday closes no Friday
        ("2026-11-27T12:59", True),  # half days end at 13:00
        ("2026-11-27T13:00", False),
        ("2026-12-24T13:00", False),
    ],
)
def test_the_regular_session_of_the_exchange(moment, is_open):
    assert hours_of().is_open(new_york(moment)) is is_open


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T06:59", False),
        ("2026-11-23T07:00", True),
        ("2026-11-23T19:59", True),
        ("2026-11-23T20:00", False),
        ("2026-11-27T16:59", True),  # half day
        ("2026-11-27T17:00", False),
        ("2026-11-26T12:00", False),
        ("2026-11-21T12:00", False),
    ],
)
def test_extended_hours_surround_the_session_of_a_trading_day(moment, is_open):
    assert hours_of().is_open(new_york(moment), extended_hours=True) is is_open


@pytest.mark.parametrize(
    ("day", "opens_utc"),
    [(date(2026, 3, 6), 14), (date(2026, 3, 9), 13), (date(2026, 10, 30), 13), (date(2026, 11, 2), 14)],
)
def test_the_session_follows_summer_time(day, opens_utc):
    opens = datetime(day.year, day.month, day.day, opens_utc, 30, tzinfo=UTC)
    assert hours_of().is_open(opens)
    assert not hours_of().is_open(opens - timedelta(seconds=1))


def test_a_moment_in_any_zone_is_the_same_moment():
    tokyo = new_york("2026-11-23T10:00").astimezone(ZoneInfo("Asia/Tokyo"))
    assert tokyo.date() == date(2026, 11, 24)
    assert hours_of().is_open(tokyo)


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-23T08:00", "2026-11-23T09:30"),
        ("2026-11-23T12:00", "2026-11-23T12:00"),
        ("2026-11-25T16:00", "2026-11-27T09:30"),  # over Thanksgiving
        ("2026-11-27T13:00", "2026-11-30T09:30"),  # from a half day over the weekend
        ("2026-12-31T16:00", "2027-01-04T09:30"),  # into the next year
    ],
)
def test_the_next_opening_is_now_or_the_next_trading_day(moment, opens):
    assert hours_of().next_open(new_york(moment)) == new_york(opens)


def test_the_next_opening_with_extended_hours_is_earlier():
    assert hours_of().next_open(new_york("2026-11-23T05:00"), extended_hours=True) == new_york("2026-11-23T07:00")


@pytest.mark.parametrize(
    ("moment", "closes"),
    [
        ("2026-11-23T12:00", "2026-11-23T16:00"),
        ("2026-11-23T16:00", "2026-11-24T16:00"),  # the close itself belongs to what comes after
        ("2026-11-25T18:00", "2026-11-27T13:00"),  # Thanksgiving, then a half day
        ("2026-11-27T13:00", "2026-11-30T16:00"),
    ],
)
def test_the_next_close_is_the_exchanges(moment, closes):
    assert hours_of().close_after(new_york(moment)) == new_york(closes)


@pytest.mark.parametrize(
    ("moment", "closes"), [("2026-11-23T18:00", "2026-11-23T20:00"), ("2026-11-27T16:00", "2026-11-27T17:00")]
)
def test_extended_hours_close_later(moment, closes):
    assert hours_of().close_after(new_york(moment), extended_hours=True) == new_york(closes)


def test_configured_hours_narrow_when_orders_are_sent_but_not_when_resting_ones_end():
    hours = hours_of(start=time(10), end=time(15))
    assert not hours.is_open(new_york("2026-11-23T09:59"))
    assert hours.is_open(new_york("2026-11-23T10:00"))
    assert not hours.is_open(new_york("2026-11-23T15:00"))
    assert hours.next_open(new_york("2026-11-23T09:30")) == new_york("2026-11-23T10:00")
    assert hours.close_after(new_york("2026-11-23T12:00")) == new_york("2026-11-23T16:00")


def test_configured_hours_never_widen_the_session():
    hours = hours_of(start=time(0, 1), end=time(23, 59))
    assert not hours.is_open(new_york("2026-11-23T09:29"))
    assert not hours.is_open(new_york("2026-11-23T16:00"))


def test_configured_hours_are_read_in_their_own_zone():
    hours = hours_of(start=time(15, 30), end=time(22), zone=ZoneInfo("Europe/Berlin"))
    assert hours.is_open(new_york("2026-11-23T09:30"))
    # Europe leaves summer time a week earlier: 15:30 in Berlin is then 10:30 in New York.
    assert not hours.is_open(new_york("2026-10-26T10:29"))
    assert hours.is_open(new_york("2026-10-26T10:30"))


def test_an_afternoon_window_skips_half_days():
    hours = hours_of(start=time(14), end=time(15))
    assert hours.next_open(new_york("2026-11-27T09:30")) == new_york("2026-11-30T14:00")
    assert "no session on this day" in str(hours.why_closed(new_york("2026-11-27T12:00")))


def test_the_weeks_between_two_summer_times_are_searched_through():
    """21:15 in Berlin is 16:15 in New York from 8 to 29 March 2026."""
    hours = hours_of(start=time(21, 15), end=time(21, 55), zone=ZoneInfo("Europe/Berlin"))
    assert hours.next_open(new_york("2026-03-07T12:00")) == new_york("2026-03-30T15:15")


@pytest.mark.parametrize(("start", "end"), [(time(16), time(20)), (time(4), time(9, 30))])
def test_hours_that_leave_no_session_are_refused(start, end):
    with pytest.raises(ValueError, match="09:30 to 16:00 New York time"):
        hours_of(start=start, end=end)


@pytest.mark.parametrize(
    ("moment", "extended_hours", "words"),
    [
        ("2026-11-21T12:00", False, "weekend; it opens on Monday 2026-11-23 at 09:30 EST"),
        ("2026-11-26T12:00", False, "Thanksgiving Day; it opens on Friday 2026-11-27 at 09:30 EST"),
        ("2026-11-26T12:00", True, "Thanksgiving Day; it opens on Friday 2026-11-27 at 07:00 EST"),
        ("2026-11-23T09:00", False, "before the opening; it opens on Monday 2026-11-23 at 09:30 EST"),
        ("2026-11-23T17:00", False, "after the close; it opens on Tuesday 2026-11-24 at 09:30 EST"),
        ("2026-11-27T14:00", False, "Day after Thanksgiving Day"),
        ("2026-07-01T17:00", False, "it opens on Thursday 2026-07-02 at 09:30 EDT"),
    ],
)
def test_a_closed_market_says_why_and_when_it_opens_in_new_york_time(moment, extended_hours, words):
    assert words in str(hours_of().why_closed(new_york(moment), extended_hours=extended_hours))


def test_an_open_market_has_no_reason_to_give():
    assert hours_of().why_closed(new_york("2026-11-23T12:00")) is None


@pytest.mark.parametrize("moment", ["2026-11-21T03:00", "2026-11-26T12:00", "2026-11-23T23:00"])
def test_an_always_open_calendar_is_open(moment):
    hours = hours_of(Calendar.ALWAYS_OPEN)
    assert hours.is_open(new_york(moment))
    assert hours.next_open(new_york(moment)) == new_york(moment)
    assert hours.why_closed(new_york(moment)) is None


@pytest.mark.parametrize(
    ("moment", "closes"),
    [
        ("2026-11-21T03:00", "2026-11-21T16:00"),
        ("2026-11-21T16:00", "2026-11-22T16:00"),
        ("2026-11-26T23:00", "2026-11-27T16:00"),
    ],
)
def test_an_always_open_day_still_ends_at_its_end_time(moment, closes):
    assert hours_of(Calendar.ALWAYS_OPEN).close_after(new_york(moment)) == new_york(closes)


def test_answers_are_in_utc():
    moment = new_york("2026-11-23T17:00")
    assert hours_of().next_open(moment).tzinfo is UTC
    assert hours_of().close_after(moment).tzinfo is UTC


@pytest.mark.parametrize("calendar", Calendar)
@pytest.mark.parametrize("method", METHODS)
def test_a_moment_without_a_zone_is_refused(calendar, method):
    with pytest.raises(ValueError, match="without a zone"):
        getattr(hours_of(calendar), method)(new_york("2026-11-23T12:00").replace(tzinfo=None))


def test_hours_of_ones_own_are_named_while_the_exchange_is_open():
    """In the weeks when only one side has summer time, the exchange opens an hour before hours given for London."""
    london = MarketHours(
        calendar=Calendar.NYSE, start_time=time(14, 30), end_time=time(21), timezone=ZoneInfo("Europe/London")
    )
    in_march = datetime(2026, 3, 16, 9, 45, tzinfo=ZoneInfo("America/New_York"))
    assert london.why_closed(in_march) == (
        "outside your hours 14:30-21:00 Europe/London (the exchange is open); "
        "they begin on Monday 2026-03-16 at 10:30 EDT"
    )
    assert "the market is closed: before the opening" in str(london.why_closed(in_march.replace(hour=9, minute=15)))
