"""When a tie-out is made, what it puts on record, and what halts and heals."""

import dataclasses
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.bot_bench import ACCOUNT, POSITIONS, BotBench, answers, request_lost
from tests.support.paper_market import MONDAY
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.results.history import AccountHistory
from trading_bot.results.tie_out import Tolerance, Verdict
from trading_bot.results.tying_out import AGAIN_AFTER_S, DailyTieOut, TieOuts
from trading_bot.startup.results import BotsAccount, StoredTieOuts

TEN = Decimal(10)


class Bench(BotBench):
    """An account whose cash a test moves; the companion looks when it is told to."""

    def cash_moves(self, dollars: object) -> None:
        with self.exchange.transaction() as state:
            state.cash += Decimal(str(dollars))

    def shares_come(self, symbol: str, quantity: int) -> None:
        with self.exchange.transaction() as state:
            held = state.positions[symbol]
            state.positions[symbol] = replace(held, quantity=held.quantity + quantity)

    def facts(self, kind: EventKind) -> list[OrderEvent]:
        return [record.fact for record in self.records() if record.fact.event is kind]

    @property
    def halts(self) -> list[str]:
        causes = (freeze.cause for freeze in self.bot.manager.ways_out.freezes() if freeze.symbol is None)
        return [str(cause) for cause in causes]

    def daily(self) -> DailyTieOut:
        return DailyTieOut(
            self.bot.tie_outs,
            log=StoredTieOuts(store=self.bot.manager._context.store),
            sessions=self.bot.config.trading.market_hours,
            after_close_s=900,
            clock=self.clock,
        )


def store_of(bench: BotBench) -> OrderStore:
    return bench.bot.manager._context.store


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path).started()


def test_the_first_is_the_beginning_and_fills_since_are_explained(bench):
    assert bench.bot.tie_outs.check().verdict is Verdict.BEGUN
    bench.trade()
    bench.let_it_fill()
    found = bench.bot.tie_outs.check()
    assert (found.verdict, found.difference) == (Verdict.AGREES, 0)
    assert [fact.details["verdict"] for fact in bench.facts(EventKind.ACCOUNT_TIED_OUT)] == ["begun", "agrees"]


def test_missing_cash_halts_entries_with_the_numbers_and_exits_go_on(bench):
    bench.bot.tie_outs.check()
    bench.cash_moves(-500)
    found = bench.bot.tie_outs.check()
    assert (found.verdict, found.difference) == (Verdict.LESS, -500)
    assert bench.halts == ["cash_missing"]
    refused = bench.trade()
    assert (refused.status, refused.code) == ("blocked", "trading_halted")
    assert "500.00 are missing" in refused.message
    assert "tie-out --accept" in refused.message
    sold = bench.trade("sell", 5, client_order_id="out")
    assert sold.status == "submitted"


def test_the_same_shortfall_again_is_not_recorded_twice_and_heals_when_the_cash_is_back(bench):
    bench.bot.tie_outs.check()
    bench.cash_moves(-500)
    bench.bot.tie_outs.check()
    bench.bot.tie_outs.check()
    assert len(bench.facts(EventKind.TRADING_HALTED)) == 1
    bench.cash_moves(500)
    assert bench.bot.tie_outs.check().verdict is Verdict.AGREES
    assert bench.halts == []


def test_a_person_accepts_the_difference_with_a_reason_and_the_next_goes_on_from_there(bench):
    bench.bot.tie_outs.check()
    bench.cash_moves(-500)
    bench.bot.tie_outs.check()
    bench.bot.tie_outs.accept(by="ada", reason="rent")
    accepted = bench.facts(EventKind.ACCOUNT_TIED_OUT)[-1]
    assert (accepted.details["by"], accepted.reason, accepted.details["difference"]) == ("ada", "rent", "-500.0000")
    assert bench.halts == []
    assert bench.bot.tie_outs.check().verdict is Verdict.AGREES


