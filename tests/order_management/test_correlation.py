"""Which records carry whose correlation id: the rule at the top of `correlation`, line by line."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import REPLY_LOST, CancelStep, SubmitStep, rejected
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.book.exit_facts import ExitOrigin, exit_begun
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.client_ids import derive_ref_id
from trading_bot.order_management.decisions.operator_decisions import Resolution
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderRejectedError,
    OrderSubmissionError,
    OrderValidationError,
    TradingHaltedError,
)
from trading_bot.order_management.models import ClientOrderId, OrderRequest, Side
from trading_bot.order_management.outcomes import CancelRefused
from trading_bot.order_management.submit.exit_run import Leave

OURS = "rebalance-7"
BY_ANN = {"by": "ann", "reason": "seen in the app"}
WRONG = ["", " x", "x" * 65, "tab\there", "\n", 7]
DONE_BY_A_CANCEL = {EventKind.CANCEL_REQUESTED, EventKind.CANCEL_ANSWERED}


def order(bench: ManagerBench, name: str | None = "c1", *, by: str | None = OURS, symbol: str = "AAPL") -> str:
    request = OrderRequest(
        symbol=symbol,
        side=Side.BUY,
        quantity=10,
        reference_price=Decimal(100),
        client_order_id=name,
        correlation_id=by,
    )
    return bench.manager.place_limit_order(request).client_order_id


def in_doubt(bench: ManagerBench, name: str = "c1") -> None:
    bench.gateway.submits.append(REPLY_LOST)
    bench.gateway.blind_lookups = 1000
    with pytest.raises(OrderSubmissionError):
        order(bench, name)
    bench.gateway.blind_lookups = 0


def ids_of(bench: ManagerBench, *kinds: EventKind) -> set[str | None]:
    facts = [record.fact for record in bench.journal.records]
    found = {fact.correlation_id for fact in facts if not kinds or fact.event in kinds}
    assert not kinds or {fact.event for fact in facts} >= set(kinds), "the story has no such record"
    return found


def since(bench: ManagerBench, act: Callable[[], object]) -> set[str | None]:
    """The ids of what is recorded meanwhile."""
    before = len(bench.journal.records)
    act()
    return {record.fact.correlation_id for record in bench.journal.records[before:]}


# 1. Every request has one id


def test_every_record_of_an_order_carries_the_id_of_its_request():
    bench = ManagerBench()
    bench.gateway.submits.append(SubmitStep())
    assert since(bench, lambda: order(bench)) == {OURS}
    bench.gateway.order().fill(4)
    bench.sync()
    bench.gateway.order().fill()
    assert since(bench, bench.sync) == {OURS}
    assert EventKind.EXECUTION_BOOKED in bench.journal.kinds
    assert bench.tracked().envelope.correlation_id == OURS


def test_a_request_without_an_id_gets_one_of_its_own():
    bench = ManagerBench()
    first = since(bench, lambda: bench.buy("c1"))
    second = since(bench, lambda: bench.buy("c2", symbol="MSFT"))
    assert (len(first), len(second), len(first | second)) == (1, 1, 2)
    assert None not in first | second


def test_the_short_forms_take_an_id_too():
    bench = ManagerBench(shares={"AAPL": 10})
    buy = bench.manager.place_limit_buy("MSFT", 1, Decimal(100), correlation_id=OURS)
    sell = bench.manager.place_limit_sell("AAPL", 1, Decimal(100), correlation_id=OURS)
    assert (buy.correlation_id, sell.correlation_id) == (OURS, OURS)


def test_several_calls_can_be_one_request():
    bench = ManagerBench()

    def rebalance() -> None:
        with bench.manager.request(OURS) as given, bench.manager.request() as joined:
            assert (given, joined) == (OURS, OURS)
            order(bench, "c1", by=None)
            order(bench, "c2", by=None, symbol="MSFT")

    assert since(bench, rebalance) == {OURS}
    assert OURS not in since(bench, lambda: order(bench, "c3", by=None, symbol="KO"))


def test_a_restart_forgets_no_id():
    bench = ManagerBench()
    order(bench)
    bench.manager.cancel_order("c1", correlation_id="stop-7")
    bench.restart()
    assert (bench.tracked().envelope.correlation_id, bench.tracked().cancel_of) == (OURS, "stop-7")


def test_a_session_and_a_synchronisation_are_no_request():
    bench = ManagerBench(shares={"AAPL": 10})
    bench.sync(after=60)
    assert ids_of(bench) == {None}


# 2. What is done for a request, whichever order it concerns


@pytest.mark.parametrize("broad", [False, True])
def test_a_cancel_carries_its_own_id_and_the_end_of_the_order_that_of_the_order(broad):
    bench = ManagerBench()
    order(bench)
    if broad:
        bench.manager.cancel_all(correlation_id="stop-7")
    else:
        bench.manager.cancel_order("c1", correlation_id="stop-7")
    assert ids_of(bench, *DONE_BY_A_CANCEL) == {"stop-7"}
    assert ids_of(bench, EventKind.ORDER_UPDATED) == {OURS}


def test_a_cancel_of_an_order_in_doubt_stays_its_requests_when_a_later_round_fires_it():
    bench = ManagerBench()
    in_doubt(bench)
    bench.manager.cancel_order("c1", correlation_id="stop-7")
    bench.sync()
    assert bench.state() == "cancelled"
    assert ids_of(bench, *DONE_BY_A_CANCEL) == {"stop-7"}


def test_a_cancel_that_a_new_order_fires_on_its_way_is_not_the_new_orders():
    bench = ManagerBench(cancel_deadline_s=1)
    bench.gateway.cancels.append(CancelStep(drops=True))
    order(bench)
    bench.manager.cancel_order("c1", correlation_id="stop-7")
    bench.clock.sleep(3600)
    assert since(bench, lambda: order(bench, "c2", by="other", symbol="MSFT")) == {"stop-7", OURS, "other"}
    assert ids_of(bench, *DONE_BY_A_CANCEL) == {"stop-7"}


def test_a_cancel_that_came_in_during_the_submit_is_fired_under_its_own_id():
    bench = ManagerBench()
    bench.gateway.submits.append(
        SubmitStep(after=lambda: bench.manager.cancel_order("c1", correlation_id="stop-7")),
    )
    order(bench)
    assert bench.state() == "cancelled"
    assert ids_of(bench, *DONE_BY_A_CANCEL) == {"stop-7"}


def test_what_a_cancel_fired_by_the_submit_finds_out_is_done_for_the_cancel_as_if_it_had_been_fired_at_once():
    bench, late = ManagerBench(), ManagerBench()
    for each in (bench, late):
        each.gateway.cancels.append(CancelStep(before=lambda at_broker: at_broker.fill(11)))
    late.gateway.submits.append(SubmitStep(after=lambda: late.manager.cancel_order("c1", correlation_id="stop-7")))
    order(bench)
    bench.manager.cancel_order("c1", correlation_id="stop-7")
    order(late)
    assert ids_of(bench, EventKind.SYMBOL_FROZEN) == ids_of(late, EventKind.SYMBOL_FROZEN) == {"stop-7"}


def test_a_cancel_that_nobody_asked_for_carries_the_orders_id():
    bench = ManagerBench()
    order(bench)
    with bench.store.at_work.on_behalf_of(None):
        bench.manager._services.cancel.cancel((bench.tracked(),))
    assert ids_of(bench, *DONE_BY_A_CANCEL) == {OURS}


def test_a_replace_is_one_request_with_two_orders():
    bench = ManagerBench()
    order(bench, "old")
    done = bench.manager.replace("old", reference_price=Decimal(99), client_order_id="new", correlation_id="better")
    assert done.correlation_id == "better"
    assert ids_of(bench, *DONE_BY_A_CANCEL) == {"better"}
    assert [fact.correlation_id for fact in bench.journal.facts(EventKind.ORDER_INTENDED)] == [OURS, "better"]


def test_an_exit_is_one_request_with_all_that_it_does():
    bench = ManagerBench(shares={"AAPL": 50})
    bench.positions.quotes = {"AAPL": quote("AAPL", "100")}
    order(bench)
    bench.gateway.submits.append(SubmitStep(after=lambda: bench.gateway.order().fill(price="99.90")))
    bench.manager.ways_out.leave(Leave(symbol="AAPL", correlation_id="out-7"))
    done = (EventKind.EXIT_BEGUN, EventKind.EXIT_LEG_PLACED, EventKind.EXIT_ENDED, EventKind.SYMBOL_FROZEN)
    assert ids_of(bench, *done, *DONE_BY_A_CANCEL) == {"out-7"}
    assert [fact.correlation_id for fact in bench.journal.facts(EventKind.ORDER_INTENDED)] == [OURS, "out-7"]


def test_the_end_of_an_exit_that_a_crash_cut_short_is_its_own():
    bench = ManagerBench(shares={"AAPL": 50})
    begun = exit_begun("e1", "AAPL", origin=ExitOrigin.PERSON, by="ann", reason="enough")
    bench.store.record_fact(replace(begun, correlation_id="out-6"))
    bench.restart()
    bench.manager.recover()
    bench.manager.ways_out.leave(Leave(symbol="AAPL", correlation_id="out-7"))
    ends = bench.journal.facts(EventKind.EXIT_ENDED)
    assert [(end.details["exit_id"] == "e1", end.correlation_id) for end in ends] == [(True, "out-6"), (False, "out-7")]


def test_a_flatten_halts_and_cancels_as_one_request():
    bench = ManagerBench()
    order(bench)
    bench.manager.ways_out.cancel_entries(everything=True, **BY_ANN)
    (made,) = ids_of(bench, EventKind.TRADING_HALTED, *DONE_BY_A_CANCEL)
    assert made not in (OURS, None)


def test_a_freeze_after_a_refusal_is_the_refused_orders():
    bench = ManagerBench()
    bench.gateway.submits.append(rejected(403, freezes=True))
    with pytest.raises(OrderRejectedError):
        order(bench)
    assert ids_of(bench, EventKind.ORDER_REJECTED, EventKind.SYMBOL_FROZEN) == {OURS}


def test_a_decision_of_a_person_is_a_request():
    bench = ManagerBench()
    bench.store.record_fact(frozen("AAPL", Cause.EXIT, "left"))
    bench.manager.decisions.resume("AAPL", **BY_ANN)
    (made,) = ids_of(bench, EventKind.SYMBOL_RELEASED)
    assert made is not None


def test_a_decision_about_an_order_can_be_given_an_id():
    bench = ManagerBench()
    in_doubt(bench)
    with bench.manager.request("look-7"):
        bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id="broker-1", **BY_ANN)
    assert ids_of(bench, EventKind.ORDER_RESOLVED) == {"look-7"}
    assert bench.tracked().envelope.correlation_id == OURS


def test_what_a_listener_does_is_a_request_of_its_own():
    bench = ManagerBench()

    def follow(change: object) -> None:
        if bench.journal.kinds.count(EventKind.ORDER_INTENDED) == 1:
            bench.buy("c2", symbol="MSFT")

    bench.manager.subscribe(follow)
    order(bench)
    first, second = bench.journal.facts(EventKind.ORDER_INTENDED)
    assert first.correlation_id == OURS
    assert second.correlation_id not in (OURS, None)


# 3. What the broker says, whoever reads it


def test_a_fill_that_a_cancel_finds_is_the_orders():
    bench = ManagerBench()
    order(bench)
    refused = CancelStep(reply=CancelRefused(reason="filled", status_code=400), before=lambda held: held.fill())
    bench.gateway.cancels.append(refused)
    bench.manager.cancel_order("c1", correlation_id="stop-7")
    assert bench.state() == "filled"
    assert ids_of(bench, EventKind.EXECUTION_BOOKED, EventKind.ORDER_UPDATED) == {OURS}


# 4. What belongs to no request


def test_an_order_without_an_id_is_never_given_one():
    bench = ManagerBench()
    order(bench)
    intent, accepted = (bench.journal.facts(kind)[0] for kind in (EventKind.ORDER_INTENDED, EventKind.ORDER_ACCEPTED))
    old = ManagerBench()
    for fact in (intent, accepted):
        old.store.record_fact(replace(fact, correlation_id=None))
    old.gateway.orders = bench.gateway.orders
    old.gateway.order().fill()
    old.sync()
    assert old.state() == "filled"
    assert ids_of(old) == {None}


def test_what_a_synchronisation_finds_on_an_orders_way_is_nobodys():
    bench = ManagerBench()
    bench.gateway.add(terms("MSFT"), ref_id=derive_ref_id("another", ClientOrderId("theirs")))
    bench.clock.sleep(3600)
    with pytest.raises(TradingHaltedError):
        order(bench)
    assert ids_of(bench, EventKind.TRADING_HALTED) == {None}


# The door


@pytest.mark.parametrize("wrong", WRONG)
def test_an_order_under_a_wrong_id_is_refused_before_anything_is_sent(wrong):
    bench = ManagerBench()
    with pytest.raises(OrderValidationError, match="a correlation id is 1 to 64 printable characters") as refused:
        order(bench, by=wrong)
    assert refused.value.code == "bad_correlation_id"
    assert EventKind.ORDER_INTENDED not in bench.journal.kinds


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_id_holds_up_no_cancel_and_no_exit(wrong):
    bench = ManagerBench(shares={"AAPL": 50})
    order(bench)
    bench.manager.cancel_order("c1", correlation_id=wrong)
    bench.manager.cancel_all_open_orders(correlation_id=wrong)
    bench.manager.ways_out.leave(Leave(symbol="AAPL", correlation_id=wrong))
    given = ids_of(bench, EventKind.EXIT_BEGUN, *DONE_BY_A_CANCEL)
    assert len(given) == 2
    assert not given & {wrong, OURS, None}


def test_an_id_is_taken_as_plain_text_and_to_the_last_character():
    class Fancy(str):
        __slots__ = ()

    bench = ManagerBench()
    order(bench, by=Fancy("x" * 64))
    assert type(bench.tracked().envelope.correlation_id) is str
