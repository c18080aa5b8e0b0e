"""Quotes, books and tradability: no price of nothing, and one odd row disturbs no other."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.agent.sample_replies import as_read, sample, samples, varied
from trading_bot.agent.quote_rows import books_of, missing_symbols, quotes_of, tradabilities_of
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import Side

OPEN = sample("get_equity_quotes", "two symbols")


def quote_with(**changes: object):
    row = dict(OPEN["results"][0]["quote"])
    return quotes_of({"results": [{"quote": {**row, **changes}}]}).get("F")


def of_type(word: str) -> dict[str, object]:
    return {"account_type_tradabilities": [{"account_type": "individual", "account_type_tradability": word}]}


def test_a_quote_is_read_with_the_venues_times():
    found = quotes_of(OPEN)
    ford = found["F"]
    assert set(found) == {"F", "AAPL"}
    assert (ford.bid_price, ford.ask_price, ford.last_price) == (Decimal("12.87"), Decimal("12.93"), Decimal("12.91"))
    assert (ford.bid_size, ford.ask_size, ford.trading_halted, ford.state) == (0, 0, False, "active")
    assert ford.venue_bid_time == datetime(2026, 10, 14, 17, 47, 18, 713509, tzinfo=UTC)
    assert (ford.updated_at, ford.last_trade_at) == (None, datetime(2026, 10, 14, 17, 47, 18, 402918, tzinfo=UTC))
    assert (ford.previous_close, ford.adjusted_previous_close, ford.has_traded) == (
        Decimal("12.8"),
        Decimal("12.8"),
        True,
    )


def test_a_trade_outside_the_regular_session_is_read():
    after = quotes_of(sample("get_equity_quotes", "after the close"))["F"]
    assert (after.last_extended_price, after.last_price) == (Decimal("12.72"), Decimal("12.76"))


def test_a_symbol_without_a_book_is_absent():
    assert quotes_of(sample("get_equity_quotes", "no book")) == {}
    for none in ("0", "0.000000", "0E-8", 0, None, "", "absent"):
        assert quote_with(bid_price=none) is None
        assert quote_with(ask_price=none) is None


@pytest.mark.parametrize(
    ("word", "is_halted"), [("active", False), ("halted", True), ("HALTED", True), (None, False), ("inactive", False)]
)
def test_only_the_word_for_a_halt_is_one(word, is_halted):
    assert quote_with(state=word).trading_halted is is_halted


@pytest.mark.parametrize("time", [None, "", "2026-10-14", "0001-01-01T00:00:00Z", "soon", 7])
def test_an_odd_time_costs_the_time_and_no_more(time):
    found = quote_with(venue_bid_time=time, venue_ask_time=time, venue_last_trade_time=time)
    assert found.bid_price == Decimal("12.87")


@pytest.mark.parametrize("data", [None, {}, {"results": None}, {"results": {}}, []])
def test_a_reply_without_quotes_is_an_error(data):
    with pytest.raises(OrderStatusError):
        quotes_of(data)


@pytest.mark.parametrize("each", samples("get_equity_quotes"), ids=str)
def test_no_odd_quote_ends_in_anything_but_an_answer_or_a_typed_error(each):
    for data in varied(each.data):
        try:
            found = quotes_of(data)
        except OrderStatusError:
            continue
        assert all(quote.bid_price > 0 and quote.ask_price > 0 for quote in found.values())


def test_unknown_symbols_are_named_by_the_body_of_the_failure():
    assert missing_symbols({"missing_instruments": ["NOTREALXX", 7, "brk.b"]}) == {"NOTREALXX", "BRK.B"}


@pytest.mark.parametrize("body", [None, [], {"detail": "Not found."}, {"missing_instruments": "F"}])
def test_a_body_that_names_none_names_none(body):
    assert missing_symbols(body) == frozenset()


def test_a_book_has_the_best_level_first_and_shares_as_numbers():
    book = books_of(sample("get_equity_price_book", "one name"))["F"]
    assert [(level.price, level.quantity) for level in book.asks[:2]] == [
        (Decimal("12.93"), Decimal(2)),
        (Decimal("12.94"), Decimal(178)),
    ]
    assert (book.bids[0].price, len(book.bids)) == (Decimal("12.87"), 4)
    assert book.updated_at == datetime(2026, 10, 14, 17, 50, 11, 508214, tzinfo=UTC)


def test_a_side_that_nobody_is_on_is_empty():
    book = books_of(sample("get_equity_price_book", "empty side"))["F"]
    assert (book.bids, book.asks) == ((), ())


def test_words_of_tradability_are_read_in_either_spelling():
    found = tradabilities_of(sample("get_equity_tradability", "long spellings"))["AMD"]
    assert (found.fractional, found.all_day, found.is_tradeable) == ("tradable", "tradable", True)
    assert found.account_types == (("individual", "tradable"),)


def test_a_name_that_is_not_tradable_takes_no_side():
    found = tradabilities_of(sample("get_equity_tradability", "not tradable"))
    assert (found["ZZZZ"].objection(Side.BUY), found["ZZZZ"].objection(Side.SELL)) == ("its state is inactive",) * 2
    assert (found["F"].objection(Side.BUY), found["F"].halt) == (None, "..., regular_hours")


@pytest.mark.parametrize(
    ("change", "buys", "sells"),
    [
        ({"tradeable": False}, False, False),
        ({"tradeable": None, "state": None}, True, True),
        ({"state": "unlisted"}, True, True),
        (of_type("position_closing_only"), False, True),
        (of_type("untradable"), False, False),
        (of_type("odd"), True, True),
        ({"account_type_tradabilities": [{}, None]}, True, True),
    ],
)  # fmt: skip
def test_only_documented_words_forbid_a_side(change, buys, sells):
    row = sample("get_equity_tradability", "three names")["results"][0]
    found = tradabilities_of({"results": [{**row, **change}]})["GPRO"]
    assert (found.objection(Side.BUY) is None, found.objection(Side.SELL) is None) == (buys, sells)


@pytest.mark.parametrize(
    ("tool", "read"), [("get_equity_price_book", books_of), ("get_equity_tradability", tradabilities_of)]
)
def test_no_odd_row_ends_in_anything_but_an_answer_or_a_typed_error(tool, read):
    for each in samples(tool):
        for data in varied(each.data):
            try:
                assert all(read(data))
            except OrderStatusError:
                continue


def test_samples_are_read_as_the_calls_read_them():
    assert as_read({"price": 12.5})["price"] == Decimal("12.5")
