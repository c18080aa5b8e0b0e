"""What shares cost where nobody has listed their fills yet, and where a split leaves none."""

import decimal
from decimal import Decimal

import pytest

from tests.support.risk_bench import MONDAY_NOON, FakeOrders, unlisted
from trading_bot.order_management.models import Side
from trading_bot.risk.cost_basis import Holding, estimated_fill
from trading_bot.risk.results import results_of


@pytest.fixture
def orders() -> FakeOrders:
    return FakeOrders()


@pytest.mark.parametrize(("average", "price"), [("0.50", "0.50"), ("0.0001", "0.0001"), ("0", "0.60"), (None, "0.60")])
def test_a_fill_that_is_not_listed_counts_at_the_average_however_small_else_at_the_limit(orders, average, price):
    found = estimated_fill(unlisted(orders.tell(Side.SELL, 10, "0.60"), average=average))
    assert found is not None
    assert found.price == Decimal(price)


def test_the_ambient_decimal_precision_makes_no_price_of_its_own(orders):
    order = unlisted(orders.tell(Side.SELL, 7, "100"), average="101.23")
    with decimal.localcontext(decimal.Context(prec=1)):
        found = estimated_fill(order)
    assert found is not None
    assert found.price == Decimal("101.23")


def test_a_reverse_split_that_leaves_no_share_leaves_no_cost_to_the_shares_bought_after_it(orders):
    orders.buy(5, "100")
    orders.accept(5, 0, "1:10")
    orders.buy(2, "7")
    held = results_of(orders.orders(), orders.accepted, today=MONDAY_NOON).holdings["AAPL"]
    assert held == Holding(quantity=Decimal(2), cost=Decimal(14), todays_quantity=Decimal(2), todays_cost=Decimal(14))
