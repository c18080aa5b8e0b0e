import decimal
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.risk_bench import MONDAY_NOON, FakeOrders, annulled, fill, losing_streak
from trading_bot.order_management.models import Side
from trading_bot.risk.losing_streak import LosingStreak
from trading_bot.risk.results import DayResults, day_results, sales_of

TUESDAY_NOON = MONDAY_NOON + timedelta(days=1)
SECOND = timedelta(seconds=1)


def results_of(orders: FakeOrders) -> list[Decimal | None]:
    return [sale.result for sale in sales_of(orders.orders())]


def test_a_sell_earns_its_price_less_the_average_cost():
    orders = FakeOrders()
    orders.buy(10, "100")
    orders.buy(30, "120")
    orders.sell(20, "110")
    orders.sell(20, "116")
    assert results_of(orders) == [Decimal(-100), Decimal(20)]


def test_a_sell_leaves_the_average_cost_of_the_rest():
    orders = FakeOrders()
    orders.buy(10, "100")
    orders.sell(5, "150")
    orders.buy(5, "200")
    orders.sell(10, "150")
    assert results_of(orders) == [Decimal(250), Decimal(0)]


def test_each_symbol_has_its_own_cost():
    orders = FakeOrders()
    orders.buy(1, "100", symbol="AAPL")
    orders.buy(1, "10", symbol="MSFT")
    orders.sell(1, "90", symbol="AAPL")
    orders.sell(1, "11", symbol="MSFT")
    assert results_of(orders) == [Decimal(-10), Decimal(1)]


def test_shares_bought_elsewhere_have_an_unknown_result():
    orders = FakeOrders()
    orders.sell(5, "1")
    assert results_of(orders) == [None]


def test_shares_bought_elsewhere_are_sold_after_the_known_ones():
    orders = FakeOrders()
    orders.buy(2, "100")
    orders.sell(5, "90")
    orders.sell(5, "90")
    assert results_of(orders) == [Decimal(-20), None]


def test_a_sell_beyond_the_known_shares_leaves_no_debt_behind():
    orders = FakeOrders()
    orders.sell(5, "90")
    orders.buy(5, "100")
    orders.sell(5, "90")
    assert results_of(orders) == [None, Decimal(-50)]


def test_what_was_executed_first_counts_first_whichever_order_is_older():
    orders = FakeOrders()
    early_order = orders.tell(Side.SELL, 1, "90")
    orders.buy(1, "100")
    late_fill = replace(early_order.executions[0], executed_at=orders.now + timedelta(seconds=1))
    orders.told[0] = replace(early_order, executions=(late_fill,))
    assert results_of(orders) == [Decimal(-10)]


def test_what_was_executed_at_one_moment_counts_in_the_order_of_the_orders():
    orders = FakeOrders()
    bought, sold = orders.tell(Side.BUY, 1, "100"), orders.tell(Side.SELL, 1, "90")
    orders.told[0] = replace(bought, executions=(replace(bought.executions[0], executed_at=orders.now),))
    assert sold.executions[0].executed_at == orders.now
    assert results_of(orders) == [Decimal(-10)]


def test_an_annulled_execution_counts_no_more():
    orders = FakeOrders()
    orders.round_trip("-10")
    orders.told[1] = annulled(orders.told[1])
    assert results_of(orders) == []


def test_the_ambient_decimal_precision_changes_no_result():
    orders = FakeOrders()
    orders.buy(3, "100.01")
    orders.sell(3, "100.02")
    with decimal.localcontext(decimal.Context(prec=2)):
        sales = sales_of(orders.orders())
        assert day_results(sales, since=MONDAY_NOON).realised == Decimal("0.03")
        assert losing_streak(orders.orders(), since=MONDAY_NOON).current == 0


@given(
    st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 50), st.integers(1, 50_000)), max_size=12),
    st.integers(1, 50_000),
)
def test_results_are_what_came_in_less_what_the_sold_shares_cost(trades, last_price):
    """Once everything that was bought is sold, the results add up to the cash flow."""
    orders, held, cash = FakeOrders(), 0, Decimal(0)
    for side, quantity, cents in (*trades, (Side.SELL, 10**6, last_price)):
        wanted = quantity if side is Side.BUY else min(quantity, held)
        if not wanted:
            continue
        price = Decimal(cents) / 100
        orders.tell(side, wanted, str(price))
        held += wanted if side is Side.BUY else -wanted
        cash += -wanted * price if side is Side.BUY else wanted * price
    realised = day_results(sales_of(orders.orders()), since=MONDAY_NOON).realised
    assert abs(realised - cash) < Decimal("1e-40")


