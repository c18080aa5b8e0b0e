"""No caller waits for another's slow read, and the reads of a call belong to its own deadline."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.account_gateway import FakeAccountGateway, holding
from tests.support.fake_gateway import REQUEST_LOST, SubmitStep
from tests.support.manager_bench import ManagerBench
from trading_bot.account.account_data import AccountData
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.exceptions import OrderOutcomeUnknownError, OrderStatusError
from trading_bot.order_management.models import OrderRequest, OrderTerms, Side
from trading_bot.order_management.portfolio import UnreadPosition
from trading_bot.order_management.submit.placement import EXIT_CATCHES_UP_FOR_S, Approval, approve_all

_PATIENCE_S = 10


def bench_of(**settings: Any) -> ManagerBench:
    return ManagerBench(shares={"AAPL": 50}, **settings)


class HungRead:
    """A read that begins and does not end until it is let go."""

    def __init__(self) -> None:
        self.began, self.let_go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.let_go.wait(_PATIENCE_S)

    def gather(self, _terms: OrderTerms, _by: float, _instead_of: TrackedOrder | None) -> Approval:
        self()
        return approve_all


@contextmanager
def another_caller(hung: HungRead, call: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=call)
    thread.start()
    assert hung.began.wait(_PATIENCE_S)
    try:
        yield
    finally:
        hung.let_go.set()
        thread.join(_PATIENCE_S)
    assert not thread.is_alive()


def test_an_exit_passes_while_another_callers_account_read_hangs():
    bench, hung = bench_of(), HungRead()
    buy = OrderRequest(symbol="MSFT", side=Side.BUY, quantity=1, reference_price=bench.settings.buy_offset)
    with another_caller(hung, lambda: bench.manager.place(buy, gather=hung.gather)):
        assert bench.sell().order_id is not None
    assert [intent.terms.symbol for intent in bench.gateway.posts] == ["AAPL", "MSFT"]


def test_an_exit_passes_while_another_caller_looks_an_instrument_up():
    bench, hung = bench_of(), HungRead()
    bench.gateway.on_prepare = hung

    def buy() -> None:
        bench.buy("c1", symbol="MSFT")

    with another_caller(hung, buy):
        bench.gateway.on_prepare = lambda: None
        assert bench.sell().order_id is not None


def test_an_exit_passes_while_a_synchronisation_hangs():
    bench, hung = bench_of(), HungRead()
    bench.clock.sleep(61)
    bench.before_sync.append(hung)
    with another_caller(hung, bench.sync):
        assert bench.sell().order_id is not None


def test_a_read_of_the_account_waits_for_another_no_longer_than_its_call_may_take():
    bench, hung = bench_of(), HungRead()
    gateway = FakeAccountGateway(positions=[holding("AAPL", "1")])
    gateway.during_read = hung
    account = AccountData(gateway=gateway, clock=bench.clock, ttl_s=15)
    with another_caller(hung, account.account), pytest.raises(OrderStatusError, match="has not ended yet"):
        account.account(by=bench.clock.monotonic())


def test_reads_of_the_account_are_over_by_the_calls_own_deadline():
    bench = bench_of()
    gateway = FakeAccountGateway()
    account = AccountData(gateway=gateway, clock=bench.clock, ttl_s=15)
    account.account(by=7.0)
    account.kept_positions(by=8.0)
    assert gateway.deadlines == [7.0, 8.0]


def test_a_whole_call_keeps_to_the_submit_deadline_reads_before_the_intent_included():
    bench = bench_of(submit_deadline_s=20, intent_ttl_s=10)
    bench.gateway.on_prepare = lambda: bench.clock.sleep(9)
    bench.gateway.submits.append(REQUEST_LOST)
    began = bench.clock.monotonic()
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy(symbol="MSFT")
    assert bench.clock.monotonic() - began <= 20


def test_an_exit_asks_for_no_more_than_half_the_time_its_price_lives():
    bench = bench_of(intent_ttl_s=10)
    began = bench.clock.monotonic()
    bench.sell()
    assert min(bench.gateway.deadlines[-1:]) == began + 5


def test_an_exit_that_has_to_read_the_positions_itself_does_so_in_half_the_time_its_price_lives():
    """The last look could not read this position; the orders were compared with the broker, and need no new round."""
    bench = bench_of(intent_ttl_s=10)
    bench.positions.unread = [UnreadPosition(name="AAPL", problem="quantity: null", symbol="AAPL")]
    bench.sync(after=3600)
    bench.positions.unread = []
    bench.positions.deadlines.clear()
    bench.clock.sleep(6)
    began = bench.clock.monotonic()
    assert bench.sell().order_id is not None
    assert set(bench.positions.deadlines) == {began + 5}


def test_an_exit_renews_a_view_that_is_too_old_for_two_seconds_at_most():
    bench = bench_of()
    bench.clock.sleep(61)
    began = bench.clock.monotonic()
    bench.gateway.listing_problem = "the list is down"
    assert bench.sell().order_id is not None
    assert began + EXIT_CATCHES_UP_FOR_S in bench.gateway.deadlines


def test_a_cancel_that_came_during_the_submit_is_asked_for_at_once():
    bench = bench_of()
    bench.gateway.submits.append(SubmitStep(after=lambda: bench.manager.cancel_order("c1")))
    bench.buy(symbol="MSFT")
    assert bench.state("c1") == "cancelled"
