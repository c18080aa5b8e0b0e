"""What the account may hold: shares at the market, and entries at their limit."""

from decimal import Decimal

import pytest

from tests.support.risk_bench import FakeOrders
from trading_bot.order_management.models import OrderState, Side
from trading_bot.order_management.sync.held_shares import HeldShares
from trading_bot.risk.exposure import Exposure, exposure

SHARES = {"AAPL": HeldShares(quantity=Decimal(10), average_price=Decimal(90))}


def exposed(held=SHARES, orders=(), *, marks=(), costs=()) -> Exposure:
    return exposure(held, orders, mark_of=dict(marks).get, cost_of=dict(costs).get)


def test_a_share_is_worth_its_mark():
    found = exposed(marks=[("AAPL", Decimal(100))], costs=[("AAPL", Decimal(80))])
    assert (found.total, found.at_cost, found.unpriced) == (Decimal(1000), (), ())


@pytest.mark.parametrize(("costs", "total"), [([("AAPL", Decimal(80))], 800), ([], 900)])
def test_without_a_mark_it_counts_at_cost_by_the_journal_else_by_the_broker(costs, total):
    found = exposed(costs=costs)
    assert (found.total, found.at_cost) == (Decimal(total), ("AAPL",))


@pytest.mark.parametrize("average", [None, Decimal(0)])
def test_a_position_of_which_neither_is_known_is_left_out_and_named(average):
    gift = HeldShares(quantity=Decimal(5), average_price=average)
    held = {"A-GIFT": gift, "SOLD": HeldShares(quantity=Decimal(0)), **SHARES, "Z-GIFT": gift, "ZZ": SHARES["AAPL"]}
    found = exposed(held, marks=[("AAPL", Decimal(100)), ("ZZ", Decimal(1))])
    assert (found.total, found.unpriced, found.at_cost) == (Decimal(1010), ("A-GIFT", "Z-GIFT"), ())


def test_what_is_not_held_any_more_is_not_named():
    assert exposed({"AAPL": HeldShares(quantity=Decimal(0))}) == Exposure(worth={})


def test_a_short_counts_as_what_it_would_cost_to_cover():
    short = {"AAPL": HeldShares(quantity=Decimal(-10))}
    assert exposed(short, marks=[("AAPL", Decimal(100))]).total == Decimal(1000)


@pytest.mark.parametrize("state", [OrderState.CONFIRMED, OrderState.UNKNOWN, OrderState.PENDING_CANCEL])
def test_a_buy_that_has_not_ended_counts_with_what_it_may_still_bring(state):
    orders = FakeOrders()
    orders.tell(Side.BUY, 10, "100", symbol="MSFT", state=state, filled="4")
    orders.tell(Side.SELL, 10, "100", state=OrderState.CONFIRMED)
    assert exposed({}, orders.told).worth == {"MSFT": Decimal(600)}
    assert exposed({}, orders.told, marks=[("MSFT", Decimal(110))]).worth == {"MSFT": Decimal(660)}


def test_the_largest_symbol_is_told():
    held = {"B": HeldShares(quantity=Decimal(1)), "A": HeldShares(quantity=Decimal(2))}
    assert exposed(held, marks=[("A", Decimal(5)), ("B", Decimal(20))]).largest == ("B", Decimal(20))
    assert exposed({}).largest is None
