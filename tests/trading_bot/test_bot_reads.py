"""What a strategy may read: on paper, through the same wire as in live mode."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.account_gateway import FakeAccountGateway
from tests.support.bot_bench import ACCOUNT, PAPER_ACCOUNT, POSITIONS, BotBench, answers, never_leaves
from tests.support.paper_market import MONDAY
from tests.support.risk_bench import RESULTS
from trading_bot.account.account_data import AccountData
from trading_bot.account.market_data import QUOTES_LAST_S, READ_WITHIN_S, MarketData
from trading_bot.account_summary import EquitySource
from trading_bot.bot_reads import POSITIONS_LAST_S, BotReads
from trading_bot.clock import VirtualClock
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.sync.account_view import ShownPositions
from trading_bot.safety_checks import SafetyChecks

QUOTES = "GET /quotes/"
HISTORY = "GET /marketdata/historicals/AAPL/"
PORTFOLIO = f"GET /portfolios/{PAPER_ACCOUNT}/"


@pytest.fixture
def bench(tmp_path):
    made = BotBench(tmp_path).started()
    yield made
    made.bot.stop()


class TestQuotes:
    def test_each_known_symbol_has_its_quote_and_others_are_absent(self, bench):
        quotes = bench.bot.quotes(["AAPL", "ZZZZ"])
        assert set(quotes) == {"AAPL"}
        assert (quotes["AAPL"].bid_price, quotes["AAPL"].ask_price) == (Decimal("99.98"), Decimal("100.00"))

    def test_one_symbol_may_come_as_a_text_and_in_small_letters(self, bench):
        assert set(bench.bot.quotes("aapl")) == {"AAPL"}

    def test_a_symbol_that_is_no_text_is_refused_before_anything_is_sent(self, bench):
        before = len(bench.broker.seen)
        with pytest.raises(OrderValidationError, match="None is not a ticker symbol"):
            bench.bot.quotes([None])
        assert len(bench.broker.seen) == before

    def test_quotes_are_used_again_for_a_second_and_then_read_anew(self, bench):
        bench.bot.quotes(["AAPL", "ZZZZ"])
        bench.bot.quotes(["ZZZZ", "AAPL"])
        assert bench.broker.seen.count(QUOTES) == 1
        bench.clock.sleep(QUOTES_LAST_S)
        bench.bot.quotes(["AAPL"])
        assert bench.broker.seen.count(QUOTES) == 2

    def test_an_old_quote_never_stands_in_for_one_that_cannot_be_had(self, bench):
        bench.bot.quotes(["AAPL"])
        bench.clock.sleep(QUOTES_LAST_S)
        bench.broker.standing[QUOTES] = never_leaves
        with pytest.raises(OrderStatusError):
            bench.bot.quotes(["AAPL"])


class TestHistory:
    def test_only_bars_of_the_past_that_have_ended_are_shown(self, bench):
        bench.clock.sleep(299)
        assert [bar.begins_at for bar in bench.bot.history("AAPL")] == [MONDAY - timedelta(minutes=5)]
        bench.clock.sleep(16)
        _, bar = bench.bot.history("AAPL")
        assert (bar.begins_at, bar.volume, bar.is_interpolated) == (MONDAY, None, False)
        assert (bar.open, bar.high, bar.low, bar.close) == (Decimal("99.75"),) * 4

    def test_bars_are_kept_by_symbol_interval_and_span(self, bench):
        bench.bot.history("AAPL")
        bench.bot.history("aapl", "5minute", "day")
        assert bench.broker.seen.count(HISTORY) == 1
        bench.bot.history("AAPL", "10minute", "day")
        assert bench.broker.seen.count(HISTORY) == 2

    @pytest.mark.parametrize(
        ("interval", "span"), [("5minute", "year"), ("fun", "day"), ("day", "day"), ("day", "fun")]
    )
    def test_a_pair_that_the_broker_refuses_is_refused_here_with_those_that_go(self, bench, interval, span):
        with pytest.raises(OrderValidationError, match="day: 5minute, 10minute; week: "):
            bench.bot.history("AAPL", interval, span)
        assert bench.broker.seen.count(HISTORY) == 0

    def test_a_symbol_that_the_broker_does_not_know_is_an_error(self, bench):
        with pytest.raises(OrderStatusError, match="the history of ZZZZ: the broker has none; check the symbol"):
            bench.bot.history("ZZZZ")


class TestPositions:
    def test_each_position_says_what_is_held_what_it_cost_and_what_may_be_sold(self, bench):
        (held,) = bench.bot.positions()
        assert (held.symbol, held.quantity, held.average_buy_price, held.free.quantity) == ("AAPL", 50, 90, 50)

    def test_a_fill_of_ours_ends_the_use_of_what_was_read_before(self, bench):
        bench.bot.positions()
        bench.trade()
        bench.let_it_fill()
        (held,) = bench.bot.positions()
        assert held.quantity == 60

    def test_positions_are_used_again_for_a_while(self, bench):
        bench.bot.positions()
        before = bench.broker.seen.count(POSITIONS)
        bench.bot.positions()
        assert bench.broker.seen.count(POSITIONS) == before
        bench.clock.sleep(POSITIONS_LAST_S)
        bench.bot.positions()
        assert bench.broker.seen.count(POSITIONS) == before + 1


class TestSummary:
    def test_the_brokers_own_figures_and_what_nothing_is_known_of(self, bench):
        summary = bench.bot.account_summary()
        assert (summary.cash, summary.buying_power) == (100_000, 100_000)
        assert (summary.equity, summary.equity_from) == (Decimal("104999.0000"), EquitySource.BROKER)
        assert (summary.realised_today, summary.realised) == (0, 0)
        assert (summary.unrealised, summary.unknown_cost) == (None, ("AAPL",))
        assert (summary.unmarked, summary.problems) == ((), ())

    def test_bought_shares_gain_by_the_middle_of_a_fresh_quote(self, bench):
        bench.trade()
        bench.let_it_fill()
        summary = bench.bot.account_summary()
        bought = bench.bot.orders()[0].average_price
        assert summary.unrealised == summary.unrealised_today == 10 * (Decimal("99.75") - bought)
        assert summary.unknown_cost == ("AAPL",)

    def test_outside_of_the_regular_session_the_change_of_the_day_is_not_known(self, bench):
        bench.settings["trading"] = {"calendar": "NYSE"}
        bench.restart()
        bench.trade()
        bench.let_it_fill()
        assert bench.bot.account_summary().unrealised_today is not None
        bench.clock.sleep_until(MONDAY + timedelta(hours=8))
        summary = bench.bot.account_summary()
        assert summary.unrealised_today is None
        assert summary.unrealised is not None

    def test_a_worth_that_the_broker_does_not_say_is_added_up_from_cash_and_quotes(self, bench):
        bench.broker.standing[PORTFOLIO] = answers(200, {"equity": None})
        summary = bench.bot.account_summary()
        assert (summary.equity, summary.equity_from) == (100_000 + 50 * Decimal("99.99"), EquitySource.QUOTES)

    def test_what_cannot_be_read_makes_its_own_figures_unknown_and_is_named(self, bench):
        bench.broker.standing |= {PORTFOLIO: answers(404, {}), QUOTES: answers(400, {"detail": "no"})}
        summary = bench.bot.account_summary()
        assert (summary.equity, summary.equity_from, summary.cash) == (None, None, 100_000)
        assert [problem.split(":")[0] for problem in summary.problems] == ["reading portfolios", "reading quotes"]

    def test_without_positions_the_worth_is_not_guessed(self, bench):
        bench.broker.standing |= {PORTFOLIO: answers(200, {"equity": None}), POSITIONS: answers(400, {})}
        summary = bench.bot.account_summary()
        assert summary.equity is None
        assert summary.problems[0].startswith("reading positions")

    def test_without_balances_there_is_no_summary(self, bench):
        bench.bot.account.invalidate_cache()
        bench.broker.standing[ACCOUNT] = answers(400, {})
        with pytest.raises(OrderStatusError):
            bench.bot.account_summary()


def test_a_killed_account_can_still_be_read(bench):
    (bench.state / "armed").unlink()
    assert bench.trade().code == "trading_halted"
    assert bench.bot.quotes(["AAPL"]) != {}
    assert bench.bot.positions() != ()
    assert bench.bot.account_summary().problems == ()
    assert bench.bot.history("AAPL") != ()


class Turns:
    """So many turns, and no more."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, _within_s: float) -> bool:
        self.left -= 1
        return self.left >= 0


