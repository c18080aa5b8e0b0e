"""What trading earned: one computation with that of the limits, and None where nothing is known."""

import decimal
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.risk_bench import MONDAY_NOON, FakeOrders, watch_of
from trading_bot.clock import VirtualClock
from trading_bot.risk.marks import Mark, NoMarks


class At:
    """Marks that a test names."""

    def __init__(self, *, close: Decimal | None = Decimal(90), **prices: object) -> None:
        self.close = close
        self.prices = prices

    def of(self, symbol: str) -> Mark | None:
        price = self.prices.get(symbol)
        return None if price is None else Mark(price=Decimal(str(price)), previous_close=self.close)


@pytest.fixture
def orders():
    return FakeOrders()


def results(orders, folder, marks=None, *, days=0, unsettled=frozenset()):
    clock = VirtualClock(MONDAY_NOON + timedelta(minutes=30))
    watch = watch_of(orders, folder, clock=clock, unsettled=unsettled)
    clock.sleep(days * 86_400)
    return watch.account_results(marks or NoMarks())


def test_where_nothing_was_traded_every_result_is_a_true_zero(orders, tmp_path):
    got = results(orders, tmp_path)
    assert (got.realised_today, got.realised, got.unrealised_today, got.unrealised) == (0, 0, 0, 0)
    assert (got.unmarked, got.unknown_sales, got.known_shares) == ((), 0, {})


def test_the_results_of_today_are_a_part_of_those_of_all_days(orders, tmp_path):
    orders.round_trip("50")
    assert (results(orders, tmp_path).realised_today, results(orders, tmp_path).realised) == (50, 50)
    later = results(orders, tmp_path, days=1)
    assert (later.realised_today, later.realised) == (0, 50)


def test_a_result_of_shares_of_unknown_cost_is_left_out_and_counted(orders, tmp_path):
    orders.round_trip("50")
    orders.sell(1, "5", symbol="GIFT")
    got = results(orders, tmp_path)
    assert (got.realised_today, got.unknown_sales_today, got.unknown_sales) == (50, 1, 1)


def test_where_no_sale_has_a_known_result_none_is_made_up(orders, tmp_path):
    orders.sell(1, "5", symbol="GIFT")
    got = results(orders, tmp_path)
    assert (got.realised_today, got.realised) == (None, None)
    tomorrow = results(orders, tmp_path, days=1)
    assert (tomorrow.realised_today, tomorrow.realised) == (0, None)


def test_held_shares_gain_since_they_were_bought_and_today_since_the_last_close(orders, tmp_path):
    orders.buy(10, "80")
    got = results(orders, tmp_path, At(AAPL=100), days=1)
    assert (got.unrealised, got.unrealised_today) == (200, 100)
    assert got.known_shares == {"AAPL": 10}


def test_where_the_last_close_is_not_known_older_shares_have_no_change_of_today(orders, tmp_path):
    orders.buy(10, "80")
    today, later = (results(orders, tmp_path, At(close=None, AAPL=100), days=days) for days in (0, 1))
    assert (today.unrealised, today.unrealised_today) == (200, 200)
    assert (later.unrealised, later.unrealised_today) == (200, None)


def test_a_sale_that_is_known_in_part_is_counted_among_those_that_leave_something_out(orders, tmp_path):
    orders.buy(4, "80")
    orders.sell(10, "100")
    got = results(orders, tmp_path)
    assert (got.realised_today, got.realised) == (80, 80)
    assert (got.unknown_sales_today, got.unknown_sales) == (1, 1)
    assert results(orders, tmp_path, days=1).unknown_sales_today == 0


def test_a_held_symbol_without_a_mark_is_named_and_where_none_has_one_nothing_is_known(orders, tmp_path):
    orders.buy(10, "80")
    orders.buy(10, "80", symbol="TSLA")
    some = results(orders, tmp_path, At(AAPL=100))
    assert (some.unrealised, some.unmarked) == (200, ("TSLA",))
    none = results(orders, tmp_path)
    assert (none.unrealised, none.unrealised_today, none.unmarked) == (None, None, ("AAPL", "TSLA"))


def test_a_position_in_doubt_counts_as_having_no_mark(orders, tmp_path):
    orders.buy(10, "80")
    got = results(orders, tmp_path, At(AAPL=100), unsettled={"AAPL"})
    assert (got.unrealised, got.unmarked) == (None, ("AAPL",))


def test_once_old_orders_have_left_the_memory_the_sum_of_all_days_is_not_known(orders, tmp_path):
    orders.round_trip("50")
    orders.is_whole = False
    got = results(orders, tmp_path)
    assert (got.realised_today, got.realised) == (50, None)


def test_the_gains_of_all_symbols_add_up_beside_shares_of_unknown_cost(orders, tmp_path):
    orders.buy(1, "10", symbol="AAA")
    orders.accept(1, 3, symbol="AAA")
    orders.buy(10, "80")
    orders.buy(5, "40", symbol="TSLA")
    got = results(orders, tmp_path, At(AAA=1, AAPL=100, TSLA=50), days=1)
    assert (got.unrealised, got.unrealised_today, got.unmarked) == (200 + 50, 100 - 200, ())


def test_the_ambient_decimal_precision_changes_no_gain(orders, tmp_path):
    orders.buy(10, "80.11")
    with decimal.localcontext(decimal.Context(prec=2)):
        got = results(orders, tmp_path, At(AAPL="100.55"), days=1)
    assert (got.unrealised, got.unrealised_today) == (Decimal("204.4"), Decimal("105.5"))
