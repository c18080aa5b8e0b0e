"""Lots, first in, first out, with golden figures; losses that may be wash sales."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.order_management.book.acceptances import SplitRatio
from trading_bot.order_management.models import ClientOrderId, Side
from trading_bot.results.history import Restated, TradeFill
from trading_bot.results.lots import Term, lots_of, term_of

MONDAY = datetime(2026, 3, 2, 15, tzinfo=UTC)


class Told:
    """Fills and positions, a minute after one another unless a test names the day."""

    def __init__(self) -> None:
        self.fills: list[TradeFill] = []
        self.restated: list[Restated] = []
        self.number = 0

    def _trade(
        self, side: Side, quantity: object, price: str, *, day: int, order: str | None, symbol: str
    ) -> TradeFill:
        self.number += 1
        name = ClientOrderId(order or f"order-{self.number}")
        at = MONDAY + timedelta(days=day, minutes=self.number)
        self.fills.append(
            TradeFill(
                executed_at=at,
                symbol=symbol,
                side=side,
                quantity=Decimal(str(quantity)),
                price=Decimal(price),
                fees=None,
                client_order_id=name,
                order_id=None,
                execution_id=f"x{self.number}",
                strategy_name=None,
                reference_price=Decimal(price),
                limit_price=Decimal(price),
                decided_at=at,
                is_estimate=False,
                order_number=self.number,
                rank=(at, self.number, name, 0),
            )
        )
        return self.fills[-1]

    def buy(
        self, quantity: object, price: str, *, day: int = 0, order: str | None = None, symbol: str = "AAPL"
    ) -> TradeFill:
        return self._trade(Side.BUY, quantity, price, day=day, order=order, symbol=symbol)

    def sell(
        self, quantity: object, price: str, *, day: int = 0, order: str | None = None, symbol: str = "AAPL"
    ) -> TradeFill:
        return self._trade(Side.SELL, quantity, price, day=day, order=order, symbol=symbol)

    def taken(self, before: object, held: object, *, by: str | None = "ada", ratio: SplitRatio | None = None) -> None:
        self.number += 1
        self.restated.append(
            Restated(
                symbol="AAPL",
                number=self.number,
                at=MONDAY,
                by=by,
                before=Decimal(str(before)),
                held=Decimal(str(held)),
                ratio=ratio,
            )
        )

    @property
    def lots(self) -> Any:
        return lots_of(self.fills, self.restated)

    def closed(self) -> Sequence[tuple[object, ...]]:
        return [(lot.quantity, lot.cost, lot.proceeds, lot.result) for lot in self.lots.closed]

    def held(self) -> Sequence[tuple[object, ...]]:
        return [(lot.quantity, lot.cost) for lot in self.lots.open]

    def flagged(self) -> Sequence[str | None]:
        return [lot.repurchase and lot.repurchase.execution_id for lot in self.lots.closed]


@pytest.fixture
def told():
    return Told()


def test_the_oldest_shares_are_sold_first(told):
    told.buy(10, "100")
    told.buy(10, "110")
    told.sell(15, "120.50")
    assert told.closed() == [(10, 1000, 1205, 205), (5, 550, Decimal("602.50"), Decimal("52.50"))]
    assert told.held() == [(5, 550)]


def test_a_sell_says_what_each_of_its_fills_closed(told):
    told.buy(2, "100")
    first, second = told.sell(1, "90", order="s"), told.sell(1, "80", order="s")
    of_sales = told.lots.of_sales()
    assert [lot.result for rank in (first.rank, second.rank) for lot in of_sales[rank]] == [-10, -20]


def test_the_cost_of_a_part_is_exact_and_what_is_left_of_it_too(told):
    told.buy(3, "33.3333")
    told.sell(1, "34")
    told.sell(2, "34")
    costs = [lot.cost for lot in told.lots.closed]
    assert costs == [Decimal("33.3333"), Decimal("66.6666")]


def test_symbols_do_not_mix(told):
    told.buy(1, "10", symbol="F")
    told.sell(1, "100")
    (lot,) = told.lots.closed
    assert (lot.symbol, lot.cost, lot.result) == ("AAPL", None, None)
    assert [lot.symbol for lot in told.lots.open] == ["F"]


def test_shares_held_at_the_first_look_are_sold_first_at_an_unknown_cost(told):
    told.taken(0, 5, by=None)
    told.buy(5, "100")
    told.sell(6, "110")
    assert told.closed() == [(5, None, 550, None), (1, 100, 110, 10)]
    (unknown, known) = told.lots.closed
    assert (unknown.acquired_on, unknown.term) == (None, None)
    assert (known.acquired_on, known.term) == (date(2026, 3, 2), Term.SHORT)


def test_a_first_look_after_fills_adds_what_they_do_not_explain_in_front_of_them(told):
    told.buy(5, "100")
    told.taken(5, 8, by=None)
    assert told.held() == [(3, None), (5, 500)]


def test_a_first_look_that_shows_fewer_shares_than_were_bought_leaves_no_cost(told):
    told.buy(5, "100")
    told.taken(5, 3, by=None)
    assert told.held() == [(3, None)]


def test_a_sell_beyond_every_lot_has_an_unknown_cost(told):
    told.buy(1, "100")
    told.sell(3, "110")
    assert told.closed() == [(1, 100, 110, 10), (2, None, 220, None)]


def test_a_split_changes_the_shares_of_each_lot_and_leaves_its_cost_and_date(told):
    told.buy(10, "100")
    told.buy(5, "110")
    told.taken(15, 150, ratio=SplitRatio(new=10, old=1))
    told.sell(100, "12", day=400)
    assert told.closed() == [(100, 1000, 1200, 200)]
    assert told.held() == [(50, 550)]
    assert told.lots.closed[0].term is Term.LONG


def test_a_reverse_split_that_leaves_thirds_leaves_as_many_shares_as_are_held(told):
    """Three thirds that are each rounded down would leave a share that nobody bought, at an unknown cost."""
    for _ in range(3):
        told.buy(1, "10")
    told.taken(3, 1, ratio=SplitRatio(new=1, old=3))
    told.sell(1, "40")
    lots = told.lots
    assert lots.open == ()
    assert [(lot.quantity, lot.cost) for lot in lots.closed] == [
        (Decimal("0.33333333"), 10),
        (Decimal("0.33333334"), 10),
        (Decimal("0.33333333"), 10),
    ]


def test_a_reverse_split_to_nothing_leaves_no_lot(told):
    told.buy(1, "100")
    told.taken(1, 0, ratio=SplitRatio(new=1, old=8))
    assert told.held() == []


def test_an_accepted_position_makes_the_cost_of_all_shares_unknown(told):
    told.buy(10, "100")
    told.taken(10, 12)
    told.sell(12, "110")
    assert told.closed() == [(12, None, 1320, None)]


def test_an_order_decided_before_a_position_was_accepted_counts_before_it(told):
    early = told.buy(10, "100")
    told.taken(10, 10, by="ada")
    told.fills[0] = early
    told.buy(1, "50")
    assert told.held() == [(10, None), (1, 50)]


def test_nothing_held_after_an_acceptance_of_zero(told):
    told.buy(10, "100")
    told.taken(10, 0)
    assert told.held() == []


@pytest.mark.parametrize(
    ("acquired", "sold", "term"),
    [
        ("2025-03-03", "2026-03-03", Term.SHORT),
        ("2025-03-03", "2026-03-04", Term.LONG),
        ("2024-02-29", "2025-02-28", Term.SHORT),
        ("2024-02-29", "2025-03-01", Term.LONG),
        ("2024-02-28", "2025-02-28", Term.SHORT),
        ("2024-02-28", "2025-03-01", Term.LONG),
        ("2023-02-28", "2024-02-29", Term.SHORT),
        ("2023-02-28", "2024-03-01", Term.LONG),
        ("2025-12-31", "2026-12-31", Term.SHORT),
    ],
)
def test_shares_are_long_term_once_held_for_more_than_a_year(acquired, sold, term):
    assert term_of(date.fromisoformat(acquired), date.fromisoformat(sold)) is term


def test_dates_are_those_of_the_exchange(told):
    told.buy(1, "100", day=0)
    late = told.sell(1, "100")
    at = datetime(2026, 3, 4, 0, 30, tzinfo=UTC)
    told.fills[-1] = TradeFill(
        **{name: getattr(late, name) for name in late.__slots__ if name not in ("executed_at", "rank")},
        executed_at=at,
        rank=(at, *late.rank[1:]),
    )
    assert told.lots.closed[0].sold_on == date(2026, 3, 3)


class TestWashSales:
    def test_a_loss_is_flagged_if_shares_are_bought_within_thirty_days_after_it(self, told):
        told.buy(10, "100")
        told.sell(10, "90", day=10)
        told.buy(1, "95", day=40)
        assert told.flagged() == ["x3"]

    def test_a_purchase_on_the_thirty_first_day_flags_nothing(self, told):
        told.buy(10, "100")
        told.sell(10, "90", day=10)
        told.buy(1, "95", day=41)
        assert told.flagged() == [None]

    def test_a_loss_is_flagged_if_shares_bought_in_the_thirty_days_before_are_still_held(self, told):
        told.buy(10, "100")
        told.buy(10, "95", day=70)
        told.sell(10, "90", day=100)
        assert told.flagged() == ["x2"]

    def test_shares_bought_longer_before_flag_nothing(self, told):
        told.buy(10, "100")
        told.buy(10, "95", day=69)
        told.sell(10, "90", day=100)
        assert told.flagged() == [None]

    def test_a_gain_and_an_unknown_result_are_not_flagged(self, told):
        told.buy(10, "100")
        told.sell(10, "100")
        told.sell(1, "100")
        told.buy(1, "100", day=1)
        assert told.flagged() == [None, None]

    def test_a_position_that_was_bought_and_sold_whole_within_the_days_is_no_repurchase(self, told):
        told.buy(5, "100", order="b")
        told.buy(5, "100", order="b")
        told.sell(5, "90", order="s", day=1)
        told.sell(5, "90", order="s", day=1)
        assert told.flagged() == [None, None]

    def test_what_is_left_of_the_same_purchase_is_no_repurchase(self, told):
        told.buy(10, "100", order="b")
        told.buy(10, "100", order="b")
        told.sell(5, "90", day=1)
        assert told.flagged() == [None]

    def test_shares_sold_by_a_later_order_were_held_after_the_loss(self, told):
        told.buy(5, "100")
        told.buy(5, "80", day=1)
        told.sell(5, "90", day=2)
        told.sell(5, "99", day=3)
        assert told.flagged() == ["x2", None]

    def test_a_repurchase_of_another_symbol_flags_nothing(self, told):
        told.buy(10, "100")
        told.sell(10, "90", day=1)
        told.buy(1, "95", day=2, symbol="MSFT")
        assert told.flagged() == [None]


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 50), st.decimals("0.01", "900", places=4, allow_nan=False)),
        max_size=30,
    )
)
def test_every_share_and_every_dollar_is_in_exactly_one_lot(trades):
    told = Told()
    for is_buy, quantity, price in trades:
        (told.buy if is_buy else told.sell)(quantity, str(price))
    lots, fills = told.lots, told.fills
    bought = [fill for fill in fills if fill.side is Side.BUY]
    sold = [fill for fill in fills if fill.side is Side.SELL]
    assert sum(lot.quantity for lot in lots.closed) == sum(fill.quantity for fill in sold)
    assert sum(lot.proceeds for lot in lots.closed) == sum(fill.amount for fill in sold)
    known = [*lots.open, *(lot for lot in lots.closed if lot.bought is not None)]
    assert sum(lot.quantity for lot in known) == sum(fill.quantity for fill in bought)
    assert abs(sum(lot.cost for lot in known) - sum(fill.amount for fill in bought)) < Decimal("1e-40")


def test_a_lot_has_its_part_of_the_fees_of_both_fills_after_a_split_too():
    told = Told()
    told.buy(4, "100")
    told.taken(4, 8, ratio=SplitRatio(new=2, old=1))
    told.sell(2, "60")
    told.fills = [replace(told.fills[0], fees=Decimal("0.04")), replace(told.fills[1], fees=Decimal("0.02"))]
    (lot,) = lots_of(told.fills, told.restated).closed
    assert (lot.buy_fees, lot.sell_fees, lot.result) == (Decimal("0.01"), Decimal("0.02"), Decimal(20))


def test_fees_of_shares_that_were_not_bought_here_are_unknown():
    told = Told()
    told.sell(2, "60")
    (lot,) = lots_of(told.fills).closed
    assert (lot.buy_fees, lot.sell_fees) == (None, None)
