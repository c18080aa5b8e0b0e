"""Limit orders and stops are sent. Every way to an order refuses the others, says what instead, and tells the log."""

import inspect
import logging
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.calculator import price_order
from trading_bot.order_management.exceptions import UnsupportedOrderTypeError
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import OrderRequest, Side
from trading_bot.order_management.order_types import ensure_limit_order_type

LIMIT_BUY = OrderRequest(
    symbol="TSLA",
    side=Side.BUY,
    quantity=5,
    reference_price=Decimal("250.30"),
    client_order_id="c1",
    strategy_name="momentum",
)
WAYS: dict[str, Callable[[OrderManager, OrderRequest], object]] = {
    "place": lambda manager, request: manager.place(request),
    "place_limit_order": lambda manager, request: manager.place_limit_order(request),
    "preview": lambda manager, request: manager.preview(request),
    "price_preview": lambda manager, request: manager.price_preview(request),
    "standing_order": lambda manager, request: manager.standing_order(request),
}


def of_type(order_type: Any) -> OrderRequest:
    return replace(LIMIT_BUY, order_type=order_type)


def test_every_method_that_takes_a_request_is_tried_here():
    takes = {
        name
        for name, method in inspect.getmembers(OrderManager, inspect.isfunction)
        if not name.startswith("_") and "request" in inspect.signature(method).parameters
    }
    assert takes == {*WAYS, "place_stop_sell"}, "and a StopRequest names no type"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("order_type", ["stop", "market"])
def test_another_type_reaches_neither_journal_nor_broker_and_is_logged(way, order_type, caplog):
    caplog.set_level(logging.INFO, logger="trading_bot")
    bench = ManagerBench()
    recorded = len(bench.journal.records)
    with pytest.raises(UnsupportedOrderTypeError) as caught:
        WAYS[way](bench.manager, of_type(order_type))
    assert (caught.value.symbol, caught.value.client_order_id) == ("TSLA", "c1")
    assert (len(bench.journal.records), bench.gateway.ticks_asked, bench.gateway.calls) == (recorded, [], [])
    (told,) = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    facts = {
        name: told[name]
        for name in ("event", "symbol", "side", "quantity", "order_type", "strategy_name", "client_order_id", "message")
    }
    assert facts == {
        "event": "unsupported_order_refused",
        "symbol": "TSLA",
        "side": "buy",
        "quantity": 5,
        "order_type": order_type,
        "strategy_name": "momentum",
        "client_order_id": "c1",
        "message": str(caught.value),
    }


@pytest.mark.parametrize("order_type", ["limit", "LIMIT", "Limit"])
def test_a_limit_order_passes_in_any_case(order_type):
    assert ManagerBench().manager.place_limit_order(of_type(order_type)).order_id is not None


def test_an_order_of_another_type_has_no_price_at_all():
    """Whoever prices requests without a manager meets the same guard."""
    offsets = ManagerBench().settings.pricing_rules(None)
    with pytest.raises(UnsupportedOrderTypeError):
        price_order(of_type("stop"), offsets)


@pytest.mark.parametrize(
    ("order_type", "instead"),
    [
        ("market", "market orders are not implemented and nothing was sent; use a limit order with pricing"),
        ("MARKET", "market orders are not implemented and nothing was sent; use a limit order with pricing"),
        ("stop", "leave the position with an exit once it is reached"),
        ("stop_limit", "leave the position with an exit once it is reached"),
        ("trailing_stop", "leave the position with an exit once it is reached"),
        ("iceberg", "orders of type 'iceberg' are not implemented"),
        ("limit ", "orders of type 'limit ' are not implemented and nothing was sent; use a limit order with pricing"),
        ("\x1b[2J", r"orders of type '\x1b[2J' are not implemented"),
        ("x" * 99, f"orders of type '{'x' * 39}... are not implemented"),
        (None, "orders of type nothing are not implemented"),
        pytest.param(10**5000, "orders of type an int beyond all use are not implemented", id="a huge int"),
        (["limit"], "orders of type a list are not implemented"),
    ],
)
def test_the_error_says_what_to_use_instead(order_type, instead):
    with pytest.raises(UnsupportedOrderTypeError) as caught:
        ensure_limit_order_type(of_type(order_type))
    assert instead in str(caught.value)
    assert str(caught.value).isprintable()
