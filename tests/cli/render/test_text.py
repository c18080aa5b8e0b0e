from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from trading_bot.cli.render.text import MAX_SHOWN, average, dollars, exchange_time, printable, shares

BIDI_OVERRIDE = chr(0x202E)
LINE_SEPARATOR = chr(0x2028)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2Jcleared", "[2Jcleared"),
        ("two\nlines\r\n", "two lines"),
        ("bell\x07 and \x9b31m", "bell and 31m"),
        (f"right{BIDI_OVERRIDE}left", "right left"),
        (f"one{LINE_SEPARATOR}two", "one two"),
        ("Zoë bought 20 €", "Zoë bought 20 €"),
    ],
)
def test_foreign_text_is_shown_on_one_line_without_anything_a_terminal_obeys(hostile, shown):
    assert printable(hostile) == shown


def test_a_long_foreign_text_is_cut():
    assert len(printable("x" * 10_000)) == MAX_SHOWN


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal(100000), "100,000.00"),
        (Decimal("1E+3"), "1,000.00"),
        (Decimal("249.92000000"), "249.92"),
        (Decimal("0.1234"), "0.1234"),
        (Decimal("249.915"), "249.915"),
        (Decimal("249.9166666"), "249.9167"),
        (None, "-"),
    ],
)
def test_dollars_have_cents_and_at_most_four_places(amount, text):
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("quantity", "text"),
    [(Decimal(10), "10"), (Decimal("10.00000000"), "10"), (Decimal("0.5"), "0.5"), (Decimal("1E+2"), "100")],
)
def test_shares_have_no_trailing_zeros(quantity, text):
    assert shares(quantity) == text


def test_averages_line_up():
    assert [average(each) for each in (Decimal("250.1"), Decimal("1250.12345"), None)] == [
        "250.1000",
        "1,250.1234",
        "-",
    ]


def test_times_are_shown_at_the_exchange_with_their_zone():
    opening = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert exchange_time(opening, ZoneInfo("America/New_York")) == "09:30:00 EST"
