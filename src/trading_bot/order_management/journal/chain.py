"""One journal line: an event, numbered and chained, to bytes and back. Pure."""

import hashlib
import re
from datetime import UTC, datetime
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quoted
from operator import attrgetter
from types import MappingProxyType

from msgspec import to_builtins

from trading_bot.order_management.events import SCHEMA_VERSION, JournalRecord, OrderEvent
from trading_bot.order_management.journal.record_text import FACT_KEYS, BadRecordError, read_body
from trading_bot.values import Value, replace

__all__ = [
    "GENESIS",
    "MAX_LINE_BYTES",
    "MAX_TEXT",
    "BadRecordError",
    "ChainHead",
    "SealedRecord",
    "decode",
    "decode_alone",
    "encode",
    "head_at",
    "is_whole",
    "numbered",
    "seal",
    "seal_numbered",
    "time_text",
    "unseal",
    "unseal_line",
]

GENESIS = "0" * 64
"""What the first record of a journal names as its predecessor's hash."""

MAX_LINE_BYTES = 64 * 1024
MAX_TEXT = 2048
"""Characters kept of any free text, so that no broker's reply can fill the journal."""

_HASH_KEY = b',"hash":"'
_HASH_END = b'"}'
_HASH_LENGTH = 64
_HASH_ROOM = len(_HASH_KEY) + _HASH_LENGTH + len(_HASH_END)  # what a line has beyond its record's body
_HEX = re.compile(rb"[0-9a-f]{64}")
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
_texts_of = attrgetter(*_TEXT_FIELDS)
_SHORT_FACTS = FACT_KEYS[:-1]  # all but the details
_facts_of = attrgetter(*_SHORT_FACTS)
_FACT_HEADS = tuple(f',"{key}":' for key in _SHORT_FACTS)


class ChainHead(Value, frozen=True, kw_only=True):
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


class SealedRecord(Value, frozen=True, kw_only=True):
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
    return seal_numbered(numbered(event, seq=head.seq + 1, ts=ts, mono=mono, session_id=session_id), prev=head.hash)


def numbered(event: OrderEvent, *, seq: int, ts: datetime, mono: Decimal, session_id: str) -> JournalRecord:
    """Return the record that ``event`` becomes, all but its place in the chain: what is folded while it waits."""
    return JournalRecord(
        v=SCHEMA_VERSION,
        seq=seq,
        ts=ts.astimezone(UTC),
        mono=mono,
        session_id=session_id,
        fact=_cut(event),
        prev="",
        hash="",
    )


def seal_numbered(record: JournalRecord, *, prev: str) -> SealedRecord:
    """Chain a numbered record behind the one whose hash is ``prev``: the one place where a record gets its hash.

    Raises:
        BadRecordError: its line would be longer than `MAX_LINE_BYTES`.
    """
    body = _body(record, prev)
    _refuse_too_long(len(body) + _HASH_ROOM)
    return SealedRecord(record=replace(record, prev=prev, hash=hashlib.sha256(body).hexdigest()), body=body)


def unseal(body: bytes, digest: str) -> SealedRecord:
    """Read a stored body, wherever in a chain it stands; its hash must be ``digest``.

    Raises:
        BadRecordError: as `decode`, but for its place.
    """
    if hashlib.sha256(body).hexdigest() != digest:
        raise BadRecordError("its hash does not match its content")
    return SealedRecord(record=read_body(body, digest), body=body)


def unseal_line(line: bytes) -> SealedRecord:
    """Read one line of a log without its newline, as `unseal`.

    Raises:
        BadRecordError: as `decode_alone`.
    """
    return unseal(*_split_hash(line))


def _cut(event: OrderEvent) -> OrderEvent:
    # The record in memory is the one on disk: a restart must not know a fact by another text.
    texts = _texts_of(event)
    if max(map(len, filter(None, (*texts, *event.details.values()))), default=0) <= MAX_TEXT:
        return event
    short = {name: text[:MAX_TEXT] for name, text in zip(_TEXT_FIELDS, texts, strict=True) if text is not None}
    details = {key: text[:MAX_TEXT] for key, text in event.details.items()}
    return replace(event, **short, details=MappingProxyType(details))


def encode(record: JournalRecord) -> bytes:
    """Return the record's line, newline included.

    Raises:
        BadRecordError: the line would be longer than `MAX_LINE_BYTES`.
    """
    line = SealedRecord(record=record, body=_body(record, record.prev)).line
    _refuse_too_long(len(line))
    return line


def _refuse_too_long(size: int) -> None:
    if size > MAX_LINE_BYTES:
        raise BadRecordError(f"a record of {size} bytes is longer than {MAX_LINE_BYTES}; shorten its texts")


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
    return read_body(*_proven(line))


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


def _body(record: JournalRecord, prev: str) -> bytes:
    # The text that json.dumps makes of such a dictionary, put together here: an order waits for three of them.
    fact = record.fact
    place = f'{{"v":{record.v},"seq":{record.seq},"ts":"{time_text(record.ts)}","mono":"{record.mono}"'
    texts = [place, f',"event":"{fact.event}","session_id":{quoted(record.session_id)}']
    for head, value in zip(_FACT_HEADS, _facts_of(fact), strict=True):
        if value is not None:
            texts.append(head)
            texts.append(quoted(value) if type(value) is str else _text_of(value))
    if fact.details:
        rows = [f"{quoted(key)}:{quoted(text[:MAX_TEXT])}" for key, text in sorted(fact.details.items())]
        texts.append(f',"details":{{{",".join(rows)}}}')
    texts.append(f',"prev":"{prev}"}}')
    return "".join(texts).encode("ascii")


def _text_of(value: object) -> str:
    if isinstance(value, str):  # an enum's member, among others
        return quoted(value[:MAX_TEXT])
    if isinstance(value, Decimal):
        return f'"{value:f}"'
    return f'"{time_text(value)}"' if isinstance(value, datetime) else str(value)


def time_text(moment: datetime) -> str:
    """Return a time as records state it: UTC, to the microsecond."""
    utc = moment.astimezone(UTC)
    if type(utc) is datetime and utc.microsecond:
        text: str = to_builtins(utc)  # four times as fast as isoformat; leaves a fraction of zero out
        return text
    return f"{utc.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
