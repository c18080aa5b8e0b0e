"""Replacing: the second leg only after a broker's report of the first one's end, and only for what is left."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.fake_gateway import (
    BAD_CERTIFICATE,
    REPLY_LOST,
    UNREACHABLE,
    BrokerOrder,
    CancelStep,
    SubmitStep,
    rejected,
    throttled,
)
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.anomalies import AnomalyKind
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    DuplicateOrderError,
    OrderCancellationError,
    OrderLogError,
    OrderNotFoundError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    OrderValidationError,
    TradeRefusedError,
    TradingHaltedError,
)
from trading_bot.order_management.models import OrderEnvelope, OrderState, OrderTerms, Pricing
from trading_bot.order_management.outcomes import CancelNotSent, CancelRefused, CancelUnknown
from trading_bot.order_management.submit.placement import already, approve_all
from trading_bot.order_management.submit.replace import Change

NEW_PRICE = Decimal(101)


def resting(**settings: Any) -> ManagerBench:
    bench = ManagerBench(**settings)
    bench.buy("old")
    return bench


def replaced(
    bench: ManagerBench,
    *,
    reference_price: Decimal = NEW_PRICE,
    client_order_id: str | None = "new",
    **changes: Any,
) -> OrderEnvelope:
    return bench.manager.replace("old", reference_price=reference_price, client_order_id=client_order_id, **changes)


def before_cancel(act: Callable[[BrokerOrder], object]) -> CancelStep:
    return CancelStep(before=act)


def quantities(bench: ManagerBench) -> list[int]:
    return [intent.terms.quantity for intent in bench.gateway.posts]


class TestWhatIsSent:
    @pytest.mark.parametrize("by", ["client order id", "broker's id"])
    def test_the_old_order_has_ended_before_the_new_one_leaves(self, by):
        bench = resting()
        ended: list[OrderState] = []
        bench.gateway.submits.append(SubmitStep(meanwhile=lambda: ended.append(bench.gateway.orders[0].state)))
        name = "old" if by == "client order id" else "broker-1"
        new = bench.manager.replace(name, reference_price=NEW_PRICE, client_order_id="new")
        assert ended == [OrderState.CANCELLED]
        assert (new.client_order_id, new.order_id, new.quantity) == ("new", "broker-2", 10)
        assert bench.state("old") == "cancelled"

    def test_the_price_comes_from_the_reference_given_now(self):
        bench = resting()
        assert replaced(bench).limit_price == Decimal("100.85")
        assert bench.tracked("new").envelope.reference_price == NEW_PRICE

    def test_everything_else_stays_as_it_was(self):
        bench = ManagerBench()
        bench.manager.place_limit_sell(
            "AAPL",
            10,
            Decimal(100),
            strategy_name="momentum",
            time_in_force="gtc",
            extended_hours=True,
            client_order_id="old",
        )
        old, new = bench.tracked("old").envelope, replaced(bench)
        names = ("symbol", "side", "quantity", "strategy_name", "time_in_force", "extended_hours")
        assert [getattr(new, name) for name in names] == [getattr(old, name) for name in names]

    @pytest.mark.parametrize("used", ["old", "earlier"])
    def test_an_id_that_stands_for_an_order_already_is_refused_before_anything_is_cancelled(self, used):
        bench = ManagerBench()
        bench.buy("earlier", symbol="MSFT")
        bench.buy("old")
        with pytest.raises(OrderValidationError) as caught:
            replaced(bench, client_order_id=used)
        error = caught.value
        assert (error.code, error.client_order_id, error.symbol) == (
            "client_order_id_reused",
            used,
            bench.tracked(used).envelope.symbol,
        )
        assert bench.gateway.cancel_requests == []

    def test_a_kill_between_the_legs_ends_it_although_the_account_is_armed_again(self):
        bench = resting()

        bench.gateway.cancels.append(CancelStep(before=lambda order: bench.latch.kill_and_arm()))
        with pytest.raises(OrderNotSentError) as caught:
            replaced(bench)
        assert "armed anew" in str(caught.value)
        error = caught.value
        assert (error.code, error.client_order_id, error.symbol) == ("not_replaced_armed_anew", "old", "AAPL")
        assert bench.state("old") == "cancelled"
        assert len(bench.gateway.posts) == 1

    def test_another_pricing_can_be_chosen(self):
        assert replaced(resting(), pricing=Pricing.MARKETABLE).limit_price > NEW_PRICE

    def test_the_journal_says_which_order_stands_for_which(self):
        bench = resting()
        replaced(bench)
        first, second = bench.journal.facts(EventKind.ORDER_INTENDED)
        assert ("replaces" in first.details, second.details["replaces"]) == (False, "old")

    def test_without_a_name_the_new_order_gets_one(self):
        assert replaced(resting(), client_order_id=None).client_order_id.startswith("generated-")


class TestWhatIsLeft:
    @pytest.mark.parametrize(("asked", "filled", "sent"), [(None, 4, 6), (20, 4, 16), (10, 9, 1), (5, 4, 1)])
    def test_what_has_filled_is_taken_off(self, asked, filled, sent):
        bench = resting()
        bench.gateway.order().fill(filled)
        assert replaced(bench, quantity=asked).quantity == sent

    @pytest.mark.parametrize(("asked", "filled"), [(None, 7), (12, 5)])
    def test_a_fill_that_wins_the_race_is_taken_off_too(self, asked, filled):
        bench = resting()
        bench.gateway.cancels.append(before_cancel(lambda order: order.fill(filled)))
        assert replaced(bench, quantity=asked).quantity == (asked or 10) - filled

    @pytest.mark.parametrize("asked", [None, 8])
    def test_nothing_left_is_nothing_sent(self, asked):
        bench = resting()
        bench.gateway.cancels.append(before_cancel(lambda order: order.fill(10 if asked is None else 8)))
        old = replaced(bench, quantity=asked)
        assert (old.client_order_id, old.filled_quantity) == ("old", asked or 10)
        assert len(bench.gateway.posts) == 1

    def test_an_order_that_is_filled_already_is_returned_as_it_is(self):
        bench = resting()
        bench.gateway.order().fill()
        bench.sync()
        assert replaced(bench).state is OrderState.FILLED
        assert (bench.gateway.cancel_requests, len(bench.gateway.posts)) == ([], 1)

    def test_executions_count_where_the_total_lags_behind(self, monkeypatch):
        bench = resting()
        bench.gateway.order().fill(4)
        order = bench.gateway.order()
        report = order.report
        monkeypatch.setattr(order, "report", lambda: replace(report(), cumulative_quantity=Decimal(1)))
        assert replaced(bench).quantity == 6


class TestTheFirstLeg:
    @pytest.mark.parametrize(
        "reply",
        [
            CancelNotSent(cause="no connection"),
            CancelUnknown(cause="timed out"),
            CancelRefused(reason="403", status_code=403),
        ],
        ids=["not sent", "unknown", "refused"],
    )
    def test_an_order_that_may_be_live_keeps_the_new_one_from_being_sent(self, reply):
        bench = resting()
        bench.gateway.answer_cancels(reply)
        with pytest.raises(OrderCancellationError, match=r"not proven cancelled.*no new order was sent") as caught:
            replaced(bench)
        assert (len(bench.gateway.posts), caught.value.results[0].client_order_id) == (1, "old")

    def test_a_cancel_that_was_taken_is_no_end(self):
        bench = resting()
        bench.gateway.cancels.append(CancelStep(ends=False))
        with pytest.raises(OrderCancellationError):
            replaced(bench)
        assert len(bench.gateway.posts) == 1

    @pytest.mark.parametrize("trouble", ["unreadable", "vanished"])
    def test_an_end_that_cannot_be_read_is_no_end(self, trouble):
        bench = resting()
        if trouble == "unreadable":
            bench.gateway.unreadable = 1000
        else:
            bench.gateway.forgotten.add(bench.gateway.order().order_id)
        with pytest.raises(OrderCancellationError):
            replaced(bench)
        assert len(bench.gateway.posts) == 1

    def test_an_unknown_order_is_not_replaced(self):
        bench = ManagerBench()
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("old")
        with pytest.raises(OrderValidationError, match="old is unknown"):
            replaced(bench)

    @pytest.mark.parametrize("end", [OrderState.CANCELLED, OrderState.REJECTED])
    def test_an_order_that_has_ended_is_not_replaced(self, end):
        bench = resting()
        bench.gateway.order().end(end)
        bench.sync()
        with pytest.raises(OrderValidationError, match="place a new order"):
            replaced(bench)
        assert len(bench.gateway.posts) == 1

    def test_an_order_rejected_during_the_cancel_is_not_replaced(self):
        bench = resting()
        bench.gateway.cancels.append(before_cancel(lambda order: order.end(OrderState.REJECTED)))
        with pytest.raises(OrderCancellationError):
            replaced(bench)
        assert len(bench.gateway.posts) == 1

    def test_an_order_being_cancelled_already_is_not_replaced(self):
        bench = resting()
        bench.gateway.cancels.append(CancelStep(ends=False))
        bench.manager.cancel_order("old")
        with pytest.raises(OrderValidationError, match="pending_cancel"):
            replaced(bench)

    def test_an_order_nobody_knows_is_not_found(self):
        with pytest.raises(OrderNotFoundError):
            replaced(ManagerBench())

    @pytest.mark.parametrize(
        "changes", [{"quantity": 0}, {"reference_price": Decimal(-1)}, {"quantity": True}], ids=repr
    )
    def test_terms_that_could_never_be_sent_leave_the_old_order_alone(self, changes):
        bench = resting()
        with pytest.raises(OrderValidationError):
            replaced(bench, **changes)
        assert bench.gateway.cancel_requests == []

    def test_terms_that_the_callers_rules_refuse_leave_the_old_order_alone(self):
        bench = resting()

        def refuse(_terms: OrderTerms) -> None:
            raise TradeRefusedError("too much; trade less", code="max_order_notional")

        with pytest.raises(TradeRefusedError, match=r"^too much; trade less$"):
            replaced(bench, approve=refuse)
        assert (bench.gateway.cancel_requests, bench.state("old")) == ([], "confirmed")

    def test_an_instrument_that_the_broker_does_not_trade_leaves_the_old_order_alone(self):
        bench = resting()
        bench.gateway.prepare_error = OrderValidationError("no such tick; choose another price")
        with pytest.raises(OrderValidationError, match="no such tick"):
            replaced(bench)
        assert bench.gateway.cancel_requests == []

    def test_a_view_that_is_too_old_leaves_the_old_order_alone(self):
        bench = resting()
        bench.gateway.listing_problem = "the list is down"
        bench.clock.sleep(61)
        with pytest.raises(TradingHaltedError) as caught:
            replaced(bench)
        assert (caught.value.code, bench.gateway.cancel_requests) == ("view_too_old", [])

    def test_more_shares_than_would_be_free_leave_the_old_sell_alone(self):
        bench = ManagerBench(shares={"AAPL": 15})
        bench.sell("old", quantity=10)
        with pytest.raises(TradeRefusedError) as caught:
            replaced(bench, quantity=16)
        assert (caught.value.code, bench.gateway.cancel_requests) == ("insufficient_shares", [])
        assert replaced(bench, quantity=15).quantity == 15

    def test_a_halt_leaves_the_old_order_alone(self):
        bench = resting()
        bench.latch.reason = "killed; arm it"
        with pytest.raises(TradingHaltedError, match="killed"):
            replaced(bench)
        assert bench.gateway.cancel_requests == []


class TestTheSecondLeg:
    @pytest.mark.parametrize(
        ("step", "error"),
        [
            (rejected(), OrderRejectedError),
            (rejected(403, freezes=True), OrderRejectedError),
            (BAD_CERTIFICATE, OrderNotSentError),
        ],
        ids=["400", "403", "tls"],
    )
    def test_its_failure_keeps_its_class_and_says_that_the_first_leg_is_done(self, step, error):
        bench = resting()
        bench.gateway.submits.append(step)
        with pytest.raises(error, match=r"^order old is cancelled and not replaced: "):
            replaced(bench)
        assert bench.state("old") == "cancelled"

    @pytest.mark.parametrize("step", [UNREACHABLE, throttled(60)], ids=["unreachable", "429"])
    def test_what_cannot_be_sent_in_time_is_cancelled_and_not_replaced(self, step):
        bench = resting()
        bench.gateway.submits.extend([step] * 3)
        with pytest.raises(OrderNotSentError, match="cancelled and not replaced"):
            replaced(bench)

    def test_an_unknown_outcome_stays_unknown_and_is_sent_once(self):
        bench = resting()
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError, match="cancelled and not replaced"):
            replaced(bench)
        assert quantities(bench) == [10, 10]

    def test_a_latch_released_between_the_legs_stops_the_second(self):
        bench = resting()
        bench.gateway.cancels.append(before_cancel(lambda order: setattr(bench.latch, "reason", "killed; arm it")))
        with pytest.raises(TradingHaltedError, match=r"old is cancelled and not replaced.*killed"):
            replaced(bench)
        assert quantities(bench) == [10]

    def test_an_intent_that_cannot_be_written_stops_the_second(self):
        bench = resting()
        bench.journal.failing.add(EventKind.ORDER_INTENDED)
        with pytest.raises(OrderLogError, match="old is cancelled and not replaced"):
            replaced(bench)
        assert quantities(bench) == [10]

    def test_the_callers_own_rules_are_asked_for_what_is_left(self):
        bench = resting()
        bench.gateway.order().fill(4)
        asked: list[int] = []

        def refuse_later(terms: OrderTerms) -> None:
            asked.append(terms.quantity)
            if len(asked) > 1:
                raise TradeRefusedError("too much; trade less", code="max_order_notional")

        with pytest.raises(TradeRefusedError, match="cancelled and not replaced: too much") as caught:
            replaced(bench, approve=refuse_later)
        assert (asked, caught.value.code, quantities(bench)) == ([10, 6], "max_order_notional", [10])

    @pytest.mark.parametrize("clock", ["both", "wall"])
    def test_a_machine_that_slept_between_the_legs_does_not_send_an_old_price(self, clock, monkeypatch):
        bench = resting()

        def sleep(_order: object) -> None:
            if clock == "both":
                bench.clock.sleep(11)
            else:
                monkeypatch.setattr(bench.clock, "now", later)

        now = bench.clock.now()

        def later():
            return now + timedelta(hours=8)

        bench.gateway.cancels.append(before_cancel(sleep))
        with pytest.raises(OrderNotSentError, match="out of date") as caught:
            replaced(bench)
        assert (caught.value.code, quantities(bench)) == ("not_replaced_stale", [10])

    @pytest.mark.parametrize("cancel", ["cancel", "cancel all"])
    def test_a_cancel_that_comes_in_meanwhile_wins(self, cancel):
        bench = resting()

        def somebody_cancels(_order: object) -> None:
            if cancel == "cancel":
                bench.manager.cancel_order("old")
            else:
                bench.manager.cancel_all_open_orders()

        bench.gateway.cancels.append(before_cancel(somebody_cancels))
        with pytest.raises(OrderNotSentError, match="somebody cancelled it") as caught:
            replaced(bench)
        assert (caught.value.code, quantities(bench)) == ("not_replaced_cancelled", [10])

    def test_a_cancel_of_another_order_does_not(self):
        bench = resting()
        bench.buy("other", symbol="MSFT")
        bench.gateway.cancels.append(before_cancel(lambda order: bench.manager.cancel_order("other")))
        assert replaced(bench).order_id == "broker-3"

    def test_an_order_is_replaced_once_at_a_time(self):
        bench = resting()
        refused: list[DuplicateOrderError] = []

        def meanwhile(_terms: OrderTerms) -> None:
            if refused:
                return
            try:
                replaced(bench, client_order_id="third")
            except DuplicateOrderError as error:
                refused.append(error)

        assert replaced(bench, approve=meanwhile).client_order_id == "new"
        assert "being replaced already" in str(refused[0])
        assert quantities(bench) == [10, 10]

    def test_an_order_that_ended_while_the_replace_began_is_left_alone(self):
        bench = resting()
        stale = bench.tracked("old")
        bench.manager.cancel_order("old")
        change = Change(reference_price=NEW_PRICE)
        with pytest.raises(OrderValidationError, match="old is cancelled"):
            bench.manager._services.replacing.replace(stale, change, gather=already(approve_all))
        assert quantities(bench) == [10]

    def test_the_order_can_be_replaced_again_after_a_refused_cancel(self):
        bench = resting()
        bench.gateway.cancels.append(CancelStep(reply=CancelRefused(reason="403", status_code=403)))
        with pytest.raises(OrderCancellationError):
            replaced(bench)
        assert replaced(bench).order_id == "broker-2"


def test_a_restart_between_the_legs_never_sends_the_second():
    bench = resting()
    bench.gateway.cancels.append(CancelStep(ends=False))
    with pytest.raises(OrderCancellationError):
        replaced(bench)
    bench.gateway.order().end()
    bench.restart()
    bench.manager.recover()
    assert (bench.state("old"), quantities(bench)) == ("cancelled", [10])


def test_an_old_order_that_comes_back_is_cancelled():
    bench = resting()
    replaced(bench)
    bench.gateway.orders[0].state = OrderState.CONFIRMED
    bench.sync()
    assert bench.gateway.cancel_requests == ["broker-1", "broker-1"]
    assert AnomalyKind.AFTER_ITS_END in {each.kind for each in bench.tracked("old").anomalies}
