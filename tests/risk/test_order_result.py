"""What an order earned, and in words what is not known of it."""

from decimal import Decimal

import pytest

from tests.support.risk_bench import FakeOrders, unlisted
from trading_bot.order_management.models import Side
from trading_bot.risk.order_result import OrderResult, result_lines, result_of

ELSEWHERE = "they were not bought through this journal"


@pytest.fixture
def orders() -> FakeOrders:
    return FakeOrders()


def result(orders: FakeOrders, place: int = -1) -> OrderResult | None:
    return result_of(orders.told[place], orders.orders(), orders.accepted)


def test_a_buy_has_no_result(orders):
    orders.buy(1)
    assert result(orders) is None
    assert result_lines(None) == ()


def test_the_sales_of_one_order_add_up_and_those_of_others_do_not_count(orders):
    orders.buy(10, "998.50")
    orders.accept(10, 100, "10:1")
    orders.sell(40, "100")
    orders.sell(60, "105.11")
    found = result(orders)
    assert found is not None
    assert (found.realised, found.unknown_quantity, found.accepted) == (Decimal("315.60"), Decimal(0), None)
    assert result_lines(found) == ("its result is 315.6 dollars without fees",)


def test_shares_from_elsewhere_are_told_apart_from_known_ones(orders):
    orders.buy(2, "100")
    orders.sell(5, "90")
    assert result_lines(result(orders)) == (
        "its result is -20 dollars without fees",
        f"the cost of 3 of the shares sold is unknown: {ELSEWHERE}; they count in no limit",
    )


def test_an_accepted_position_is_named_where_it_made_the_cost_unknown(orders):
    orders.accept(5, 7, symbol="MSFT")
    orders.buy(10, "100")
    orders.accept(10, 7)
    orders.sell(7, "90")
    orders.accept(0, 3)
    accepted = "held when ada accepted the position on 2026-11-23"
    assert result_lines(result(orders)) == (
        f"the cost of 7 of the shares sold is unknown: {ELSEWHERE}, or {accepted}; they count in no limit",
    )


def test_an_estimate_is_called_one(orders):
    orders.buy(10, "100")
    orders.told.append(unlisted(orders.tell(Side.SELL, 10, "90"), average="90"))
    del orders.told[1]
    assert result_lines(result(orders)) == (
        "its result is -100 dollars without fees, by total and average where executions are not listed yet",
    )


def test_the_accepted_position_named_is_the_latest_of_the_symbol_before_the_order_and_never_a_split(orders):
    orders.buy(10, "100")
    orders.accept(10, 7)
    orders.accept(7, 14, "2:1")
    orders.accept(3, 4, symbol="MSFT")
    orders.sell(14, "90")
    orders.accept(0, 3)
    found = result(orders)
    assert found is not None
    assert found.accepted == orders.accepted[0]
