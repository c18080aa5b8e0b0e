"""The buys of the last minute, counted once each however often they are told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.risk_bench import MONDAY_NOON, FakeOrders, limits_of, watch_of
from trading_bot.order_management.models import OrderState, Side
from trading_bot.risk.entry_rate import EntryRate


def rate_of(orders: FakeOrders) -> EntryRate:
    rate = EntryRate()
    for order in orders.told:
        rate.tell(order.envelope)
    return rate


@pytest.mark.parametrize("state", OrderState)
def test_a_buy_counts_whatever_became_of_it(state):
    orders = FakeOrders()
    orders.tell(Side.BUY, 1, state=state)
    assert rate_of(orders).count(orders.now) == 1


def test_a_sell_does_not_count():
    orders = FakeOrders()
    orders.sell(1)
    assert rate_of(orders).count(orders.now) == 0


@pytest.mark.parametrize(("later_s", "count"), [(59, 2), (60, 1), (61, 0)])
def test_a_buy_counts_for_a_minute(later_s, count):
    orders = FakeOrders()
    orders.buy(1)
    first = orders.now
    orders.buy(1)
    assert rate_of(orders).count(first + timedelta(seconds=later_s)) == count


def test_a_buy_that_is_told_again_counts_once_and_never_comes_back():
    orders = FakeOrders()
    orders.buy(1)
    rate = rate_of(orders)
    rate.tell(orders.told[0].envelope)
    assert rate.count(orders.now) == 1
    assert rate.count(orders.now + timedelta(minutes=2)) == 0
    rate.tell(replace(orders.told[0]).envelope)
    assert rate.count(orders.now) == 0


def test_buys_of_a_clock_that_ran_ahead_keep_no_later_one_counted():
    """One buy that is dated an hour ahead must not let the others add up for that hour."""
    orders = FakeOrders(MONDAY_NOON + timedelta(hours=1))
    orders.buy(1)
    rate = rate_of(orders)
    orders.buy(1, at=MONDAY_NOON)
    rate.tell(orders.told[-1].envelope)
    assert rate.count(orders.now) == 1
    assert rate.count(orders.now + timedelta(minutes=2)) == 0


def test_a_clock_that_is_set_back_by_seconds_counts_no_buy_less():
    orders = FakeOrders()
    orders.buy(1)
    assert rate_of(orders).count(orders.now - timedelta(seconds=59)) == 1


def test_a_restart_counts_the_same(tmp_path):
    orders = FakeOrders()
    for _ in range(3):
        orders.buy(1)
    assert watch_of(orders, tmp_path, limits=limits_of()).state().entries_last_minute == 3
