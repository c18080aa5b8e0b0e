"""The bars of the paper market: made of the quotes up to now, as the broker would show them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paper_market import MONDAY, PaperBench, PlainSessions, opening_state, quote_line, recorded
from trading_bot.order_management.portfolio import BAR_INTERVALS, BAR_LENGTHS
from trading_bot.paper.bars import PaperBars
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.quotes import QuoteSource, ReplayQuotes, SeededWalkQuotes

OPENING = MONDAY.replace(hour=14, minute=30)
HISTORY = "/marketdata/historicals/AAPL/"
PAIRS = [(interval, span) for span, intervals in BAR_INTERVALS.items() for interval in intervals]


def quoted(*offsets_and_bids: tuple[float, str]) -> ReplayQuotes:
    """Quotes two cents wide, each so many seconds after MONDAY."""
    return recorded(*(quote_line(at, bid, str(Decimal(bid) + Decimal("0.02"))) for at, bid in offsets_and_bids))


def bars(quotes: QuoteSource, now: datetime, interval: str = "5minute", span: str = "day", most_quotes: int = 1000):
    made = PaperBars(quotes=quotes, calendar=PlainSessions(), most_quotes=most_quotes)
    return made.of("AAPL", interval=interval, span=span, now=now)


def test_a_bar_is_the_middle_of_the_quotes_that_came_in_its_interval():
    quotes = quoted((0, "100"), (60, "102"), (120, "99"), (299, "101"), (300, "150"))
    first, second = bars(quotes, MONDAY + timedelta(seconds=300))
    assert (first.begins_at, first.interpolated) == (MONDAY, False)
    assert [first.open, first.high, first.low, first.close] == [
        Decimal(text) for text in ("100.01", "102.01", "99.01", "101.01")
    ]
    assert (second.begins_at, second.open) == (MONDAY + timedelta(minutes=5), Decimal("150.01"))


def test_nothing_of_the_future_is_in_a_bar():
    quotes = quoted((0, "100"), (10, "500"))
    (bar,) = bars(quotes, MONDAY + timedelta(seconds=9))
    assert bar.high == Decimal("100.01")


@given(
    bids=st.lists(st.integers(1, 500), min_size=1, max_size=30),
    now=st.integers(0, 30 * 60),
    pair=st.sampled_from(PAIRS),
)
def test_no_later_quote_ever_changes_what_is_shown_now(bids, now, pair):
    lines = [(60 * number, str(bid)) for number, bid in enumerate(bids)]
    seen = [each for each in lines if each[0] <= now]
    at = MONDAY + timedelta(seconds=now)
    shown = bars(quoted(*lines), at, *pair)
    assert shown == bars(quoted(*seen), at, *pair)
    assert all(
        bar.begins_at <= at and bar.low <= bar.open <= bar.high and bar.low <= bar.close <= bar.high for bar in shown
    )


def test_an_interval_without_a_quote_carries_on_the_close_before_it_and_is_marked():
    quotes = quoted((0, "100"), (650, "110"))
    first, gap, last = bars(quotes, MONDAY + timedelta(seconds=650))
    assert (gap.interpolated, gap.open, gap.high, gap.low, gap.close) == (True, *(first.close,) * 4)
    assert (last.interpolated, last.open) == (False, Decimal("110.01"))


def test_before_the_first_quote_of_a_session_there_is_no_bar():
    assert [bar.begins_at for bar in bars(quoted((0, "100")), MONDAY)] == [MONDAY]


def test_quotes_outside_of_the_session_make_no_bar():
    quotes = quoted((-3600, "90"), (0, "100"), (6 * 3600, "110"), (7 * 3600, "120"))
    shown = bars(quotes, MONDAY + timedelta(hours=8))
    assert {bar.close for bar in shown} == {Decimal("100.01")}
    assert shown[-1].begins_at == MONDAY.replace(hour=20, minute=55)


def test_bars_of_an_hour_count_from_the_opening():
    quotes = quoted((-1800, "100"), (0, "101"), (1800, "102"))
    shown = bars(quotes, MONDAY + timedelta(hours=1), "hour", "week")
    assert [bar.begins_at for bar in shown] == [OPENING, OPENING + timedelta(hours=1)]
    assert [bar.close for bar in shown] == [Decimal("101.01"), Decimal("102.01")]


DAY = 86_400


def test_a_day_is_one_bar_once_it_is_over():
    quotes = quoted((-3 * DAY, "90"), (-3 * DAY + 60, "95"), (0, "100"))
    (friday,) = bars(quotes, MONDAY, "day", "month")
    assert (friday.begins_at, friday.open, friday.close) == (
        datetime(2026, 11, 20, tzinfo=UTC),
        Decimal("90.01"),
        Decimal("95.01"),
    )


def test_a_week_begins_on_its_monday():
    quotes = quoted((-4 * DAY, "90"), (-3 * DAY, "95"), (0, "100"))
    last, running = bars(quotes, MONDAY, "week", "year")
    assert (last.begins_at.date(), last.open, last.close) == (date(2026, 11, 16), Decimal("90.01"), Decimal("95.01"))
    assert running.begins_at.date() == date(2026, 11, 23)


def test_the_span_of_a_day_is_the_latest_one_with_a_quote():
    quotes = quoted((-3 * DAY, "90"))
    assert bars(quotes, MONDAY)[0].begins_at == MONDAY - timedelta(days=3)
    assert bars(quotes, MONDAY + timedelta(days=30)) == ()


@pytest.mark.parametrize(("span", "is_in"), [("week", False), ("month", True), ("3month", True)])
def test_a_span_reaches_as_far_back_as_it_says(span, is_in):
    interval = "day" if span != "week" else "hour"
    shown = bars(quoted((-10 * DAY, "90"), (0, "100")), MONDAY, interval, span)
    assert any(bar.close == Decimal("90.01") for bar in shown) is is_in


def test_a_walk_has_bars_from_its_first_price_on_that_are_those_of_its_quotes():
    walk = SeededWalkQuotes(seed=7)
    assert bars(walk, MONDAY) == ()
    walk.observe_reference("AAPL", Decimal(100), MONDAY)
    shown = bars(walk, MONDAY + timedelta(minutes=10))
    assert [bar.begins_at for bar in shown] == [MONDAY + timedelta(minutes=5 * number) for number in range(3)]
    seen = walk.quote("AAPL", MONDAY + timedelta(minutes=10))
    assert seen is not None
    assert shown[-1].close == (seen.bid + seen.ask) / 2


def test_a_long_recording_is_cut_to_whole_days():
    quotes = quoted((-4 * DAY, "90"), (-3 * DAY, "91"), (-3 * DAY + 60, "92"), (0, "100"))
    shown = bars(quotes, MONDAY, "hour", "week", most_quotes=1)
    assert shown[0].open == Decimal("91.01")


def test_the_exchange_makes_bars_of_as_many_quotes_as_it_is_told():
    quotes = quoted((-3 * DAY, "91"), (0, "100"))
    for most, days in ((0, 1), (1, 2)):
        exchange = PaperExchange(quotes=quotes, calendar=PlainSessions(), most_bar_quotes=most)
        shown = exchange.bars(opening_state(), "AAPL", interval="hour", span="week", now=MONDAY)
        assert len({bar.begins_at.date() for bar in shown}) == days


class TestOnTheWire:
    def test_the_reply_has_the_keys_and_spellings_of_the_brokers(self):
        page = PaperBench(quotes=quoted((0, "100"))).get(HISTORY, interval="5minute", span="day", bounds="regular")
        assert {key: page[key] for key in ("symbol", "interval", "span", "bounds")} == {
            "symbol": "AAPL",
            "interval": "5minute",
            "span": "day",
            "bounds": "regular",
        }
        assert page["historicals"] == [
            {
                "begins_at": "2026-11-23T15:00:00Z",
                "open_price": "100.010000",
                "close_price": "100.010000",
                "high_price": "100.010000",
                "low_price": "100.010000",
                "volume": None,
                "session": "reg",
                "interpolated": False,
            }
        ]

    def test_an_unknown_symbol_is_not_found(self):
        assert PaperBench().send("GET", "/marketdata/historicals/ZZZZ/?interval=5minute&span=day").status_code == 404

    def test_a_symbol_without_a_price_yet_says_why(self):
        reply = PaperBench(quotes=SeededWalkQuotes(7)).send("GET", f"{HISTORY}?interval=5minute&span=day")
        assert (reply.status_code, "the paper market starts at the first order in it" in reply.text) == (400, True)

    @pytest.mark.parametrize(
        "query", ["", "?interval=5minute", "?interval=5minute&span=year", "?interval=fun&span=day"]
    )
    def test_an_interval_that_does_not_go_with_the_span_is_refused(self, query):
        assert PaperBench().send("GET", f"{HISTORY}{query}").status_code == 400

    def test_a_symbol_with_a_dot_has_an_address(self):
        bench = PaperBench(quotes=recorded(quote_line(0, "1", "2", symbol="BRK.B")))
        page = bench.get("/marketdata/historicals/BRK.B/", interval="5minute", span="day")
        assert (page["symbol"], len(page["historicals"])) == ("BRK.B", 1)


def test_each_interval_has_a_length():
    assert {interval for intervals in BAR_INTERVALS.values() for interval in intervals} == set(BAR_LENGTHS)
