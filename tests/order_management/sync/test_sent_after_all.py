"""The same id and terms after a proven "not sent": a new attempt of the same order, through every gate."""

import threading
from decimal import Decimal

import pytest

from tests.support.fake_gateway import REQUEST_LOST, UNREACHABLE, SubmitStep
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import instrument_named
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderValidationError,
    TradingHaltedError,
)


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
    assert OrderBook.replayed(bench.journal.records) == bench.store._book


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


def test_who_asks_for_it_again_changes_nothing_about_it(bench):
    """A strategy's order that did not leave may be sent after all by a person."""
    not_sent(bench)
    again = bench.manager.place_limit_buy(
        "AAPL", 10, bench.tracked("c1").envelope.reference_price, client_order_id="c1", strategy_name="momentum"
    )
    assert (again.order_id is not None, again.strategy_name) == (True, None)
    assert OrderBook.replayed(bench.journal.records) == bench.store._book


def test_where_the_price_rules_are_other_ones_by_now_the_order_that_was_not_sent_answers(bench):
    not_sent(bench)
    asked = bench.tracked("c1").envelope.reference_price
    bench.settings = bench.settings.model_copy(update={"buy_offset": Decimal(0)})
    bench.restart()
    bench.manager.recover()
    answer = bench.manager.place_limit_buy("AAPL", 10, asked, client_order_id="c1")
    assert (answer.state, bench.gateway.orders) == ("not_sent", [])


def test_under_a_new_name_of_its_instrument_too(bench):
    bench.gateway.instrument_ids = {"AAPL": "id-1", "AAPX": "id-1"}
    not_sent(bench)
    bench.store.record_fact(instrument_named("AAPX", "id-1", was="AAPL"))
    assert bench.buy("c1", symbol="AAPX").order_id is not None
    assert OrderBook.replayed(bench.journal.records) == bench.store._book


def test_twenty_threads_that_send_it_again_send_it_once(bench):
    not_sent(bench)
    start, answers = threading.Barrier(20), []

    def again() -> None:
        start.wait()
        answers.append(bench.buy("c1").order_id)

    threads = [threading.Thread(target=again) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [bench.gateway.order().order_id] * 20
    assert (len(bench.gateway.orders), len(bench.journal.facts(EventKind.ORDER_INTENDED))) == (1, 2)


def test_an_attempt_that_the_end_of_the_program_cut_short_is_looked_for_and_not_sent_again(bench):
    """Between the second intent and its answer nobody knows any more whether it left."""
    not_sent(bench)
    bench.gateway.submits.append(SubmitStep(meanwhile=interrupt, arrives=False))
    with pytest.raises(KeyboardInterrupt):
        bench.buy("c1")
    bench.restart()
    bench.manager.recover()
    assert bench.buy("c1").state == "unknown"
    assert bench.gateway.orders == []


def interrupt() -> None:
    raise KeyboardInterrupt