def test_a_day_adds_up_its_own_sales_and_remembers_its_lowest_point():
    orders = FakeOrders()
    orders.round_trip("-500")
    for result in ("20", "-70", "30"):
        orders.round_trip(result, at=max(orders.now, TUESDAY_NOON))
    orders.sell(1, "5", symbol="GIFT")
    assert day_results(sales_of(orders.orders()), since=TUESDAY_NOON) == DayResults(
        realised=Decimal(-20), lowest=Decimal(-50), unknown=1
    )


def test_a_sale_at_the_first_moment_of_a_day_belongs_to_it():
    orders = FakeOrders()
    orders.round_trip("-10")
    sales = sales_of(orders.orders())
    assert day_results(sales, since=orders.now).realised == -10
    assert day_results(sales, since=orders.now + timedelta(microseconds=1)).realised == 0


def test_a_day_without_a_loss_is_at_its_lowest_at_zero():
    orders = FakeOrders()
    orders.round_trip("10")
    assert day_results(sales_of(orders.orders()), since=MONDAY_NOON).lowest == 0


@pytest.mark.parametrize(
    ("results", "current", "peak"),
    [
        ((), 0, 0),
        (("-1",), 1, 1),
        (("-1", "-1"), 2, 2),
        (("-1", "-1", "1"), 0, 2),
        (("-1", "0", "-1"), 2, 2),
        (("-1", "-1", "1", "-1"), 1, 2),
    ],
)
def test_losing_sell_orders_in_a_row_are_counted(results, current, peak):
    orders = FakeOrders()
    for result in results:
        orders.round_trip(result)
    assert losing_streak(orders.orders(), since=MONDAY_NOON) == LosingStreak(current=current, peak=peak)


def test_an_unknown_result_neither_lengthens_nor_ends_a_streak():
    orders = FakeOrders()
    orders.round_trip("-1")
    orders.sell(1, "5", symbol="GIFT")
    orders.round_trip("-1")
    assert losing_streak(orders.orders(), since=MONDAY_NOON).current == 2


def test_the_fills_of_one_order_are_one_result():
    orders = FakeOrders()
    orders.buy(3, "100")
    sold = orders.tell(Side.SELL, 3, "90")
    parts = [fill(f"part-{n}", Decimal(1), price, orders.now) for n, price in enumerate(("90", "80", "131"))]
    orders.told[-1] = replace(sold, executions=tuple(parts[:2]))
    assert losing_streak(orders.orders(), since=MONDAY_NOON).current == 1
    orders.told[-1] = replace(sold, executions=tuple(parts))
    assert losing_streak(orders.orders(), since=MONDAY_NOON).current == 0


def test_an_order_counts_when_its_last_fill_came():
    orders = FakeOrders()
    orders.buy(3, "100")
    slow = orders.tell(Side.SELL, 2, "110")
    orders.sell(1, "90")
    halves = [fill(f"half-{at}", Decimal(1), "110", at) for at in (slow.executions[0].executed_at, orders.now)]
    orders.told[1] = replace(slow, executions=(halves[0], replace(halves[1], executed_at=orders.now + SECOND)))
    assert losing_streak(orders.orders(), since=MONDAY_NOON) == LosingStreak(current=0, peak=1)


def test_a_streak_goes_on_over_night_but_its_peak_is_that_of_the_day():
    orders = FakeOrders()
    for result in ("-1", "-1", "-1", "1", "-1", "-1"):
        orders.round_trip(result)
    assert losing_streak(orders.orders(), since=TUESDAY_NOON) == LosingStreak(current=2, peak=2)


def test_losses_up_to_a_re_arming_are_left_out():
    orders = FakeOrders()
    orders.round_trip("-1")
    rearmed_at = orders.now
    orders.round_trip("-1")
    assert losing_streak(orders.orders(), since=MONDAY_NOON, counted_after=rearmed_at).current == 1
