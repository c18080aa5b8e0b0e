import math
from decimal import Decimal
from typing import Any

import pytest

from trading_bot.order_management.calculator import price_order
from trading_bot.order_management.models import OrderRequest, Pricing, Side
from trading_bot.order_management.price_offsets import OffsetMode, PriceOffsetConfig

USUAL: dict[str, Any] = {"offset_mode": "bps", "buy_offset": 15, "sell_offset": 10, "max_slippage_pct": 0.5}


def offsets(**changes) -> PriceOffsetConfig:
    return PriceOffsetConfig(**(USUAL | changes))


def test_words_and_numbers_of_a_caller_are_converted():
    made = offsets(offset_mode="BPS", buy_offset=1.5)
    assert (made.offset_mode, made.pricing) == (OffsetMode.BPS, Pricing.PASSIVE)
    assert (made.buy_offset, made.sell_offset, made.max_slippage_pct) == (Decimal("1.5"), Decimal(10), Decimal("0.5"))


def request(side: Any, price: Any) -> OrderRequest:
    return OrderRequest(symbol="TSLA", side=side, quantity=50, reference_price=price)


def test_an_order_is_priced_by_them():
    buy, sell = request("BUY", 250.30), request("SELL", Decimal("252.10"))
    assert price_order(buy, offsets()).limit_price == Decimal("249.93")
    assert price_order(sell, offsets(offset_mode="absolute", sell_offset=0.04)).limit_price == Decimal("252.14")


def test_each_side_has_its_own():
    assert (offsets().offset_for(Side.BUY), offsets().offset_for(Side.SELL)) == (Decimal(15), Decimal(10))


@pytest.mark.parametrize(
    ("name", "wrong", "remedy"),
    [
        ("offset_mode", "percent", "offset_mode is 'bps' or 'absolute', not 'percent'"),
        ("offset_mode", None, "offset_mode is 'bps' or 'absolute', not None"),
        ("pricing", "aggressive", "pricing is 'passive' or 'marketable', not 'aggressive'"),
        ("buy_offset", -1, "buy_offset is a number, zero or more"),
        ("sell_offset", "15", "sell_offset is a number, zero or more, such as 15 or 0.5, not '15'"),
        ("max_slippage_pct", math.nan, "max_slippage_pct is a number"),
        ("max_slippage_pct", math.inf, "max_slippage_pct is a number"),
        ("buy_offset", True, "buy_offset is a number"),
    ],
)
def test_what_cannot_price_an_order_is_refused_when_it_is_made(name, wrong, remedy):
    with pytest.raises(ValueError, match=remedy):
        offsets(**{name: wrong})
