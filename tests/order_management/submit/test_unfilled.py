"""An entry whose time-out passes without a fill is cancelled, or placed anew a bounded number of times."""

import logging
from decimal import Decimal
from typing import Any

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import REPLY_LOST, REQUEST_LOST, CancelStep, SubmitStep
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import DuplicateOrderError, TradeRefusedError
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.outcomes import CancelRefused
from trading_bot.order_management.stop_orders import StopRequest
from trading_bot.order_management.submit.placement import already, approve_all

REPRICE: Any = {"unfilled_timeout_s": 60, "unfilled_action": "reprice", "unfilled_max_reprices": 2}


def bench_with(shares: int = 0, **settings: Any) -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": shares}, **({"unfilled_timeout_s": 60} | settings))
    bench.positions.quotes = {"AAPL": quote("AAPL", "102")}
    return bench


def round_after(bench: ManagerBench, seconds: float) -> tuple[str, ...]:
    bench.sync(after=seconds)
    return bench.manager.end_unfilled(gather=already(approve_all))


def orders(bench: ManagerBench) -> list[tuple[str, int]]:
    return [(order.state.value, int(order.terms.quantity)) for order in bench.gateway.orders]


class TestCancel:
    def test_an_entry_is_cancelled_once_its_time_out_has_passed_and_not_before(self):
        bench = bench_with()
        bench.buy()
        assert round_after(bench, 59) == ()
        assert round_after(bench, 1) == ("c1",)
        assert bench.state() == "cancelled"
        assert round_after(bench, 60) == ()

    def test_it_is_logged_with_its_name_and_symbol(self, caplog):
        caplog.set_level(logging.INFO, logger="trading_bot")
        bench = bench_with()
        bench.buy()
        caplog.clear()
        round_after(bench, 60)
        assert {"event": "entry_unfilled", "client_order_id": "c1", "symbol": "AAPL"} in [
            record.msg for record in caplog.records
        ]

    def test_its_cancel_is_followed_for_no_longer_than_the_next_entry_can_wait(self):
        bench = bench_with()
        bench.buy()
        bench.gateway.cancels.extend([CancelStep(ends=False)] * 9)
        bench.sync(after=60)
        began = bench.clock.monotonic()
        bench.manager.end_unfilled(gather=already(approve_all))
        assert bench.clock.monotonic() - began <= 5

    def test_why_is_on_record_with_the_cancel(self):
        bench = bench_with()
        bench.buy()
        round_after(bench, 60)
        (asked,) = bench.journal.facts(EventKind.CANCEL_REQUESTED)
        assert asked.reason == "nothing of it was filled for 60 s (unfilled_timeout_s)"
        assert asked.correlation_id == bench.tracked().envelope.correlation_id

    def test_the_time_counts_from_the_last_fill(self):
        bench = bench_with()
        bench.buy()
        bench.sync(after=50)
        order = bench.gateway.order()
        order.fill(4)
        order.changed_at = bench.clock.now()
        assert round_after(bench, 59) == ()
        assert round_after(bench, 1) == ("c1",)
        assert (bench.state(), bench.tracked().envelope.filled_quantity) == ("cancelled", Decimal(4))

    def test_a_restart_does_not_begin_the_time_anew(self):
        bench = bench_with()
        bench.buy()
        bench.clock.sleep(59)
        bench.restart()
        bench.manager.recover()
        assert round_after(bench, 1) == ("c1",)

    def test_without_a_time_out_it_works_for_ever(self):
        bench = bench_with(unfilled_timeout_s=None)
        bench.buy()
        assert round_after(bench, 10**6) == ()

    def test_an_order_that_is_queued_for_its_session_waits_for_that(self):
        bench = bench_with()
        bench.gateway.submits.append(
            SubmitStep(after=lambda: setattr(bench.gateway.order(), "state", OrderState.QUEUED))
        )
        bench.buy()
        assert round_after(bench, 3600) == ()
        bench.gateway.order().state = OrderState.CONFIRMED
        bench.gateway.order().changed_at = bench.clock.now()
        assert round_after(bench, 59) == ()
        assert round_after(bench, 1) == ("c1",)

    def test_sells_and_stops_have_no_time_out(self):
        bench = bench_with(20)
        bench.sell("s1")
        stop = StopRequest(symbol="AAPL", quantity=10, stop_price=Decimal(96), limit_price=Decimal(95))
        bench.manager.place_stop_sell(stop)
        assert round_after(bench, 3600) == ()

    def test_an_order_in_doubt_is_left_to_be_found(self):
        bench = bench_with()
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(Exception, match="it is not known"):
            bench.buy()
        assert bench.manager.end_unfilled(gather=already(approve_all)) == ()

    def test_a_cancel_under_way_is_not_asked_for_again(self):
        bench = bench_with()
        bench.buy()
        bench.gateway.cancels.append(CancelStep(ends=False))
        assert round_after(bench, 60) == ("c1",)
        assert round_after(bench, 60) == ()


OVERRIDES: Any = {
    "slow": {"unfilled_timeout_s": 600},
    "patient": {"unfilled_timeout_s": 0},
    "eager": {"unfilled_action": "reprice"},
}


