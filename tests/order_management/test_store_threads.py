"""Many threads at one store: nothing is lost, told twice, or known otherwise after a restart."""

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.order_management.test_order_store import WAITED_S, intend
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind, about
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


def test_nothing_is_lost_and_each_change_is_told_once():
    bench = ManagerBench()
    told: list[OrderChange] = []
    bench.store.subscribe(told.append)
    problems: list[BaseException] = []

    def safely(thread: int) -> None:
        try:
            work(bench, thread)
        except BaseException as error:
            problems.append(error)
            raise

    threads = [threading.Thread(target=safely, args=(thread,), daemon=True) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAITED_S * 3)
        assert not thread.is_alive()
    assert problems == []
    assert bench.store.failure is None
    records = bench.journal.records
    assert [record.seq for record in records] == list(range(2, len(records) + 2))
    orders = [record.fact for record in records if record.fact.client_order_id is not None]
    assert len(orders) == THREADS * ROUNDS * 3 == len(told)
    with bench.store.open_book() as book:
        assert book == OrderBook.replayed(bench.journal.read_standing())
        assert book.pointers.all() == bench.journal.storage.standing
    whole = OrderBook.replayed(records)
    assert all(order.state is OrderState.CANCELLED for order in whole)
    assert len(whole) == THREADS * ROUNDS
