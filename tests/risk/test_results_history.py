"""What a rotated journal leaves behind changes no figure of the days after."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.order_story import MONDAY, Story, intended, now_in
from trading_bot.order_management.carrying import is_recent
from trading_bot.order_management.models import Execution, ExecutionId, OrderState, Side
from trading_bot.risk.results import day_results, losing_streak, sales_of
from trading_bot.risk.results_history import orders_that_count

HOUR = timedelta(hours=1)


def order(name, side, *fills, state=OrderState.FILLED, symbol="AAPL"):
    """An order with fills of (hours after MONDAY, quantity, price)."""
    begun = MONDAY + HOUR * min((fill[0] for fill in fills), default=0)
    plain = Story(intended(name, side=side, symbol=symbol), now_in(state, name)).order(name)
    executions = tuple(
        Execution(
            execution_id=ExecutionId(f"{name}-{number}"),
            quantity=Decimal(quantity),
            price=Decimal(price),
            executed_at=MONDAY + HOUR * hours,
        )
        for number, (hours, quantity, price) in enumerate(sorted(fills))
    )
    return replace(plain, executions=executions, filled_at=begun, envelope=replace(plain.envelope, created_at=begun))


def buy(name, *fills, **more):
    return order(name, Side.BUY, *fills, **more)


def sell(name, *fills, **more):
    return order(name, Side.SELL, *fills, **more)


def count(*orders, since=100):
    return sorted(orders_that_count(orders, MONDAY + HOUR * since))


def test_what_was_bought_and_sold_in_full_does_not_count():
    assert count(buy("b", (1, 5, 10)), sell("s", (2, 5, 12))) == []


def test_the_buys_of_shares_still_held_count_with_all_since_the_last_flat_moment():
    old = (buy("b1", (1, 5, 10)), sell("s1", (2, 5, 12)))
    assert count(*old, buy("b2", (3, 5, 10)), sell("s2", (4, 2, 12))) == ["b2", "s2"]


def test_each_symbol_is_flat_by_itself():
    assert count(buy("b1", (1, 5, 10)), buy("m1", (1, 5, 10), symbol="MSFT"), sell("s1", (2, 5, 11))) == ["m1"]


def test_losses_count_back_to_the_last_gain_and_with_their_costs():
    gain = (buy("b1", (1, 5, 10)), sell("s1", (2, 5, 12)))
    losses = (buy("b2", (3, 5, 10)), sell("s2", (4, 5, 9)), buy("b3", (5, 5, 10)), sell("s3", (6, 5, 9)))
    older = (buy("b0", (-9, 5, 10)), sell("s0", (-8, 5, 9)))
    assert count(*older, *gain, *losses) == ["b1", "b2", "b3", "s1", "s2", "s3"]


def test_an_order_that_may_still_trade_is_never_cut_from_what_came_after_it():
    """It is kept whole, with its old fills, so the sale of those has to be kept too."""
    open_still = buy("b", (1, 5, 10), state=OrderState.PARTIALLY_FILLED)
    assert count(open_still, sell("s", (2, 5, 12))) == ["b", "s"]


def test_a_sale_of_unknown_cost_counts_for_nothing():
    assert count(sell("s", (1, 5, 12))) == []


fills = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 4), st.integers(8, 12)), min_size=1, max_size=3)
drawn_orders = st.lists(
    st.tuples(st.sampled_from(Side), st.sampled_from(["AAPL", "MSFT"]), st.booleans(), fills), max_size=14
)


@settings(max_examples=300)
@given(drawn=drawn_orders, rearmed=st.none() | st.integers(0, 200))
def test_figures_after_a_rotation_are_the_same_as_without_it(drawn, rearmed):
    since, today = MONDAY + HOUR * 100, MONDAY + HOUR * 102
    orders = [
        order(
            f"{number:02}",
            side,
            *fills,
            state=OrderState.FILLED if ended else OrderState.PARTIALLY_FILLED,
            symbol=symbol,
        )
        for number, (side, symbol, ended, fills) in enumerate(drawn)
    ]
    named = orders_that_count(orders, since)
    kept = [one for one in orders if is_recent(one, since=since) or one.client_order_id in named]
    whole, part = sales_of(orders), sales_of(kept)
    assert [sale for sale in part if sale.executed_at >= since] == [sale for sale in whole if sale.executed_at >= since]
    assert day_results(part, since=today) == day_results(whole, since=today)
    after = MONDAY + HOUR * rearmed if rearmed is not None else None
    assert losing_streak(part, since=today, counted_after=after) == losing_streak(
        whole, since=today, counted_after=after
    )
