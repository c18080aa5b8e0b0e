"""A book in words that every version has, so that what two versions make of a journal can be compared."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


def plainly(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, tuple | list):
        return [plainly(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(str(getattr(each, "evidence", each)) for each in value)  # 0.1.0 kept sentences
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)


OF_ENVELOPE = (
    "client_order_id", "ref_id", "order_id", "symbol", "side", "quantity", "limit_price", "reference_price",
    "time_in_force", "state", "execution_mode", "strategy_name", "created_at", "filled_quantity", "average_price",
    "reason", "latency_ms",
)  # fmt: skip
OF_ORDER = ("cancel_wanted", "last_transaction_at", "filled_at", "absent_since", "surely_there", "anomalies")
OF_EXECUTION = ("execution_id", "quantity", "price", "executed_at")


def order_in_plain(order: Any) -> dict[str, object]:
    told = {name: plainly(getattr(order.envelope, name)) for name in OF_ENVELOPE}
    told |= {name: plainly(getattr(order, name)) for name in OF_ORDER}
    told["anomalies"] = sorted(getattr(each, "evidence", each) for each in order.anomalies)  # 0.1 had texts alone
    fills = [{name: plainly(getattr(fill, name)) for name in OF_EXECUTION} for fill in order.executions]
    return {**told, "executions": fills}


def book_in_plain(book: Any) -> dict[str, object]:
    """What a book holds, in words that every version has."""
    accepted_positions: tuple[Any, ...] = getattr(book, "acceptances", tuple)()  # 0.1.0 kept none
    return {
        "orders": {order.client_order_id: order_in_plain(order) for order in book.active()},
        "frozen": dict(book.frozen_symbols()),
        "halt": book.halt,
        "positions": {symbol: plainly(shares) for symbol, shares in sorted(book.expected_positions().items())},
        "knows_positions": book.knows_positions,
        "acceptances": [
            {name: plainly(getattr(each, name)) for name in ("symbol", "number", "by", "before", "held", "ratio")}
            for each in accepted_positions
        ],
        "unresolved": [order.client_order_id for order in book.unresolved()],
    }
