"""Ten shares at 998.50 become a hundred; sold at 105.11 they earned 526 dollars."""

from decimal import Decimal

import pytest

from tests.support.journal_bench import JournalBench
from tests.support.manager_bench import ManagerBench
from tests.support.order_story import booked, fill, intended, now_in
from tests.support.risk_bench import limits_of, watch_of
from trading_bot.order_management.book.acceptances import acceptance_event, parse_ratio
from trading_bot.order_management.book.position_watch import LOOK_EVERY_S
from trading_bot.order_management.models import OrderState, Side
from trading_bot.risk.order_facts import RecordedOrders
from trading_bot.risk.results import sales_of
from trading_bot.risk.results_history import orders_that_count
from trading_bot.risk.watch import RiskState

DECIDED = {"by": "me", "reason": "10 for 1 split"}


def trade(bench: ManagerBench, name: str, side: Side, quantity: int, *, price: str) -> None:
    """Trade at a reference near ``price``, at which it fills."""
    place = bench.manager.place_limit_buy if side is Side.BUY else bench.manager.place_limit_sell
    place("NVDA", quantity, Decimal(price).quantize(Decimal(1)), client_order_id=name)
    bench.gateway.order().fill(price=price)
    bench.sync()


def state_of(bench: ManagerBench, folder) -> RiskState:
    limits = limits_of(max_daily_loss=1000)
    return watch_of(RecordedOrders(bench.store), folder, clock=bench.clock, limits=limits).check()


@pytest.fixture
def bench() -> ManagerBench:
    """Ten bought, and the broker shows a hundred for long enough to prove it."""
    bench = ManagerBench(shares={})
    trade(bench, "b1", Side.BUY, 10, price="998.50")
    bench.positions.move("NVDA", "90")
    bench.sync(after=LOOK_EVERY_S)
    bench.sync(after=60)
    return bench


@pytest.mark.parametrize("restarts", [False, True])
def test_a_split_accepted_with_its_ratio_gives_the_true_result(bench, tmp_path, restarts):
    bench.manager.decisions.accept_position("NVDA", ratio="10:1", **DECIDED)
    trade(bench, "s1", Side.SELL, 100, price="105.11")
    if restarts:
        bench.restart()
    state = state_of(bench, tmp_path)
    assert (state.realised_today, state.unknown_sales_today) == (Decimal(526), 0)
    assert (state.halted_because, state.unknown_cost) == (None, ())


def test_a_position_accepted_without_a_ratio_makes_neither_gain_nor_loss(bench, tmp_path):
    bench.manager.decisions.accept_position("NVDA", **DECIDED)
    assert state_of(bench, tmp_path).unknown_cost == ("NVDA",)
    trade(bench, "s1", Side.SELL, 100, price="105.11")
    state = state_of(bench, tmp_path)
    assert (state.realised_today, state.unknown_sales_today) == (Decimal(0), 1)
    assert (state.halted_because, state.unknown_cost) == (None, ())


def test_a_position_in_doubt_is_named_before_anybody_accepts_it(bench):
    assert bench.manager.unsettled_symbols == {"NVDA"}
    assert RecordedOrders(bench.store).history().unexplained == {"NVDA"}
    bench.manager.decisions.accept_position("NVDA", ratio="10:1", **DECIDED)
    assert bench.manager.unsettled_symbols == frozenset()
    assert RecordedOrders(bench.store).history().unexplained == frozenset()


def test_without_positions_nothing_is_in_doubt():
    assert ManagerBench().manager.unsettled_symbols == frozenset()


@pytest.mark.parametrize(("ratio", "results"), [("10:1", [Decimal(6)]), (None, [None])])
def test_a_result_is_the_same_after_old_orders_have_left(ratio, results):
    """The sale comes long after the split, and that long after the buy."""
    desk = JournalBench(needed=orders_that_count)
    desk.tell(intended(), booked(fill(1, 10, "10")), now_in(OrderState.FILLED, filled_quantity=Decimal(10)))
    desk.clock.sleep(3 * 24 * 3600)
    desk.tell(intended("old"), now_in(OrderState.CANCELLED, "old"))
    desk.clock.sleep(3 * 24 * 3600)
    desk.prune()
    split = parse_ratio(ratio, symbol="AAPL") if ratio else None
    held = Decimal(100)
    desk.tell(acceptance_event("AAPL", held, before=Decimal(10), ratio=split, by="ada", reason="seen"))
    desk.clock.sleep(3 * 24 * 3600)
    desk.tell(intended("old"), now_in(OrderState.CANCELLED, "old"))
    desk.clock.sleep(3 * 24 * 3600)
    desk.prune()
    sale = intended("sale", side=Side.SELL, quantity=held, limit_price=Decimal(1))
    desk.tell(sale, booked(fill(2, 100, "1.06"), "sale"), now_in(OrderState.FILLED, "sale", filled_quantity=held))
    book = desk.restart().book
    assert [one.result for one in sales_of(book.orders(), book.acceptances())] == results
