"""What a listener is told of orders, alerts and halts: made from the records, in the order of each order."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import ACCEPT, REQUEST_LOST, UNREACHABLE, SubmitStep, rejected
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.bot_events import (
    Alert,
    AlertCode,
    BotEvent,
    OrderEnded,
    OrderFilled,
    OrderSubmitted,
    TradingHalted,
    TradingResumed,
    events_of_change,
    events_of_fact,
)
from trading_bot.order_management.book.anomalies import Anomaly, AnomalyKind
from trading_bot.order_management.book.exit_facts import ExitEnding, exit_ended
from trading_bot.order_management.book.freezes import Cause, frozen, halted
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import OrderState, Side
from trading_bot.order_management.stop_orders import StopRequest


class Heard:
    """What a bench's events come to, in the order told."""

    def __init__(self, bench: ManagerBench) -> None:
        self.all: list[BotEvent] = []
        bench.store.subscribe(lambda change: self.all.extend(events_of_change(change)))
        bench.store.on_fact(lambda fact: self.all.extend(events_of_fact(fact)))

    @property
    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.all]

    @property
    def fills(self) -> list[OrderFilled]:
        return [event for event in self.all if isinstance(event, OrderFilled)]


@pytest.fixture
def bench() -> ManagerBench:
    return ManagerBench()


@pytest.fixture
def heard(bench: ManagerBench) -> Heard:
    return Heard(bench)


def buy(bench: ManagerBench, *steps: SubmitStep) -> None:
    bench.gateway.submits.extend(steps)
    try:
        bench.buy("c1")
    except OrderError:
        assert steps != ()


def told(fill: OrderFilled) -> str:
    figures = f"{fill.new_quantity} new, {fill.cumulative_quantity} in all, {fill.remaining_quantity} left"
    return f"{fill.quantity} at {fill.price}: {figures}"


def test_an_order_is_told_once_the_broker_has_it_and_not_before(bench: ManagerBench, heard: Heard):
    at_the_broker: list[list[str]] = []
    buy(bench, replace(ACCEPT, after=lambda: at_the_broker.append(heard.kinds)))
    assert at_the_broker == [[]]
    (event,) = heard.all
    assert isinstance(event, OrderSubmitted)
    assert (event.side, event.quantity, event.limit_price, event.at) == (Side.BUY, 10, Decimal("99.85"), MONDAY)
    assert event.order_id == bench.tracked().envelope.order_id is not None
    assert event.correlation_id == bench.tracked().envelope.correlation_id is not None


def test_fills_and_the_end_follow_with_their_quantities(bench: ManagerBench, heard: Heard):
    buy(bench)
    bench.gateway.order().fill(3, "99.70")
    bench.sync()
    bench.gateway.order().fill(price="99.80")
    bench.sync()
    assert heard.kinds == ["OrderSubmitted", "OrderFilled", "OrderFilled", "OrderEnded"]
    first, second = heard.fills
    assert told(first) == "3 at 99.70: 3 new, 3 in all, 7 left"
    assert told(second) == "7 at 99.80: 7 new, 10 in all, 0 left"
    assert first.execution_id == bench.gateway.order().executions[0].execution_id
    assert first.executed_at == bench.gateway.order().executions[0].executed_at
    end = heard.all[-1]
    assert isinstance(end, OrderEnded)
    assert (end.ending.value, int(end.filled_quantity), end.reason) == ("filled", 10, None)


def test_a_fill_that_comes_with_the_acceptance_is_told_after_it_with_the_brokers_id(bench: ManagerBench, heard: Heard):
    buy(bench, replace(ACCEPT, after=lambda: bench.gateway.order().fill()))
    assert heard.kinds == ["OrderSubmitted", "OrderFilled", "OrderEnded"]
    assert heard.fills[0].order_id == bench.gateway.order().order_id
    assert heard.fills[0].new_quantity == 10


def test_a_fill_without_its_execution_has_no_price_and_is_told_with_it_later(bench: ManagerBench, heard: Heard):
    buy(bench)
    for shares in (4, 1, 2):
        bench.gateway.order().fill(shares)
    for listed in (1, 2, None):
        bench.gateway.order().listed = listed
        bench.sync()
    first, bare, second, third = heard.fills
    assert told(first) == "4 at 99.80: 4 new, 4 in all, 6 left"
    assert told(bare) == "3 at None: 3 new, 7 in all, 3 left"
    assert (bare.execution_id, bare.executed_at) == (None, None)
    assert told(second) == "1 at 99.80: 0 new, 7 in all, 3 left"
    assert told(third) == "2 at 99.80: 0 new, 7 in all, 3 left"
    assert sum(fill.new_quantity for fill in heard.fills) == bench.tracked().envelope.filled_quantity


