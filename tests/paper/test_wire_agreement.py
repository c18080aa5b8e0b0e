"""The broker session and the strict readers of live replies take the paper broker's answers as they are."""

from decimal import Decimal
from urllib.parse import urlencode

import pytest

from tests.support.paper_market import ACCOUNT, MONDAY, PaperBench, order_fields, quote_line, recorded
from trading_bot.order_management.models import OrderState
from trading_bot.paper.state import WireState
from trading_bot.robinhood.account_wire import InstrumentPayload, parse_account, parse_quote
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.fields import parse_payload
from trading_bot.robinhood.positions import PositionPayload
from trading_bot.robinhood.session import FORM, BrokerSession, WireReply, WireRequest
from trading_bot.robinhood.wire import STATES, parse_order


@pytest.fixture
def bench():
    return PaperBench(quotes=recorded(quote_line(-60, "99.98", "100.00", ask_size=4)))


@pytest.fixture
def session(bench):
    session = BrokerSession(adapter=bench.transport, clock=bench.clock)
    session.set_bearer(bench.bearer)
    return session


def _read(session, path, **query):
    reply = session.exchange(WireRequest(method="GET", path=path, query=tuple(query.items())), timeout_s=10)
    assert isinstance(reply, WireReply)
    assert reply.status == 200
    return reply.json()


def test_an_order_placed_through_the_session_reads_back_as_a_report(bench, session):
    body = urlencode(order_fields()).encode()
    request = WireRequest(method="POST", path="/orders/", body=body, content_type=FORM)
    created = session.exchange(request, timeout_s=10)
    assert created.status == 201
    report = parse_order(created.json(), lambda _: "AAPL")
    assert (report.state, report.ref_id, report.created_at) == (OrderState.QUEUED, order_fields()["ref_id"], MONDAY)
    bench.wait(1)
    report = parse_order(_read(session, f"/orders/{report.order_id}/"), lambda _: "AAPL")
    assert (report.state, report.cumulative_quantity) == (OrderState.PARTIALLY_FILLED, Decimal(4))
    assert [fill.price for fill in report.executions] == [100]


def test_account_positions_instruments_and_quotes_read_back(bench, session):
    bench.place()
    bench.wait(1)
    account = parse_account(_read(session, f"/accounts/{ACCOUNT}/"))
    assert (account.buying_power, account.cash_held_for_orders, account.restriction) == (
        Decimal(99_000),
        Decimal(600),
        None,
    )
    position = parse_payload(PositionPayload, _read(session, "/positions/", nonzero="true")["results"][0])
    assert (position.quantity, position.account_number) == (Decimal(4), ACCOUNT)
    instrument = parse_payload(InstrumentPayload, _read(session, "/instruments/", symbol="AAPL")["results"][0])
    assert (instrument.id, instrument.tradability) == (position.instrument_id, "tradable")
    quote = parse_quote(_read(session, "/quotes/", symbols="AAPL")["results"][0])
    assert quote is not None
    assert (quote.bid_price, quote.ask_price, quote.ask_size) == (Decimal("99.98"), Decimal(100), 4)


def test_a_url_the_paper_broker_does_not_serve_is_a_failure_before_the_first_byte(session):
    failure = session.exchange(WireRequest(method="GET", path="/options/orders/"), timeout_s=10)
    assert isinstance(failure, WireFailure)
    assert (failure.first_byte_written, failure.kind) == (False, FailureKind.OTHER)


@pytest.mark.parametrize("word", WireState)
def test_every_word_the_paper_broker_uses_is_in_our_table(word):
    assert word.value in STATES
    assert STATES[word.value].is_terminal is word.is_terminal
