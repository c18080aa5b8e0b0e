"""One journal line: an event, numbered and chained, to bytes and back. Pure."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from trading_bot.order_management.events import SCHEMA_VERSION, EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.models import ExecutionMode, OrderState, Side

GENESIS = "0" * 64
"""What the first record of a journal names as its predecessor's hash."""

MAX_LINE_BYTES = 64 * 1024
MAX_TEXT = 2048
"""Characters kept of any free text, so that no broker's reply can fill the journal."""

_HASH_KEY = b',"hash":"'
_HASH_END = b'"}'
_HASH_LENGTH = 64
_HEX = re.compile(rb"[0-9a-f]{64}")
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_HEAD_KEYS = ("v", "seq", "ts", "mono", "event", "session_id")
_FACT_KEYS = (
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
_TEXT_FIELDS = (
    "correlation_id",
    "client_order_id",
    "ref_id",
    "order_id",
    "symbol",
    "strategy_name",
    "execution_id",
    "reason",
)
_AS_THEY_ARE = frozenset({str, int})  # texts are no longer than `MAX_TEXT`: a fact is cut before it is written
_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))
_KNOWN_KEYS = frozenset({*_HEAD_KEYS, *_FACT_KEYS, "prev"})


class BadRecordError(ValueError):
    """A line that is no record of ours, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """Where the chain stands: the number and hash of its last record."""

    seq: int
    hash: str

    @classmethod
    def genesis(cls) -> "ChainHead":
        """The head of a journal without records."""
        return cls(seq=0, hash=GENESIS)


def head_at(record: JournalRecord) -> ChainHead:
    """Return where the chain stands with ``record`` as its last one."""
    return ChainHead(seq=record.seq, hash=record.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRecord:
    """A record with the text that its hash covers, written once: the database, the audit log and the proof share it."""

    record: JournalRecord
    body: bytes

    @property
    def line(self) -> bytes:
        """The record's line in a log, newline included."""
        return self.body[:-1] + _HASH_KEY + self.record.hash.encode() + _HASH_END + b"\n"


def seal(event: OrderEvent, *, head: ChainHead, ts: datetime, mono: Decimal, session_id: str) -> SealedRecord:
    """Number and chain ``event`` behind ``head``; long texts are cut to `MAX_TEXT` characters.

    Raises:
        BadRecordError: its line would be longer than `MAX_LINE_BYTES`.
    """
    sealed = _sealed(event, head=head, ts=ts, mono=mono, session_id=session_id)
    _refuse_too_long(sealed.line)
    return sealed


def _sealed(event: OrderEvent, *, head: ChainHead, ts: datetime, mono: Decimal, session_id: str) -> SealedRecord:
    unhashed = JournalRecord(
        v=SCHEMA_VERSION,
        seq=head.seq + 1,
        ts=ts.astimezone(UTC),
        mono=mono,
        session_id=session_id,
        fact=_cut(event),
        prev=head.hash,
        hash="",
    )
    body = _body(unhashed)
    return SealedRecord(record=replace(unhashed, hash=hashlib.sha256(body).hexdigest()), body=body)


def unseal(body: bytes, digest: str) -> SealedRecord:
    """Read a stored body, wherever in a chain it stands; its hash must be ``digest``.

    Raises:
        BadRecordError: as `decode`, but for its place.
    """
    if hashlib.sha256(body).hexdigest() != digest:
        raise BadRecordError("its hash does not match its content")
    return SealedRecord(record=_parse(body, digest), body=body)


def chain_record(event: OrderEvent, *, head: ChainHead, ts: datetime, mono: Decimal, session_id: str) -> JournalRecord:
    """Return the record alone that `seal` makes; it may be longer than a line can be."""
    return _sealed(event, head=head, ts=ts, mono=mono, session_id=session_id).record