def test_an_execution_that_is_listed_after_the_end_is_told_and_ends_nothing_again(bench: ManagerBench, heard: Heard):
    buy(bench)
    bench.gateway.order().fill()
    bench.gateway.order().listed = 0
    bench.sync()
    bench.gateway.order().listed = None
    bench.sync()
    assert heard.kinds == ["OrderSubmitted", "OrderFilled", "OrderEnded", "OrderFilled"]
    assert [told(fill) for fill in heard.fills] == [
        "10 at None: 10 new, 10 in all, 0 left",
        "10 at 99.80: 0 new, 10 in all, 0 left",
    ]


@pytest.mark.parametrize(
    ("step", "ending", "reason"),
    [(rejected(), OrderState.REJECTED, "not enough buying power"), (UNREACHABLE, OrderState.NOT_SENT, "no connection")],
)
def test_an_order_that_the_broker_never_had_ends_without_being_submitted(
    heard: Heard, bench: ManagerBench, step: SubmitStep, ending: OrderState, reason: str
):
    buy(bench, *[step] * 20)
    (end,) = heard.all
    assert isinstance(end, OrderEnded)
    assert (end.ending, int(end.filled_quantity), end.order_id) == (ending, 0, None)
    assert reason in str(end.reason)


def test_an_unknown_outcome_is_an_alert_and_the_order_is_submitted_once_it_is_found(bench: ManagerBench, heard: Heard):
    buy(bench, REQUEST_LOST)
    (alert,) = heard.all
    assert isinstance(alert, Alert)
    assert (alert.code, alert.client_order_id) == (AlertCode.OUTCOME_UNKNOWN, "c1")
    assert "the request was lost" in alert.message
    bench.gateway.add(terms(), ref_id=bench.tracked().envelope.ref_id).fill(2)
    bench.sync(after=60)
    assert heard.kinds == ["Alert", "OrderSubmitted", "OrderFilled"]
    bench.gateway.order().end()
    bench.sync()
    end = heard.all[-1]
    assert isinstance(end, OrderEnded)
    assert (end.ending.value, end.reason) == ("cancelled", None), "the doubt is no reason of the end"


def test_an_order_that_nobody_finds_is_an_alert_and_ends_as_never_accepted(bench: ManagerBench, heard: Heard):
    bench.place_known_order()
    heard.all.clear()
    buy(bench, REQUEST_LOST)
    for _ in range(60):
        bench.sync(after=600)
    codes = [event.code for event in heard.all if isinstance(event, Alert)]
    assert codes == [AlertCode.OUTCOME_UNKNOWN, AlertCode.PRESUMED_ABSENT]
    (end,) = (event for event in heard.all if isinstance(event, OrderEnded))
    assert end.ending is OrderState.NEVER_ACCEPTED
    assert "OrderSubmitted" not in heard.kinds


def test_a_cancelled_order_keeps_its_fills_in_its_end(bench: ManagerBench, heard: Heard):
    buy(bench)
    bench.gateway.order().fill(3)
    bench.manager.cancel_order("c1")
    end = heard.all[-1]
    assert isinstance(end, OrderEnded)
    assert (end.ending.value, int(end.filled_quantity)) == ("cancelled", 3)
    assert heard.kinds.count("OrderEnded") == 1


@pytest.mark.parametrize("kind", AnomalyKind)
def test_each_odd_answer_of_the_broker_is_one_alert_with_both_sides(
    bench: ManagerBench, heard: Heard, kind: AnomalyKind
):
    buy(bench)
    heard.all.clear()
    bench.store.record_fact(Anomaly(kind=kind, evidence="ours and theirs").event(bench.tracked().envelope))
    (alert,) = heard.all
    assert isinstance(alert, Alert)
    assert (alert.code.value, alert.message, alert.client_order_id) == (kind.value, "ours and theirs", "c1")


