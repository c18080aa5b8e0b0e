"""What a restart and a cancel of everything take care of."""

import logging
import threading

import pytest

from tests.support.fake_gateway import REPLY_LOST, REQUEST_LOST, CancelStep
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderCancellationError, OrderOutcomeUnknownError, TradingHaltedError
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.order_store import OrderChange
from trading_bot.order_management.outcomes import CancelNotSent, CancelRefused, CancelUnknown
from trading_bot.order_management.results import CancelVerdict

STRANGER_REF = f"{OUR_MARK}-0000-4000-8000-000000000001"


def with_a_cancel_under_way(*, dropped: bool = False) -> ManagerBench:
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(ends=False, drops=dropped))
    bench.manager.cancel_order("c1")
    bench.gateway.cancel_requests.clear()
    assert bench.state("c1") == "pending_cancel"
    return bench


@pytest.mark.parametrize("restarted", [False, True])
class TestCancelsUnderWay:
    def test_one_of_which_the_broker_shows_nothing_is_asked_for_again(self, restarted):
        """The broker may have dropped it, or a crash may have come between the record and the request."""
        bench = with_a_cancel_under_way(dropped=True)
        if restarted:
            bench.restart()
            bench.manager.recover()
        else:
            bench.sync(after=60)
        assert (bench.gateway.cancel_requests, bench.state("c1")) == (["broker-1"], "cancelled")

    def test_one_that_the_broker_shows_is_left_to_its_reads(self, restarted):
        bench = with_a_cancel_under_way()
        if restarted:
            bench.restart()
            bench.manager.recover()
        bench.sync(after=60)
        assert bench.gateway.cancel_requests == []

    @pytest.mark.parametrize(
        "reply",
        [
            CancelNotSent(cause="no connection"),
            CancelRefused(reason="403", status_code=403),
            CancelUnknown(cause="timed out"),
        ],
        ids=["not sent", "refused", "unknown"],
    )
    def test_a_request_that_came_to_nothing_or_may_have_is_repeated(self, reply, restarted):
        bench = with_a_cancel_under_way(dropped=True)
        if restarted:
            bench.restart()
            bench.manager.recover()
            bench.gateway.order().state = OrderState.CONFIRMED
        bench.gateway.answer_cancels(reply)
        bench.sync(after=60)
        assert not bench.tracked("c1").state.is_terminal or restarted
        bench.gateway.cancels.clear()
        bench.sync(after=60)
        assert bench.state("c1") == "cancelled"

    def test_what_ended_meanwhile_is_not_cancelled(self, restarted):
        bench = with_a_cancel_under_way()
        bench.gateway.order().end()
        if restarted:
            bench.restart()
            bench.manager.recover()
        else:
            bench.sync()
        assert bench.gateway.cancel_requests == []


def test_a_deferred_cancel_is_repeated_until_the_broker_has_answered_it():
    bench = ManagerBench()
    bench.gateway.submits.append(REPLY_LOST)
    bench.gateway.blind_lookups = 1000
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy("c1")
    bench.manager.cancel_order("c1")
    bench.gateway.blind_lookups = 0
    lost = CancelStep(reply=CancelUnknown(cause="timed out"), ends=False)
    bench.gateway.cancels.extend([lost, lost, CancelStep(ends=False)])
    for _ in range(5):
        bench.sync(after=60)
    assert (bench.gateway.cancel_requests, bench.state("c1")) == (["broker-1"] * 3, "pending_cancel")


