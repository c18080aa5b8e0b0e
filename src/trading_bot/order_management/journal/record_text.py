"""The text of a record, read back: which keys it may have, of which type each is, and what is refused. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from trading_bot.order_management.events import SCHEMA_VERSION, EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.models import ExecutionMode, OrderState, Side

_HEAD_KEYS = ("v", "seq", "ts", "mono", "event", "session_id")
FACT_KEYS = (
    "correlation_id",
    "client_order_id",
    "ref_id",
    "order_id",
    "symbol",
    "side",
    "quantity",
    "limit_price",
    "execution_mode",
    "strategy_name",
    "attempt",
    "latency_ms",
    "status",
    "filled_quantity",
    "average_price",
    "execution_id",
    "last_quantity",
    "last_price",
    "occurred_at",
    "reason",
    "details",
)
"""The fields of a fact, in the order in which a record states them."""

_KNOWN_KEYS = frozenset({*_HEAD_KEYS, *FACT_KEYS, "prev"})
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_AS_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


class BadRecordError(ValueError):
    """A line that is no record of ours, and why."""


def read_body(body: bytes, digest: str) -> JournalRecord:
    """Return the record whose text is ``body``; ``digest`` is its hash, which the caller has proven.

    Raises:
        BadRecordError: not JSON, unknown or repeated keys, wrong types, or another schema.
    """
    try:
        raw = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise BadRecordError(f"it is not a JSON object: {error}") from error
    if not isinstance(raw, dict) or not _KNOWN_KEYS.issuperset(raw):
        raise BadRecordError("it has keys that no record has")
    if raw.get("v") != SCHEMA_VERSION:
        raise BadRecordError(f"it has schema version {raw.get('v')!r}; this program reads version {SCHEMA_VERSION}")
    try:
        return _build(raw, digest)
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise BadRecordError(f"a field is missing or malformed: {error}") from error


def _build(raw: Mapping[str, object], digest: str) -> JournalRecord:
    facts = {key: _READERS[key](raw[key]) for key in FACT_KEYS if key in raw}
    return JournalRecord(
        v=SCHEMA_VERSION,
        seq=_whole(raw["seq"]),
        ts=_moment(raw["ts"]),
        mono=_decimal(raw["mono"]),
        session_id=_text(raw["session_id"]),
        fact=OrderEvent(event=EventKind(_text(raw["event"])), **facts),  # type: ignore[arg-type]  # readers match fields
        prev=_text(raw["prev"]),
        hash=digest,
    )


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _decimal(value: object) -> Decimal:
    number = Decimal(_text(value))
    if not number.is_finite():
        raise ValueError(f"{value!r} is not finite")
    return number


def _moment(value: object) -> datetime:
    text = _text(value)
    if _AS_WRITTEN.fullmatch(text):
        return datetime.fromisoformat(text)  # a start reads thousands, and strptime takes ten times as long
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def _details(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise TypeError("details are an object")
    return MappingProxyType({key: _text(item) for key, item in value.items()})


_READERS: Mapping[str, Callable[[object], object]] = {
    **dict.fromkeys(FACT_KEYS, _text),
    "side": lambda value: Side(_text(value)),
    "quantity": _decimal,
    "limit_price": _decimal,
    "execution_mode": lambda value: ExecutionMode(_text(value)),
    "attempt": _whole,
    "latency_ms": _decimal,
    "status": lambda value: OrderState(_text(value)),
    "filled_quantity": _decimal,
    "average_price": _decimal,
    "last_quantity": _decimal,
    "last_price": _decimal,
    "occurred_at": _moment,
    "details": _details,
}
