"""What a replaced order costs: a reference of the caller's, else the middle of the market; a stop moves as a whole."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import CancelStep
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.exceptions import OrderCancellationError, OrderValidationError, TradeRefusedError
from trading_bot.order_management.models import OrderEnvelope, Pricing, TimeInForce
from trading_bot.order_management.stop_orders import StopRequest


def bench_at(bid: str, ask: str) -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": 10})
    show(bench, bid, ask)
    return bench


def show(bench: ManagerBench, bid: str, ask: str) -> None:
    bench.positions.quotes = {"AAPL": replace(quote("AAPL", bid), bid_price=Decimal(bid), ask_price=Decimal(ask))}


def changed(bench: ManagerBench, **changes: Any) -> OrderEnvelope:
    return bench.manager.replace("old", client_order_id="new", **changes)


class TestWithoutAReference:
    def test_it_is_the_middle_of_the_market_now(self):
        bench = bench_at("100", "100.04")
        bench.buy("old")
        show(bench, "102", "102.01")
        assert changed(bench).reference_price == Decimal("102.005")

    @pytest.mark.parametrize("bid", [None, "102.02"], ids=["no market", "a crossed one"])
    def test_where_there_is_no_market_nothing_is_cancelled(self, bid):
        bench = bench_at("100", "100.04")
        bench.buy("old")
        if bid is None:
            bench.positions.quotes = {}
        else:
            show(bench, bid, "102.01")
        with pytest.raises(TradeRefusedError, match="no price for the new order; name a reference price") as caught:
            changed(bench)
        assert (caught.value.code, bench.state("old")) == ("no_usable_quote", "confirmed")

    def test_a_market_that_cannot_be_read_is_named(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.buy("old")
        with pytest.raises(TradeRefusedError, match="no quotes here"):
            changed(bench)


def with_stop(**settings: Any) -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": 10}, **settings)
    show(bench, "100", "100.04")
    stop = StopRequest(
        symbol="AAPL", quantity=10, stop_price=Decimal(96), limit_price=Decimal(95), client_order_id="old"
    )
    bench.manager.place_stop_sell(stop)
    return bench


class TestStops:
    @pytest.mark.parametrize(
        ("changes", "stop", "limit", "quantity"),
        [
            ({"stop_price": Decimal(98)}, "98", "97", 10),
            ({"stop_price": 98.5}, "98.5", "97.5", 10),
            ({"stop_price": Decimal(98), "reference_price": Decimal(96)}, "98", "96", 10),
            ({"reference_price": Decimal(94)}, "96", "94", 10),
            ({"quantity": 4}, "96", "95", 4),
        ],
    )
    def test_its_limit_stays_as_far_below_it_unless_named(self, changes, stop, limit, quantity):
        bench = with_stop()
        order = changed(bench, **changes)
        assert (order.stop_price, order.limit_price, order.quantity) == (Decimal(stop), Decimal(limit), quantity)
        assert (order.time_in_force, order.waits_for_stop, bench.state("old")) == (TimeInForce.GTC, True, "cancelled")

    def test_one_that_would_sell_at_once_costs_the_old_one_nothing(self):
        bench = with_stop()
        with pytest.raises(TradeRefusedError, match="would sell at once"):
            changed(bench, stop_price=Decimal(100))
        assert (bench.state("old"), bench.gateway.cancel_requests) == ("confirmed", [])

    def test_one_that_does_not_end_is_not_followed_by_another(self):
        bench = with_stop()
        bench.gateway.cancels.append(CancelStep(ends=False))
        with pytest.raises(OrderCancellationError):
            changed(bench, stop_price=Decimal(98))
        assert len(bench.gateway.posts) == 1

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({}, "is a stop; name its new stop price, limit or quantity"),
            ({"stop_price": Decimal(98), "pricing": Pricing.PASSIVE}, "leave the pricing out"),
            ({"stop_price": Decimal(-1)}, "a price is a positive number"),
            ({"stop_price": Decimal("0.50")}, "a price is a positive number"),
        ],
    )
    def test_a_change_that_makes_no_sense_is_refused(self, changes, why):
        bench = with_stop()
        with pytest.raises(OrderValidationError, match=why):
            changed(bench, **changes)
        assert bench.state("old") == "confirmed"


def test_an_order_without_a_stop_gets_none():
    bench = bench_at("100", "100.04")
    bench.buy("old")
    with pytest.raises(OrderValidationError, match="is no stop; leave the stop price out") as caught:
        changed(bench, stop_price=Decimal(98))
    assert (caught.value.code, caught.value.client_order_id) == ("bad_request", "old")
