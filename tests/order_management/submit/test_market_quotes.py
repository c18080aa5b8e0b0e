"""Quotes are read ahead of each entry, several symbols at once, and an exit never waits for one."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.account_gateway import FakeAccountGateway
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.clock import VirtualClock
from trading_bot.config import CollarConfig
from trading_bot.order_management.exceptions import OrderStatusError, TradeRefusedError
from trading_bot.order_management.models import OrderRequest, Pricing, Side
from trading_bot.order_management.submit.collar import NO_QUOTE, OUTSIDE_COLLAR
from trading_bot.order_management.submit.market_quotes import WATCHED_S, MarketCollar, RecentQuotes


class Market(FakeAccountGateway):
    """Quotes of 100 for everything; one symbol of ``spoiling`` or ``emptying`` spoils the request for all."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, ...]] = []
        self.spoiling: set[str] = set()
        self.emptying: set[str] = set()
        self.absent: set[str] = {"NOPE"}

    def fetch_quotes(self, symbols: Sequence[str]):
        self.asked.append(tuple(symbols))
        if self.spoiling & set(symbols):
            raise OrderStatusError("HTTP 400; ask again")
        if self.emptying & set(symbols):
            return {}
        return super().fetch_quotes([symbol for symbol in symbols if symbol not in self.absent])


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(MONDAY)


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def quotes(market, clock) -> RecentQuotes:
    return RecentQuotes(account=market, clock=clock, max_age_s=5)