class TestCancelAll:
    def test_our_orders_are_cancelled_from_the_book_when_no_listing_is_to_be_had(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.listing_problem = "502"
        bench.gateway.hidden.add(bench.gateway.order().order_id)
        (result,) = bench.manager.cancel_all_open_orders()
        assert result.verdict is CancelVerdict.CANCELLED

    def test_an_incomplete_listing_is_said_where_other_orders_were_meant_too(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.listing_problem = "502"
        with pytest.raises(OrderCancellationError, match=r"could not all be listed \(502\)") as caught:
            bench.manager.cancel_all_open_orders(include_external=True)
        assert [result.verdict for result in caught.value.results] == [CancelVerdict.CANCELLED]

    def test_an_order_in_doubt_is_looked_for_at_once_and_cancelled_where_it_is_found(self):
        bench = ManagerBench()
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("c1")
        bench.gateway.blind_lookups = 0
        told: list[CancelVerdict] = []
        (result,) = bench.manager.cancel_all_open_orders(on_result=lambda result: told.append(result.verdict))
        assert (result.verdict, bench.state("c1")) == (CancelVerdict.CANCELLED, "cancelled")
        assert told == [CancelVerdict.CANCELLED]

    def test_an_order_in_doubt_that_is_not_found_stays_deferred_and_is_said(self):
        bench = ManagerBench()
        bench.gateway.submits.append(REQUEST_LOST)
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("c1")
        with pytest.raises(OrderCancellationError) as caught:
            bench.manager.cancel_all_open_orders()
        assert [result.verdict for result in caught.value.results] == [CancelVerdict.DEFERRED]

    def test_an_order_with_our_mark_is_ours_though_the_journal_does_not_know_it(self):
        bench = ManagerBench()
        bench.gateway.add(terms(), ref_id=STRANGER_REF)
        (result,) = bench.manager.cancel_all_open_orders()
        assert (result.order_id, result.verdict) == ("broker-1", CancelVerdict.CANCELLED)

    def test_an_order_that_came_back_is_cancelled_too(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.manager.cancel_order("c1")
        bench.gateway.order().state = bench.gateway.order().state.CONFIRMED
        (result,) = bench.manager.cancel_all_open_orders()
        assert (result.order_id, result.verdict) == ("broker-1", CancelVerdict.CANCELLED)

    def test_a_second_order_at_the_broker_with_the_ref_id_of_ours_is_cancelled_too(self):
        bench = ManagerBench()
        envelope = bench.buy("c1")
        bench.gateway.add(terms(), ref_id=envelope.ref_id)
        results = bench.manager.cancel_all_open_orders()
        assert [result.order_id for result in results] == ["broker-1", "broker-2"]
        assert {order.state for order in bench.gateway.orders} == {OrderState.CANCELLED}

    def test_orders_of_others_are_left_alone_unless_asked_for(self):
        bench = ManagerBench()
        bench.gateway.add(terms())
        assert bench.manager.cancel_all_open_orders() == ()
        (result,) = bench.manager.cancel_all_open_orders(include_external=True)
        assert result.order_id == "broker-1"

    def test_no_order_is_cancelled_twice(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.add(terms("NVDA"))
        bench.gateway.cancels.extend([CancelStep(ends=False)] * 2)
        with pytest.raises(OrderCancellationError):
            bench.manager.cancel_all_open_orders(include_external=True)
        assert bench.gateway.cancel_requests == ["broker-1", "broker-2"]


def test_what_comes_before_each_synchronisation_runs_before_it():
    bench = ManagerBench()
    bench.buy("c1")
    bench.before_sync.append(lambda: bench.gateway.order().fill())
    bench.sync()
    assert bench.state("c1") == "filled"


def test_a_listener_may_synchronise():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.order().fill()
    complete: list[bool] = []

    def synchronise(change: OrderChange) -> None:
        if change.event.event is EventKind.EXECUTION_BOOKED:
            complete.append(bench.sync().complete)

    bench.manager.subscribe(synchronise)
    thread = threading.Thread(target=bench.sync, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert complete == [True]


@pytest.mark.parametrize("trouble", ["the list", "the positions"])
def test_a_second_start_relies_on_nothing_that_the_first_one_read(trouble):
    """Another process may have had the account in between."""
    bench = ManagerBench(shares={"AAPL": 10})
    if trouble == "the list":
        bench.gateway.listing_problem = "HTTP 503"
    else:
        bench.positions.is_failing = True
    with pytest.raises(TradingHaltedError, match="could not be compared"):
        bench.manager.recover()
    with pytest.raises(TradingHaltedError):
        bench.buy("c1")
    assert bench.gateway.posts == []
    bench.gateway.listing_problem, bench.positions.is_failing = None, False
    bench.sync()
    assert bench.buy("c1").order_id is not None


def test_what_the_lists_are_worth_is_logged_when_it_changes(caplog):
    bench = ManagerBench()
    with caplog.at_level(logging.INFO):
        for problem in (None, "page 2 failed", "page 2 failed", None, None):
            bench.gateway.listing_problem = problem
            bench.sync(after=60)
    verdicts = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    told = [(each["complete"], each["problem"]) for each in verdicts if each["event"] == "orders_read"]
    assert told == [(False, "page 2 failed"), (True, None)]
