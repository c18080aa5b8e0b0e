from decimal import Decimal

import pytest

from tests.support.fake_bot import envelope
from trading_bot.cli.work.run.order_watch import OrderWatch
from trading_bot.order_management.models import OrderState

HALF = Decimal(5)


def test_a_working_order_without_a_fill_is_no_news():
    assert OrderWatch(()).changes([envelope()]) == ()


def test_a_fill_is_news_once():
    watch = OrderWatch(())
    part = envelope(state=OrderState.PARTIALLY_FILLED, filled_quantity=HALF)
    assert watch.changes([part]) == (part,)
    assert watch.changes([part]) == ()


def test_each_further_fill_is_news():
    watch = OrderWatch([envelope(filled_quantity=Decimal(2))])
    assert len(watch.changes([envelope(filled_quantity=HALF)])) == 1


def test_a_closure_is_news_even_without_a_fill():
    watch = OrderWatch([envelope()])
    assert len(watch.changes([envelope(state=OrderState.CANCELLED)])) == 1


def test_orders_of_earlier_runs_are_no_news():
    filled = envelope(state=OrderState.FILLED, filled_quantity=Decimal(10))
    assert OrderWatch([filled]).changes([filled]) == ()


@pytest.mark.parametrize("state", [OrderState.REJECTED, OrderState.NOT_SENT])
def test_what_the_result_line_has_told_is_not_told_twice(state):
    assert OrderWatch(()).changes([envelope(state=state)]) == ()