class TestReading:
    def test_a_look_serves_for_five_seconds(self, quotes, market, clock):
        quotes.look("AAPL", by=60)
        clock.sleep(4.9)
        assert quotes.look("AAPL", by=60) is not None
        assert len(market.asked) == 1
        clock.sleep(0.1)
        quotes.look("AAPL", by=60)
        assert len(market.asked) == 2

    def test_symbols_that_showed_a_market_lately_come_in_one_request(self, quotes, market, clock):
        quotes.look("AAPL", by=60)
        quotes.look("MSFT", by=60)
        clock.sleep(5)
        assert quotes.look("AAPL", by=60) is not None
        assert quotes.look("MSFT", by=60) is not None
        assert market.asked == [("AAPL",), ("MSFT",), ("AAPL", "MSFT")]
        clock.sleep(WATCHED_S)
        quotes.look("TSLA", by=6000)
        assert market.asked[-1] == ("TSLA",)

    def test_how_long_the_process_has_run_ends_no_watch(self, quotes, market, clock):
        clock.sleep(WATCHED_S)
        for symbol in ("AAPL", "MSFT"):
            quotes.look(symbol, by=6000)
        clock.sleep(5)
        quotes.look("AAPL", by=6000)
        assert market.asked[-1] == ("AAPL", "MSFT")

    def test_at_most_fifty_symbols_are_asked_for_at_once(self, quotes, market):
        for number in range(60):
            quotes.look(f"S{number}", by=60)
        quotes.renew()
        assert len(market.asked[-1]) == 50
        assert market.asked[-1][-1] == "S59"

    def test_a_symbol_that_never_showed_a_market_is_asked_for_alone(self, quotes, market):
        quotes.look("AAPL", by=60)
        market.spoiling = {"BAD"}
        with pytest.raises(OrderStatusError):
            quotes.look("BAD", by=60)
        assert quotes.look("NOPE", by=60) is None
        quotes.renew()
        assert market.asked == [("AAPL",), ("BAD",), ("NOPE",), ("AAPL",)]

    @pytest.mark.parametrize("way", ["refused", "emptied"])
    def test_a_watched_symbol_that_spoils_the_request_of_all_blinds_no_other(self, quotes, market, clock, way):
        quotes.look("BAD", by=60)
        quotes.look("AAPL", by=60)
        quotes.look("MSFT", by=60)
        (market.spoiling if way == "refused" else market.emptying).add("BAD")
        clock.sleep(5)
        assert quotes.look("AAPL", by=60) is not None
        assert quotes.look("MSFT", by=60) is not None
        quotes.renew()
        assert market.asked[3:] == [("BAD", "AAPL", "MSFT"), ("AAPL",), ("MSFT",), ("AAPL", "MSFT")]

    def test_a_watched_symbol_that_spoils_renewals_is_left_out_after_the_second(self, quotes, market, clock):
        for symbol in ("BAD", "AAPL"):
            quotes.look(symbol, by=60)
        market.spoiling = {"BAD"}
        for _ in range(3):
            quotes.renew()
        assert market.asked[2:] == [("BAD", "AAPL")] * 2
        clock.sleep(5)
        assert quotes.look("AAPL", by=60) is not None
        quotes.renew()
        assert market.asked[4:] == [("AAPL",)] * 2

    def test_one_renewal_that_fails_ends_no_watch(self, quotes, market):
        quotes.look("AAPL", by=60)
        for failing in ({"quotes"}, set(), {"quotes"}, set()):
            market.failing = failing
            quotes.renew()
        assert market.asked == [("AAPL",)] * 5

    def test_a_watched_symbol_that_shows_no_market_any_more_is_not_renewed(self, quotes, market):
        quotes.look("AAPL", by=60)
        quotes.look("GONE", by=60)
        market.absent = {"GONE"}
        quotes.renew()
        quotes.renew()
        assert market.asked[2:] == [("AAPL", "GONE"), ("AAPL",)]

    def test_a_look_in_one_symbol_leaves_the_others_as_they_are(self, quotes, market):
        quotes.look("AAPL", by=60)
        quotes.look("MSFT", by=60)
        assert quotes.look("AAPL", by=60) is not None
        assert len(market.asked) == 2

    def test_looks_that_are_renewed_ahead_of_need_let_no_order_wait(self, quotes, market, clock):
        quotes.look("AAPL", by=60)
        quotes.look("MSFT", by=60)
        for _ in range(10):
            clock.sleep(2.5)
            quotes.renew()
        assert quotes.look("AAPL", by=600) is not None
        assert quotes.look("MSFT", by=600) is not None
        assert market.asked[2:] == [("AAPL", "MSFT")] * 10

    def test_nothing_is_renewed_that_no_order_asked_for_lately(self, quotes, market, clock):
        quotes.renew()
        quotes.look("AAPL", by=60)
        clock.sleep(WATCHED_S)
        quotes.renew()
        assert market.asked == [("AAPL",)]

    def test_a_renewal_that_fails_leaves_the_looks_to_age(self, quotes, market, clock):
        quotes.look("AAPL", by=60)
        market.failing.add("quotes")
        clock.sleep(2.5)
        quotes.renew()
        assert quotes.look("AAPL", by=60) is not None
        clock.sleep(2.5)
        with pytest.raises(OrderStatusError):
            quotes.look("AAPL", by=60)

    def test_a_slow_renewal_replaces_no_look_that_began_later(self, quotes, market, clock):
        quotes.look("AAPL", by=60)

        def meanwhile() -> None:
            market.during_read = lambda: None
            clock.sleep(1)
            quotes.look("MSFT", by=60)

        market.during_read = meanwhile
        quotes.renew()
        asked = len(market.asked)
        assert quotes.look("MSFT", by=60) is not None
        assert len(market.asked) == asked

    def test_a_symbol_without_a_market_has_no_look(self, quotes):
        assert quotes.look("NOPE", by=60) is None

    def test_a_read_is_over_by_the_callers_deadline_and_within_the_age_of_a_quote(self, quotes, market, clock):
        quotes.look("AAPL", by=3)
        quotes.look("MSFT", by=60)
        assert market.deadlines == [3, 5]

    def test_the_age_counts_from_when_the_read_began(self, quotes, market, clock):
        market.during_read = lambda: clock.sleep(2)
        began = clock.now()
        look = quotes.look("AAPL", by=60)
        assert look is not None
        assert look.began.at == began


