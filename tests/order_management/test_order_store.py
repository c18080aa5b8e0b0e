"""One way to change the book: the journal first, then the book, then the listeners."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.manager_bench import REFERENCE, ManagerBench, MemoryJournal, terms
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderState, RefId
from trading_bot.order_management.order_store import OrderChange
from trading_bot.order_management.submit.intents import intent_of


def update_of(bench: ManagerBench, state: OrderState = OrderState.CANCELLED) -> OrderEvent:
    return replace(about(bench.tracked().envelope, EventKind.ORDER_UPDATED), status=state)


def with_order() -> ManagerBench:
    bench = ManagerBench()
    bench.buy("c1")
    bench.changes.clear()
    return bench


def test_an_event_is_in_the_journal_and_in_the_book_and_told():
    bench = with_order()
    bench.store.record(update_of(bench))
    assert bench.journal.kinds[-1] is EventKind.ORDER_UPDATED
    assert bench.state() == "cancelled"
    (change,) = bench.changes
    assert change.event == bench.journal.records[-1].fact
    assert change.order == bench.tracked()


def test_what_is_not_in_the_journal_is_not_in_the_book_either():
    bench = with_order()
    bench.journal.broken = True
    with pytest.raises(OrderLogError):
        bench.store.record(update_of(bench))
    assert (bench.state(), bench.changes) == ("confirmed", [])
    assert bench.store.failure is None


def test_a_fact_that_cannot_be_written_is_known_all_the_same_and_stops_new_orders():
    bench = with_order()
    bench.journal.broken = True
    bench.store.record_fact(update_of(bench))
    assert bench.state() == "cancelled"
    assert [change.event.event for change in bench.changes] == [EventKind.ORDER_UPDATED]
    assert isinstance(bench.store.failure, OrderLogError)
    assert len(bench.journal.records) == 3


def test_a_journal_that_takes_facts_only_stops_new_orders():
    bench = with_order()
    bench.journal.refusal = OrderLogError("the file was moved")
    bench.store.record_fact(update_of(bench))
    assert bench.store.failure is bench.journal.refusal
    assert bench.journal.kinds[-1] is EventKind.ORDER_UPDATED


def test_no_intent_is_written_after_a_failure_even_if_the_disk_is_well_again():
    """What was lost in between would be missing from the record for ever."""
    bench = with_order()
    bench.journal.broken = True
    bench.store.record_fact(update_of(bench))
    bench.journal.broken = False
    prepared = bench.gateway.prepare_order(terms("MSFT"), RefId("another"))
    intent = intent_of(
        ClientOrderId("c2"), prepared, reference_price=REFERENCE, strategy_name=None, mode=ExecutionMode.PAPER
    )
    with pytest.raises(OrderLogError, match="no space left"):
        bench.store.record_intent(intent, prepared)
    assert len(bench.journal.records) == 3


def test_the_book_in_memory_equals_the_replayed_journal():
    bench = with_order()
    bench.store.record_facts([update_of(bench, OrderState.PENDING_CANCEL), update_of(bench)])
    with bench.store.open_book() as book:
        assert book == OrderBook.replayed(bench.journal.records)


def test_several_facts_are_one_step_for_everybody_else():
    bench = with_order()
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.append(bench.state()))

    class StartsReader(MemoryJournal):
        def append(self, event):
            record = super().append(event)
            if not reader.ident:
                reader.start()
                reader.join(0.05)
                assert seen == []
            return record

    slow = StartsReader(bench.clock, bench.journal.records)
    bench.store._journal = slow
    bench.store.record_facts([update_of(bench, OrderState.PENDING_CANCEL), update_of(bench)])
    reader.join()
    assert seen == ["cancelled"]


def test_a_listener_that_raises_hides_nothing():
    bench = ManagerBench()
    told: list[EventKind] = []

    def bad(change: OrderChange) -> None:
        raise RuntimeError("somebody's strategy")

    bench.manager.subscribe(bad)
    bench.manager.subscribe(lambda change: told.append(change.event.event))
    envelope = bench.buy("c1")
    assert envelope.order_id == bench.gateway.order().order_id
    assert told == [EventKind.ORDER_INTENDED, EventKind.SUBMIT_ATTEMPTED, EventKind.ORDER_ACCEPTED]
    assert bench.state() == "confirmed"


def test_listeners_are_called_without_the_lock():
    """A listener may ask the manager from another thread without a deadlock."""
    bench = ManagerBench()
    answers: list[int] = []

    def ask_elsewhere(change: OrderChange) -> None:
        thread = threading.Thread(target=lambda: answers.append(len(bench.manager.orders())))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()

    bench.manager.subscribe(ask_elsewhere)
    bench.buy("c1")
    assert answers == [1, 1, 1]


def test_a_listener_may_place_an_order():
    bench = ManagerBench()

    def take_profit(change: OrderChange) -> None:
        if change.event.event is EventKind.EXECUTION_BOOKED and change.order.envelope.side == "buy":
            bench.manager.place_limit_sell("AAPL", 10, Decimal(105), client_order_id="exit")

    bench.manager.subscribe(take_profit)
    bench.buy("c1")
    bench.gateway.order().fill()
    bench.manager.synchronize_open_orders()
    assert bench.state("exit") == "confirmed"
    assert len(bench.gateway.orders) == 2


def test_changes_are_told_only_when_the_outermost_hold_is_over():
    bench = with_order()
    with bench.store.open_book():
        bench.store.record_fact(update_of(bench))
        assert bench.changes == []
    assert len(bench.changes) == 1


def test_an_intent_is_folded_in_and_proven_durable():
    bench = with_order()
    bench.buy("c2", symbol="MSFT")
    intents = [change for change in bench.changes if change.event.event is EventKind.ORDER_INTENDED]
    assert [change.order.state for change in intents] == [OrderState.PENDING_SUBMIT]
    assert bench.gateway.posts[-1].journal_seq == 4


def test_events_of_no_order_are_recorded_and_told_to_nobody():
    bench = with_order()
    bench.store.record_fact(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="why"))
    assert bench.changes == []
    with bench.store.open_book() as book:
        assert book.frozen_symbols() == {"AAPL": "why"}


def test_what_was_recorded_before_an_error_is_told_all_the_same():
    bench = with_order()

    def record_and_fail():
        with bench.store.open_book():
            bench.store.record_fact(update_of(bench))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        record_and_fail()
    assert [change.event.event for change in bench.changes] == [EventKind.ORDER_UPDATED]


def test_news_kept_back_is_told_when_the_block_ends():
    bench = with_order()
    with bench.store.telling_later():
        with bench.store.telling_later():
            bench.store.record_fact(update_of(bench))
        assert bench.changes == []
    assert [change.event.event for change in bench.changes] == [EventKind.ORDER_UPDATED]


def test_a_listener_may_place_an_order_as_soon_as_an_intent_is_known():
    bench = ManagerBench()

    def place_another(change: OrderChange) -> None:
        if change.event.event is EventKind.ORDER_INTENDED and change.order.client_order_id == "c1":
            bench.buy("c2", symbol="MSFT")

    bench.store.subscribe(place_another)
    bench.buy("c1")
    assert {order.client_order_id for order in bench.manager.orders()} == {"c1", "c2"}


def test_a_record_that_no_book_could_follow_never_reaches_the_journal():
    bench = with_order()
    bench.store.record(update_of(bench))
    before = len(bench.journal.records)
    impossible = replace(about(bench.tracked().envelope, EventKind.ORDER_UPDATED), status=OrderState.CONFIRMED)
    for record in (bench.store.record, bench.store.record_fact):
        with pytest.raises(OrderLogDamagedError, match="cannot be true"):
            record(impossible)
    assert (len(bench.journal.records), bench.state()) == (before, "cancelled")
    assert bench.store.failure is None