def test_cash_that_came_in_is_said_and_halts_nothing(bench):
    bench.bot.tie_outs.check()
    bench.cash_moves(5000)
    assert bench.bot.tie_outs.check().verdict is Verdict.MORE
    assert bench.halts == []
    assert bench.bot.tie_outs.check().verdict is Verdict.AGREES, "from there on it is known"


def test_a_difference_that_changes_between_two_looks_halts_nothing(bench):
    bench.bot.tie_outs.check()
    bench.cash_moves(-500)
    sleep = bench.clock.sleep

    def sleeping(seconds: float) -> None:
        bench.cash_moves(100)
        sleep(seconds)

    bench.clock.sleep = sleeping
    with pytest.raises(OrderStatusError, match="cash is moving"):
        bench.bot.tie_outs.check()
    assert bench.halts == []


def test_shares_bought_elsewhere_explain_the_cash_that_they_cost(bench):
    bench.bot.tie_outs.check()
    bench.shares_come("AAPL", 5)
    bench.cash_moves(-500)
    found = bench.bot.tie_outs.check()
    assert found.verdict is Verdict.EXPLAINED
    assert [(one.symbol, one.broker, one.expected) for one in found.reading.shares] == [("AAPL", 55, 50)]
    assert "cash_missing" not in bench.halts


def test_shares_that_a_person_accepted_since_explain_it_too(bench):
    bench.bot.tie_outs.check()
    bench.clock.sleep(1)
    bench.shares_come("AAPL", 5)
    bench.cash_moves(-500)
    bench.bot.manager.decisions.accept_position("AAPL", by="ada", reason="bought in the app")
    assert bench.bot.tie_outs.check().verdict is Verdict.EXPLAINED


def test_nothing_is_concluded_while_an_order_is_in_doubt(bench):
    bench.bot.tie_outs.check()
    bench.broker.standing["POST /orders/"] = request_lost
    assert bench.trade().status == "unknown"
    bench.cash_moves(-500)
    assert bench.bot.tie_outs.check().verdict is Verdict.NOT_TOLD
    with pytest.raises(OrderStatusError, match="nothing was accepted: an order's outcome is unknown"):
        bench.bot.tie_outs.accept(by="ada", reason="rent")
    assert bench.halts == []


def test_nothing_is_concluded_from_orders_that_could_not_be_read(bench):
    bench.bot.tie_outs.check()
    bench.broker.standing["GET /orders/"] = answers(500)
    bench.cash_moves(-500)
    found = bench.bot.tie_outs.check()
    assert (found.verdict, found.reason) == (
        Verdict.NOT_TOLD,
        "the orders could not be read in full; synchronise first",
    )


def test_shares_that_a_person_accepted_and_that_were_sold_again_explain_it_too(bench):
    """They are no position any more that has a price: what they were sold at tells it."""
    bench.bot.tie_outs.check()
    bench.clock.sleep(1)
    bench.shares_come("AAPL", 5)
    bench.cash_moves(-500)
    bench.bot.manager.decisions.accept_position("AAPL", by="ada", reason="bought in the app")
    bench.bot.synchronize_open_orders()
    bench.trade("sell", 55, client_order_id="out", pricing="marketable")
    bench.let_it_fill()
    assert bench.bot.valued_positions().values == ()
    assert bench.bot.tie_outs.check().verdict is Verdict.EXPLAINED


class ReadsNoJournal(BotsAccount):
    """An account whose journal must not be read: a defect here, as it takes seconds that orders wait for."""

    def history(self) -> AccountHistory:
        raise AssertionError("the whole journal was read")


class SaysNoCash(ReadsNoJournal):
    def balances(self) -> AccountSnapshot:
        return replace(BotsAccount.balances(self), portfolio_cash=None)


