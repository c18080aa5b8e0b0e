"""A value of an order is immutable, checked however it is made, and is to its user what a frozen dataclass is."""

import copy
import pickle
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from dataclasses import replace as replace_dataclass
from types import MappingProxyType

import pytest

from trading_bot.values import Value, replace, settle

NOTHING: Mapping[str, str] = MappingProxyType({})


class Shares(Value, frozen=True, kw_only=True):
    symbol: str
    quantity: int = 1
    details: Mapping[str, str] = NOTHING

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise ValueError("one share or more")
        settle(self, "symbol", self.symbol.upper())


AAPL = Shares(symbol="aapl")


def test_a_value_is_settled_when_it_is_made():
    assert (AAPL.symbol, AAPL.quantity, AAPL.details) == ("AAPL", 1, {})
    assert repr(AAPL) == "Shares(symbol='AAPL', quantity=1, details=mappingproxy({}))"


@pytest.mark.parametrize("make", [replace, replace_dataclass])
def test_a_changed_copy_is_checked_as_the_value_itself(make):
    assert make(AAPL, quantity=2) == Shares(symbol="AAPL", quantity=2)
    assert make(AAPL, symbol="ko").symbol == "KO"
    with pytest.raises(ValueError, match="one share"):
        make(AAPL, quantity=0)
    with pytest.raises(TypeError):
        make(AAPL, shares=1)


def test_nothing_changes_a_value():
    with pytest.raises(AttributeError):
        AAPL.quantity = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del AAPL.quantity
    with pytest.raises(TypeError):
        object.__setattr__(AAPL, "quantity", 2)
    assert not hasattr(AAPL, "__dict__")
    assert AAPL.quantity == 1


def test_a_value_has_no_other_fields_and_takes_none_by_place():
    with pytest.raises(TypeError):
        Shares("AAPL")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Shares()  # type: ignore[call-arg]


def test_values_are_equal_if_they_are_of_one_kind_and_hold_the_same():
    class Others(Shares, frozen=True, kw_only=True):
        pass

    assert Shares(symbol="AAPL") == AAPL
    assert Others(symbol="AAPL") != AAPL
    assert Shares(symbol="AAPL", quantity=3) != AAPL


def test_the_functions_of_dataclasses_take_a_value():
    assert is_dataclass(AAPL)
    assert [field.name for field in fields(AAPL)] == ["symbol", "quantity", "details"]
    assert asdict(Shares(symbol="KO", details={"a": "b"})) == {"symbol": "KO", "quantity": 1, "details": {"a": "b"}}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_is_the_same_value(copied):
    plain = Shares(symbol="KO", details={})
    assert copied(plain) == plain
