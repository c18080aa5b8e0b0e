"""What Python callers hand over: converted where that changes no value, left alone for the calculator otherwise."""

import math
import numbers
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot import caller_values
from trading_bot.order_management.calculator import price_order
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import OrderRequest, Pricing, Side, TimeInForce
from trading_bot.order_management.price_offsets import OffsetMode, PriceOffsetConfig

RULES = PriceOffsetConfig(
    offset_mode=OffsetMode.BPS,
    buy_offset=Decimal(15),
    sell_offset=Decimal(15),
    pricing=Pricing.PASSIVE,
    max_slippage_pct=Decimal("2.5"),
)


class Int64:
    """As numpy's: no int, but registered as a whole number."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class Float32:
    """As numpy's: no float, and writes the shortest decimal of its own width."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Float64(float):
    """As numpy's: a float whose repr is a call."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"

    __str__ = __repr__


class Text(str):
    """As numpy's."""

    __slots__ = ()


numbers.Integral.register(Int64)
numbers.Real.register(Float32)

NumpyBool = type("bool", (), {"__module__": "numpy", "__bool__": lambda _self: True})
OldNumpyBool = type("bool_", (), {"__module__": "numpy", "__bool__": lambda _self: False})


def priced(**changes):
    given = {"symbol": "TSLA", "side": Side.BUY, "quantity": 10, "reference_price": Decimal("250.30"), **changes}
    return price_order(OrderRequest(**given), RULES)


@pytest.mark.parametrize(
    "shares", [10, 10.0, Decimal(10), Decimal("1E+1"), Int64(10), Float32("10.0"), Float64(10), Fraction(10)]
)
def test_ten_shares_are_ten_shares_in_whatever_type(shares):
    terms = priced(quantity=shares)
    assert (terms.quantity, type(terms.quantity)) == (10, int)


@pytest.mark.parametrize(
    "shares",
    [
        *(10.5, Decimal("10.5"), Float32("10.5"), math.nan, math.inf, True, NumpyBool(), "10", None, 1e300),
        *(Decimal("NaN"), Fraction(10**5000)),
    ],
)
def test_a_share_count_that_is_not_exact_is_refused_with_its_remedy(shares):
    with pytest.raises(OrderValidationError, match="TSLA: a quantity is a whole number of shares from 1 to") as caught:
        priced(quantity=shares)
    assert caught.value.code == "bad_quantity"


@pytest.mark.parametrize(
    ("price", "read"),
    [
        (250.3, "250.3"),
        (0.1 + 0.2, "0.30000000000000004"),
        (250.29500000000002, "250.29500000000002"),
        (Float64(250.3), "250.3"),
        (Float32("250.3"), "250.3"),
        (Int64(250), "250"),
        (250, "250"),
        (Decimal("2.5E+2"), "250"),
        (1e-05, "0.00001"),
    ],
)
def test_a_price_is_the_shortest_decimal_that_reads_back_as_it(price, read):
    request = OrderRequest(symbol="TSLA", side=Side.BUY, quantity=1, reference_price=price)
    assert f"{request.reference_price:f}" == read


@given(price=st.floats(min_value=0.01, max_value=1e7))
def test_every_double_that_is_a_price_reads_back_as_the_same_double(price):
    assert float(caller_values.exact_price(price)) == price


@pytest.mark.parametrize(
    "price",
    [math.nan, math.inf, -math.inf, Float32("nan"), Fraction(1, 3), Fraction(10**5000), True, NumpyBool(), None, b"1"],
)
def test_a_price_that_is_no_number_is_refused_with_its_remedy(price):
    with pytest.raises(OrderValidationError, match=r"in plain digits, such as 250\.30, not ") as caught:
        priced(reference_price=price)
    assert caught.value.code == "bad_price"


@pytest.mark.parametrize(
    ("changes", "shown"), [({"quantity": Float64(10.5)}, "not 10.5"), ({"reference_price": Float64("nan")}, "not nan")]
)
def test_a_refused_number_is_shown_as_people_write_it(changes, shown):
    with pytest.raises(OrderValidationError, match=f"{shown}$"):
        priced(**changes)


def test_a_price_as_text_may_be_of_any_text_type():
    assert priced(reference_price=Text("250.30")).limit_price == Decimal("249.93")


@pytest.mark.parametrize("symbol", ["tsla", "TSLA", Text("tsla")])
def test_a_symbol_may_be_in_small_letters(symbol):
    terms = priced(symbol=symbol)
    assert (terms.symbol, type(terms.symbol)) == ("TSLA", str)


@pytest.mark.parametrize("symbol", ["nan", "none", "null", "nat", "Tsla", "\u0131bm", "\u00dfe", 5])
def test_a_word_for_no_value_and_a_foreign_letter_become_no_ticker(symbol):
    with pytest.raises(OrderValidationError) as caught:
        priced(symbol=symbol)
    assert caught.value.code == "bad_symbol"


@pytest.mark.parametrize("side", ["sell", "SELL", "Sell", Text("sell"), Side.SELL])
def test_a_side_may_be_a_word_in_any_case(side):
    assert priced(side=side).side is Side.SELL


def test_time_in_force_pricing_switch_and_id_are_converted_too():
    request = OrderRequest(
        symbol="TSLA",
        side=Side.BUY,
        quantity=1,
        reference_price=Decimal(1),
        time_in_force="GTC",  # type: ignore[arg-type]  # as a caller without types has it
        pricing="Marketable",  # type: ignore[arg-type]  # the same
        extended_hours=NumpyBool(),
        client_order_id=Text("mine"),
    )
    assert (request.time_in_force, request.pricing, request.extended_hours) == (
        TimeInForce.GTC,
        Pricing.MARKETABLE,
        True,
    )
    assert type(request.client_order_id) is str
    assert caller_values.switch(OldNumpyBool()) is False


@pytest.mark.parametrize("value", [1, "yes", None])
def test_what_is_no_switch_is_left_for_the_calculator_to_refuse(value):
    with pytest.raises(OrderValidationError) as caught:
        priced(extended_hours=value)
    assert caught.value.code == "bad_extended_hours"
