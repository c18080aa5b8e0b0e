"""The document of the order log is true: every kind of record makes a line that its schema takes."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.command_line import REPOSITORY
from tests.support.order_story import MONDAY, TERMS
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.chain import ChainHead, seal
from trading_bot.order_management.models import (
    ClientOrderId,
    ExecutionId,
    ExecutionMode,
    OrderId,
    OrderState,
    RefId,
    Side,
)

FOLDER = REPOSITORY / "specs" / "order-management"
DOCUMENT = (FOLDER / "artifacts" / "order-log.md").read_text(encoding="utf-8")
SCHEMA = json.loads(DOCUMENT.split("```json\n")[1].split("```")[0])
SAMPLE = (REPOSITORY / "logs" / "sample-dry-run.jsonl").read_text(encoding="utf-8").splitlines()
EVERYTHING = OrderEvent(
    event=EventKind.ORDER_UPDATED,
    client_order_id=ClientOrderId("first"),
    correlation_id="call-1",
    ref_id=RefId("r"),
    order_id=OrderId("o"),
    symbol="AAPL",
    side=Side.BUY,
    quantity=Decimal(10),
    limit_price=Decimal("100.00"),
    execution_mode=ExecutionMode.PAPER,
    strategy_name="momentum",
    attempt=2,
    latency_ms=Decimal("12.5"),
    status=OrderState.FILLED,
    filled_quantity=Decimal("1E-7"),
    average_price=Decimal("99.90"),
    execution_id=ExecutionId("e"),
    last_quantity=Decimal("-1.5"),
    last_price=Decimal("1E+3"),
    occurred_at=MONDAY,
    reason="why \u00e9",
    details=TERMS,
)


def faults(value: Any, schema: dict[str, Any], where: str = "line") -> Iterator[str]:
    """Say what a value breaks of a schema, of which only the words that the document uses are known."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "const" in schema and value != schema["const"]:
        yield f"{where} is not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {schema['enum']}"
    match schema.get("type"):
        case "string":
            if not isinstance(value, str):
                yield f"{where} is no text"
            elif not re.search(schema.get("pattern", ""), value) or len(value) > schema.get("maxLength", len(value)):
                yield f"{where} has another form"
        case "integer" if type(value) is not int or value < schema.get("minimum", value):
            yield f"{where} is no such number"
        case "object":
            yield from _object_faults(value, schema, where)
        case _:
            pass
    yield from _conditional_faults(value, schema, where)


def _conditional_faults(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    for rule in schema.get("allOf", ()):
        if not any(_object_faults(value, rule["if"], where)):
            yield from _object_faults(value, rule["then"], where)


def _object_faults(value: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{where} lacks {key}" for key in schema.get("required", ()) if key not in value)
    for key, each in value.items():
        if key in known:
            yield from faults(each, known[key], f"{where}.{key}")
        elif others is False:
            yield f"{where} has {key}, which is not described"
        elif isinstance(others, dict):
            yield from faults(each, others, f"{where}.{key}")


def line_of(event: OrderEvent) -> dict[str, Any]:
    sealed = seal(event, head=ChainHead.genesis(), ts=MONDAY, mono=Decimal("12.345678"), session_id="session-1")
    line: dict[str, Any] = json.loads(sealed.line)
    return line


def needed_of(kind: EventKind) -> OrderEvent:
    """The event of a kind with no fact but those that the document says it has."""
    wanted = {"event", *(name for rule in SCHEMA["allOf"] if _applies(rule, kind) for name in rule["then"]["required"])}
    return OrderEvent(
        **{f.name: getattr(replace(EVERYTHING, event=kind), f.name) for f in fields(EVERYTHING) if f.name in wanted}
    )


def _applies(rule: dict[str, Any], kind: EventKind) -> bool:
    return not any(_object_faults({"event": kind.value}, rule["if"], ""))


@pytest.mark.parametrize("kind", EventKind)
def test_the_line_of_every_kind_of_record_is_as_documented_with_all_facts_or_the_fewest(kind):
    assert list(faults(line_of(replace(EVERYTHING, event=kind)), SCHEMA)) == []
    assert list(faults(line_of(needed_of(kind)), SCHEMA)) == []


def test_every_key_that_a_line_can_have_is_described():
    names = {field.name for field in fields(OrderEvent)}
    assert set(SCHEMA["properties"]) == names | {"v", "seq", "ts", "mono", "session_id", "prev", "hash"}
    assert list(line_of(EVERYTHING)) == list(SCHEMA["properties"]), "and in this order"


def test_every_kind_of_record_that_a_line_can_be_is_explained():
    explained = re.findall(
        r"`([a-z_]+)`", "".join(re.findall(r"^\| `.*? \|", DOCUMENT.split("## Events")[1], re.MULTILINE))
    )
    assert sorted(explained) == sorted(SCHEMA["properties"]["event"]["enum"])
    assert {kind.value for kind in EventKind} <= set(explained)


@pytest.mark.parametrize("line", SAMPLE)
def test_a_line_of_the_sample_log_is_as_documented(line):
    assert list(faults(json.loads(line), SCHEMA)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"seq": 0},
        {"seq": "1"},
        {"ts": "2026-11-23T15:00:00Z"},
        {"event": "other"},
        {"quantity": 10},
        {"limit_price": "1E+3"},
        {"hash": "0"},
        {"status": "done"},
        {"details": {"a": 1}},
        {"reason": "x" * 2049},
        {"more": 1},
    ],
    ids=str,
)
def test_what_no_record_has_is_refused_by_the_schema(change):
    assert any(faults(line_of(EVERYTHING) | change, SCHEMA))


@pytest.mark.parametrize("key", ["seq", "prev", "hash", "client_order_id", "ref_id"])
def test_what_every_intent_has_is_demanded_by_the_schema(key):
    line = line_of(replace(EVERYTHING, event=EventKind.ORDER_INTENDED))
    del line[key]
    assert list(faults(line, SCHEMA)) == [f"line lacks {key}"]


def test_a_hash_covers_the_line_without_itself_as_the_document_says():
    for line in SAMPLE:
        body = re.sub(r',"hash":"[0-9a-f]*"}$', "}", line)
        assert hashlib.sha256(body.encode()).hexdigest() == json.loads(line)["hash"]