def _cut(event: OrderEvent) -> OrderEvent:
    # The record in memory is the one on disk: a restart must not know a fact by another text.
    cut = event
    for name in _TEXT_FIELDS:
        text = getattr(event, name)
        if text is not None and len(text) > MAX_TEXT:
            cut = replace(cut, **{name: text[:MAX_TEXT]})
    if any(len(text) > MAX_TEXT for text in event.details.values()):
        short = {key: text[:MAX_TEXT] for key, text in event.details.items()}
        return replace(cut, details=MappingProxyType(short))
    return cut


def encode(record: JournalRecord) -> bytes:
    """Return the record's line, newline included.

    Raises:
        BadRecordError: the line would be longer than `MAX_LINE_BYTES`.
    """
    line = SealedRecord(record=record, body=_body(record)).line
    _refuse_too_long(line)
    return line


def _refuse_too_long(line: bytes) -> None:
    if len(line) > MAX_LINE_BYTES:
        raise BadRecordError(f"a record of {len(line)} bytes is longer than {MAX_LINE_BYTES}; shorten its texts")


def decode(line: bytes, *, head: ChainHead) -> JournalRecord:
    """Read one line without its newline and prove that it follows ``head``.

    Raises:
        BadRecordError: not JSON, unknown or repeated keys, wrong types, a newer schema, a wrong hash, or not the next
        record.
    """
    record = decode_alone(line)
    if record.prev != head.hash or record.seq != head.seq + 1:
        raise BadRecordError(f"it is numbered {record.seq} and does not follow record {head.seq}")
    return record


def decode_alone(line: bytes) -> JournalRecord:
    """Read one line without its newline, wherever in a chain it stands; its own hash must be right.

    Raises:
        BadRecordError: as `decode`, but for its place.
    """
    return _parse(*_proven(line))


def time_text(moment: datetime) -> str:
    """Return a time as records state it: UTC, to the microsecond."""
    return _time_text(moment)


def is_whole(line: bytes) -> bool:
    """Whether a line ends in the right hash: then it was written to its end, whatever stands in it."""
    try:
        _proven(line)
    except BadRecordError:
        return False
    return True


def _proven(line: bytes) -> tuple[bytes, str]:
    body, digest = _split_hash(line)
    if hashlib.sha256(body).hexdigest() != digest:
        raise BadRecordError("its hash does not match its content")
    return body, digest


def _split_hash(line: bytes) -> tuple[bytes, str]:
    cut = len(line) - len(_HASH_END) - _HASH_LENGTH
    digest = line[cut : cut + _HASH_LENGTH]
    start = cut - len(_HASH_KEY)
    if start < 1 or line[start:cut] != _HASH_KEY or not line.endswith(_HASH_END) or not _HEX.fullmatch(digest):
        raise BadRecordError("it does not end in a hash")
    return line[:start] + b"}", digest.decode()


def _body(record: JournalRecord) -> bytes:
    fact = record.fact
    written: dict[str, object] = {
        "v": record.v,
        "seq": record.seq,
        "ts": _time_text(record.ts),
        "mono": str(record.mono),
        "event": fact.event.value,
        "session_id": record.session_id,
    }
    for key in _FACT_KEYS:
        value = getattr(fact, key)
        if value is not None:
            written[key] = value if type(value) in _AS_THEY_ARE else _plain(value)
    if not written["details"]:
        del written["details"]
    written["prev"] = record.prev
    return _ENCODER.encode(written).encode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, str):  # an enum's member, among others
        return str(value)[:MAX_TEXT]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return _time_text(value)
    if isinstance(value, Mapping):
        return {str(key): str(item)[:MAX_TEXT] for key, item in sorted(value.items())}
    return value


def _time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _parse(body: bytes, digest: str) -> JournalRecord:
    try:
        raw = json.loads(body, object_pairs_hook=_once, parse_constant=_no_constant)
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
    facts = {key: _READERS[key](raw[key]) for key in _FACT_KEYS if key in raw}
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
    return datetime.strptime(_text(value), _TIME).replace(tzinfo=UTC)


def _details(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise TypeError("details are an object")
    return MappingProxyType({key: _text(item) for key, item in value.items()})


_READERS: Mapping[str, Callable[[object], object]] = {
    **dict.fromkeys(_FACT_KEYS, _text),
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