@pytest.mark.parametrize("cause", ["cash not told", "order in doubt", "orders not read"])
def test_the_journal_is_not_read_where_nothing_can_be_concluded(bench, cause):
    """It is tried again every few minutes, for as long as that lasts."""
    kind = SaysNoCash if cause == "cash not told" else ReadsNoJournal
    if cause == "order in doubt":
        bench.broker.standing["POST /orders/"] = request_lost
        bench.trade()
    elif cause == "orders not read":
        bench.broker.standing["GET /orders/"] = answers(500)
    account = kind(bot=bench.bot, store=store_of(bench), around=bench.surroundings())
    tie_outs = TieOuts(
        account=account,
        log=StoredTieOuts(store=store_of(bench)),
        tolerance=Tolerance(dollars=TEN, traded_bps=TEN),
        clock=bench.clock,
    )
    assert tie_outs.check().verdict is Verdict.NOT_TOLD


def test_nothing_is_concluded_from_a_reading_during_which_an_order_filled(bench):
    bench.bot.tie_outs.check()
    bench.trade()

    def fills_meanwhile(forward, request):
        bench.clock.sleep(5)
        return forward()

    bench.clock.sleep(57 - (bench.clock.now() - MONDAY).total_seconds())
    bench.broker.tampers[ACCOUNT].append(fills_meanwhile)
    found = bench.bot.tie_outs.check()
    assert (found.verdict, found.reason) == (
        Verdict.NOT_TOLD,
        "an order changed while the account was being read; try again",
    )
    assert bench.bot.tie_outs.check().verdict is Verdict.AGREES


def test_a_journal_that_cannot_be_read_beside_the_bot_concludes_nothing(bench):
    other = BotsAccount(
        bot=bench.bot,
        store=store_of(bench),
        around=dataclasses.replace(bench.surroundings(), open_journal=lambda *_: None),
    )
    tie_outs = TieOuts(
        account=other,
        log=StoredTieOuts(store=store_of(bench)),
        tolerance=Tolerance(dollars=TEN, traded_bps=TEN),
        clock=bench.clock,
    )
    assert tie_outs.check().verdict is Verdict.NOT_TOLD


class TestDaily:
    def test_the_first_is_at_once_and_then_one_after_each_close(self, bench):
        daily = bench.daily()

        def done_after(**wait: float) -> int:
            bench.clock.sleep(timedelta(**wait).total_seconds())
            daily.look()
            return len(bench.facts(EventKind.ACCOUNT_TIED_OUT))

        assert done_after(seconds=0) == 1
        close = bench.bot.config.trading.market_hours.close_after(bench.clock.now())
        until = (close - bench.clock.now()).total_seconds()
        assert done_after(seconds=until + 899) == 1
        assert done_after(seconds=1) == 2
        assert done_after(hours=23) == 2
        assert done_after(hours=1) == 3

    def test_one_that_halted_is_made_again_after_the_next_close_alone(self, bench):
        daily = bench.daily()
        daily.look()
        bench.cash_moves(-500)
        bench.clock.sleep(24 * 3600)
        daily.look()
        assert bench.halts == ["cash_missing"]
        bench.cash_moves(500)
        bench.clock.sleep(3600)
        daily.look()
        assert bench.halts == ["cash_missing"]
        bench.clock.sleep(24 * 3600)
        daily.look()
        assert bench.halts == []

    def test_an_account_that_cannot_be_read_is_tried_again_after_a_while(self, bench):
        bench.broker.standing[POSITIONS] = answers(500)
        daily = bench.daily()
        daily.look()
        del bench.broker.standing[POSITIONS]
        bench.clock.sleep(1)
        daily.look()
        assert bench.facts(EventKind.ACCOUNT_TIED_OUT) == []
        bench.clock.sleep(AGAIN_AFTER_S)
        daily.look()
        assert len(bench.facts(EventKind.ACCOUNT_TIED_OUT)) == 1

    def test_a_restart_goes_on_from_the_one_on_record(self, bench):
        bench.daily().look()
        bench.restart()
        bench.daily().look()
        assert len(bench.facts(EventKind.ACCOUNT_TIED_OUT)) == 1


def test_missing_cash_is_ended_by_no_resume(bench):
    bench.bot.tie_outs.check()
    bench.cash_moves(-500)
    bench.bot.tie_outs.check()
    (freeze,) = bench.bot.manager.ways_out.freezes()
    assert (freeze.cause, freeze.ended_by.value) == (Cause.CASH_MISSING, "tie_out")
