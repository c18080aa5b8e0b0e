"""An order is priced once, at the step of its instrument, and a preview shows the same price."""

from decimal import Decimal

import pytest

from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.exceptions import OrderNotSentError, OrderValidationError
from trading_bot.order_management.models import OrderRequest, Side

NICKEL = Decimal("0.0500")


def request(reference: str = "12.33", side: Side = Side.BUY) -> OrderRequest:
    return OrderRequest(symbol="TICK", side=side, quantity=1, reference_price=Decimal(reference))


@pytest.fixture
def bench() -> ManagerBench:
    bench = ManagerBench()
    bench.gateway.ticks["TICK"] = NICKEL
    return bench


@pytest.mark.parametrize(("reference", "limit"), [("12.33", "12.30"), ("12.35", "12.35"), ("12.40", "12.40")])
def test_a_buy_goes_out_at_the_step_that_its_preview_shows(bench, reference, limit):
    shown = bench.manager.price_preview(request(reference))
    sent = bench.manager.place_limit_order(request(reference))
    assert (shown.terms.limit_price, sent.limit_price) == (Decimal(limit), Decimal(limit))
    assert str(sent.limit_price) == limit
    assert (shown.tick, shown.is_own_tick, shown.tick_problem) == (Decimal("0.05"), True, None)


def test_a_sell_is_rounded_up_to_the_step(bench):
    assert bench.manager.place_limit_order(request("12.37", Side.SELL)).limit_price == Decimal("12.40")


def test_an_order_asks_for_its_step_once(bench):
    bench.manager.place_limit_order(request())
    assert bench.gateway.ticks_asked == [("TICK", Side.BUY)]


def test_a_preview_without_the_broker_takes_the_usual_step_and_says_so(bench):
    bench.gateway.tick_error = OrderNotSentError("the broker cannot be read")
    shown = bench.manager.price_preview(request())
    assert (shown.terms.limit_price, shown.tick, shown.is_own_tick) == (Decimal("12.32"), Decimal("0.01"), False)
    assert shown.tick_problem == "the broker cannot be read"


def test_an_order_without_its_step_is_not_sent(bench):
    bench.gateway.tick_error = OrderNotSentError("the broker cannot be read")
    with pytest.raises(OrderNotSentError):
        bench.manager.place_limit_order(request())
    assert bench.gateway.calls == []


def test_a_symbol_that_the_broker_does_not_trade_has_no_preview_either(bench):
    bench.gateway.tick_error = OrderValidationError("TICK is untradable")
    with pytest.raises(OrderValidationError, match="untradable"):
        bench.manager.preview(request())


def test_an_equal_order_at_the_same_step_is_the_same_order(bench):
    first = bench.manager.place_limit_order(request())
    standing = bench.manager.standing_order(request("12.331"))
    assert standing is not None
    assert standing.duplicate_of == first.client_order_id


def test_an_id_that_is_known_is_answered_without_the_broker(bench):
    named = OrderRequest(
        symbol="TICK", side=Side.BUY, quantity=1, reference_price=Decimal("12.33"), client_order_id="c1"
    )
    sent = bench.manager.place_limit_order(named)
    bench.gateway.ticks_asked.clear()
    assert bench.manager.standing_order(named) == sent
    assert bench.manager.place_limit_order(named) == sent
    assert bench.gateway.ticks_asked == []


def test_nothing_is_priced_to_find_that_no_order_stands(bench):
    assert bench.manager.standing_order(request()) is None
    assert bench.gateway.ticks_asked == []


@pytest.mark.parametrize("other", [{"quantity": 2}, {"side": Side.SELL}, {"symbol": "TOCK"}])
def test_an_order_of_another_symbol_side_or_quantity_is_no_reason_to_price_either(bench, other):
    bench.manager.place_limit_order(request())
    bench.gateway.ticks_asked.clear()
    wanted = {"symbol": "TICK", "side": Side.BUY, "quantity": 1, "reference_price": Decimal("12.33")} | other
    assert bench.manager.standing_order(OrderRequest(**wanted)) is None
    assert bench.gateway.ticks_asked == []
