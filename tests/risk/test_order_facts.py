import decimal
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.journal_bench import JournalBench
from tests.support.manager_bench import ManagerBench
from tests.support.order_story import intended, now_in, told
from tests.support.risk_bench import FakeOrders
from trading_bot.order_management.book.housekeeping import ENOUGH
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.models import OrderState, Side
from trading_bot.risk.order_facts import (
    RecordedOrders,
    TradeHistory,
    pending_worth,
    unresolved_shares,
)


@pytest.mark.parametrize("state", OrderState)
def test_only_unresolved_sells_of_the_symbol_take_shares_the_broker_does_not_hold_back(state):
    orders = FakeOrders()
    orders.tell(Side.SELL, 3, state=state)
    orders.tell(Side.SELL, 9, symbol="MSFT", state=state)
    orders.tell(Side.BUY, 9, state=state)
    assert unresolved_shares(orders.orders(), "AAPL") == (3 if state.is_unresolved else 0)


@pytest.mark.parametrize("state", OrderState)
def test_every_buy_that_has_not_ended_may_add_to_the_position(state):
    orders = FakeOrders()
    orders.tell(Side.BUY, 3, "100", state=state)
    orders.tell(Side.BUY, 9, symbol="MSFT", state=state)
    orders.tell(Side.SELL, 9, state=state)
    assert pending_worth(orders.orders(), "AAPL", price=Decimal(90)) == (0 if state.is_terminal else 300)


def test_what_is_filled_already_is_pending_no_more():
    orders = FakeOrders()
    orders.tell(Side.BUY, 10, "100", state=OrderState.PARTIALLY_FILLED, filled="4")
    assert pending_worth(orders.orders(), "AAPL", price=Decimal(100)) == 600


@pytest.mark.parametrize(("price", "worth"), [("90", 100), ("110", 110)])
def test_a_pending_share_counts_at_its_limit_or_at_the_price_whichever_is_higher(price, worth):
    orders = FakeOrders()
    orders.tell(Side.BUY, 1, "100", state=OrderState.CONFIRMED)
    assert pending_worth(orders.orders(), "AAPL", price=Decimal(price)) == worth


def test_the_ambient_decimal_precision_changes_no_sum():
    orders = FakeOrders()
    orders.tell(Side.BUY, 101, "1.01", state=OrderState.UNKNOWN)
    orders.tell(Side.SELL, 101, state=OrderState.UNKNOWN)
    orders.tell(Side.SELL, 1001, state=OrderState.UNKNOWN)
    with decimal.localcontext(decimal.Context(prec=1)):
        assert unresolved_shares(orders.orders(), "AAPL") == 1102
        assert pending_worth(orders.orders(), "AAPL", price=Decimal(1)) == Decimal("102.01")


def test_an_order_store_tells_all_its_orders_and_those_that_have_not_ended():
    bench = ManagerBench()
    ended, open_still = bench.buy("c1"), bench.buy("c2", symbol="MSFT")
    bench.store.record_fact(replace(about(ended, EventKind.ORDER_UPDATED), status=OrderState.CANCELLED))
    facts = RecordedOrders(bench.store)
    assert [order.client_order_id for order in facts.changed().orders] == [
        ended.client_order_id,
        open_still.client_order_id,
    ]
    assert [order.client_order_id for order in facts.active()] == [open_still.client_order_id]


def test_with_the_mark_of_an_earlier_look_only_what_came_or_changed_since_is_told():
    bench = ManagerBench()
    first, facts = bench.buy("c1"), RecordedOrders(bench.store)
    before, known = facts.history(), facts.changed()
    assert (before.has_all_orders, before.mark) == (True, known.mark)
    assert [order.client_order_id for order in before.orders] == [first.client_order_id]
    second = bench.buy("c2", symbol="MSFT")
    later = facts.history(since=before.mark)
    assert [order.client_order_id for order in later.orders] == [second.client_order_id]
    assert not later.has_all_orders
    assert facts.changed(known.mark).orders == later.orders


def test_once_an_order_has_left_the_memory_all_are_told_anew():
    bench = JournalBench()
    for number in range(ENOUGH):
        bench.store.record_facts((intended(f"c{number}"), now_in(OrderState.CANCELLED, f"c{number}")))
    facts = RecordedOrders(bench.store)
    mark = facts.history().mark
    bench.clock.sleep(172_800)
    bench.store.record_facts((intended("new"), told(EventKind.ANOMALY_FOUND, "new", reason="odd", attempt=1)))
    later = facts.history(since=mark)
    assert (later.has_all_orders, later.orders) == (True, facts.changed().orders)


def test_results_are_of_all_orders_ever_until_old_ones_have_left_the_memory():
    bench = JournalBench()
    for number in range(ENOUGH):
        bench.store.record_facts((intended(f"c{number}"), now_in(OrderState.CANCELLED, f"c{number}")))
    assert RecordedOrders(bench.store).history().is_whole
    bench.clock.sleep(172_800)
    bench.store.record_facts((intended("new"), told(EventKind.ANOMALY_FOUND, "new", reason="odd", attempt=1)))
    assert not RecordedOrders(bench.store).history().is_whole
    assert not RecordedOrders(bench.restart().store).history().is_whole


def test_orders_told_without_a_mark_are_all_there_ever_were():
    plain = TradeHistory(orders=())
    assert (plain.mark, plain.has_all_orders, plain.is_whole) == (None, True, True)
    assert (plain.acceptances, plain.unexplained) == ((), frozenset())
