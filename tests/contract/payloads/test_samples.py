"""Every published reply: the forms that the broker still sends are read whole, older ones spoil nothing."""

from decimal import Decimal

import pytest

from tests.contract.payloads.corpus import Sample, samples
from tests.support.gateway_bench import GatewayBench
from tests.support.scripted_broker import ACCOUNT, MORNING, page, reply
from trading_bot.auth.token_grants import read_tokens
from trading_bot.order_management.models import OrderReport, Side
from trading_bot.order_management.outcomes import CancelTaken, UnreadRow
from trading_bot.order_management.portfolio import Position
from trading_bot.robinhood.account_wire import (
    InstrumentNames,
    InstrumentPayload,
    account_snapshot,
    parse_account,
    parse_quote,
)
from trading_bot.robinhood.classify import classify_cancel, error_text
from trading_bot.robinhood.fields import parse_payload
from trading_bot.robinhood.order_rows import read_order
from trading_bot.robinhood.positions import read_position
from trading_bot.robinhood.session import UnreadableReplyError, WireReply
from trading_bot.robinhood.symbols import SymbolTable

UNREAD_ORDERS = {"y2026_sell_short": "side"}
"""Rows of orders that are no order of a kind that we place, and the field that says so."""


def each(endpoint: str):
    return pytest.mark.parametrize("sample", samples(endpoint), ids=lambda sample: sample.name)


def as_sent(sample: Sample, row: object):
    """Read a row off the wire as the reads do: numbers exact, everything else as it is."""
    bench = GatewayBench()
    bench.broker.on("GET", "/orders/", page(row))
    listed = bench.gateway._readers.reads.get("/orders/")
    assert isinstance(listed, dict)
    return listed["results"][0]


@each("orders_equity")
def test_every_published_order_is_read(sample):
    for row in sample.rows:
        read = read_order(as_sent(sample, row), lambda _: "AAPL")
        if sample.name in UNREAD_ORDERS:
            assert isinstance(read, UnreadRow)
            assert UNREAD_ORDERS[sample.name] in read.problem
        else:
            assert isinstance(read, OrderReport)
            assert read.state_is_known
            assert (
                sum(fill.quantity for fill in read.executions) == read.cumulative_quantity
                or sample.name in DIFFERENT_SUM
            )


DIFFERENT_SUM = {"y2023_fractional_sell_filled": "the publisher pasted the execution of another order"}


@each("order_post_reply")
def test_every_published_reply_to_an_order_is_read(sample):
    read = read_order(as_sent(sample, sample.body), lambda _: "AAPL")
    assert isinstance(read, OrderReport)
    assert read.state_is_known


@each("positions")
def test_every_published_position_is_read(sample):
    for row in sample.rows:
        number = (row.get("account") or f"/accounts/{ACCOUNT}/").rstrip("/").rpartition("/")[2]
        held = read_position(as_sent(sample, row), account=number, table=SymbolTable(), as_of=MORNING) if row else None
        quantity = Decimal(row.get("quantity", "0"))
        assert isinstance(held, Position) if quantity else held is None
        if held is not None:
            assert (held.quantity, held.symbol) == (quantity, row.get("symbol", held.instrument_id))


@each("accounts")
def test_every_published_account_with_money_in_it_is_read(sample):
    for row in sample.rows:
        payload = as_sent(sample, row)
        if "buying_power" not in row:
            with pytest.raises(UnreadableReplyError, match="buying_power"):
                parse_account(payload)
            continue
        account = account_snapshot(parse_account(payload), MORNING)
        assert (account.buying_power, account.cash) == (Decimal(row["buying_power"]), Decimal(row["cash"]))
        assert (account.restriction, account.remarks, account.account_type) == (None, (), row["type"])


@each("instruments")
def test_every_published_instrument_is_read(sample):
    for row in sample.rows:
        if row is None:
            continue
        payload = parse_payload(InstrumentPayload, as_sent(sample, row))
        assert (payload.id, payload.symbol, payload.remarks) == (row["id"], row["symbol"], ())
        assert payload.min_tick_size == (Decimal(row["min_tick_size"]) if row.get("min_tick_size") else None)
        assert parse_payload(InstrumentNames, as_sent(sample, row)).symbol == row["symbol"]


@each("quotes")
def test_every_published_quote_with_two_sides_is_read(sample):
    for row in sample.rows:
        quote = parse_quote(as_sent(sample, row))
        bid, ask = (None, None) if row is None else (row.get("bid_price"), row.get("ask_price"))
        if bid is None or ask is None or not Decimal(bid) or not Decimal(ask):
            assert quote is None
        else:
            assert quote is not None
            assert (quote.symbol, quote.bid_price, quote.ask_price) == (row["symbol"], Decimal(bid), Decimal(ask))
            assert quote.updated_at is not None
            assert (quote.venue_bid_time is None) is (row.get("venue_bid_time") is None)


@each("token_reply")
def test_every_published_pair_of_tokens_is_read(sample):
    wire = WireReply(status=200, headers={}, body=reply(200, sample.body).body)
    if "access_token" in sample.body:
        assert read_tokens(wire).access.get_secret_value() == sample.body["access_token"]
    else:
        with pytest.raises(UnreadableReplyError, match="access_token"):
            read_tokens(wire)


@pytest.mark.parametrize("endpoint", ["cancel_reply", "order_errors", "login_challenges", "market_hours", "portfolios"])
def test_every_other_published_reply_is_shown_or_taken_without_an_error(endpoint):
    for sample in samples(endpoint):
        body = reply(200, sample.body).body
        assert error_text(body)
        assert classify_cancel(WireReply(status=200, headers={}, body=body), now=MORNING) == CancelTaken()


def test_the_captured_forms_that_must_be_read_are_among_them():
    counted = {
        name: sum(sample.must_be_read for sample in samples(name))
        for name in ("orders_equity", "order_post_reply", "positions", "accounts", "instruments", "quotes")
    }
    assert all(counted.values()), counted


def test_of_four_instruments_with_one_symbol_the_active_one_is_traded():
    [sample] = (each for each in samples("instruments") if each.name == "page_2024_four_of_one_symbol")
    rows = [row for row in sample.rows if isinstance(row, dict)]
    bench = GatewayBench()
    bench.broker.on("GET", "/instruments/", page(*rows))
    [active] = (row for row in rows if row["state"] == "active")
    assert bench.gateway._readers.directory.instrument(str(active["symbol"]), Side.BUY).id == active["id"]
