"""Orders over the agent interface under every fault and policy of the server: no answer contradicts its book."""

from datetime import timedelta
from itertools import cycle

import pytest

from tests.support.agent_gateway_bench import REF, AgentGatewayBench
from tests.support.agent_server import NEVER_ACTS, AgentServer, CancelPolicy, CursorForm, Fault, RefIdPolicy
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError
from trading_bot.order_management.models import OrderId, RefId
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelRefused,
    CancelTaken,
    NotSent,
    Rejected,
    Unknown,
)

pytestmark = pytest.mark.no_cover  # a sweep: each line that it runs has a quick test of its own

PLACE, LIST, CANCEL = "place_equity_order", "get_equity_orders", "cancel_equity_order"
UNTRUE = {Fault.STALE, Fault.FOREIGN_ORDER, Fault.NULL_ROWS}
"""The list leaves orders out, or shows another one in their place, and looks whole: nobody could tell."""


def seed_of(fault: Fault) -> int:
    return list(Fault).index(fault)


@pytest.mark.parametrize("policy", RefIdPolicy, ids=str)
@pytest.mark.parametrize("fault", Fault, ids=str)
def test_a_place_under_a_fault_is_answered_as_the_book_has_it(fault, policy):
    bench = AgentGatewayBench(lambda server: server.vary(seed_of(fault)))
    server = bench.server
    server.orders.ref_ids = policy
    server.acts[PLACE].append(fault)
    outcome = bench.submit()
    in_book = server.book.named(REF)
    if isinstance(outcome, Accepted):
        assert [order.order_id for order in in_book] == [outcome.report.order_id]
    if isinstance(outcome, Rejected | NotSent):
        server.calm_down()
        assert server.book.named(REF) == []
    if fault not in NEVER_ACTS:
        assert isinstance(outcome, Accepted | Unknown)
    server.calm_down()
    while isinstance(outcome, NotSent) and outcome.may_retry:
        assert not outcome.needs_login or bench.gateway.renew_session(within_s=5)
        outcome = bench.submit()
    listing = bench.found()
    assert listing.complete, listing.problem
    assert {report.order_id for report in listing.reports} == {order.order_id for order in server.book.named(REF)}
    assert len(server.book.named(REF)) <= 1
    assert len(server.places(REF)) <= 1 + (fault is Fault.UNAUTHORIZED)
    assert server.complaints == []


@pytest.mark.parametrize("point", ["initialize", "notifications/initialized"])
@pytest.mark.parametrize("fault", Fault, ids=str)
def test_a_place_is_never_in_doubt_for_a_session_that_could_not_be_opened(fault, point):
    bench = AgentGatewayBench(lambda server: server.vary(seed_of(fault)))
    bench.server.acts[point].append(fault)
    outcome = bench.submit()
    assert isinstance(outcome, Accepted | NotSent), outcome
    assert len(bench.server.places()) == isinstance(outcome, Accepted)
    bench.server.calm_down()
    if isinstance(outcome, NotSent):
        assert not outcome.needs_login or bench.gateway.renew_session(within_s=5)
        assert isinstance(bench.submit(), Accepted)


def test_a_server_without_sessions_is_served_as_well():
    bench = AgentGatewayBench(lambda server: server.vary(5))
    bench.server.desk.uses_sessions = False
    assert isinstance(bench.submit(), Accepted)
    assert len(bench.found().reports) == 1


@pytest.mark.parametrize(("fault", "policy"), [*zip(Fault, cycle(CancelPolicy), strict=False)], ids=str)
def test_a_cancel_under_a_fault_claims_no_more_than_the_book_shows(fault, policy):
    bench = AgentGatewayBench(lambda server: server.vary(seed_of(fault)))
    server = bench.server
    bench.submit()
    (order,) = server.book.orders
    server.orders.cancels = policy
    server.acts[CANCEL].append(fault)
    reply = bench.gateway.cancel_order(OrderId(order.order_id))
    if isinstance(reply, CancelNotSent):
        assert order.state in {"unconfirmed", "confirmed"}
    if isinstance(reply, CancelTaken):
        assert any(call.tool == CANCEL for call in server.calls)
    server.calm_down()
    server.orders.cancels = CancelPolicy.AT_ONCE
    report = bench.gateway.fetch_order_status(OrderId(order.order_id))
    assert report.state.is_terminal is not order.is_open
    if order.is_open:
        assert isinstance(bench.gateway.cancel_order(OrderId(order.order_id)), CancelTaken)
        assert not order.is_open


@pytest.mark.parametrize("times", [1, 12])
@pytest.mark.parametrize("fault", Fault, ids=str)
def test_a_listing_under_a_fault_is_complete_only_where_it_is_true(fault, times):
    bench = AgentGatewayBench(_with_pages(seed_of(fault)))
    for number in range(5):
        bench.submit(bench.intent(RefId(f"00000000-0000-4000-8000-{number:012d}")))
    bench.server.acts[LIST].extend([fault] * times)
    listing = bench.gateway.list_open_orders()
    shown = {report.order_id for report in listing.reports}
    if listing.complete and fault not in UNTRUE:
        assert shown == {order.order_id for order in bench.server.book.open()}


@pytest.mark.parametrize("fault", Fault, ids=str)
def test_a_read_of_one_order_under_a_fault_tells_the_truth_or_nothing(fault):
    bench = AgentGatewayBench(lambda server: server.vary(seed_of(fault)))
    bench.submit()
    (order,) = bench.server.book.orders
    bench.server.standing[LIST] = fault
    try:
        report = bench.gateway.fetch_order_status(OrderId(order.order_id))
    except (OrderNotFoundError, OrderStatusError):
        return
    assert report.order_id == order.order_id
    assert not report.state.is_terminal
    assert report.cumulative_quantity == 0


def test_an_id_that_a_refusal_used_up_is_in_doubt_for_ever():
    """Whether a refused order uses its id up is not known; where it does, a 409 follows and no order is there."""
    bench = AgentGatewayBench()
    bench.server.orders.refusal_uses_ref_id = True
    assert isinstance(bench.submit(bench.intent(quantity=5_000)), Rejected)
    again = bench.submit()
    assert isinstance(again, Unknown)
    assert again.surely_there
    assert bench.server.book.orders == []


def test_a_refused_cancel_of_a_new_order_says_nothing_of_its_end():
    bench = AgentGatewayBench()
    bench.server.book.confirms_after = timedelta(seconds=1)
    bench.submit()
    (order,) = bench.server.book.orders
    reply = bench.gateway.cancel_order(OrderId(order.order_id))
    assert isinstance(reply, CancelRefused)
    assert reply.may_be_early
    assert bench.gateway.fetch_order_status(OrderId(order.order_id)).state.is_working


def _with_pages(seed: int):
    def arrange(server: AgentServer) -> None:
        server.vary(seed)
        server.orders.page_size = 2
        server.orders.cursors = list(CursorForm)[seed % 2]

    return arrange
