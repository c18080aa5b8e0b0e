"""What a strategy in Python may hand over for an order: every type that Python has, given to a manager over a broker.

An input is one JSON object: ``call`` is ``buy``, ``sell`` or ``request``, the rest are arguments. JSON has few types;
an argument ``{"$": KIND, "v": TEXT}`` is a value of another: see `KINDS`.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.fuzz.bounds import check_message
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import OrderEnvelope, OrderRequest

_FAR = Decimal("0.05")
"""No limit is farther from its reference than this part of it, and a cent: the collar and the offsets are nearer."""
_CENT = Decimal("0.01")


class _LyingText(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("AAPL")


class _LyingInt(int):
    def __int__(self) -> int:
        return 1

    def __index__(self) -> int:
        return 10**6


class _LyingFloat(float):
    def __str__(self) -> str:
        return "1"

    __repr__ = __str__


KINDS: Mapping[str, Callable[[str], object]] = {
    "decimal": Decimal,
    "float": float,
    "int": lambda text: int(text[:4000]),
    "fraction": Fraction,
    "bytes": lambda text: text.encode("utf-8", errors="replace"),
    "lying_text": _LyingText,
    "lying_int": lambda text: _LyingInt(text[:18]),
    "lying_float": _LyingFloat,
    "tuple": lambda text: (text,),
    "object": lambda _text: object(),
    "complex": complex,
}


class CallerOrders:
    """An order that is refused does not leave; one that does has the shares and about the price that were asked for."""

    def __init__(self, _folder: Path) -> None:
        pass

    def __call__(self, data: bytes) -> str:
        """Place the order, in a context of decimals that the caller has spoilt."""
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            return "no JSON"
        if not isinstance(told, dict):
            return "no order"
        arguments = {name[:40]: _value(value) for name, value in told.items() if name != "call"}
        bench = ManagerBench(shares={"AAPL": 50})
        with localcontext() as context:
            context.prec = 2 if told.get("context") == "short" else 28
            arguments.pop("context", None)
            return _placed(bench, told.get("call"), arguments)


def _placed(bench: ManagerBench, call: object, arguments: dict[str, Any]) -> str:
    reference = arguments.get("reference_price")
    manager = bench.manager
    try:
        if call == "request":
            envelope = manager.place_limit_order(OrderRequest(**arguments))
        else:
            place = manager.place_limit_sell if call == "sell" else manager.place_limit_buy
            envelope = place(
                arguments.pop("symbol", None),
                arguments.pop("quantity", None),
                arguments.pop("reference_price", None),
                **arguments,
            )
    except OrderError as error:
        check_message(str(error))
        ended = f"refused {error.code}"
    except TypeError as error:
        if "argument" not in str(error):  # Python's own: a name that no argument has, or one that is missing
            raise
        ended = "no such argument"
    else:
        _check_placed(bench, envelope, reference)
        return "placed"
    assert not bench.gateway.orders, "an order was refused and left all the same"
    return ended


def _check_placed(bench: ManagerBench, envelope: OrderEnvelope, reference: object) -> None:
    assert len(bench.gateway.orders) == 1, "one call is one order"
    assert type(envelope.quantity) is int
    assert 0 < envelope.quantity <= 10**7
    with localcontext() as context:
        context.prec = 60
        asked = Decimal(float.__repr__(reference) if isinstance(reference, float) else str(reference))
        assert abs(envelope.limit_price - asked) <= asked * _FAR + _CENT, f"{reference} became {envelope.limit_price}"


def _value(value: object) -> object:
    if not isinstance(value, dict) or "$" not in value:
        return value
    make, text = KINDS.get(str(value["$"])), str(value.get("v", ""))
    if make is None:
        return value
    try:
        return make(text)
    except (ValueError, InvalidOperation, ZeroDivisionError, OverflowError):
        return text
