"""The throttle for an order that the broker refuses again and again holds up no exit."""

from decimal import Decimal

import pytest

from tests.support.fake_gateway import rejected
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.exceptions import OrderRejectedError


def test_an_exit_is_refused_by_the_broker_each_time_and_never_here():
    bench = ManagerBench(shares={"AAPL": 50})
    bench.gateway.submits.extend([rejected()] * 6)
    for number in range(6):
        with pytest.raises(OrderRejectedError):
            bench.manager.place_limit_sell("AAPL", 10, Decimal(100), client_order_id=f"s{number}")
    assert len(bench.gateway.posts) == 6
