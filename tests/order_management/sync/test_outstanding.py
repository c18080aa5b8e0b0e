"""An order that is reported filled before its executions are listed is read again until they are."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.journal_bench import JournalBench
from tests.support.manager_bench import ManagerBench
from tests.support.order_story import intended, now_in
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.sync.outstanding import AWAITED_FOR, MOST_IN_ONE_ROUND

ROUND_S = 30.0


def filled_unlisted(bench: ManagerBench, name: str = "c1", *, symbol: str = "AAPL") -> None:
    """An order that the broker reports filled, and of whose executions it lists none."""
    bench.buy(name, symbol=symbol)
    order = bench.gateway.order()
    order.fill()
    order.listed = 0
    bench.sync()
    assert (bench.state(name), bench.tracked(name).unbacked_quantity) == ("filled", Decimal(10))


@pytest.fixture
def bench() -> ManagerBench:
    return ManagerBench()


def test_a_synchronisation_reads_it_again_until_its_executions_are_listed(bench):
    filled_unlisted(bench)
    bench.sync(after=ROUND_S)
    assert bench.tracked().executions == ()
    bench.gateway.order().listed = None
    bench.sync(after=ROUND_S)
    assert (bench.tracked().executed_quantity, bench.tracked().unbacked_quantity) == (10, 0)
    reads = len(bench.gateway.fetched)
    bench.sync(after=ROUND_S)
    assert len(bench.gateway.fetched) == reads


def test_an_execution_booked_after_the_end_is_a_story_that_a_restart_believes(bench):
    filled_unlisted(bench)
    bench.gateway.order().listed = None
    bench.sync(after=ROUND_S)
    assert bench.journal.kinds[-1] is EventKind.EXECUTION_BOOKED
    again = OrderBook.replayed(bench.journal.records)
    assert again.orders() == (bench.tracked(),)
    assert again.unbacked() == ()


def test_a_restart_goes_on_waiting(bench):
    filled_unlisted(bench)
    bench.restart()
    bench.gateway.order().listed = None
    bench.manager.recover()
    assert bench.tracked().unbacked_quantity == 0


def test_what_is_listed_in_parts_is_booked_in_parts(bench):
    bench.buy()
    order = bench.gateway.order()
    order.fill(4)
    order.fill()
    order.listed = 1
    bench.sync()
    assert (bench.state(), bench.tracked().unbacked_quantity) == ("filled", 6)
    assert bench.manager.get_order_status("c1").executions_outstanding == 6
    order.listed = None
    assert bench.manager.get_order_status("c1").executions_outstanding == 0


def test_one_that_cannot_be_read_leaves_the_synchronisation_whole(bench, caplog):
    """An order that has ended is no doubt about those that are open."""
    filled_unlisted(bench)
    bench.gateway.unreadable = 1
    summary = bench.sync(after=ROUND_S)
    assert (summary.complete, summary.problem) == (True, None)
    (line,) = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert (line["event"], line["client_order_id"]) == ("executions_not_read", "c1")
    bench.gateway.forgotten.add(bench.gateway.order().order_id)
    assert bench.sync(after=ROUND_S).complete
    assert bench.tracked().anomalies == frozenset()


def test_a_round_reads_a_few_and_the_longest_unread_first(bench):
    names = [f"c{number}" for number in range(MOST_IN_ONE_ROUND + 2)]
    for number, name in enumerate(names):
        filled_unlisted(bench, name, symbol="ABCDEFG"[number])
    bench.gateway.fetched.clear()
    bench.sync(after=ROUND_S)
    first = list(bench.gateway.fetched)
    assert len(first) == MOST_IN_ONE_ROUND
    bench.sync(after=ROUND_S)
    second = bench.gateway.fetched[MOST_IN_ONE_ROUND:]
    assert len(second) == MOST_IN_ONE_ROUND
    assert {order.order_id for order in bench.gateway.orders} == {*first, *second}


def test_after_a_day_only_status_reads_it(bench):
    filled_unlisted(bench)
    before = len(bench.gateway.fetched)
    bench.sync(after=(AWAITED_FOR - timedelta(seconds=1)).total_seconds())
    assert len(bench.gateway.fetched) == before + 1
    bench.sync(after=1)
    assert len(bench.gateway.fetched) == before + 1, "exactly a day later it is over"
    bench.gateway.order().listed = None
    assert bench.manager.get_order_status("c1").executions_outstanding == 0


def test_the_day_counts_from_the_fill_and_not_from_the_order(bench):
    bench.buy("c1", time_in_force="gtc")
    bench.sync(after=3 * 86_400)
    order = bench.gateway.order()
    order.fill()
    order.listed = 0
    bench.sync()
    order.listed = None
    bench.sync(after=ROUND_S)
    assert bench.tracked().unbacked_quantity == 0


def test_status_of_a_complete_end_asks_nobody(bench):
    bench.buy()
    bench.gateway.order().fill()
    bench.sync()
    reads = len(bench.gateway.fetched)
    assert bench.manager.get_order_status("c1").executions_outstanding == 0
    assert len(bench.gateway.fetched) == reads


def test_status_answers_from_the_journal_where_the_broker_does_not(bench):
    filled_unlisted(bench)
    bench.gateway.unreadable = 1
    status = bench.manager.get_order_status("c1")
    assert (status.state, status.filled_quantity, status.executions_outstanding) == ("filled", 10, 10)


def test_shares_of_a_cancelled_order_are_waited_for_too(bench):
    bench.buy()
    order = bench.gateway.order()
    order.fill(4)
    order.listed = 0
    order.end()
    bench.sync()
    assert (bench.state(), bench.tracked().unbacked_quantity) == ("cancelled", 4)
    order.listed = None
    bench.sync(after=ROUND_S)
    assert bench.tracked().unbacked_quantity == 0


def test_one_that_has_left_the_book_is_waited_for_no_more():
    desk = JournalBench()
    desk.tell(intended(), now_in(OrderState.FILLED, filled_quantity=Decimal(10)))
    assert len(desk.book.unbacked()) == 1
    desk.clock.sleep(3 * 24 * 3600)
    assert desk.prune().book.unbacked() == desk.restart().book.unbacked() == ()
