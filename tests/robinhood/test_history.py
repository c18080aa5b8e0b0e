"""Bars as the broker writes them: what is read, what is left out, and what is refused as a whole."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.contract.payloads.corpus import samples
from tests.support.gateway_bench import GatewayBench
from tests.support.scripted_broker import ACCOUNT, BASE, MORNING, lost, reply, unreachable
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.portfolio import Bar
from trading_bot.robinhood.history import has_ended

ROUTE = ("GET", "/marketdata/historicals/AAPL/")
PORTFOLIO = ("GET", f"/portfolios/{ACCOUNT}/")
ROW = {
    "begins_at": "2026-11-23T14:30:00Z",
    "open_price": "99.900000",
    "high_price": "100.200000",
    "low_price": "99.800000",
    "close_price": "100.100000",
    "volume": 93721,
    "session": "reg",
    "interpolated": False,
}
NEXT = ROW | {"begins_at": "2026-11-23T14:35:00Z"}


def history(*rows: object, **changes: object) -> dict[str, object]:
    body = {"symbol": "AAPL", "interval": "5minute", "span": "day", "bounds": "regular", "historicals": list(rows)}
    return body | changes


@pytest.fixture
def bench():
    return GatewayBench()


def read(bench: GatewayBench, body: object, interval: str = "5minute", span: str = "day") -> tuple[Bar, ...]:
    bench.broker.on(*ROUTE, reply(200, body))
    return bench.gateway.fetch_history("AAPL", interval, span)


def test_a_bar_is_read_exactly_and_the_request_names_what_is_wanted(bench):
    (bar,) = read(bench, history(ROW))
    assert bench.broker.seen[0].query == {"bounds": "regular", "interval": "5minute", "span": "day"}
    assert (bar.begins_at, bar.volume, bar.is_interpolated) == (
        datetime(2026, 11, 23, 14, 30, tzinfo=UTC),
        93721,
        False,
    )
    prices = (bar.open, bar.high, bar.low, bar.close)
    assert [str(price) for price in prices] == ["99.900000", "100.200000", "99.800000", "100.100000"]


@pytest.mark.parametrize("volume", [None, "lots", -1, 1.5, True, 10**30, [], {}], ids=repr)
def test_a_volume_that_is_no_count_is_not_known_and_spoils_no_bar(bench, volume):
    (bar,) = read(bench, history(ROW | {"volume": volume}))
    assert bar.volume is None


def test_a_bar_without_a_trade_is_marked(bench):
    (bar,) = read(bench, history(ROW | {"interpolated": True, "volume": 0}))
    assert (bar.is_interpolated, bar.volume) == (True, 0)


def test_bars_come_oldest_first_and_one_that_is_told_twice_alike_counts_once(bench):
    bars = read(bench, history(NEXT, ROW, NEXT))
    assert [bar.begins_at.minute for bar in bars] == [30, 35]


ODD_ROWS: list[object] = [
    None,
    7,
    "AAPL",
    [],
    {},
    *(ROW | {name: None} for name in ("begins_at", "open_price", "high_price", "low_price", "close_price")),
    *(ROW | {"close_price": value} for value in ("NaN", "-1", "0", "1e400", True, "9" * 5000, "101", "99")),
    ROW | {"begins_at": "2026-11-23T14:30:00"},
    ROW | {"begins_at": "9999-12-31T23:59:59-12:00"},
    ROW | {"high_price": "99.000000"},
]


@pytest.mark.parametrize("row", ODD_ROWS, ids=lambda row: repr(row)[:60])
def test_a_row_that_is_no_bar_is_left_out_and_said_and_hides_no_other(bench, caplog, row):
    bars = read(bench, history(row, NEXT))
    assert [bar.begins_at.minute for bar in bars] == [35]
    [line] = [record.msg for record in caplog.records if record.name == "trading_bot.robinhood.history"]
    assert (line["event"], line["symbol"], line["count"]) == ("bars_left_out", "AAPL", 1)
    assert bench.gateway.not_understood == ("AAPL: some bars of 5minute cannot be read, and are left out",)


def test_two_bars_that_contradict_each_other_are_both_left_out(bench):
    bars = read(bench, history(ROW, ROW | {"close_price": "100.000000"}, NEXT))
    assert [bar.begins_at.minute for bar in bars] == [35]


def test_where_no_bar_of_many_can_be_read_there_is_no_history(bench):
    with pytest.raises(OrderStatusError, match="not one of 2 bars can be read"):
        read(bench, history(None, ROW | {"low_price": None}))


def test_no_bars_at_all_is_an_empty_history(bench):
    assert read(bench, history()) == ()


def test_a_reply_in_the_older_form_is_read_the_same(bench):
    assert len(read(bench, {"results": [history(ROW)]})) == 1


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        "AAPL",
        {"results": []},
        {"results": [None]},
        {"results": [history(ROW), history(ROW)]},
        history(ROW, symbol="TSLA"),
        history(ROW, symbol=None),
        history(ROW, interval="hour"),
        history(ROW, span="week"),
        history(ROW, bounds="extended"),
        history(ROW, historicals=None),
        history(ROW, historicals={"0": ROW}),
    ],
    ids=lambda body: repr(body)[:60],
)
def test_a_reply_that_is_not_the_history_asked_for_is_an_error(bench, body):
    with pytest.raises(OrderStatusError, match="the history of AAPL"):
        read(bench, body)


def test_words_in_another_case_and_missing_ones_change_nothing(bench):
    body = history(ROW, interval="5MINUTE")
    del body["span"]
    assert len(read(bench, body)) == 1


@pytest.mark.parametrize(
    ("interval", "begins_at", "ends"),
    [
        ("5minute", "2026-11-23T14:30:00", "2026-11-23T14:35:00"),
        ("10minute", "2026-11-23T14:30:00", "2026-11-23T14:40:00"),
        ("hour", "2026-11-23T14:30:00", "2026-11-23T15:30:00"),
        ("day", "2026-11-23T00:00:00", "2026-11-24T05:00:00"),
        ("week", "2026-11-23T00:00:00", "2026-11-30T05:00:00"),
    ],
)
def test_a_bar_has_ended_with_its_interval_and_a_day_at_midnight_in_new_york(interval, begins_at, ends):
    begun, over = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begins_at, ends))
    assert has_ended(begun, interval, over)
    assert not has_ended(begun, interval, over - timedelta(microseconds=1))
    assert not has_ended(over, interval, begun)


def test_the_interval_that_still_runs_and_those_to_come_are_left_out(bench):
    running, coming = (ROW | {"begins_at": f"2026-11-23T15:0{minute}:00Z"} for minute in (0, 5))
    last = ROW | {"begins_at": "2026-11-23T14:55:00Z"}
    assert bench.time.now() == MORNING
    far = ROW | {"begins_at": "9999-12-31T23:59:00Z"}
    assert [bar.begins_at.minute for bar in read(bench, history(last, running, coming, far))] == [55]


@pytest.mark.parametrize("symbol", ["", "AAPL/../MSFT", "aapl", "AAPL?x=1", "../orders", "A" * 30])
def test_what_can_be_no_symbol_never_gets_into_an_address(bench, symbol):
    with pytest.raises(OrderValidationError):
        bench.gateway.fetch_history(symbol, "5minute", "day")
    assert bench.broker.seen == []


def test_a_symbol_with_a_dot_is_asked_for_as_it_is(bench):
    bench.broker.on("GET", "/marketdata/historicals/BRK.B/", reply(200, history(ROW, symbol="BRK.B")))
    assert len(bench.gateway.fetch_history("BRK.B", "5minute", "day")) == 1


@pytest.mark.parametrize(
    "sample",
    [each for each in samples("historicals") if each.name != "portfolio_2024" and "option" not in each.name],
    ids=lambda each: each.name,
)
def test_each_published_reply_is_read_row_by_row(bench, sample):
    body = sample.body
    symbol, interval, span = body["symbol"], body.get("interval", "5minute"), body.get("span", "day")
    bench.time.sleep(400 * 86_400)
    bench.broker.on("GET", f"/marketdata/historicals/{symbol}/", reply(200, body))
    whole = [row for row in body["historicals"] if row["open_price"] is not None]
    if not whole:
        with pytest.raises(OrderStatusError, match="not one of 1 bars can be read"):
            bench.gateway.fetch_history(symbol, interval, span)
    else:
        assert len(bench.gateway.fetch_history(symbol, interval, span)) == len(whole)


FAULTS = {
    "throttled": reply(429, {"detail": "Request was throttled. Expected available in 600 seconds."}),
    "server trouble": reply(503, b"<html>busy</html>"),
    "refused": reply(403, {"detail": "no"}),
    "not found": reply(404, {"detail": "Not found."}),
    "cut body": reply(200, json.dumps(history(ROW)).encode()[:-20]),
    "no JSON": reply(200, b"<html>welcome</html>"),
    "NaN": reply(200, b'{"symbol":"AAPL","historicals":[NaN]}'),
    "twice the same key": reply(200, b'{"equity":"1","equity":"2","symbol":"AAPL","historicals":[]}'),
    "deep nesting": reply(200, b"[" * 100_000),
    "many digits": reply(200, b'{"equity":' + b"9" * 5000 + b',"symbol":"AAPL","historicals":' + b"9" * 5000 + b"}"),
    "huge body": reply(200, b'{"x":"' + b"y" * (3 << 20) + b'"}'),
    "unpacks to a huge body": reply(200, gzip.compress(b"0" * (8 << 20)), Content_Encoding="gzip"),
    "reset": lost(),
    "no connection": unreachable(),
    "a login is needed": reply(401, {}),
}


STILL_READ: dict[tuple[str, str], object] = {
    ("not found", "quotes"): {},  # a list of nothing but unknown symbols
    ("NaN", "equity"): None,
    ("many digits", "equity"): None,
    ("twice the same key", "equity"): None,
    ("twice the same key", "history"): (),
}
"""Where the fault is in a field alone, or has a meaning."""


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("what", ["history", "equity", "quotes"])
def test_under_every_fault_a_read_ends_in_its_error_within_its_deadline(bench, fault, what):
    bench.can_renew = False
    for route in (ROUTE, PORTFOLIO, ("GET", "/quotes/")):
        bench.broker.always(*route, FAULTS[fault])
    bounded = bench.gateway.by(bench.time.monotonic() + 10)
    reads = {
        "history": lambda: bounded.fetch_history("AAPL", "5minute", "day"),
        "equity": bounded.fetch_equity,
        "quotes": lambda: bounded.fetch_quotes(["AAPL"]),
    }
    if (fault, what) in STILL_READ:
        assert reads[what]() == STILL_READ[fault, what]
        return
    with pytest.raises(OrderStatusError) as caught:
        reads[what]()
    assert bench.time.monotonic() <= 10
    assert ACCOUNT not in str(caught.value)


class TestEquity:
    @pytest.mark.parametrize(
        ("said", "read"),
        [("52599.7962", Decimal("52599.7962")), (None, None), ("NaN", None), ("-12.5", Decimal("-12.5")), ([], None)],
        ids=repr,
    )
    def test_the_worth_is_the_brokers_figure_or_not_known(self, bench, said, read):
        row = {"account": f"{BASE}/accounts/{ACCOUNT}/", "equity": said, "market_value": "1"}
        bench.broker.on(*PORTFOLIO, reply(200, row))
        assert bench.gateway.fetch_equity() == read

    @pytest.mark.parametrize("body", [None, [], "x", {"account": f"{BASE}/accounts/9ZZ98765/", "equity": "1"}])
    def test_the_portfolio_of_another_account_or_none_is_an_error(self, bench, body):
        bench.broker.on(*PORTFOLIO, reply(200, json.dumps(body).encode()))
        with pytest.raises(OrderStatusError):
            bench.gateway.fetch_equity()

    @pytest.mark.parametrize("sample", samples("portfolios"), ids=lambda each: each.name)
    def test_each_published_portfolio_is_read(self, bench, sample):
        said = sample.body["equity"]
        bench.broker.on(*PORTFOLIO, reply(200, sample.body | {"account": f"{BASE}/accounts/{ACCOUNT}/"}))
        assert bench.gateway.fetch_equity() == (None if said is None else Decimal(said))


def test_many_symbols_are_quoted_in_few_requests(bench):
    symbols = [f"A{number}" for number in range(1000)]
    bench.broker.always("GET", "/quotes/", reply(200, {"results": []}))
    assert bench.gateway.fetch_quotes(symbols) == {}
    asked = [seen.query["symbols"].split(",") for seen in bench.broker.seen]
    assert [len(each) for each in asked] == [400, 400, 200]
    assert [symbol for each in asked for symbol in each] == symbols