def test_a_stop_that_was_reached_is_an_alert_once():
    bench = ManagerBench(shares={"AAPL": 10})
    heard = Heard(bench)
    bench.positions.quotes = {"AAPL": quote("AAPL", "100")}
    bench.manager.place_stop_sell(
        StopRequest(symbol="AAPL", quantity=10, stop_price=Decimal(96), limit_price=Decimal(95), client_order_id="s1")
    )
    (submitted,) = heard.all
    assert isinstance(submitted, OrderSubmitted)
    assert submitted.stop_price == 96
    heard.all.clear()
    bench.gateway.order().stop_triggered_at = bench.clock.now()
    bench.sync(after=1)
    bench.gateway.order().fill(4, "95.50")
    bench.sync(after=1)
    alert, fill = heard.all
    assert isinstance(alert, Alert)
    assert (alert.code, alert.message) == (
        AlertCode.STOP_REACHED,
        "the stop at 96 was reached: it sells at 95 or better, or rests above the bid",
    )
    assert isinstance(fill, OrderFilled)


def test_an_annulled_execution_is_an_alert(bench: ManagerBench, heard: Heard):
    buy(bench)
    bench.gateway.order().fill(3)
    bench.sync()
    heard.all.clear()
    bust = about(bench.tracked().envelope, EventKind.EXECUTION_BUSTED, filled_quantity=Decimal(0))
    annulled = bench.tracked().executions[0].execution_id
    bench.store.record_fact(replace(bust, execution_id=annulled))
    (alert,) = heard.all
    assert isinstance(alert, Alert)
    assert (alert.code, alert.message) == (
        AlertCode.EXECUTION_BUSTED,
        f"execution {annulled}: the broker annulled this execution",
    )


def test_a_freeze_and_its_end_are_told_with_cause_and_remedy(bench: ManagerBench, heard: Heard):
    bench.store.record_fact(frozen("AAPL", Cause.TERMS_DIFFER, "99 is not 100"))
    bench.manager.decisions.release("AAPL", by="alice", reason="settled")
    stop, go = heard.all
    assert isinstance(stop, TradingHalted)
    assert (stop.symbol, stop.cause, stop.reason, stop.by) == ("AAPL", "terms_differ", "99 is not 100", "trading-bot")
    assert "trading-bot release AAPL" in stop.remedy
    assert isinstance(go, TradingResumed)
    assert (go.symbol, go.cause, go.reason, go.by) == ("AAPL", "terms_differ", "settled", "alice")


def test_a_halt_of_the_account_names_no_symbol_even_if_it_is_about_one(bench: ManagerBench, heard: Heard):
    bench.store.record_fact(replace(halted(Cause.UNJOURNALED, "whose order is this"), symbol="AAPL"))
    bench.store.record_fact(OrderEvent(event=EventKind.TRADING_RESUMED, symbol="AAPL", details={"by": "alice"}))
    stop, go = heard.all
    assert isinstance(stop, TradingHalted)
    assert isinstance(go, TradingResumed)
    assert (stop.symbol, stop.cause, go.symbol, go.cause, go.reason) == (None, "unjournaled", None, None, "")


def test_a_freeze_that_ends_by_itself_names_the_moment(bench: ManagerBench, heard: Heard):
    bench.store.record_fact(frozen("AAPL", Cause.REFUSED, "403", until=MONDAY))
    (stop,) = heard.all
    assert isinstance(stop, TradingHalted)
    assert stop.until == MONDAY


@pytest.mark.parametrize("ending", ExitEnding)
def test_an_exit_that_is_not_done_is_an_alert_with_the_order_that_is_left(
    bench: ManagerBench, heard: Heard, ending: ExitEnding
):
    buy(bench)
    heard.all.clear()
    left = bench.tracked().envelope
    bench.store.record_fact(exit_ended("e1", "AAPL", ending, reason="look at it", left_open=left))
    if ending in (ExitEnding.SOLD, ExitEnding.NOTHING_FREE):
        assert heard.all == []
        return
    (alert,) = heard.all
    assert isinstance(alert, Alert)
    assert (alert.code.value, alert.message) == (f"exit_{ending.value}", "look at it")
    assert (alert.client_order_id, alert.order_id, alert.symbol) == ("c1", left.order_id, "AAPL")


def test_what_happened_while_no_bot_ran_is_told_by_the_first_synchronisation(bench: ManagerBench):
    buy(bench)
    bench.gateway.order().fill(4)
    bench.restart()
    heard = Heard(bench)
    bench.manager.recover()
    assert [told(fill) for fill in heard.fills] == ["4 at 99.80: 4 new, 4 in all, 6 left"]
    assert heard.kinds == ["OrderFilled"], "what the process before told is not told again"
