from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from trading_bot.report import words


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1234.505", "$1,234.50"), ("-0.004", "$0.00"), ("-1234.5", "-$1,234.50"), ("0E-8", "$0.00")],
)
def test_dollars_are_to_the_cent(amount, text):
    assert words.dollars(Decimal(amount)) == text


def test_what_is_unknown_is_said_and_never_zero():
    assert words.dollars(None) == "unknown"
    nothing = (words.price(None), words.basis_points(None), words.per_cent(None), words.span(None))
    assert {*nothing, words.milliseconds(None), words.moment(None, ZoneInfo("UTC"))} == {"-"}


def test_prices_below_a_dollar_have_their_finer_steps():
    assert (words.price(Decimal("99.9")), words.price(Decimal("0.1234"))) == ("$99.90", "$0.1234")


def test_basis_points_and_ratios_are_to_a_tenth():
    assert [words.basis_points(Decimal(text)) for text in ("12.34", "-0.04", "-0.06")] == [
        "12.3 bps",
        "0.0 bps",
        "-0.1 bps",
    ]
    assert words.per_cent(Decimal("0.94103")) == "94.1 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.212, "0.2 s"), (9.96, "10.0 s"), (45, "45 s"), (59.7, "1 min 0 s"), (440, "7 min 20 s"), (3900, "1 h 5 min")],
)
def test_a_span_has_its_own_unit(seconds, text):
    assert words.span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("number", "text"), [("3.21", "3.2 ms"), ("250", "250 ms"), ("1520", "1.52 s")])
def test_milliseconds_become_seconds(number, text):
    assert words.milliseconds(Decimal(number)) == text


def test_a_moment_is_in_the_exchanges_zone():
    at = datetime(2026, 11, 23, 15, tzinfo=UTC)
    assert words.moment(at, ZoneInfo("America/New_York")) == "2026-11-23 10:00 EST"


def test_shares_have_no_zeros_that_say_nothing():
    assert words.shares(Decimal("10.00000000")) == "10"
