"""The real market as the paper exchange sees it, and the reading of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.paper_market import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.order_management.portfolio import Quote
from trading_bot.paper.live_quotes import LiveQuotes
from trading_bot.paper.quote_feed import REFUSED_PAUSE_S, LiveQuotedWire, QuoteFeed
from trading_bot.paper.quotes import MarketQuote
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import WireReply, WireRequest

QUOTE = Quote(
    symbol="AAPL",
    bid_price=Decimal("99.98"),
    ask_price=Decimal(100),
    bid_size=5,
    ask_size=7,
    last_price=None,
    trading_halted=False,
    updated_at=None,
)


class Market:
    def __init__(self) -> None:
        self.clock = VirtualClock(MONDAY)
        self.new: list[MarketQuote] = []
        self.quotes = LiveQuotes(clock=self.clock, on_new=self.new.append)

    def read(self, *, ask_price: Decimal = QUOTE.ask_price) -> None:
        self.quotes.read(["AAPL"], {"AAPL": replace(QUOTE, ask_price=ask_price)}, unknown=[])

    def at(self, seconds: float) -> datetime:
        return MONDAY + timedelta(seconds=seconds)


@pytest.fixture
def market() -> Market:
    return Market()


def test_a_quote_counts_from_when_it_was_read_and_never_before(market):
    market.clock.sleep(5)
    market.read()
    assert market.quotes.quote("AAPL", market.at(4)) is None
    found = market.quotes.quote("AAPL", market.at(5))
    assert (found.bid, found.ask, found.at, found.halted) == (QUOTE.bid_price, QUOTE.ask_price, market.at(5), False)
    assert list(market.quotes.updates("AAPL", market.at(5), market.at(9))) == []
    assert list(market.quotes.updates("AAPL", market.at(4), market.at(5))) == [found]
    assert market.quotes.quote("MSFT", market.at(5)) is None
    assert list(market.quotes.updates("MSFT", market.at(4), market.at(5))) == []


def test_a_reading_lasts_ten_seconds_and_another_one_confirms_it(market):
    market.read()
    assert not market.quotes.quote("AAPL", market.at(10)).halted
    assert market.quotes.quote("AAPL", market.at(10.1)).halted
    market.clock.sleep(8)
    market.read()
    assert len(market.new) == 1
    assert not market.quotes.quote("AAPL", market.at(18)).halted


def test_an_earlier_quote_is_what_it_was(market):
    market.read()
    market.clock.sleep(60)
    market.read(ask_price=Decimal(101))
    assert market.quotes.quote("AAPL", market.at(1)).ask == 100
    market.quotes.observe_reference("AAPL", Decimal(1), market.at(60))
    assert market.quotes.quote("AAPL", market.at(60)).ask == 101


def test_a_lost_market_is_said_once_with_the_last_prices(market):
    market.read()
    market.quotes.lose_stale()
    assert len(market.new) == 1
    market.clock.sleep(11)
    for _ in range(2):
        market.quotes.lose_stale()
    market.quotes.read(["AAPL", "MSFT"], {}, unknown=["MSFT"])
    assert [(quote.ask, quote.halted) for quote in market.new] == [(100, False), (100, True)]
    market.read()
    market.quotes.lose_stale(everything=True)
    assert [quote.halted for quote in market.new] == [False, True, False, True]


def test_the_clock_may_be_set_back(market):
    market.read()
    earlier = Market()
    market.quotes._clock = VirtualClock(MONDAY - timedelta(hours=1))
    market.read(ask_price=Decimal(101))
    assert market.new[1].at > market.new[0].at
    assert earlier.new == []


def test_a_symbol_is_unknown_only_if_the_broker_says_so(market):
    assert market.quotes.knows("AAPL")
    assert not market.quotes.knows("aapl")
    assert not market.quotes.has_read("NOPE")
    market.quotes.read(["NOPE"], {}, unknown=["NOPE"])
    assert market.quotes.has_read("NOPE")
    assert not market.quotes.knows("NOPE")
    market.quotes.read(["NOPE"], {}, unknown=[])
    assert market.quotes.knows("NOPE")


class Wire:
    """Answers with what it is given."""

    def __init__(self, *answers: WireReply | WireFailure) -> None:
        self.answers = list(answers)
        self.sent: list[WireRequest] = []

    def exchange(self, request: WireRequest, *, timeout_s: float, permit: object = None) -> WireReply | WireFailure:
        self.sent.append(request)
        return self.answers.pop(0)


def answer(body: str, status: int = 200) -> WireReply:
    return WireReply(status=status, headers={}, body=body.encode())


DOWN = WireFailure(phase=SendPhase.BEGUN, first_byte_written=False, cause="no route", kind=FailureKind.OTHER)
ROW = '{"symbol":"AAPL","bid_price":"99.98","ask_price":"100.00","bid_size":5,"ask_size":7}'
QUOTES = WireRequest(method="GET", path="/quotes/", query=(("symbols", "AAPL,NOPE"),))


def feed(market: Market, *answers: WireReply | WireFailure, renews: bool = False) -> tuple[QuoteFeed, Wire]:
    wire = Wire(*answers)
    made = QuoteFeed(
        wire=wire,
        log_in=lambda: None,
        renew=lambda _within_s: renews,
        market=market.quotes,
        clock=market.clock,
    )
    return made, wire


@pytest.mark.parametrize(
    "wrong",
    [DOWN, answer("no json"), answer("[]"), answer('{"results":1}'), answer("", 500), answer("", 401)],
)
def test_a_reading_that_fails_says_nothing_of_the_market(market, wrong):
    made, _ = feed(market, wrong)
    made.exchange(QUOTES, timeout_s=1)
    assert market.quotes.knows("NOPE")
    assert not market.quotes.has_read("AAPL")
    assert made.problem is not None


@pytest.mark.parametrize("right", [answer(f'{{"results":[{ROW},null]}}'), answer("", 404), answer('{"results":[]}')])
def test_a_whole_answer_says_which_symbols_there_are(market, right):
    made, _ = feed(market, right)
    made.exchange(QUOTES, timeout_s=1)
    assert not market.quotes.knows("NOPE")
    assert made.problem is None


def test_an_answer_that_lacks_a_row_says_nothing_of_what_it_lacks(market):
    made, _ = feed(market, answer(f'{{"results":[{ROW}]}}'))
    made.exchange(QUOTES, timeout_s=1)
    assert market.quotes.knows("NOPE")


def test_a_refused_login_is_renewed_and_the_request_sent_again(market):
    made, wire = feed(market, answer("", 401), answer(f'{{"results":[{ROW},null]}}'), renews=True)
    assert isinstance(made.exchange(QUOTES, timeout_s=1), WireReply)
    assert made.problem is None
    assert wire.sent == [QUOTES, QUOTES]


def test_prices_that_are_refused_whatever_the_login_renew_it_once_in_five_minutes(market):
    refused = answer("", 401)
    made, wire = feed(market, *[refused] * 6, renews=True)
    for sent in (2, 3, 4):
        made.exchange(QUOTES, timeout_s=1)
        assert len(wire.sent) == sent
    market.clock.sleep(REFUSED_PAUSE_S)
    made.exchange(QUOTES, timeout_s=1)
    assert len(wire.sent) == 6


def test_many_symbols_are_read_400_at_once(market):
    nothing = answer('{"results":[]}')
    made, wire = feed(market, nothing, nothing)
    made.refresh({f"A{number}" for number in range(401)})
    assert [len(request.query[0][1].split(",")) for request in wire.sent] == [400, 1]
    made.refresh(())
    assert len(wire.sent) == 2


def test_only_prices_are_asked_of_the_feed(market):
    made, prices = feed(market, *[answer(f'{{"results":[{ROW}]}}')] * 3)
    paper = Wire(*[answer("paper")] * 4)
    both = LiveQuotedWire(paper=paper, feed=made)
    look = WireRequest(method="GET", path="/instruments/", query=(("symbol", "AAPL"),))
    history = WireRequest(method="GET", path="/marketdata/historicals/AAPL/")
    order = WireRequest(method="POST", path="/orders/")
    by_id = WireRequest(method="GET", path="/instruments/", query=(("ids", "1"),))
    for request in (look, look, QUOTES, history, order, by_id):
        both.exchange(request, timeout_s=1)
    assert [request.path for request in prices.sent] == ["/quotes/", "/quotes/", "/marketdata/historicals/AAPL/"]
    assert paper.sent == [look, look, order, by_id]
