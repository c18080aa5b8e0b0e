"""Quotes and bars for strategies: used again for a short while, and read at a pace that leaves orders their room."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.account_gateway import AS_OF, FakeAccountGateway
from tests.support.scripted_broker import ACCOUNT, ScriptedBroker, reply
from trading_bot.account.market_data import BARS_LAST_S, QUOTES_LAST_S, READ_WITHIN_S, MarketData
from trading_bot.clock import VirtualClock
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.portfolio import BAR_INTERVALS, BAR_LENGTHS, Bar
from trading_bot.robinhood.rate_budget import ALLOWANCES, BudgetedWire, Purpose, RateBudget
from trading_bot.robinhood.session import BrokerSession

BAR = Bar(begins_at=AS_OF, open=Decimal(1), high=Decimal(2), low=Decimal(1), close=Decimal(2), volume=3)


@pytest.fixture
def clock():
    return VirtualClock(AS_OF)


@pytest.fixture
def gateway():
    made = FakeAccountGateway()
    made.bars = (BAR,)
    return made


@pytest.fixture
def market(gateway, clock):
    return MarketData(gateway=gateway, clock=clock)


def test_only_what_is_missing_or_too_old_is_read_and_in_one_request(market, gateway, clock):
    asked: list[tuple[str, ...]] = []

    def noting(symbols, read=gateway.fetch_quotes):
        asked.append(tuple(symbols))
        return read(symbols)

    gateway.fetch_quotes = noting
    assert list(market.quotes(["B", "A", "B"], by=10)) == ["B", "A"]
    clock.sleep(QUOTES_LAST_S / 2)
    assert list(market.quotes(["A", "C", "B"], by=10)) == ["A", "C", "B"]
    clock.sleep(QUOTES_LAST_S / 2)
    market.quotes(["A", "C"], by=10)
    assert asked == [("B", "A"), ("C",), ("A",)]


def test_a_symbol_without_a_market_is_absent_and_not_asked_for_again_at_once(market, gateway):
    assert market.quotes(["NOPE"], by=10) == {}
    assert market.quotes(["NOPE"], by=10) == {}
    assert gateway.reads == ["quotes"]


def test_no_symbols_are_no_request(market, gateway):
    assert market.quotes([], by=10) == {}
    assert gateway.reads == []


@pytest.mark.parametrize("interval", BAR_LENGTHS)
def test_bars_are_used_again_for_less_than_their_interval(market, gateway, clock, interval):
    span = next(span for span, intervals in BAR_INTERVALS.items() if interval in intervals)
    assert market.history("A", interval, span, by=10) == (BAR,)
    clock.sleep(BARS_LAST_S[interval] - 1)
    market.history("A", interval, span, by=1e9)
    assert gateway.reads == ["history"]
    clock.sleep(1)
    market.history("A", interval, span, by=1e9)
    assert gateway.reads == ["history", "history"]
    assert timedelta(seconds=BARS_LAST_S[interval]) < BAR_LENGTHS[interval]


def test_after_the_machine_slept_nothing_is_used_again(gateway):
    class Sleeper(VirtualClock):
        asleep = timedelta()

        def now(self):
            return super().now() + self.asleep

    clock = Sleeper(AS_OF)
    market = MarketData(gateway=gateway, clock=clock)
    market.history("A", "day", "year", by=10)
    Sleeper.asleep = timedelta(seconds=60)
    market.history("A", "day", "year", by=10)
    assert gateway.reads == ["history", "history"]


def test_each_read_has_the_deadline_of_its_call(market, gateway):
    market.quotes(["A"], by=7)
    market.history("A", "day", "year", by=8)
    assert gateway.deadlines == [7, 8]


def test_a_turn_that_does_not_come_is_an_error_and_nothing_is_asked(gateway, clock):
    waited: list[float] = []

    def never(within_s: float) -> bool:
        waited.append(within_s)
        return False

    market = MarketData(gateway=gateway, clock=clock, turn=never)
    for read in (
        lambda: market.quotes(["A"], by=4),
        lambda: market.history("A", "day", "year", by=5),
        lambda: market.wait_for_turn(by=6),
    ):
        with pytest.raises(OrderStatusError, match="asked for more often than our own limit allows"):
            read()
    assert (waited, gateway.reads) == ([4, 5, 6], [])


def test_who_waits_for_somebody_elses_reading_waits_until_the_own_deadline_at_most(market, gateway, clock):
    began, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert may_end.wait(10)

    gateway.during_read = wait
    reader = threading.Thread(target=lambda: market.quotes(["A"], by=10))
    reader.start()
    assert began.wait(10)
    with pytest.raises(OrderStatusError, match="somebody else reads the same, and that has not ended yet"):
        market.quotes(["A"], by=0)
    may_end.set()
    reader.join(10)
    assert market.quotes(["A"], by=0).keys() == {"A"}
    assert gateway.reads == ["quotes"]


def test_readers_at_the_same_time_share_one_request(market, gateway):
    began, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert may_end.wait(10)

    gateway.during_read = wait
    seen = []
    readers = [threading.Thread(target=lambda: seen.append(market.quotes(["A"], by=10))) for _ in range(4)]
    for reader in readers:
        reader.start()
    assert began.wait(10)
    may_end.set()
    for reader in readers:
        reader.join(10)
    assert ([set(quotes) for quotes in seen], gateway.reads) == ([{"A"}] * 4, ["quotes"])


@pytest.mark.parametrize("kind", ["quotes", "quotes of a whole market", "history"])
def test_a_greedy_strategy_leaves_orders_and_cancels_their_room(clock, kind):
    """It asks for another symbol each time, as fast as it is let, for a minute."""
    broker, budget = ScriptedBroker(), RateBudget(clock=clock)
    bars = {"symbol": "A", "historicals": []}
    broker.always("GET", "/quotes/", reply(200, {"results": []}))
    for number in range(70):
        broker.always("GET", f"/marketdata/historicals/A{number}/", reply(200, bars | {"symbol": f"A{number}"}))
    wire = BudgetedWire(wire=BrokerSession(adapter=broker, clock=clock), budget=budget, clock=clock)
    gateway = RobinhoodGateway(session=wire, clock=clock, account_number=ACCOUNT, renew=lambda _: False)
    turns = RateBudget(clock=clock)
    market = MarketData(
        gateway=gateway, clock=clock, turn=lambda within_s: turns.take(Purpose.MARKET, within_s=within_s)
    )
    calls = {
        "quotes": lambda symbol, by: market.quotes([symbol], by=by),
        "quotes of a whole market": lambda symbol, by: market.quotes([f"{symbol}.{n}" for n in range(1000)], by=by),
        "history": lambda symbol, by: market.history(symbol, "5minute", "day", by=by),
    }
    number = 0
    while clock.monotonic() < 60:
        calls[kind](f"A{number}", clock.monotonic() + READ_WITHIN_S)
        number += 1
    assert number <= 60 + ALLOWANCES[Purpose.MARKET].burst
    for purpose, needed in ((Purpose.READ, 5), (Purpose.ORDER, 5), (Purpose.CANCEL, 20)):
        assert all(budget.take(purpose, within_s=0) for _ in range(needed)), purpose


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/quotes/", lambda gateway: gateway.fetch_quotes(["AAPL"])),
        ("/marketdata/historicals/AAPL/", lambda gateway: gateway.fetch_history("AAPL", "5minute", "day")),
    ],
)
def test_throttled_market_data_hold_up_no_order(clock, path, read):
    broker, budget = ScriptedBroker(), RateBudget(clock=clock)
    broker.always("GET", path, reply(429, {}, Retry_After="600"))
    wire = BudgetedWire(wire=BrokerSession(adapter=broker, clock=clock), budget=budget, clock=clock)
    gateway = RobinhoodGateway(session=wire, clock=clock, account_number=ACCOUNT, renew=lambda _: False)
    with pytest.raises(OrderStatusError, match="429"):
        read(gateway.by(clock.monotonic() + 5))
    assert all(budget.take(purpose, within_s=0) for purpose in (Purpose.READ, Purpose.ORDER, Purpose.CANCEL))
    assert not budget.take(Purpose.MARKET, within_s=60)
