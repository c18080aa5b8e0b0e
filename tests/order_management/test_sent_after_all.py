"""The same id and terms after a proven "not sent": a new attempt of the same order, through every gate."""

from decimal import Decimal

import pytest

from tests.support.fake_gateway import REQUEST_LOST, UNREACHABLE
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderValidationError,
    TradingHaltedError,
)
from trading_bot.order_management.order_book import OrderBook


@pytest.fixture
def bench() -> ManagerBench:
    return ManagerBench(max_attempts=1)


def not_sent(bench: ManagerBench, name: str = "c1") -> None:
    bench.gateway.submits.append(UNREACHABLE)
    with pytest.raises(OrderNotSentError):
        bench.buy(name)


def test_the_same_order_is_sent_after_all(bench):
    not_sent(bench)
    bench.clock.sleep(30)
    order = bench.buy("c1")
    assert (order.state, order.is_duplicate, order.created_at) == ("confirmed", False, bench.clock.now())
    first, second = bench.journal.facts(EventKind.ORDER_INTENDED)
    assert (first.ref_id, first.details["body_sha256"]) == (second.ref_id, second.details["body_sha256"])
    assert bench.gateway.ref_ids == [order.ref_id]


def test_it_may_fail_again_and_then_be_sent(bench):
    not_sent(bench)
    not_sent(bench)
    assert bench.buy("c1").order_id is not None
    assert len(bench.gateway.orders) == 1


def test_after_a_restart_too(bench):
    not_sent(bench)
    bench.restart()
    bench.manager.recover()
    assert bench.buy("c1").order_id is not None
    assert OrderBook.replayed(bench.journal.records) == bench.ledger._book


def test_every_gate_is_asked_again(bench):
    not_sent(bench)
    bench.latch.reason = "killed; arm it"
    with pytest.raises(TradingHaltedError, match="killed"):
        bench.buy("c1")
    bench.latch.reason = None
    bench.buy("other", quantity=7)
    with pytest.raises(Exception, match="pending already"):
        bench.buy("c1")


def test_at_another_price_the_order_that_was_not_sent_answers(bench):
    """The price is a term: another one is another order, and needs another id."""
    not_sent(bench)
    assert bench.buy("c1", price=Decimal(101)).state == "not_sent"
    assert bench.gateway.orders == []


def test_other_terms_are_refused_as_ever(bench):
    not_sent(bench)
    with pytest.raises(OrderValidationError, match="already stands for buy 10 AAPL"):
        bench.buy("c1", quantity=11)


def test_an_order_that_may_be_there_is_never_sent_again(bench):
    bench.gateway.submits.append(REQUEST_LOST)
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy("c1")
    assert bench.buy("c1").state == "unknown"
    assert len(bench.gateway.posts) == 1


def test_once_it_was_sent_it_is_not_sent_again(bench):
    not_sent(bench)
    first = bench.buy("c1")
    assert bench.buy("c1") == first
    assert len(bench.gateway.posts) == 1


def test_a_cancel_of_what_was_not_sent_stops_nothing_later(bench):
    not_sent(bench)
    bench.manager.cancel_order("c1")
    assert bench.buy("c1").state == "confirmed"
