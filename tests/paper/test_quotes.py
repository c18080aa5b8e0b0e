import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paper_market import MONDAY, quote_line, recorded
from trading_bot.paper.quotes import MarketQuote, QuoteFileError, QuoteSource, ReplayQuotes, SeededWalkQuotes


def _at(seconds):
    return MONDAY + timedelta(seconds=seconds)


def _shown(quotes: QuoteSource, seconds=0, symbol="AAPL") -> MarketQuote:
    quote = quotes.quote(symbol, _at(seconds))
    assert quote is not None
    return quote


def test_a_replay_shows_the_latest_quote_at_or_before_the_moment():
    quotes = recorded(quote_line(0, "99", "100"), quote_line(10, "101", "102"))
    assert quotes.quote("AAPL", _at(-1)) is None
    assert _shown(quotes).ask == 100
    assert _shown(quotes, 9.999).ask == 100
    assert _shown(quotes, 10).ask == 102


def test_updates_are_later_than_the_first_moment_and_not_later_than_the_second():
    quotes = recorded(*(quote_line(second, "99", "100") for second in (0, 5, 10, 15)))
    assert [quote.at for quote in quotes.updates("AAPL", _at(0), _at(10))] == [_at(5), _at(10)]


def test_a_replay_knows_only_the_symbols_it_has():
    quotes = recorded(quote_line(0, "99", "100"))
    assert (quotes.knows("AAPL"), quotes.knows("MSFT")) == (True, False)
    assert quotes.quote("MSFT", MONDAY) is None
    assert list(quotes.updates("MSFT", _at(-9), MONDAY)) == []


def test_a_reference_does_not_move_a_recording():
    quotes = recorded(quote_line(0, "99", "100"))
    quotes.observe_reference("AAPL", Decimal(500), MONDAY)
    assert _shown(quotes).ask == 100


def test_prices_are_read_as_written_and_blank_lines_are_skipped(tmp_path):
    path = tmp_path / "quotes.jsonl"
    path.write_text(
        '\n{"at":"2026-11-23T10:00:00-05:00","symbol":"BRK.B","bid":470.1,"ask":"470.20",'
        '"bid_size":1,"ask_size":0,"halted":true}\n\n'
    )
    quote = ReplayQuotes.from_file(path).quote("BRK.B", MONDAY)
    assert quote == MarketQuote(
        symbol="BRK.B", at=MONDAY, bid=Decimal("470.1"), ask=Decimal("470.20"), bid_size=1, ask_size=0, halted=True
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "the line"),
        ("[]", "the line"),
        (quote_line(1, "99", "100", bid=None), "bid is null; leave the line out or give a price$"),
        (quote_line(1, "NaN", "100"), "bid"),
        (quote_line(1, "0", "100"), "positive"),
        (quote_line(1, "-1", "100"), "positive"),
        (quote_line(1, "99", "1E+400"), "ask has too many digits"),
        (quote_line(1, "1E-400", "100"), "bid has too many"),
        (quote_line(1, "99", "100", bid_size=10**16), "bid_size must be at most"),
        (quote_line(1, "99", "100", at="0001-01-01T00:00:00+14:00"), "beyond the calendar"),
        (quote_line(1, "99", "100", **{"\u202e" + "x" * 5000: 1}), r"\\u202ex+\.\.\. is not known here"),
        (quote_line(1, "100.01", "100"), "not above the ask"),
        (quote_line(1, "99", "100", bid_size=-1), "below zero"),
        (quote_line(1, "99", "100", ask_size=-1), "below zero"),
        (quote_line(1, "99", "100", bid_size=1.5), "bid_size"),
        (quote_line(1, "99", "100", at="2026-11-23T15:00:01"), "no time zone"),
        (quote_line(1, "99", "100", at=1_764_000_000), "at"),
        (quote_line(1, "99", "100", symbol="aapl"), "symbol"),
        (quote_line(1, "99", "100", last="99"), "last"),
        (quote_line(-1, "99", "100"), "sort the lines"),
        (quote_line(0, "99", "100"), "second AAPL quote"),
    ],
)
def test_a_bad_line_is_named_with_its_remedy(line, problem):
    with pytest.raises(QuoteFileError, match=problem) as caught:
        ReplayQuotes([quote_line(0, "99", "100"), line], name="day.jsonl")
    assert (caught.value.source, caught.value.line_number) == ("day.jsonl", 2)
    assert str(caught.value).startswith("day.jsonl, line 2: ")


def test_two_symbols_may_be_quoted_at_one_time():
    quotes = recorded(quote_line(0, "99", "100"), quote_line(0, "9", "10", symbol="F"))
    assert _shown(quotes, symbol="F").ask == 10


def test_a_recording_without_quotes_is_refused():
    with pytest.raises(QuoteFileError, match="record at least one line"):
        ReplayQuotes(["", "  "])


