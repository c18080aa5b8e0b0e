"""Results survive splits, reverse splits and trades that no order of ours made; fills count before they are listed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.risk_bench import MONDAY_NOON, FakeOrders, annulled, fill, losing_streak, unlisted
from trading_bot.order_management.models import EXACT, OrderState, Side, exact_sum
from trading_bot.risk.cost_basis import estimated_fill
from trading_bot.risk.results import day_results, results_of, sales_of

pytestmark = pytest.mark.no_cover  # many days: each line that they run has a quick test of its own

CLOSE_ENOUGH = Decimal("1e-35")


@pytest.fixture
def orders() -> FakeOrders:
    return FakeOrders()


def results(orders: FakeOrders) -> list[Decimal | None]:
    return [sale.result for sale in sales_of(orders.orders(), orders.accepted)]


def holding(orders: FakeOrders, symbol: str = "AAPL"):
    return results_of(orders.orders(), orders.accepted, today=MONDAY_NOON).holdings.get(symbol)


class TestSplits:
    def test_shares_sold_after_a_split_cost_their_part_of_the_total(self, orders):
        """Ten for one: ten shares of 998.50 became a hundred of 99.85."""
        orders.buy(10, "998.50")
        orders.accept(10, 100, "10:1")
        orders.sell(100, "105.11")
        assert results(orders) == [Decimal(526)]
        assert holding(orders) is None

    def test_shares_sold_after_a_reverse_split_cost_their_part_of_the_total(self, orders):
        orders.buy(80, "10")
        orders.accept(80, 10, "1:8")
        orders.sell(4, "79")
        orders.sell(6, "90")
        assert results(orders) == [Decimal(-4), Decimal(60)]

    def test_the_fraction_paid_in_cash_leaves_the_total_cost_on_the_shares(self, orders):
        orders.buy(83, "10")
        orders.accept(83, 10, "1:8")
        orders.sell(10, "83")
        assert results(orders) == [Decimal(0)]

    def test_a_split_that_leaves_no_share_leaves_no_cost(self, orders):
        orders.buy(5, "10")
        orders.accept(5, 0, "1:8")
        orders.buy(1, "80")
        orders.sell(1, "79")
        assert results(orders) == [Decimal(-1)]

    def test_only_our_part_of_the_shares_has_our_cost(self, orders):
        """Ten of thirty were bought here; a hundred of three hundred have their cost."""
        orders.buy(10, "30")
        orders.accept(30, 300, "10:1")
        orders.sell(100, "4")
        orders.sell(200, "1")
        assert results(orders) == [Decimal(100), None]

    def test_sells_before_a_split_keep_their_results(self, orders):
        orders.buy(10, "100")
        orders.sell(4, "90")
        orders.accept(6, 60, "10:1")
        orders.sell(60, "9.50")
        assert results(orders) == [Decimal(-40), Decimal(-30)]

    def test_splits_follow_one_another(self, orders):
        orders.buy(10, "100")
        orders.accept(10, 100, "10:1")
        orders.accept(100, 50, "1:2")
        orders.sell(50, "21")
        assert results(orders) == [Decimal(50)]

    def test_the_journals_order_decides_and_not_the_brokers_times(self, orders):
        """A sale after the split whose execution has a time before it, by a clock that differs from ours."""
        orders.buy(10, "998.50")
        orders.accept(10, 100, "10:1")
        orders.sell(100, "105.11")
        early = orders.told[0].executions[0].executed_at - timedelta(minutes=4)
        sold = orders.told[1]
        orders.told[1] = replace(sold, executions=(replace(sold.executions[0], executed_at=early),))
        assert results(orders) == [Decimal(526)]

    def test_a_fill_listed_only_after_the_split_is_one_of_before(self, orders):
        orders.buy(10, "998.50")
        orders.accept(10, 100, "10:1")
        late = replace(orders.told[0].executions[0], executed_at=orders.now + timedelta(minutes=1))
        orders.sell(100, "105.11")
        orders.told[0] = replace(orders.told[0], executions=(late,))
        assert results(orders) == [Decimal(526)]

    def test_another_symbol_is_not_split(self, orders):
        orders.buy(10, "100", symbol="MSFT")
        orders.accept(10, 100, "10:1", symbol="AAPL")
        orders.sell(10, "110", symbol="MSFT")
        assert results(orders) == [Decimal(100)]


class TestUnknownCost:
    def test_shares_of_an_accepted_position_have_no_cost_from_there_on(self, orders):
        orders.buy(10, "100")
        orders.sell(4, "90")
        orders.accept(6, 3)
        orders.sell(3, "1")
        assert results(orders) == [Decimal(-40), None]
        last = sales_of(orders.orders(), orders.accepted)[-1]
        assert last.unknown_quantity == 3

    def test_it_is_said_how_many_shares_they_are_until_they_are_sold(self, orders):
        orders.buy(10, "100")
        orders.accept(10, 15)
        held = holding(orders)
        assert (held.quantity + held.cost, held.unknown) == (Decimal(0), Decimal(15))
        assert held.unknown_since == orders.accepted[0].at
        orders.sell(10, "90")
        assert holding(orders).unknown == 5
        orders.sell(5, "90")
        assert holding(orders) is None

    def test_a_split_of_them_keeps_them_unknown(self, orders):
        orders.accept(10, 15)
        orders.accept(15, 30, "2:1")
        assert holding(orders).unknown == 30

    def test_shares_bought_later_have_their_cost_and_are_sold_first(self, orders):
        orders.accept(10, 15)
        orders.buy(5, "100")
        orders.sell(8, "99")
        (sale,) = sales_of(orders.orders(), orders.accepted)
        assert (sale.result, sale.unknown_quantity, holding(orders).unknown) == (Decimal(-5), Decimal(3), Decimal(12))

    def test_it_neither_lengthens_nor_ends_a_streak_nor_counts_in_a_day(self, orders):
        orders.round_trip("-1")
        orders.accept(0, 5)
        orders.sell(5, "1")
        orders.round_trip("-1")
        sales = sales_of(orders.orders(), orders.accepted)
        assert losing_streak(orders.orders(), orders.accepted, since=MONDAY_NOON).current == 2
        day = day_results(sales, since=MONDAY_NOON)
        assert (day.realised, day.unknown) == (Decimal(-2), 1)

    def test_a_split_of_a_position_that_nothing_explained_is_of_unknown_cost(self, orders):
        orders.buy(10, "100")
        orders.accept(0, 0, "2:1")
        orders.sell(10, "90")
        assert results(orders) == [None]


class TestUnlistedFills:
    def test_a_loss_counts_before_its_executions_are_listed(self, orders):
        orders.buy(1000, "11.99")
        orders.told.append(unlisted(orders.tell(Side.SELL, 1000, "6"), average="6.00"))
        del orders.told[1]
        (sale,) = sales_of(orders.orders())
        assert (sale.result, sale.is_estimate) == (Decimal(-5990), True)

    def test_listed_executions_take_the_place_of_the_estimate(self, orders):
        orders.buy(10, "100")
        orders.sell(10, "90")
        (sale,) = sales_of(orders.orders())
        assert (sale.result, sale.is_estimate) == (Decimal(-100), False)

    def test_a_part_that_is_listed_counts_once(self, orders):
        orders.buy(10, "100")
        sold = orders.tell(Side.SELL, 10, "80")
        part = fill("part", Decimal(4), "90", orders.now)
        envelope = replace(sold.envelope, average_price=Decimal(84))
        orders.told[1] = replace(sold, executions=(part,), envelope=envelope)
        assert results(orders) == [Decimal(-40), Decimal(-120)]

    @pytest.mark.parametrize(("side", "price"), [(Side.SELL, "80"), (Side.BUY, "84")])
    def test_where_average_and_executions_differ_the_larger_loss_counts(self, orders, side, price):
        """Four at 90 and an average of 84 over all leave 80 a share for the rest."""
        told = orders.tell(side, 10, "80")
        part = fill("part", Decimal(4), "90", orders.now)
        average = Decimal(84)
        estimate = estimated_fill(
            replace(told, executions=(part,), envelope=replace(told.envelope, average_price=average))
        )
        assert estimate is not None
        assert (estimate.quantity, estimate.price) == (Decimal(6), Decimal(price))

    def test_a_stale_average_is_no_better_than_itself(self, orders):
        told = orders.tell(Side.SELL, 10, "5")
        part = fill("part", Decimal(9), "90", orders.now)
        estimate = estimated_fill(
            replace(told, executions=(part,), envelope=replace(told.envelope, average_price=Decimal(9)))
        )
        assert estimate is not None
        assert estimate.price == 9

    @pytest.mark.parametrize("average", [None, "0", "-3"])
    def test_without_a_usable_average_the_limit_counts(self, orders, average):
        estimate = estimated_fill(unlisted(orders.tell(Side.SELL, 10, "6"), average=average))
        assert estimate is not None
        assert estimate.price == 6

    def test_it_counts_when_the_broker_last_heard_of_a_trade(self, orders):
        order = unlisted(orders.tell(Side.SELL, 10, "6"))
        learnt, told = orders.now + timedelta(hours=1), orders.now + timedelta(hours=2)
        moments = [
            estimated_fill(each)
            for each in (order, replace(order, filled_at=learnt), replace(order, last_transaction_at=told))
        ]
        assert [one.executed_at for one in moments if one] == [order.envelope.created_at, learnt, told]

    def test_an_order_that_works_still_counts_what_filled(self, orders):
        orders.buy(10, "100")
        orders.told.append(
            unlisted(orders.tell(Side.SELL, 10, "90", state=OrderState.PARTIALLY_FILLED, filled="4"), average="90")
        )
        del orders.told[1]
        assert results(orders) == [Decimal(-40)]

    def test_an_annulled_fill_is_no_outstanding_one(self, orders):
        assert estimated_fill(annulled(orders.tell(Side.SELL, 10))) is None


class TestToday:
    def test_shares_bought_today_are_told_from_older_ones_and_sells_take_their_part_of_both(self, orders):
        orders.buy(10, "100", at=MONDAY_NOON - timedelta(days=1))
        orders.buy(30, "120", at=MONDAY_NOON)
        orders.sell(20, "130")
        held = holding(orders)
        assert (held.quantity, held.cost, held.todays_quantity, held.todays_cost) == (20, 2300, 15, 1800)

    def test_a_split_spreads_both(self, orders):
        orders.buy(10, "100", at=MONDAY_NOON - timedelta(days=1))
        orders.buy(30, "120", at=MONDAY_NOON)
        orders.accept(40, 20, "1:2")
        held = holding(orders)
        assert (held.quantity, held.cost, held.todays_quantity, held.todays_cost) == (20, 4600, 15, 3600)


quantities = st.decimals("0.000001", "5000", places=6)
prices = st.decimals("0.0001", "9999", places=4)
ratios = st.tuples(st.integers(1, 10), st.integers(1, 10)).filter(lambda ratio: ratio[0] != ratio[1])
steps = st.one_of(
    st.tuples(st.just("buy"), quantities, prices),
    st.tuples(st.just("sell"), st.decimals("0.01", "1", places=2), prices),
    st.tuples(st.just("split"), ratios, st.booleans()),
    st.tuples(st.just("bust"), st.integers(0, 20), st.none()),
    st.tuples(st.just("unlist"), st.integers(0, 20), st.none()),
)


def told(orders: FakeOrders, side: Side, quantity: Decimal, price: Decimal) -> None:
    """One order of a fractional quantity, as accounts hold them."""
    order = orders.tell(side, 1, f"{price:f}", filled=f"{quantity:f}")
    orders.told[-1] = replace(order, envelope=replace(order.envelope, average_price=price))


def play(orders: FakeOrders, drawn: list[Any]) -> Decimal:
    """Tell the drawn steps, and return the shares held at the end; a split leaves at least one share."""
    with localcontext(EXACT):
        return _played(orders, drawn)


def _sign(side: Side) -> Decimal:
    return Decimal(1 if side is Side.SELL else -1)


def _played(orders: FakeOrders, drawn: list[Any]) -> Decimal:
    held = Decimal(0)
    for kind, first, second in drawn:
        if kind == "buy":
            told(orders, Side.BUY, first, second)
            held += first
        elif kind == "sell" and held:
            sold = min(held, (held * first).quantize(Decimal("1e-6")) or held)
            told(orders, Side.SELL, sold, second)
            held -= sold
        elif kind == "split" and held:
            new, old = first
            after = held * new / old
            after = after // 1 if second else after.quantize(Decimal("1e-8"))
            if after:
                orders.accept(held, after, f"{new}:{old}")
                held = after
        elif kind == "bust" and orders.told:
            # The last order alone: busting a buy whose shares were sold since leaves a sale of unknown cost.
            last = orders.told[-1]
            if last.executions and not any(one.number > last.number for one in orders.accepted):
                done = last.envelope.filled_quantity
                held += done if last.envelope.side is Side.SELL else -done
                orders.told[-1] = annulled(last)
        elif kind == "unlist" and orders.told:
            place = first % len(orders.told)
            orders.told[place] = replace(orders.told[place], executions=())
    return held


@settings(max_examples=300)
@given(st.lists(steps, max_size=14))
def test_results_and_the_cost_of_what_is_held_add_up_to_the_cash_that_flowed(drawn):
    """Conservation: whatever is bought, sold, split or annulled in whatever order, no dollar is lost or doubled."""
    orders = FakeOrders()
    held = play(orders, drawn)
    found = results_of(orders.orders(), orders.accepted, today=MONDAY_NOON)
    earned = exact_sum(sale.result or Decimal(0) for sale in found.sales)
    holding = found.holdings.get("AAPL")
    cash = exact_sum(
        EXACT.multiply(order.envelope.filled_quantity, order.envelope.limit_price.copy_sign(_sign(order.envelope.side)))
        for order in orders.told
    )
    cost, quantity = (holding.cost, holding.quantity) if holding else (Decimal(0), Decimal(0))
    with localcontext(EXACT):
        assert abs(earned - cost - cash) < CLOSE_ENOUGH
        assert abs(quantity - held) < CLOSE_ENOUGH
    assert all(sale.unknown_quantity < CLOSE_ENOUGH for sale in found.sales)


@settings(max_examples=100)
@given(st.lists(steps, max_size=10), st.decimals("0.000001", "100", places=6))
def test_after_a_trade_elsewhere_nothing_of_before_counts_any_more(drawn, elsewhere):
    orders = FakeOrders()
    held = play(orders, drawn)
    before = results(orders)
    orders.accept(held, held + elsewhere)
    assert results(orders) == before
    told(orders, Side.SELL, held + elsewhere, Decimal(1))
    assert results(orders)[-1] is None
