"""Where an exit sells: below a fresh bid, never below its floor, always on a step."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.order_management.submit.exit_prices import exit_limit, floor_of

BID = Decimal(100)


@pytest.mark.parametrize(("rung", "limit"), [(0, "99.50"), (1, "98.00"), (2, "95.00"), (7, "95.00")])
def test_each_order_of_an_exit_may_sell_further_below_the_bid(rung, limit):
    assert exit_limit(BID, rung, first_bid=BID) == Decimal(limit)


def test_outside_the_regular_session_two_per_cent_are_the_end():
    assert exit_limit(BID, 2, first_bid=BID, extended_hours=True) == Decimal("98.00")


def test_a_bid_that_has_fallen_below_the_floor_leaves_the_order_at_the_floor():
    assert exit_limit(Decimal(90), 2, first_bid=BID) == Decimal("95.00")


def test_the_instruments_own_step_rounds_the_price():
    assert exit_limit(Decimal("100.02"), 0, first_bid=BID, tick=Decimal("0.05")) == Decimal("99.50")


def test_a_share_worth_next_to_nothing_is_offered_at_one_step():
    assert exit_limit(Decimal("0.0001"), 2, first_bid=Decimal("0.0001")) == Decimal("0.0001")


PRICES = st.decimals("0.0001", "100000", places=4)
STEPS = st.sampled_from([None, *map(Decimal, ("0.0001", "0.005", "0.01", "0.05"))])


@given(bid=PRICES, first_bid=PRICES, rung=st.integers(0, 2), tick=STEPS, extended_hours=st.booleans())
def test_no_exit_sells_below_its_floor_or_between_two_steps(bid, first_bid, rung, tick, extended_hours):
    limit = exit_limit(bid, rung, first_bid=first_bid, extended_hours=extended_hours, tick=tick)
    assert limit >= floor_of(first_bid, extended_hours=extended_hours)
    assert limit > 0
    assert limit % (tick or Decimal("0.0001")) == 0
