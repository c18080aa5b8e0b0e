"""An order told whole, by one ``order_carried`` record and further ones where a line has too little room. Pure.

So is an order told that was adopted from the broker, of which no intent is on record. Version 0.1 repeated its open
orders so at the beginning of each segment.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from trading_bot.order_management.book.anomalies import anomaly_in_words
from trading_bot.order_management.book.tracked_order import TrackedOrder, needed
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent, about
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.models import (
    ClientOrderId,
    Execution,
    ExecutionId,
    OrderEnvelope,
    TimeInForce,
)

_ROOM = 16 * 1024
"""Bytes of executions and anomalies in one record, which may have reason and terms besides."""

_PART, _EXECUTION, _ANOMALY = "part", "execution-", "anomaly-"
_FIRST = "1"
_STATE_IS_KNOWN = "state_is_known"


def carried_events(order: TrackedOrder) -> tuple[OrderEvent, ...]:
    """Return the records that tell an order whole."""
    first, *more = _rooms(_lists(order))
    envelope = order.envelope
    event = replace(
        about(envelope, EventKind.ORDER_CARRIED),
        quantity=Decimal(envelope.quantity),
        limit_price=envelope.limit_price,
        status=envelope.state,
        filled_quantity=envelope.filled_quantity,
        average_price=envelope.average_price,
        latency_ms=envelope.latency_ms,
        reason=envelope.reason,
        occurred_at=order.last_transaction_at,
        details={**_terms(order), _PART: _FIRST, **first},
    )
    return (
        event,
        *(
            replace(about(envelope, EventKind.ORDER_CARRIED), details={_PART: str(number), **part})
            for number, part in enumerate(more, start=2)
        ),
    )


def carried_order(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    """Return the order that a carried record tells, or adds to.

    Raises:
        OrderLogDamagedError: a field is missing or malformed, or the record adds to an order that was not told.
    """
    details = record.fact.details
    try:
        order = _told(record) if details[_PART] == _FIRST else _need_known(known)
        return replace(
            order,
            executions=(*order.executions, *(_execution(text) for text in _listed(details, _EXECUTION))),
            anomalies=order.anomalies | frozenset(map(anomaly_in_words, _listed(details, _ANOMALY))),
        )
    except (KeyError, ValueError, TypeError, ArithmeticError) as error:
        raise OrderLogDamagedError(
            f"journal record {record.seq} ({record.fact.event}) cannot be true: a field is missing or wrong: {error}; "
            "run 'trading-bot audit verify'",
            client_order_id=record.fact.client_order_id,
        ) from error


def _lists(order: TrackedOrder) -> Iterator[tuple[str, str]]:
    for number, fill in enumerate(order.executions):
        words = [fill.execution_id, f"{fill.quantity:f}", f"{fill.price:f}", _time(fill.executed_at)]
        yield f"{_EXECUTION}{number:06}", json.dumps(words)
    for number, text in enumerate(sorted(anomaly.evidence for anomaly in order.anomalies)):
        yield f"{_ANOMALY}{number:06}", text


def _rooms(entries: Iterator[tuple[str, str]]) -> list[dict[str, str]]:
    rooms: list[dict[str, str]] = [{}]
    taken = 0
    for key, text in entries:
        size = len(json.dumps([key, text]))
        if rooms[-1] and taken + size > _ROOM:
            rooms.append({})
            taken = 0
        rooms[-1][key] = text
        taken += size
    return rooms


def _terms(order: TrackedOrder) -> dict[str, str]:
    envelope = order.envelope
    known = {
        "reference_price": f"{envelope.reference_price:f}",
        "time_in_force": envelope.time_in_force.value,
        "extended_hours": _word(envelope.extended_hours),
        "created_at": _time(envelope.created_at),
        "duplicate_of": envelope.duplicate_of,
        "cancel_wanted": _word(order.cancel_wanted),
        "cancel_of": order.cancel_of,
        "surely_there": _word(order.surely_there),
        "sender_may_live": "true" if order.sender_may_live else "",
        "filled_at": _time(order.filled_at),
        "absent_since": _time(order.absent_since),
        "number": str(order.number or ""),
        "instrument_id": order.instrument_id,
        "broker_state": envelope.broker_state,
        _STATE_IS_KNOWN: "" if envelope.state_is_known else "false",
        "symbol_was": envelope.symbol_was,
        "stop_price": None if envelope.stop_price is None else f"{envelope.stop_price:f}",
        "stop_triggered_at": _time(envelope.stop_triggered_at),
        "approval_awaited_since": _time(envelope.approval_awaited_since),
        "reprices": str(order.reprices or ""),
    }
    return {key: text for key, text in known.items() if text}


def _told(record: JournalRecord) -> TrackedOrder:
    fact, details = record.fact, record.fact.details
    duplicate_of, stop_price = details.get("duplicate_of"), details.get("stop_price")
    envelope = OrderEnvelope(
        client_order_id=needed(fact.client_order_id, "client_order_id"),
        ref_id=needed(fact.ref_id, "ref_id"),
        order_id=fact.order_id,
        symbol=needed(fact.symbol, "symbol"),
        side=needed(fact.side, "side"),
        quantity=int(needed(fact.quantity, "quantity")),
        limit_price=needed(fact.limit_price, "limit_price"),
        reference_price=Decimal(details["reference_price"]),
        time_in_force=TimeInForce(details["time_in_force"]),
        extended_hours=_truth(details["extended_hours"]),
        state=needed(fact.status, "status"),
        execution_mode=needed(fact.execution_mode, "execution_mode"),
        strategy_name=fact.strategy_name,
        created_at=datetime.fromisoformat(details["created_at"]),
        filled_quantity=needed(fact.filled_quantity, "filled_quantity"),
        average_price=fact.average_price,
        duplicate_of=ClientOrderId(duplicate_of) if duplicate_of else None,
        reason=fact.reason,
        latency_ms=fact.latency_ms,
        broker_state=details.get("broker_state"),
        state_is_known=details.get(_STATE_IS_KNOWN) != "false",
        symbol_was=details.get("symbol_was"),
        correlation_id=fact.correlation_id,
        stop_price=None if stop_price is None else Decimal(stop_price),
        stop_triggered_at=_moment(details, "stop_triggered_at"),
        approval_awaited_since=_moment(details, "approval_awaited_since"),
    )
    return TrackedOrder(
        envelope=envelope,
        instrument_id=details.get("instrument_id"),
        cancel_wanted=_truth(details["cancel_wanted"]),
        cancel_of=details.get("cancel_of"),
        surely_there=_truth(details["surely_there"]),
        sender_may_live=details.get("sender_may_live") == "true",
        last_transaction_at=fact.occurred_at,
        filled_at=_moment(details, "filled_at"),
        absent_since=_moment(details, "absent_since"),
        number=int(details.get("number") or record.seq),
        reprices=int(details.get("reprices") or 0),
    )


def _need_known(known: TrackedOrder | None) -> TrackedOrder:
    if known is None:
        raise ValueError("the order that it adds to was not told")
    return known


def _listed(details: Mapping[str, str], kind: str) -> tuple[str, ...]:
    return tuple(details[key] for key in sorted(details) if key.startswith(kind))


def _execution(text: str) -> Execution:
    name, quantity, price, moment = json.loads(text)
    return Execution(
        execution_id=ExecutionId(name),
        quantity=Decimal(quantity),
        price=Decimal(price),
        executed_at=datetime.fromisoformat(moment),
    )


def _word(value: bool) -> str:
    return "true" if value else "false"


def _truth(word: str) -> bool:
    return {"true": True, "false": False}[word]


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment is not None else ""


def _moment(details: Mapping[str, str], name: str) -> datetime | None:
    return datetime.fromisoformat(details[name]) if name in details else None
