"""Leaving a position: one exit a symbol, down a ladder of limits, never more than is held."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import (
    REQUEST_LOST,
    UNREACHABLE,
    CancelStep,
    SubmitStep,
    rejected,
)
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.clock import VirtualClock
from trading_bot.order_management.book.exit_facts import ExitEnding, ExitOrigin
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.book.position_watch import LOOK_EVERY_S
from trading_bot.order_management.decisions.freeze_decisions import REENTRY_WAIT
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderStatusError,
    OrderValidationError,
    TradeRefusedError,
    TradingHaltedError,
)
from trading_bot.order_management.models import ExecutionMode, Side
from trading_bot.order_management.outcomes import CancelRefused
from trading_bot.order_management.submit.exit_gate import MACHINE_EXITS
from trading_bot.order_management.submit.exit_run import ExitResult, Leave
from trading_bot.order_management.submit.placement import approve_all
from trading_bot.order_management.sync.free_shares import LATEST_LOOK_S

ALICE = {"by": "alice", "reason": "wanted again"}
REFUSES = CancelStep(reply=CancelRefused(reason="not now", status_code=400), drops=True)


def market(bench: ManagerBench, bid: str | None = "100", *, halted: bool = False) -> None:
    bench.positions.quotes = {} if bid is None else {"AAPL": replace(quote("AAPL", bid), trading_halted=halted)}


def held(shares: int = 50, **settings: Any) -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": shares}, **settings)
    market(bench)
    return bench


def fills_at_once(bench: ManagerBench, quantity: int | None = None) -> SubmitStep:
    return SubmitStep(after=lambda: bench.gateway.order().fill(quantity, price="99.90"))


def leave(bench: ManagerBench, quantity: int | None = None, **options: Any) -> ExitResult:
    return bench.manager.ways_out.leave(Leave(symbol="AAPL", quantity=quantity, **options))


def limits(bench: ManagerBench) -> list[Decimal]:
    return [intent.terms.limit_price for intent in bench.gateway.posts if intent.terms.side is Side.SELL]


def quantities(bench: ManagerBench) -> list[int]:
    return [intent.terms.quantity for intent in bench.gateway.posts if intent.terms.side is Side.SELL]


def sold(bench: ManagerBench) -> Decimal:
    return sum((order.filled for order in bench.gateway.orders if order.terms.side is Side.SELL), Decimal(0))


class TestTheLadder:
    def test_all_free_shares_are_sold_just_below_the_bid(self):
        bench = held()
        bench.gateway.submits.append(fills_at_once(bench))
        result = leave(bench)
        assert (result.ending, int(result.sold), limits(bench)) == (ExitEnding.SOLD, 50, [Decimal("99.50")])
        assert bench.clock.monotonic() < 5, "what has filled is not waited for"
        (ended,) = bench.journal.facts(EventKind.EXIT_ENDED)
        assert (ended.order_id, "leg" in ended.details) == (None, False)

    def test_what_does_not_fill_is_taken_back_and_offered_lower_and_the_last_rests(self):
        bench = held()
        result = leave(bench)
        assert limits(bench) == [Decimal("99.50"), Decimal("98.00"), Decimal("95.00")]
        assert [order.state.value for order in bench.gateway.orders] == ["cancelled", "cancelled", "confirmed"]
        assert (result.ending, int(result.sold)) == (ExitEnding.RESTING, 0)
        assert "rests at the broker" in result.message
        (ended,) = bench.journal.facts(EventKind.EXIT_ENDED)
        resting = bench.gateway.orders[-1].order_id
        assert (ended.order_id, ended.details["leg"]) == (resting, result.orders[-1].client_order_id)

    def test_each_order_is_priced_from_a_fresh_bid_and_none_goes_below_the_floor(self):
        bench = held()
        bench.gateway.submits.append(SubmitStep(after=lambda: market(bench, "96")))
        leave(bench)
        assert limits(bench) == [Decimal("99.50"), Decimal("95.00"), Decimal("95.00")]

    def test_what_filled_is_not_offered_again(self):
        bench = held()
        bench.gateway.submits.append(fills_at_once(bench, 20))
        bench.gateway.submits.append(fills_at_once(bench))
        result = leave(bench)
        assert (quantities(bench), result.ending, int(result.sold)) == ([50, 30], ExitEnding.SOLD, 50)

    def test_each_order_has_an_id_of_its_own_and_names_the_exit(self):
        bench = held()
        result = leave(bench)
        names = [order.client_order_id for order in result.orders]
        assert names == [f"{result.exit_id}-{number}" for number in (1, 2, 3)]
        assert [fact.details["leg"] for fact in bench.journal.facts(EventKind.EXIT_LEG_PLACED)] == names

    def test_only_as_many_shares_are_sold_as_were_asked_for(self):
        bench = held()
        bench.gateway.submits.append(fills_at_once(bench))
        result = leave(bench, 20)
        assert (quantities(bench), result.ending) == ([20], ExitEnding.SOLD)

    def test_a_halted_instrument_gets_one_order_and_no_repricing(self):
        bench = held()
        market(bench, halted=True)
        assert leave(bench).ending is ExitEnding.RESTING
        assert limits(bench) == [Decimal("99.50")]

    def test_without_a_quote_nothing_is_sold_and_resting_sells_stay(self):
        bench = held()
        bench.sell("s1", quantity=10)
        market(bench, None)
        result = leave(bench)
        assert (result.ending, result.code) == (ExitEnding.NOT_SOLD, "no_quote")
        assert "--limit" in result.message
        assert bench.state("s1") == "confirmed"

    def test_a_price_of_the_persons_own_is_one_order_at_just_that_price(self):
        bench = held()
        market(bench, None)
        assert leave(bench, limit=Decimal("97.31")).ending is ExitEnding.RESTING
        assert limits(bench) == [Decimal("97.31")]

    def test_a_market_that_goes_away_leaves_the_order_before_at_the_broker(self):
        bench = held()
        bench.gateway.submits.append(SubmitStep(after=lambda: market(bench, None)))
        result = leave(bench)
        assert (result.ending, limits(bench)) == (ExitEnding.RESTING, [Decimal("99.50")])

    def test_a_refused_order_is_followed_by_a_lower_one(self):
        bench = held()
        bench.gateway.submits += [rejected(), fills_at_once(bench)]
        result = leave(bench)
        assert (result.ending, limits(bench)) == (ExitEnding.SOLD, [Decimal("99.50"), Decimal("98.00")])

    def test_refusals_to_the_end_say_what_the_broker_said(self):
        bench = held()
        bench.gateway.submits += [rejected()] * 3
        result = leave(bench)
        assert (result.ending, result.code) == (ExitEnding.NOT_SOLD, "rejected")
        assert "not enough buying power" in result.message

    def test_an_order_that_did_not_leave_is_followed_by_another(self):
        bench = held(max_attempts=1)
        bench.gateway.submits += [UNREACHABLE, fills_at_once(bench)]
        assert leave(bench).ending is ExitEnding.SOLD

    def test_an_order_whose_reads_failed_is_followed_by_another(self):
        bench = held()
        failures = [OrderStatusError("HTTP 503; try again")]

        def failing_once() -> None:
            bench.gateway.prepare_error = failures.pop() if failures else None

        bench.gateway.on_prepare = failing_once
        bench.gateway.submits.append(fills_at_once(bench))
        assert leave(bench).ending is ExitEnding.SOLD

    def test_shares_that_somebody_else_sold_meanwhile_are_left_out_of_the_next_order(self):
        bench = held()
        taken: list[object] = []

        def rivalled() -> None:
            if not taken:
                taken.append("once")
                bench.sell("rival", quantity=20, price=Decimal(300))

        bench.gateway.on_prepare = rivalled
        bench.gateway.submits.extend([SubmitStep(), fills_at_once(bench)])
        bench.gateway.cancels.extend([REFUSES] * 9)
        assert int(leave(bench).sold) == 30
        assert quantities(bench) == [20, 30]

    def test_once_it_is_not_certain_any_more_what_is_held_the_last_order_stays(self):
        bench = held(mode=ExecutionMode.LIVE)
        bench.sync(after=LOOK_EVERY_S - 1)
        bench.clock.sleep(LATEST_LOOK_S - LOOK_EVERY_S - 1)
        bench.positions.is_failing = True
        result = leave(bench)
        assert (result.ending, quantities(bench)) == (ExitEnding.RESTING, [50])

    def test_the_time_that_it_may_take_counts_from_the_call(self):
        bench = held(cancel_deadline_s=1, submit_deadline_s=10)
        slow = [20.0]

        def gather(*_arguments: object) -> Any:
            bench.clock.sleep(slow.pop() if slow else 0)
            return approve_all

        bench.manager.ways_out.leave(Leave(symbol="AAPL"), gather=gather)
        assert bench.clock.monotonic() <= 1 + 3 * 10

    def test_every_read_of_its_orders_is_over_by_its_time(self):
        bench = held(cancel_deadline_s=30, submit_deadline_s=20)
        deadline = bench.clock.monotonic() + 30 + 3 * 20
        leave(bench)
        assert deadline in bench.gateway.deadlines

    @pytest.mark.parametrize("cancel_deadline_s", range(1, 12))
    def test_no_order_is_begun_that_might_end_after_its_time(self, cancel_deadline_s):
        bench = held(cancel_deadline_s=cancel_deadline_s, submit_deadline_s=10)

        def read() -> None:
            bench.clock.sleep(max(0, min(2, bench.positions.deadlines[-1] - bench.clock.monotonic())))

        bench.positions.during_read = read
        bench.gateway.cancels.extend([CancelStep(before=lambda _: bench.clock.sleep(4.9))] * 9)
        bench.gateway.submits.extend([SubmitStep(takes_s=7.9)] * 3)
        leave(bench)
        assert bench.clock.monotonic() <= cancel_deadline_s + 3 * 10

    def test_it_ends_within_its_time_however_slow_the_broker_is(self):
        bench = held(cancel_deadline_s=30, submit_deadline_s=20)
        bench.gateway.submits += [replace(REQUEST_LOST, takes_s=20)] * 3
        began = bench.clock.monotonic()
        leave(bench, 10)
        assert bench.clock.monotonic() - began <= 30 + 3 * 20

    def test_outside_the_regular_session_it_goes_no_further_than_two_per_cent_below_the_first_bid(self):
        bench = held()
        leave(bench, extended_hours=True)
        assert limits(bench) == [Decimal("99.50"), Decimal("98.00"), Decimal("98.00")]

    def test_one_share_that_is_left_is_not_called_sold(self):
        bench = held()

        def all_but_one() -> None:
            bench.gateway.order().fill(49, price="99.90")
            bench.gateway.order().end()
            market(bench, None)

        bench.gateway.submits.append(SubmitStep(after=all_but_one))
        result = leave(bench)
        assert (result.ending, int(result.sold)) == (ExitEnding.NOT_SOLD, 49)

    def test_one_share_without_a_quote_is_not_called_nothing(self):
        bench = held(1)
        market(bench, None)
        assert leave(bench).ending is ExitEnding.NOT_SOLD

    def test_fewer_than_were_asked_for_are_not_called_sold_though_no_more_are_there(self):
        bench = held(20)

        def half_of_them() -> None:
            bench.gateway.order().fill(10, price="99.90")
            bench.gateway.order().end()
            bench.positions.move("AAPL", "-10")

        bench.gateway.submits.append(SubmitStep(after=half_of_them))
        result = leave(bench, 20)
        assert (result.ending, int(result.sold)) == (ExitEnding.NOTHING_FREE, 10)

    def test_an_order_that_cannot_be_read_meanwhile_ends_nothing(self, caplog):
        bench = held()
        bench.gateway.unreadable = 1
        result = leave(bench)
        assert result.ending is ExitEnding.RESTING
        told: list[Any] = [record.msg for record in caplog.records]
        (unread,) = [line for line in told if line["event"] == "exit_order_not_read"]
        assert unread["client_order_id"] == result.orders[0].client_order_id
        assert "the read failed" in unread["problem"]

    def test_each_look_at_what_is_held_has_its_time(self):
        bench = held()
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.deadlines.clear()
        leave(bench)
        assert min(bench.positions.deadlines) > LOOK_EVERY_S


class TestWhatIsInTheWay:
    def test_open_buys_are_cancelled(self):
        bench = held()
        bench.buy("near", price=Decimal(100))
        bench.gateway.submits.append(fills_at_once(bench))
        assert leave(bench).ending is ExitEnding.SOLD
        assert bench.state("near") == "cancelled"

    def test_a_buy_far_below_that_does_not_end_delays_nothing(self):
        bench = held()
        bench.buy("far", price=Decimal(50))
        bench.gateway.cancels.extend([REFUSES] * 9)
        bench.gateway.submits.append(fills_at_once(bench))
        began = bench.clock.monotonic()
        assert leave(bench).ending is ExitEnding.SOLD
        assert bench.clock.monotonic() - began <= 2

    def test_a_buy_in_the_way_that_does_not_end_holds_the_exit_up_no_longer_than_its_cancel_is_followed(self):
        bench = held()
        bench.buy("near", price=Decimal(120))
        bench.gateway.cancels.extend([REFUSES] * 9)
        bench.gateway.submits.append(fills_at_once(bench))
        assert leave(bench).ending is ExitEnding.SOLD
        assert bench.clock.monotonic() <= 6

    @pytest.mark.parametrize(("price", "shortest", "longest"), [(50, 0, 1), (120, 3, 5)])
    def test_only_a_buy_in_the_way_is_waited_for_while_its_cancel_is_under_way(self, price, shortest, longest):
        bench = held()
        bench.buy("b1", price=Decimal(price))
        bench.gateway.cancels.extend([CancelStep(ends=False)] * 9)
        bench.gateway.submits.append(fills_at_once(bench))
        began = bench.clock.monotonic()
        assert leave(bench).ending is ExitEnding.SOLD
        assert shortest <= bench.clock.monotonic() - began <= longest

    def test_an_unknown_buy_delays_nothing(self):
        bench = held()
        bench.gateway.submits.append(REQUEST_LOST)
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("lost")
        bench.gateway.submits.append(fills_at_once(bench))
        began = bench.clock.monotonic()
        assert leave(bench).ending is ExitEnding.SOLD
        assert bench.clock.monotonic() - began <= 1
        assert bench.tracked("lost").cancel_wanted

    def test_resting_sells_are_taken_over(self):
        bench = held()
        bench.sell("s1", quantity=30, price=Decimal(120))
        bench.gateway.submits.append(fills_at_once(bench))
        result = leave(bench)
        assert (bench.state("s1"), quantities(bench), int(result.sold)) == ("cancelled", [30, 50], 50)

    def test_beside_a_sell_that_will_not_end_the_rest_is_sold_and_it_is_tried_again(self):
        bench = held()
        bench.sell("s1", quantity=30, price=Decimal(120))
        bench.gateway.cancels.extend([REFUSES] * 2)
        bench.gateway.submits += [fills_at_once(bench), fills_at_once(bench)]
        result = leave(bench)
        assert quantities(bench)[1:] == [20, 30]
        assert (result.ending, int(sold(bench))) == (ExitEnding.SOLD, 50)

    def test_an_order_of_the_exit_in_doubt_keeps_its_shares(self):
        bench = held()
        bench.gateway.submits.append(REQUEST_LOST)
        result = leave(bench, 10)
        assert (quantities(bench), result.ending) == ([10], ExitEnding.IN_DOUBT)

    def test_what_is_not_held_is_not_sold(self):
        bench = held(0)
        result = leave(bench)
        assert (result.ending, quantities(bench)) == (ExitEnding.NOTHING_FREE, [])

    def test_a_foreign_sell_leaves_only_the_rest(self):
        bench = held()
        bench.gateway.add(terms(side=Side.SELL, quantity=40))
        bench.sync()
        bench.gateway.submits.append(fills_at_once(bench))
        leave(bench)
        assert quantities(bench) == [10]


class TestTheRecord:
    def test_entries_in_the_symbol_wait_until_somebody_resumes(self):
        bench = held()
        bench.gateway.submits.append(fills_at_once(bench))
        leave(bench, by="alice", reason="news")
        (freeze,) = bench.manager.ways_out.freezes("AAPL")
        assert (freeze.cause, freeze.by) == (Cause.EXIT, "alice")
        (begun,) = bench.journal.facts(EventKind.EXIT_BEGUN)
        assert (begun.reason, begun.details["by"]) == ("news", "alice")
        with pytest.raises(TradingHaltedError, match="run 'trading-bot resume AAPL'"):
            bench.buy("c1")
        assert bench.buy("c2", symbol="MSFT").order_id is not None
        bench.restart()
        bench.manager.recover()
        with pytest.raises(TradingHaltedError):
            bench.buy("c1")

    def test_after_a_resume_entries_wait_for_a_minute_from_the_end_of_the_exit(self):
        bench = held()
        bench.gateway.submits.append(fills_at_once(bench))
        leave(bench)
        assert bench.manager.decisions.resume("AAPL", **ALICE) == ("AAPL",)
        with pytest.raises(TradingHaltedError, match="left a moment ago"):
            bench.buy("c1")
        bench.clock.sleep(REENTRY_WAIT.total_seconds())
        assert bench.buy("c1").order_id is not None

    def test_a_late_resume_waits_for_nothing(self):
        bench = held()
        bench.gateway.submits.append(fills_at_once(bench))
        leave(bench)
        bench.clock.sleep(REENTRY_WAIT.total_seconds())
        bench.sync()
        bench.manager.decisions.resume("AAPL", **ALICE)
        assert bench.buy("c1").order_id is not None

    def test_an_exit_that_the_end_of_the_program_cut_short_is_ended_by_the_next(self):
        bench = held()
        bench.journal.failing.add(EventKind.EXIT_ENDED)
        leave(bench)
        bench.journal.failing.clear()
        bench.restart()
        bench.manager.recover()
        with bench.store.open_book() as book:
            assert [each.symbol for each in book.exits.under_way()] == ["AAPL"]
        leave(bench)
        endings = [fact.details["ending"] for fact in bench.journal.facts(EventKind.EXIT_ENDED)]
        assert endings == ["unfinished", "resting"]

    def test_an_exit_that_ctrl_c_cut_short_is_recorded_with_the_order_that_it_leaves(self):
        class Interrupted(VirtualClock):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                with bench.store.open_book() as book:
                    if any(order.state.is_working for order in book.pending_on("AAPL", Side.SELL)):
                        raise KeyboardInterrupt

        bench = held(clock=Interrupted(MONDAY))
        with pytest.raises(KeyboardInterrupt):
            leave(bench)
        (ended,) = bench.journal.facts(EventKind.EXIT_ENDED)
        assert ended.details["ending"] == "resting"
        assert "the last order rests at the broker: sell 50 at 99.50" in (ended.reason or "")

    def test_after_twenty_exits_of_a_day_only_stops_and_persons_may(self):
        bench = held()
        market(bench, None)
        for _ in range(MACHINE_EXITS):
            leave(bench, origin=ExitOrigin.STRATEGY)
        with pytest.raises(TradeRefusedError, match="trading-bot exit AAPL") as caught:
            leave(bench, origin=ExitOrigin.STRATEGY)
        assert (caught.value.code, caught.value.symbol) == ("too_many_exits", "AAPL")
        assert leave(bench, origin=ExitOrigin.STOP).code == "no_quote"
        assert leave(bench, origin=ExitOrigin.PERSON).code == "no_quote"
        bench.clock.sleep(timedelta(hours=24).total_seconds())
        bench.sync()
        assert leave(bench, origin=ExitOrigin.STRATEGY).code == "no_quote"


class TestWhatStillStopsIt:
    def test_a_kill(self):
        bench = held()
        bench.latch.reason = "killed; arm it"
        with pytest.raises(TradingHaltedError, match="killed"):
            leave(bench)
        assert bench.journal.facts(EventKind.EXIT_BEGUN) == []

    def test_a_kill_between_two_orders(self):
        bench = held()
        bench.gateway.submits.append(SubmitStep(after=lambda: setattr(bench.latch, "reason", "killed; arm it")))
        result = leave(bench)
        assert (result.ending, len(quantities(bench))) == (ExitEnding.NOT_SOLD, 1)
        assert "killed" in result.message

    def test_a_journal_that_cannot_be_written(self):
        bench = held()
        bench.journal.broken = True
        with pytest.raises(Exception, match="no space left"):
            bench.buy("c1")
        with pytest.raises(TradingHaltedError, match="no space left"):
            leave(bench)

    def test_positions_that_were_never_read(self):
        bench = held()
        bench.restart()
        bench.positions.is_failing = True
        with pytest.raises(TradingHaltedError, match="trading-bot sync") as caught:
            leave(bench)
        assert caught.value.code == "positions_unknown"

    def test_rules_of_the_caller(self):
        bench = held()

        def closed(*_arguments: object) -> Any:
            raise TradeRefusedError("the market is closed; wait", code="market_closed")

        bench.sell("s1", quantity=10)
        with pytest.raises(TradeRefusedError, match="closed"):
            bench.manager.ways_out.leave(Leave(symbol="AAPL"), gather=closed)
        assert bench.state("s1") == "confirmed", "nothing is cancelled for an exit that cannot go"


class TestTwoAtOnce:
    def test_a_second_caller_joins_the_exit_under_way(self):
        bench = held()
        came, joined = threading.Event(), []

        def second() -> None:
            came.set()
            joined.append(leave(bench))

        thread = threading.Thread(target=second)

        def meanwhile() -> None:
            thread.start()
            assert came.wait(10)
            thread.join(0.05)
            bench.gateway.order().fill(price="99.90")

        bench.gateway.submits.append(SubmitStep(after=meanwhile))
        first = leave(bench)
        thread.join(10)
        assert joined == [first]
        assert (quantities(bench), len(bench.journal.facts(EventKind.EXIT_BEGUN))) == ([50], 1)

    def test_twenty_exits_and_sells_from_twenty_threads_sell_no_more_than_is_held(self):
        bench = held(max_pending_per_side=50)
        start = threading.Barrier(20)
        errors: list[BaseException] = []

        def act(number: int) -> None:
            start.wait()
            try:
                if number % 2:
                    leave(bench, limit=Decimal(90))
                else:
                    bench.sell(f"s{number}", quantity=10 + number)
            except (TradeRefusedError, TradingHaltedError, OrderNotSentError):
                pass  # the threads wait on one clock, so that time may be over before one has sent
            except BaseException as error:  # noqa: BLE001 - a thread must not hide what it found
                errors.append(error)

        threads = [threading.Thread(target=act, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert errors == []
        open_still = sum(
            order.terms.quantity - order.filled for order in bench.gateway.orders if order.state.is_working
        )
        assert open_still + sold(bench) <= 50


def unread(**settings: Any) -> ManagerBench:
    """Return a bench of an account that could go short, started anew while its positions cannot be read."""
    bench = held(mode=ExecutionMode.LIVE, **settings)
    bench.positions.is_failing = True
    bench.restart()
    with suppress(TradingHaltedError):
        bench.manager.recover()
    return bench


class TestANumberTypedByAPerson:
    """Where the positions cannot be read, the number that a person sees at the broker stands for them."""

    def test_it_lets_so_many_shares_be_sold_and_is_in_the_journal(self):
        bench = unread()
        bench.gateway.submits.append(fills_at_once(bench))
        result = leave(bench, held=Decimal(30))
        assert (result.ending, quantities(bench)) == (ExitEnding.SOLD, [30])
        (begun,) = bench.journal.facts(EventKind.EXIT_BEGUN)
        assert begun.details["held_by_hand"] == "30"

    def test_what_fills_meanwhile_is_taken_off_it(self):
        bench = unread()
        bench.gateway.submits.extend([fills_at_once(bench, 20), fills_at_once(bench)])
        assert int(leave(bench, held=Decimal(30)).sold) == 30
        assert quantities(bench) == [30, 10]

    def test_open_sells_are_taken_off_it(self):
        bench = held(mode=ExecutionMode.LIVE)
        bench.sell("s1", quantity=10)
        bench.gateway.add(terms(side=Side.SELL, quantity=5))
        bench.sync()
        bench.gateway.answer_cancels(REFUSES.reply)
        bench.positions.is_failing = True
        leave(bench, held=Decimal(30))
        assert quantities(bench)[1] == 15

    @pytest.mark.parametrize(("typed", "sold"), [(60, 50), (20, 20)])
    def test_where_the_position_can_be_read_the_smaller_number_counts(self, typed, sold):
        bench = held(mode=ExecutionMode.LIVE)
        bench.gateway.submits.append(fills_at_once(bench))
        leave(bench, held=Decimal(typed))
        assert quantities(bench) == [sold]

    def test_a_journal_that_never_saw_the_positions_has_nothing_to_bound_it_with(self):
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE, recovered=False)
        bench.positions.is_failing = True
        market(bench)
        bench.gateway.submits.extend([fills_at_once(bench, 20), fills_at_once(bench)])
        leave(bench, held=Decimal(30))
        assert quantities(bench) == [30, 10]

    def test_it_counts_for_its_exit_and_no_longer(self):
        bench = unread()
        leave(bench, 10, held=Decimal(30))
        with pytest.raises(TradingHaltedError, match="have not been read"):
            bench.sell("s9", quantity=1)

    def test_without_it_nothing_is_cancelled_for_an_exit_that_cannot_go(self):
        bench = held(mode=ExecutionMode.LIVE)
        bench.sell("s1", quantity=10)
        bench.positions.is_failing = True
        bench.sync(after=LATEST_LOOK_S + 1)
        with pytest.raises(TradingHaltedError, match=r"could go short.*'trading-bot exit AAPL --held N'") as caught:
            leave(bench)
        assert (caught.value.code, bench.state("s1")) == ("positions_unknown", "confirmed")

    @pytest.mark.parametrize("typed", [Decimal(0), Decimal(-1), Decimal("NaN"), "many", Decimal(10**9)])
    def test_what_is_no_number_of_shares_is_refused(self, typed):
        bench = unread()
        with pytest.raises(OrderValidationError, match="such as 120"):
            leave(bench, held=typed)
        assert bench.journal.facts(EventKind.EXIT_BEGUN) == []


class TestHowItIsAskedFor:
    def test_values_that_mean_the_same_are_converted(self):
        bench = held()
        bench.gateway.submits.append(fills_at_once(bench))
        result = bench.manager.ways_out.leave(Leave(symbol="aapl", quantity=20.0, limit=99.9))  # type: ignore[arg-type]
        assert (result.symbol, quantities(bench), limits(bench)) == ("AAPL", [20], [Decimal("99.9")])

    @pytest.mark.parametrize("wrong", [{"symbol": "nan"}, {"quantity": 0}, {"quantity": 1.5}, {"limit": Decimal(-1)}])
    def test_what_means_nothing_is_refused_and_stops_no_entries(self, wrong):
        bench = held()
        with pytest.raises(OrderValidationError):
            bench.manager.ways_out.leave(Leave(**{"symbol": "AAPL", **wrong}))
        assert bench.manager.ways_out.freezes() == ()


def test_a_sell_of_ours_that_was_taken_over_frees_its_shares_though_the_positions_cannot_be_read_again():
    """The broker held its shares back at the last look; the exit must not end with the sell gone and nothing sold."""
    bench = held()
    bench.sell("s1", quantity=50)
    bench.positions.held_back = {"AAPL": "50"}
    bench.sync(after=LOOK_EVERY_S)
    bench.positions.is_failing = True
    leave(bench)
    assert quantities(bench)[:2] == [50, 50]


def test_what_somebody_else_holds_back_stays_held_back_until_the_next_look():
    bench = held()
    bench.sell("s1", quantity=10)
    bench.positions.held_back = {"AAPL": "15"}
    bench.sync(after=LOOK_EVERY_S)
    bench.positions.is_failing = True
    leave(bench)
    assert quantities(bench)[1] == 35


def test_a_sell_before_the_first_look_reads_what_it_needs_and_no_freeze_of_entries_stops_it():
    bench = held()
    leave(bench, 10, limit=Decimal(300))
    bench.restart()
    assert bench.sell("s1", quantity=40).order_id is not None


def test_a_sell_whose_position_cannot_be_read_names_the_way_out():
    bench = unread()
    bench.store.record_fact(frozen("AAPL", Cause.TERMS_DIFFER, "edited"))
    with pytest.raises(TradingHaltedError, match="--held N") as caught:
        bench.sell("s1", quantity=10)
    assert caught.value.code == "positions_unknown"


class TestWhatFlattenLeaves:
    def test_what_only_the_broker_shows_is_among_everything_and_its_exit_says_what_to_do(self):
        bench = held()
        bench.positions.move("MSFT", "7")
        bench.positions.move("TSLA", "-2")
        bench.sync(after=LOOK_EVERY_S)
        assert bench.manager.ways_out.held_symbols(everything=True) == ("AAPL", "MSFT")
        result = bench.manager.ways_out.leave(Leave(symbol="MSFT", limit=Decimal(1)))
        assert result.ending is ExitEnding.NOTHING_FREE
        assert "the broker shows 7, our fills explain 0" in result.message
        assert "trading-bot accept-position MSFT" in result.message

    def test_a_symbol_that_was_sold_out_is_not_held(self):
        bench = held()
        bench.gateway.submits.append(fills_at_once(bench))
        leave(bench)
        bench.sync(after=LOOK_EVERY_S)
        assert bench.manager.ways_out.held_symbols(everything=True) == ()

    def test_entries_everywhere_wait_for_whoever_left_everything(self):
        bench = held()
        bench.manager.ways_out.cancel_entries(everything=True, by="alice", reason="news")
        (halt,) = bench.manager.ways_out.freezes()
        assert (halt.symbol, halt.cause, halt.by) == (None, Cause.EXIT, "alice")

    def test_before_any_look_our_records_say_what_is_held(self):
        bench = held()
        bench.restart()
        assert bench.manager.ways_out.held_symbols(everything=True) == ("AAPL",)
        assert bench.manager.ways_out.held_symbols(everything=False) == ()