def test_a_quote_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no zone"):
        MarketQuote(symbol="A", at=MONDAY.replace(tzinfo=None), bid=Decimal(1), ask=Decimal(1), bid_size=1, ask_size=1)


def _walk(seed=7, price="100", symbol="AAPL"):
    walk = SeededWalkQuotes(seed)
    walk.observe_reference(symbol, Decimal(price), MONDAY)
    return walk


def test_a_walk_has_no_quote_before_somebody_named_a_price():
    walk = SeededWalkQuotes(7)
    assert walk.quote("AAPL", MONDAY) is None
    assert list(walk.updates("AAPL", MONDAY, _at(60))) == []
    walk.observe_reference("AAPL", Decimal(100), MONDAY)
    assert walk.quote("AAPL", _at(-1)) is None


@pytest.mark.parametrize(
    ("symbol", "known"),
    [("A", True), ("GOOGL", True), ("BRK.B", True), ("aapl", False), ("TOOLONG", False), ("", False), ("A B", False)],
)
def test_a_walk_knows_what_looks_like_a_ticker(symbol, known):
    assert SeededWalkQuotes(7).knows(symbol) is known


def test_a_walk_begins_at_the_reference():
    quote = _shown(_walk())
    assert (quote.at, quote.bid, quote.ask) == (MONDAY, Decimal("99.99"), Decimal("100.01"))


def test_a_walk_between_steps_begins_when_the_price_was_named():
    walk = SeededWalkQuotes(7)
    walk.observe_reference("AAPL", Decimal(100), _at(3))
    assert _shown(walk, 4).at == _at(3)
    assert _shown(walk, 5).at == _at(5)
    assert [quote.at for quote in walk.updates("AAPL", MONDAY, _at(10))] == [_at(3), _at(5), _at(10)]
    assert [quote.at for quote in walk.updates("AAPL", _at(3), _at(10))] == [_at(5), _at(10)]
    assert list(walk.updates("AAPL", MONDAY, _at(2))) == []


@given(st.lists(st.integers(0, 600), min_size=1, max_size=8))
def test_a_walk_does_not_depend_on_when_it_was_asked(seconds):
    asked_often = _walk()
    for second in seconds:
        asked_often.quote("AAPL", _at(second))
    asked_once = _walk()
    assert asked_often.quote("AAPL", _at(seconds[0])) == asked_once.quote("AAPL", _at(seconds[0]))
    last = max(seconds)
    stepwise = [quote for second in range(last) for quote in asked_often.updates("AAPL", _at(second), _at(second + 1))]
    assert stepwise == list(asked_once.updates("AAPL", MONDAY, _at(last)))


def test_every_update_is_the_quote_of_its_moment():
    walk = _walk()
    updates = list(walk.updates("AAPL", MONDAY, _at(300)))
    assert len(updates) == 60
    assert [walk.quote("AAPL", quote.at) for quote in updates] == updates


def test_seeds_and_symbols_walk_differently():
    def path(seed, symbol):
        return [quote.ask for quote in _walk(seed, symbol=symbol).updates(symbol, MONDAY, _at(60))]

    assert path(7, "AAPL") == path(7, "AAPL")
    assert path(7, "AAPL") != path(8, "AAPL")
    assert path(7, "AAPL") != path(7, "MSFT")


def test_a_walk_stays_around_its_reference():
    mids = [(quote.bid + quote.ask) / 2 for quote in _walk().updates("AAPL", MONDAY, _at(36_000))]
    assert all(abs(mid - 100) < Decimal("0.75") for mid in mids)
    assert abs(sum(mids) / len(mids) - 100) < Decimal("0.02")


def test_a_buy_twelve_points_below_is_reached_within_a_minute_about_every_second_time():
    reached = sum(
        min(quote.ask for quote in _walk(seed).updates("AAPL", MONDAY, _at(60))) <= Decimal("99.88")
        for seed in range(200)
    )
    assert 60 <= reached <= 140


def test_some_quotes_are_too_small_for_a_round_lot():
    sizes = {quote.ask_size for quote in _walk().updates("AAPL", MONDAY, _at(600))}
    assert min(sizes) < 100 <= max(sizes)


@pytest.mark.parametrize(("price", "tick"), [("1.50", "0.01"), ("0.5000", "0.0001"), ("0.0001", "0.0001")])
def test_a_walk_quotes_on_the_tick_and_above_zero(price, tick):
    for quote in _walk(price=price).updates("AAPL", MONDAY, _at(300)):
        assert quote.bid % Decimal(tick) == quote.ask % Decimal(tick) == 0
        assert 0 < quote.bid <= quote.ask


def test_a_quote_line_sample_is_what_the_reader_takes():
    assert json.loads(quote_line(0, "99", "100")).keys() == {"at", "symbol", "bid", "ask", "bid_size", "ask_size"}
