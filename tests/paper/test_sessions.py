from datetime import timedelta

import pytest

from tests.support.paper_market import MONDAY, PlainSessions
from trading_bot.paper.sessions import open_stretches


def _stretches(after, until, *, extended_hours=False):
    return list(open_stretches(PlainSessions(), after, until, extended_hours=extended_hours))


def test_a_span_inside_a_session_is_one_stretch():
    assert _stretches(MONDAY, MONDAY + timedelta(hours=1)) == [(MONDAY, MONDAY + timedelta(hours=1))]


def test_nights_are_left_out():
    close, opening = MONDAY.replace(hour=21), MONDAY.replace(day=24, hour=14, minute=30)
    assert _stretches(MONDAY, opening + timedelta(minutes=5)) == [
        (MONDAY, close),
        (opening, opening + timedelta(minutes=5)),
    ]


def test_extended_hours_are_longer():
    night = MONDAY.replace(hour=21)
    assert _stretches(night, night + timedelta(minutes=1)) == []
    assert _stretches(night, night + timedelta(minutes=1), extended_hours=True) == [
        (night, night + timedelta(minutes=1))
    ]


def test_a_span_that_ends_at_the_opening_includes_that_instant():
    opening = MONDAY.replace(hour=14, minute=30)
    assert _stretches(opening - timedelta(hours=1), opening) == [(opening, opening)]


def test_a_calendar_that_never_gets_past_its_close_is_refused():
    class Stuck(PlainSessions):
        def close_after(self, moment, *, extended_hours=False):
            return moment

    with pytest.raises(ValueError, match="correct the trading hours"):
        list(open_stretches(Stuck(), MONDAY, MONDAY + timedelta(hours=1), extended_hours=False))
