"""A quote speaks for the market for two minutes, and values held shares for four days."""

from decimal import Decimal

from tests.support.report_story import at, quote, steady
from trading_bot.report.prices import RecordedPrices

PRICES = RecordedPrices({"AAPL": [quote(0, "99.90", "100.00"), quote(60, "99.80", "99.90"), quote(300, "99", "101")]})


def test_a_quote_holds_until_the_next_one_and_no_longer_than_two_minutes():
    found = [PRICES.at("AAPL", at(second)) for second in (0, 59, 60, 180, 181, 300)]
    assert [None if each is None else each.ask for each in found] == [
        *map(Decimal, ("100.00", "100.00", "99.90", "99.90")),
        None,
        Decimal(101),
    ]


def test_nothing_is_known_before_the_first_quote_or_of_another_symbol():
    assert PRICES.at("AAPL", at(-1)) is None
    assert PRICES.at("MSFT", at(0)) is None
    assert PRICES.mark("MSFT", at(0)) is None
    assert PRICES.of("MSFT") == ()


def test_held_shares_are_valued_at_the_middle_for_four_days():
    assert PRICES.mark("AAPL", at(4 * 86_400)) == 100
    assert PRICES.mark("AAPL", at(4 * 86_400 + 301)) is None


def test_the_quotes_between_two_moments_leave_out_the_first_and_have_the_last():
    assert [each.at for each in PRICES.between("AAPL", at(0), at(300))] == [at(60), at(300)]
    assert [each.at for each in PRICES.within("AAPL", at(0), at(299))] == [at(0), at(60)]


def test_a_time_is_covered_where_no_two_quotes_are_more_than_two_minutes_apart():
    assert PRICES.cover("AAPL", at(10), at(150))
    assert PRICES.cover("AAPL", at(10), at(180))
    assert not PRICES.cover("AAPL", at(10), at(181))
    assert not PRICES.cover("AAPL", at(-1), at(60))
    assert not PRICES.cover("AAPL", at(200), at(310))
    assert not PRICES.cover("MSFT", at(0), at(1))
    assert RecordedPrices({"AAPL": steady(3600, "1", "2")}).cover("AAPL", at(30), at(3700))
