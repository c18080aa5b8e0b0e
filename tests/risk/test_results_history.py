"""Orders that leave the book change no figure of the days after."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.order_story import MONDAY, Story, intended, now_in
from tests.support.risk_bench import losing_streak
from trading_bot.order_management.book.acceptances import Acceptance, parse_ratio
from trading_bot.order_management.book.housekeeping import is_recent
from trading_bot.order_management.models import Execution, ExecutionId, OrderState, Side
from trading_bot.risk.results import day_results, sales_of
from trading_bot.risk.results_history import orders_that_count

HOUR = timedelta(hours=1)


def order(name, side, *fills, state=OrderState.FILLED, symbol="AAPL", number=0):
    """An order with fills of (hours after MONDAY, quantity, price)."""
    begun = MONDAY + HOUR * min((fill[0] for fill in fills), default=0)
    plain = Story(intended(name, side=side, symbol=symbol), now_in(state, name)).order(name)
    executions = tuple(
        Execution(
            execution_id=ExecutionId(f"{name}-{place}"),
            quantity=Decimal(quantity),
            price=Decimal(price),
            executed_at=MONDAY + HOUR * hours,
        )
        for place, (hours, quantity, price) in enumerate(sorted(fills))
    )
    envelope = replace(plain.envelope, created_at=begun)
    return replace(plain, executions=executions, filled_at=begun, envelope=envelope, number=number)


def buy(name, *fills, **more):
    return order(name, Side.BUY, *fills, **more)


def sell(name, *fills, **more):
    return order(name, Side.SELL, *fills, **more)


def count(*orders, since=100, accepted=()):
    return sorted(orders_that_count(orders, accepted, MONDAY + HOUR * since))


def acceptance(number, before, held, ratio=None, symbol="AAPL"):
    """A position accepted after the orders below ``number``."""
    return Acceptance(
        symbol=symbol,
        number=number,
        at=MONDAY,
        by="ada",
        before=Decimal(before),
        held=Decimal(held),
        ratio=parse_ratio(ratio, symbol=symbol) if ratio else None,
    )


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


def test_a_sale_that_broke_even_ends_no_streak_so_the_losses_before_it_count_too():
    losses = (buy("b1", (1, 5, 10)), sell("s1", (2, 5, 9)), buy("b3", (5, 5, 10)), sell("s3", (6, 5, 9)))
    even = (buy("b2", (3, 5, 10)), sell("s2", (4, 5, 10)))
    assert count(*losses[:2], *even, *losses[2:]) == ["b1", "b2", "b3", "s1", "s2", "s3"]


def test_an_order_lost_or_gained_by_all_its_executions_together():
    gain = (buy("b1", (1, 5, 10)), sell("s1", (2, 5, 12)))
    lost_in_all = sell("s2", (4, 5, 5), (5, 5, 11))
    assert count(*gain, buy("b2", (3, 10, 10)), lost_in_all) == ["b1", "b2", "s1", "s2"]
    assert count(*gain, buy("b2", (3, 10, 10)), sell("s2", (4, 5, 9), (5, 5, 12))) == []


def test_an_order_that_may_still_trade_is_never_cut_from_what_came_after_it():
    """It is kept whole, with its old fills, so the sale of those has to be kept too."""
    open_still = buy("b", (1, 5, 10), state=OrderState.PARTIALLY_FILLED)
    assert count(open_still, sell("s", (2, 5, 12))) == ["b", "s"]


def test_a_sale_of_unknown_cost_counts_for_nothing():
    assert count(sell("s", (1, 5, 12))) == []


def test_shares_that_a_split_made_count_until_they_are_sold():
    """Ten became a hundred, and ten of those were sold: ninety are left, though ten were bought."""
    orders = (buy("b", (1, 10, 100), number=1), sell("s", (2, 10, 11), number=3))
    assert count(*orders, accepted=[acceptance(2, 10, 100, "10:1")]) == ["b", "s"]
    sold = sell("s", (2, 100, 11), number=3)
    assert count(orders[0], sold, accepted=[acceptance(2, 10, 100, "10:1")]) == []


def test_nothing_before_a_position_of_unknown_cost_counts():
    orders = (buy("b", (1, 10, 100), number=1), buy("c", (2, 5, 11), number=3))
    assert count(*orders, accepted=[acceptance(2, 10, 7)]) == ["c"]
    assert count(orders[0], accepted=[acceptance(2, 10, 7)]) == []
    assert count(*orders, accepted=[acceptance(2, 10, 7, symbol="MSFT")]) == ["b", "c"]


def test_the_buys_behind_an_unlisted_sale_count_as_long_as_it_may_still_change():
    unlisted = replace(sell("s", (2, 5, 12)), executions=())
    envelope = replace(unlisted.envelope, filled_quantity=Decimal(5), average_price=Decimal(12))
    assert count(buy("b", (1, 10, 10)), replace(unlisted, envelope=envelope)) == ["b", "s"]


fills = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 4), st.integers(8, 12)), min_size=1, max_size=3)
drawn_orders = st.lists(
    st.tuples(st.sampled_from(Side), st.sampled_from(["AAPL", "MSFT"]), st.booleans(), fills), max_size=14
)

drawn_acceptances = st.lists(
    st.tuples(st.integers(0, 14), st.integers(0, 8), st.integers(0, 8), st.none() | st.sampled_from(["2:1", "1:3"])),
    max_size=3,
).map(lambda drawn: [acceptance(2 * place, *rest) for place, *rest in sorted(drawn, key=lambda one: one[0])])


@pytest.mark.no_cover
@settings(max_examples=300)
@given(drawn=drawn_orders, rearmed=st.none() | st.integers(0, 200), accepted=drawn_acceptances)
def test_figures_are_the_same_after_old_orders_have_left(drawn, rearmed, accepted):
    since, today = MONDAY + HOUR * 100, MONDAY + HOUR * 102
    orders = [
        order(
            f"{number:02}",
            side,
            *fills,
            state=OrderState.FILLED if ended else OrderState.PARTIALLY_FILLED,
            symbol=symbol,
            number=2 * number + 1,
        )
        for number, (side, symbol, ended, fills) in enumerate(drawn)
    ]
    named = orders_that_count(orders, accepted, since)
    kept = [one for one in orders if is_recent(one, since=since) or one.client_order_id in named]
    whole, part = sales_of(orders, accepted), sales_of(kept, accepted)
    assert [sale for sale in part if sale.executed_at >= since] == [sale for sale in whole if sale.executed_at >= since]
    assert day_results(part, since=today) == day_results(whole, since=today)
    after = MONDAY + HOUR * rearmed if rearmed is not None else None
    assert losing_streak(kept, accepted, since=today, counted_after=after) == losing_streak(
        orders, accepted, since=today, counted_after=after
    )
