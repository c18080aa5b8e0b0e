"""Many threads at one store: nothing is lost, told twice, or known otherwise after a restart."""

import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tests.order_management.test_order_store import WAITED_S, in_thread, intend, update_of, with_order
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.order_listeners import PlainFact
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.journal.chain import SealedRecord
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.order_store import OrderChange

THREADS = 6
ROUNDS = 12


@pytest.fixture(autouse=True)
def _switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def work(bench: ManagerBench, thread: int) -> None:
    """Intents, facts alone and in groups, looks, and old orders that leave, all at once."""
    for number in range(ROUNDS):
        name = f"t{thread}-{number}"
        intend(bench, name)
        with bench.store.open_book() as book:
            order = book.get(ClientOrderId(name))
            assert order is not None
            assert order.state is OrderState.PENDING_SUBMIT
        with bench.store.one_commit():
            bench.store.record_fact(
                replace(about(order.envelope, EventKind.ORDER_ACCEPTED), status=OrderState.CONFIRMED)
            )
            bench.store.record_fact(frozen("AAPL", list(Cause)[thread], f"round {number}"))
        bench.store.record_fact(replace(about(order.envelope, EventKind.ORDER_UPDATED), status=OrderState.CANCELLED))
        if number % 5 == 4:
            bench.store.forget_all_but(lambda book: [order.client_order_id for order in book.active()])


def test_a_change_whose_thread_has_not_told_it_yet_is_told_before_the_next_of_its_order():
    bench = with_order()
    committed, go_on = threading.Event(), threading.Event()

    def hold_the_first(records: Sequence[SealedRecord]) -> None:
        if records[0].record.fact.status is OrderState.PENDING_CANCEL:
            committed.set()
            assert go_on.wait(WAITED_S)

    bench.store.on_commit(hold_the_first)
    first = in_thread(lambda: bench.store.record_fact(update_of(bench, OrderState.PENDING_CANCEL)))
    assert committed.wait(WAITED_S)
    bench.store.record_fact(update_of(bench))
    assert [change.event.status for change in bench.changes] == [OrderState.PENDING_CANCEL, OrderState.CANCELLED]
    go_on.set()
    first.join(WAITED_S)
    assert len(bench.changes) == 2


def test_who_finds_an_order_being_told_of_waits_for_nobody_and_its_change_is_told_next():
    bench = with_order()
    heard: list[OrderState | None] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(change: OrderChange) -> None:
        if change.event.status is OrderState.PENDING_CANCEL:
            begun.set()
            assert go_on.wait(WAITED_S)
        heard.append(change.event.status)

    bench.store.subscribe(slow)
    first = in_thread(lambda: bench.store.record_fact(update_of(bench, OrderState.PENDING_CANCEL)))
    assert begun.wait(WAITED_S)
    bench.store.record_fact(update_of(bench))
    assert (heard, bench.state()) == ([], "cancelled")
    go_on.set()
    first.join(WAITED_S)
    assert heard == [OrderState.PENDING_CANCEL, OrderState.CANCELLED]


def test_a_slow_listener_of_one_order_keeps_back_no_news_of_another():
    bench = with_order()
    bench.buy("c2", symbol="MSFT")
    heard: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(change: OrderChange) -> None:
        heard.append(change.order.client_order_id)
        if change.order.client_order_id == "c1":
            begun.set()
            assert go_on.wait(WAITED_S)

    bench.store.subscribe(slow)
    first = in_thread(lambda: bench.store.record_fact(update_of(bench)))
    assert begun.wait(WAITED_S)
    of_another = about(bench.tracked("c2").envelope, EventKind.ORDER_UPDATED)
    bench.store.record_fact(replace(of_another, status=OrderState.CANCELLED))
    assert heard == ["c1", "c2"]
    go_on.set()
    first.join(WAITED_S)


def test_nothing_is_lost_and_each_change_is_told_once_in_its_orders_order():
    bench = ManagerBench()
    told: list[OrderChange] = []
    facts: list[PlainFact] = []
    bench.store.subscribe(told.append)
    bench.store.on_fact(facts.append)
    problems: list[BaseException] = []

    come = threading.Semaphore(0)

    def safely(thread: int) -> None:
        come.release()
        try:
            work(bench, thread)
        except BaseException as error:
            problems.append(error)
            raise

    threads = [threading.Thread(target=safely, args=(thread,), daemon=True) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
        assert come.acquire(timeout=WAITED_S)  # Python can trace no two threads that begin at once
    for thread in threads:
        thread.join(WAITED_S * 3)
        assert not thread.is_alive()
    assert problems == []
    assert bench.store.failure is None
    records = bench.journal.records
    assert [record.seq for record in records] == list(range(2, len(records) + 2))
    orders = [record.fact for record in records if record.fact.client_order_id is not None]
    assert len(orders) == THREADS * ROUNDS * 3 == len(told)
    assert [fact.event for fact in facts] == [
        record.fact for record in records if record.fact.client_order_id is None
    ], "facts of no order are told in the order of their commits"
    for order in {change.order.client_order_id for change in told}:
        news = [change.event.event for change in told if change.order.client_order_id == order]
        assert news == [EventKind.ORDER_INTENDED, EventKind.ORDER_ACCEPTED, EventKind.ORDER_UPDATED]
    with bench.store.open_book() as book:
        assert book == OrderBook.replayed(bench.journal.read_standing())
        assert book.pointers.all() == bench.journal.storage.standing
    whole = OrderBook.replayed(records)
    assert all(order.state is OrderState.CANCELLED for order in whole)
    assert len(whole) == THREADS * ROUNDS