class TestBeginning:
    def test_a_look_that_was_begun_waits_for_nothing_until_it_is_needed(self, quotes, market):
        answered = threading.Event()
        market.during_read = lambda: answered.wait(10)
        look = quotes.begin("AAPL", by=60)
        answered.set()
        assert look() is not None
        assert market.asked == [("AAPL",)]

    def test_a_young_look_is_not_read_again(self, quotes, market):
        first = quotes.look("AAPL", by=60)
        assert quotes.begin("AAPL", by=60)() is first
        assert market.asked == [("AAPL",)]

    def test_what_kept_the_quote_from_being_read_is_raised_where_it_is_needed(self, quotes, market):
        market.failing = {"quotes"}
        look = quotes.begin("AAPL", by=60)
        with pytest.raises(OrderStatusError, match="did not answer"):
            look()
        assert len(market.asked) == 1

    def test_so_is_what_would_end_a_thread(self, quotes, market):
        class EndedError(BaseException):
            """What ends whatever runs."""

        def end(_symbols: Sequence[str]):
            raise EndedError

        market.fetch_quotes = end
        look = quotes.begin("AAPL", by=60)
        with pytest.raises(EndedError):
            look()

    def test_a_read_that_hangs_is_waited_for_until_the_deadline(self, quotes, market, clock):
        answered = threading.Event()
        market.during_read = lambda: answered.wait(10)
        look = quotes.begin("AAPL", by=60)
        clock.sleep(60)
        with pytest.raises(OrderStatusError, match="not ended in time"):
            look()
        answered.set()

    def test_a_look_that_is_too_old_once_it_is_needed_is_read_again(self, quotes, market, clock):
        look = quotes.begin("AAPL", by=60)
        assert look() is not None
        clock.sleep(5)
        assert look() is not None
        assert len(market.asked) == 2

    def test_a_symbol_without_a_market_is_not_read_twice(self, quotes, market):
        assert quotes.begin("NOPE", by=60)() is None
        assert len(market.asked) == 1


@pytest.fixture
def bench(market) -> ManagerBench:
    return collared(ManagerBench(shares={"AAPL": 50}), market)


def collared(bench: ManagerBench, market: Market, *, is_regular: bool = True) -> ManagerBench:
    """The bench, with a collar."""
    collar = MarketCollar(account=market, rules=CollarConfig().rules, is_regular=lambda: is_regular, clock=bench.clock)
    bench.check_market = collar.begin
    return bench


def order(side: Side, reference: str, **changes) -> OrderRequest:
    plain = OrderRequest(
        symbol="AAPL", side=side, quantity=10, reference_price=Decimal(reference), pricing=Pricing.MARKETABLE
    )
    return replace(plain, **changes)


def refusal(bench: ManagerBench, request: OrderRequest) -> TradeRefusedError:
    with pytest.raises(TradeRefusedError) as caught:
        bench.manager.place_limit_order(request)
    assert bench.gateway.calls == []
    return caught.value


def test_an_entry_far_through_the_market_is_refused_and_one_near_it_goes_out(bench):
    assert refusal(bench, order(Side.BUY, "900")).code == OUTSIDE_COLLAR
    assert bench.manager.place_limit_order(order(Side.BUY, "100")).limit_price == Decimal("100.15")


def test_a_preview_finds_it_too(bench):
    with pytest.raises(TradeRefusedError) as caught:
        bench.manager.refuse_unless_open_to(terms(price=Decimal("898.65")))
    assert caught.value.code == OUTSIDE_COLLAR
    assert "898.65" in str(caught.value)


def test_an_exit_goes_out_however_far_it_reaches_and_asks_for_no_quote(bench, market):
    market.failing = {"quotes"}
    assert bench.manager.place_limit_order(order(Side.SELL, "50")).limit_price == Decimal("49.95")
    assert market.asked == []


def test_an_entry_whose_quote_cannot_be_read_is_refused(bench, market):
    market.failing = {"quotes"}
    error = refusal(bench, order(Side.BUY, "100"))
    assert (error.code, error.symbol) == (NO_QUOTE, "AAPL")
    assert "held shares can be sold" in str(error)


def test_a_quote_is_read_while_nobody_else_is_kept_waiting(bench, market):
    """A slow read of one caller must not hold up the approval of another."""
    seen = []
    market.during_read = lambda: seen.append(bench.manager._services.submit._approving.locked())
    bench.manager.place_limit_order(order(Side.BUY, "100"))
    assert seen == [False]


@pytest.mark.parametrize(
    ("is_regular", "extended_hours", "code"),
    [(True, False, OUTSIDE_COLLAR), (True, True, OUTSIDE_COLLAR), (False, True, None)],
)
def test_the_wider_bound_is_for_orders_that_may_trade_outside_the_session_while_it_is_closed(
    market, is_regular, extended_hours, code
):
    bench = collared(ManagerBench(shares={"AAPL": 50}), market, is_regular=is_regular)
    request = order(Side.BUY, "101.50", extended_hours=extended_hours)
    if code is None:
        assert bench.manager.place_limit_order(request).limit_price == Decimal("101.65")
    else:
        assert refusal(bench, request).code == code


def test_without_a_collar_no_quote_is_needed():
    assert ManagerBench().manager.place_limit_order(order(Side.BUY, "900")).limit_price == Decimal("901.35")
