"""The most that may be held of a symbol, by our fills and by the broker."""

from decimal import Decimal

import pytest

from tests.support.risk_bench import MONDAY_NOON
from trading_bot.clock import Moment, VirtualClock
from trading_bot.order_management.book.position_watch import Look
from trading_bot.order_management.portfolio import Position
from trading_bot.order_management.sync.held_shares import HeldShares, held_at_most

CLOCK = VirtualClock(MONDAY_NOON)


def look(held: int, expected: int) -> Look:
    row = Position(
        symbol="AAPL",
        quantity=Decimal(held),
        average_buy_price=Decimal(90),
        held_for_sells=Decimal(0),
        as_of=MONDAY_NOON,
    )
    return Look(
        held={"AAPL": Decimal(held)},
        expected={"AAPL": Decimal(expected)},
        moved=frozenset(),
        began=Moment.of(CLOCK),
        rows=(row,),
    )


def test_before_the_first_look_our_fills_tell():
    assert held_at_most({"AAPL": Decimal(3)}, None) == {"AAPL": HeldShares(quantity=Decimal(3))}


@pytest.mark.parametrize(
    ("held", "expected", "now", "most"), [(5, 5, 5, 5), (5, 5, 8, 8), (9, 5, 5, 9), (5, 9, 9, 9), (-3, 0, 0, -3)]
)
def test_the_larger_number_counts_carried_on_by_our_fills(held, expected, now, most):
    assert held_at_most({"AAPL": Decimal(now)}, look(held, expected)) == {
        "AAPL": HeldShares(quantity=Decimal(most), average_price=Decimal(90))
    }


def test_what_only_the_broker_or_only_our_fills_show_counts_too():
    found = held_at_most({"MSFT": Decimal(2)}, look(5, 0))
    assert {symbol: each.quantity for symbol, each in found.items()} == {"AAPL": Decimal(5), "MSFT": Decimal(2)}
