"""One order from request to answer, also where the call ends in a way that nobody planned."""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.fake_gateway import SubmitStep
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.exceptions import OrderCancellationError, OrderRejectedError, TradingHaltedError
from trading_bot.order_management.models import OrderRequest, OrderState, OrderTerms, Side
from trading_bot.order_management.outcomes import CancelUnknown


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("step", "orders"),
    [(SubmitStep(meanwhile=interrupt, arrives=False), 0), (SubmitStep(after=interrupt), 1)],
    ids=["before the first byte", "before the answer"],
)
def test_a_submit_that_is_interrupted_leaves_an_order_in_doubt_and_nobody_waiting(step, orders):
    bench = ManagerBench()
    bench.gateway.submits.append(step)
    with pytest.raises(KeyboardInterrupt):
        bench.buy("c1")
    assert (bench.state("c1"), len(bench.gateway.orders)) == ("unknown", orders)
    assert bench.buy("c1").state is OrderState.UNKNOWN
    assert len(bench.gateway.orders) == orders


def test_an_interrupted_submit_is_found_or_given_up_like_any_other_and_the_journal_stays_whole():
    bench = ManagerBench()
    bench.place_known_order()
    bench.gateway.submits.append(SubmitStep(meanwhile=interrupt, arrives=False))
    with pytest.raises(KeyboardInterrupt):
        bench.buy("c1")
    for _ in range(4):
        bench.clock.sleep(61)
        bench.manager.synchronize_open_orders()
    assert bench.state("c1") == "presumed_absent"
    bench.restart()
    assert bench.state("c1") == "presumed_absent"


def test_an_order_is_new_the_first_time_and_answered_for_by_it_from_then_on():
    bench = ManagerBench()
    request = OrderRequest(
        symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100), client_order_id="c1"
    )
    again, equal = request, replace(request, client_order_id="c2")
    assert [bench.manager.place(each).is_new for each in (request, again, equal)] == [True, False, False]
    standing = bench.manager.standing_order(equal)
    assert standing is not None
    assert standing.duplicate_of == "c1"


def test_an_order_that_the_broker_takes_and_refuses_in_one_answer_is_rejected():
    bench = ManagerBench()
    bench.gateway.submits.append(SubmitStep(after=lambda: bench.gateway.order().end(OrderState.REJECTED)))
    with pytest.raises(OrderRejectedError):
        bench.buy("c1")
    assert bench.state("c1") == "rejected"


@pytest.mark.parametrize("where", ["its preparation", "its approval"])
def test_an_order_decided_before_a_kill_is_not_sent_although_the_account_is_armed_again(where):
    bench = ManagerBench()
    request = OrderRequest(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100))
    if where == "its preparation":
        bench.gateway.on_prepare = bench.latch.kill_and_arm

    def approve(_terms: OrderTerms) -> None:
        if where == "its approval":
            bench.latch.kill_and_arm()

    with pytest.raises(TradingHaltedError) as caught:
        bench.manager.place_limit_order(request, approve=approve)
    assert caught.value.code == "armed_anew"
    assert bench.gateway.calls == []


def test_a_cancel_that_was_wanted_meanwhile_makes_the_submit_no_longer_than_its_deadline():
    bench = ManagerBench(submit_deadline_s=20, cancel_deadline_s=30)
    bench.gateway.answer_cancels(CancelUnknown(cause="no answer"))

    def cancelled() -> None:
        with suppress(OrderCancellationError):
            bench.manager.cancel_order("c1")

    bench.gateway.submits.append(SubmitStep(after=cancelled))
    began = bench.clock.monotonic()
    bench.buy("c1")
    assert bench.gateway.cancel_requests
    assert bench.clock.monotonic() - began <= 20 + 1