class TestPerStrategy:
    @pytest.mark.parametrize(
        ("strategy", "after", "ended"),
        [("dip", 60, True), ("slow", 599, False), ("slow", 600, True), ("patient", 10**6, False)],
    )
    def test_its_own_time_out_wins(self, strategy, after, ended):
        bench = bench_with(strategy_overrides=OVERRIDES)
        bench.manager.place_limit_buy("AAPL", 10, Decimal(100), strategy_name=strategy)
        assert bool(round_after(bench, after)) is ended

    def test_its_own_action_wins(self):
        bench = bench_with(strategy_overrides=OVERRIDES)
        bench.manager.place_limit_buy("AAPL", 10, Decimal(100), strategy_name="eager")
        round_after(bench, 60)
        assert orders(bench) == [("cancelled", 10), ("confirmed", 10)]

    def test_a_time_out_of_one_strategy_alone_is_enough(self):
        bench = bench_with(unfilled_timeout_s=None, strategy_overrides={"fast": {"unfilled_timeout_s": 5}})
        bench.manager.place_limit_buy("AAPL", 10, Decimal(100), strategy_name="fast")
        assert len(round_after(bench, 5)) == 1


class TestReprice:
    def test_it_is_placed_anew_at_the_middle_of_the_market(self):
        bench = bench_with(**REPRICE)
        bench.buy()
        round_after(bench, 60)
        (new,) = bench.manager.open_orders()
        middle = (quote("AAPL", "102").bid_price + quote("AAPL", "102").ask_price) / 2
        assert (new.reference_price, new.quantity, bench.state()) == (middle, 10, "cancelled")
        intents = bench.journal.facts(EventKind.ORDER_INTENDED)
        assert intents[1].reason == "nothing of it was filled for 60 s (unfilled_timeout_s)"
        assert (intents[1].details["replaces"], intents[1].details["reprices"]) == ("c1", "1")
        assert intents[1].correlation_id == intents[0].correlation_id

    def test_only_what_is_left_is_placed_anew(self):
        bench = bench_with(**REPRICE)
        bench.buy()
        bench.gateway.order().fill(4)
        round_after(bench, 60)
        assert orders(bench) == [("cancelled", 10), ("confirmed", 6)]

    @pytest.mark.parametrize("restarts", [False, True])
    def test_after_so_many_times_it_is_cancelled(self, restarts):
        bench = bench_with(**REPRICE)
        bench.buy()
        for _ in range(3):
            round_after(bench, 60)
            if restarts:
                bench.restart()
                bench.manager.recover()
        assert orders(bench) == [("cancelled", 10)] * 3

    def test_one_that_cannot_be_placed_anew_is_cancelled_and_says_why(self, caplog):
        bench = bench_with(**REPRICE)
        bench.buy()
        bench.positions.quotes = {}
        round_after(bench, 60)
        told: list[Any] = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
        (warned,) = [line for line in told if line["event"] == "entry_not_repriced"]
        assert (warned["client_order_id"], "its market cannot be read" in warned["problem"]) == ("c1", True)
        assert orders(bench) == [("cancelled", 10)]
        (asked,) = bench.journal.facts(EventKind.CANCEL_REQUESTED)
        assert asked.reason is not None
        assert "it was not placed anew: AAPL: its market cannot be read" in asked.reason

    def test_it_passes_the_rules_of_a_trade_again(self):
        bench = bench_with(**REPRICE)
        bench.buy()
        bench.sync(after=60)

        def refuse(_terms: object) -> None:
            raise TradeRefusedError("too much today", symbol="AAPL", code="risk_halt")

        bench.manager.end_unfilled(gather=already(refuse))
        assert orders(bench) == [("cancelled", 10)]

    def test_too_many_pending_orders_are_no_reason_to_keep_one(self):
        bench = bench_with(**REPRICE)
        bench.buy()
        bench.sync(after=60)

        def refuse(_terms: object) -> None:
            raise DuplicateOrderError("too many orders are pending", symbol="AAPL")

        bench.manager.end_unfilled(gather=already(refuse))
        assert orders(bench) == [("cancelled", 10)]

    def test_one_whose_cancel_is_refused_is_not_followed_by_another(self):
        bench = bench_with(**REPRICE)
        bench.buy()
        bench.gateway.cancels.append(CancelStep(reply=CancelRefused(reason="403", status_code=403)))
        bench.gateway.cancels.append(CancelStep(reply=CancelRefused(reason="403", status_code=403)))
        round_after(bench, 60)
        assert orders(bench) == [("confirmed", 10)]

    def test_one_that_somebody_replaces_is_left_to_them(self):
        bench = bench_with(**REPRICE)
        bench.buy()
        bench.sync(after=60)
        rounds: list[object] = []

        def meanwhile(_terms: object) -> None:
            if not rounds:
                rounds.append(None)
                rounds.append(bench.manager.end_unfilled(gather=already(approve_all)))

        bench.manager.replace("c1", reference_price=Decimal(101), approve=meanwhile)
        assert rounds[1] == ("c1",)
        assert orders(bench) == [("cancelled", 10), ("confirmed", 10)]

    def test_a_new_order_of_which_nothing_is_known_is_not_placed_again(self):
        bench = bench_with(**REPRICE)
        bench.buy()
        bench.gateway.submits.append(REQUEST_LOST)
        round_after(bench, 60)
        round_after(bench, 60)
        assert len(bench.gateway.posts) == 2
