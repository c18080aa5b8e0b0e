from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paper_market import MONDAY
from trading_bot.order_management.models import Side, TimeInForce
from trading_bot.paper.matching import Fill, allocate, is_marketable, shown_price, shown_size
from trading_bot.paper.quotes import MarketQuote
from trading_bot.paper.state import PaperOrder, WireState


def _order(number=0, price="100", quantity=10, side=Side.BUY):
    return PaperOrder(
        id=f"order-{number}",
        number=number,
        ref_id=f"ref-{number}",
        symbol="AAPL",
        side=side,
        quantity=quantity,
        price=Decimal(price),
        time_in_force=TimeInForce.GFD,
        extended_hours=False,
        order_form_version=4,
        state=WireState.CONFIRMED,
        created_at=MONDAY,
        updated_at=MONDAY,
        last_transaction_at=MONDAY,
    )


def _quote(bid="99", ask="100", *, halted=False):
    return MarketQuote(
        symbol="AAPL", at=MONDAY, bid=Decimal(bid), ask=Decimal(ask), bid_size=30, ask_size=40, halted=halted
    )


@pytest.mark.parametrize(
    ("side", "limit", "trades"),
    [
        (Side.BUY, "99.99", False),
        (Side.BUY, "100", True),
        (Side.BUY, "101", True),
        (Side.SELL, "99.01", False),
        (Side.SELL, "99", True),
        (Side.SELL, "98", True),
    ],
)
def test_an_order_trades_when_the_quote_is_on_or_through_its_limit(side, limit, trades):
    assert is_marketable(_order(price=limit, side=side), _quote()) is trades


@pytest.mark.parametrize("side", Side)
def test_nothing_trades_while_halted(side):
    limit = "200" if side is Side.BUY else "1"
    assert is_marketable(_order(price=limit, side=side), _quote())
    assert not is_marketable(_order(price=limit, side=side), _quote(halted=True))


def test_buys_trade_at_the_ask_and_sells_at_the_bid():
    quote = _quote()
    assert (shown_price(quote, Side.BUY), shown_size(quote, Side.BUY)) == (Decimal(100), 40)
    assert (shown_price(quote, Side.SELL), shown_size(quote, Side.SELL)) == (Decimal(99), 30)


@pytest.mark.parametrize(("side", "better"), [(Side.BUY, "102"), (Side.SELL, "98")])
def test_the_better_limit_goes_first_and_then_the_older_order(side, better):
    orders = [_order(2, "100", side=side), _order(1, "100", side=side), _order(3, better, side=side)]
    fills = allocate(orders, size=25, price=Decimal(100))
    assert [(fill.order_id, fill.quantity) for fill in fills] == [("order-3", 10), ("order-1", 10), ("order-2", 5)]


@pytest.mark.parametrize("size", [0, -5])
def test_where_nothing_is_shown_nothing_trades(size):
    assert allocate([_order()], size=size, price=Decimal(100)) == []


def test_a_fill_carries_the_shown_price():
    assert allocate([_order(price="105")], size=100, price=Decimal(100)) == [
        Fill(order_id="order-0", quantity=10, price=Decimal(100))
    ]


@given(st.lists(st.integers(1, 500), max_size=6), st.integers(0, 1000))
def test_fills_use_all_that_is_shown_or_all_that_is_wanted(quantities, size):
    orders = [_order(number, quantity=quantity) for number, quantity in enumerate(quantities)]
    fills = allocate(orders, size=size, price=Decimal(100))
    assert sum(fill.quantity for fill in fills) == min(size, sum(quantities))
    assert all(0 < fill.quantity <= quantities[int(fill.order_id[6:])] for fill in fills)