def reads_with(turns: Turns, gateway: FakeAccountGateway) -> BotReads:
    clock = VirtualClock(MONDAY)
    manager = SimpleNamespace(view=SimpleNamespace(positions=lambda by: ShownPositions(positions=(), unread=())))
    safety = SimpleNamespace(held_symbols=lambda: (), account_results=lambda marks: RESULTS)
    return BotReads(
        manager=cast("OrderManager", manager),
        safety=cast("SafetyChecks", safety),
        account=AccountData(gateway=gateway, clock=clock, ttl_s=0),
        market=MarketData(gateway=gateway, clock=clock, turn=turns),
        clock=clock,
    )


def test_each_request_for_a_strategy_waits_for_its_turn():
    gateway, turns = FakeAccountGateway(), Turns(3)
    reads_with(turns, gateway).account_summary()
    assert (turns.left, gateway.reads) == (0, ["account", "equity"])


def test_what_has_no_turn_is_not_asked_for():
    gateway = FakeAccountGateway()
    none, one = reads_with(Turns(0), gateway), reads_with(Turns(1), gateway)
    for read in (none.positions, none.account_summary):
        with pytest.raises(OrderStatusError, match="more often than our own limit allows"):
            read()
    assert gateway.reads == []
    assert len(one.account_summary().problems) == 2
    assert gateway.reads == ["account"]


@pytest.mark.parametrize("route", [QUOTES, HISTORY, POSITIONS, ACCOUNT])
def test_a_broker_that_does_not_answer_holds_no_call_up_for_longer_than_its_deadline(bench, route):
    bench.bot.account.invalidate_cache()
    bench.broker.standing[route] = never_leaves
    reads = {
        QUOTES: lambda: bench.bot.quotes(["AAPL"]),
        HISTORY: lambda: bench.bot.history("AAPL"),
        POSITIONS: bench.bot.positions,
        ACCOUNT: bench.bot.account_summary,
    }
    began = bench.clock.monotonic()
    with pytest.raises(OrderStatusError):
        reads[route]()
    assert bench.clock.monotonic() - began <= READ_WITHIN_S
