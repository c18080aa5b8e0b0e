"""One file of the journal: what its bytes hold, and how it follows from the file before it. Pure.

The live file keeps one name for ever. A finished one is called ``<stem>.<day>.<number>.jsonl``; the first record of its
successor names it, and the chain of hashes goes on from its last record.
"""

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from trading_bot.clock import Clock
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import (
    MAX_LINE_BYTES,
    BadRecordError,
    ChainHead,
    chain_record,
    decode,
    decode_alone,
    encode,
    head_at,
    is_whole,
)
from trading_bot.order_management.journal.identity import JournalIdentity, opening
from trading_bot.order_management.models import EXACT

Chaining: TypeAlias = Callable[[OrderEvent, ChainHead], JournalRecord]
"""Numbers, dates and chains an event behind a head."""

_MICROSECOND = Decimal("0.000001")
_NUMBER, _NAME, _SEQ, _HASH = "segment", "previous_segment", "previous_seq", "previous_hash"
_CARRIED = "carried"


class Integrity(enum.StrEnum):
    """What a reading of a journal found."""

    CLEAN = "clean"
    TORN = "torn"  # only the end is unfinished: a crash while writing
    DAMAGED = "damaged"  # something before the end is wrong: edited, lost, reordered, foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLink:
    """What the first record of a segment says of the finished one before it."""

    number: int
    """The finished segment's number; the first one's is 1."""
    name: str
    head: ChainHead

    def details(self) -> dict[str, str]:
        """The link as that record states it."""
        return {
            _NUMBER: str(self.number + 1),
            _NAME: self.name,
            _SEQ: str(self.head.seq),
            _HASH: self.head.hash,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalScan:
    """The readable records of one segment and the verdict on the rest."""

    records: tuple[JournalRecord, ...]
    integrity: Integrity
    good_bytes: int
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether every byte belongs to the chain."""
        return self.integrity is Integrity.CLEAN

    @property
    def head(self) -> ChainHead:
        """Where the chain of good records stands."""
        last = self.records[-1] if self.records else None
        return head_at(last) if last else ChainHead.genesis()

    @property
    def link(self) -> SegmentLink | None:
        """The segment before this one; None if this is the first, or nothing could be read."""
        return link_in(self.records[0]) if self.records else None

    @property
    def carried(self) -> int:
        """How many records after the first one were carried over from the segment before."""
        stated = self.records[0].fact.details.get(_CARRIED, "") if self.records else ""
        return int(stated) if stated.isascii() and stated.isdigit() else 0

    @property
    def number(self) -> int:
        """Which segment of its journal this is, from 1."""
        return self.link.number + 1 if self.link else 1


def chaining(clock: Clock, *, session_id: str) -> Chaining:
    """Return what dates the records of one session by ``clock``."""

    def chained(event: OrderEvent, head: ChainHead) -> JournalRecord:
        mono = EXACT.quantize(Decimal(clock.monotonic()), _MICROSECOND)
        return chain_record(event, head=head, ts=clock.now(), mono=mono, session_id=session_id)

    return chained


def next_segment(
    identity: JournalIdentity, link: SegmentLink, carried: Sequence[OrderEvent], *, chained: Chaining
) -> bytes:
    """Return a later segment as it begins: whose it is, what is before it, and ``carried``, which still counts.

    Raises:
        BadRecordError: a record would be too long.
    """
    details = {**identity.details(), **link.details(), _CARRIED: str(len(carried))}
    data, head = bytearray(), link.head
    for event in (replace(opening(identity), details=details), *carried):
        record = chained(event, head)
        data += encode(record)
        head = head_at(record)
    return bytes(data)


def link_in(record: JournalRecord) -> SegmentLink | None:
    """Return the link that a first record states, or None if it begins the whole journal.

    Raises:
        BadRecordError: it is no first record, or contradicts itself.
    """
    if record.seq == 1:
        return None
    stated = record.fact.details
    if record.fact.event is not EventKind.JOURNAL_OPENED or not {_NUMBER, _NAME, _SEQ, _HASH} <= stated.keys():
        raise BadRecordError(f"it is numbered {record.seq} and does not begin a file")
    link = SegmentLink(
        number=_number(stated) - 1, name=stated[_NAME], head=ChainHead(seq=record.seq - 1, hash=record.prev)
    )
    if link.details().items() - stated.items() or link.number < 1 or Path(link.name).name != link.name:
        raise BadRecordError("what it says of the file before it contradicts itself")
    return link


def _number(stated: Mapping[str, str]) -> int:
    text = stated[_NUMBER]
    if not text.isascii() or not text.isdigit():
        raise BadRecordError("its segment has no number")
    return int(text)


def scan(data: bytes, *, begins_anywhere: bool = False) -> JournalScan:
    """Read one segment from its bytes; reading stops at the first bad line and never guesses past it.

    Where it ``begins_anywhere``, its first record is believed to follow the one that it names.
    """
    records: list[JournalRecord] = []
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        if end < 0:
            return _ended_badly(data, position, records, problem="the last line is unfinished")
        try:
            record = _next(data[position:end], records, begins_anywhere=begins_anywhere)
        except BadRecordError as error:
            number = str(records[-1].seq + 1) if records else "1"
            return _ended_badly(data, position, records, problem=f"record {number} is bad: {error}")
        records.append(record)
        position = end + 1
    return JournalScan(records=tuple(records), integrity=Integrity.CLEAN, good_bytes=position)


def _next(line: bytes, records: list[JournalRecord], *, begins_anywhere: bool) -> JournalRecord:
    if records:
        return decode(line, head=head_at(records[-1]))
    record = decode_alone(line)
    if begins_anywhere:
        return record
    link = link_in(record)
    return decode(line, head=link.head if link else ChainHead.genesis())


def _ended_badly(data: bytes, position: int, records: list[JournalRecord], *, problem: str) -> JournalScan:
    # A crash leaves one line unfinished, NULs perhaps around it. More lines, a whole line with a right hash, or more
    # bytes than a line can have, are somebody's doing.
    rest = data[position:].strip(b"\0")
    line = rest.rstrip(b"\n")
    finished = rest.endswith(b"\n") and is_whole(line)
    torn = b"\n" not in line and len(line) <= MAX_LINE_BYTES and not finished
    return JournalScan(
        records=tuple(records),
        integrity=Integrity.TORN if torn else Integrity.DAMAGED,
        good_bytes=position,
        problem=problem,
    )


def finished_name(journal: Path, *, day: date, number: int) -> str:
    """Return the name that segment ``number`` gets once it is finished."""
    return f"{journal.stem}.{day:%Y-%m-%d}.{number}{journal.suffix}"


def finished_number(journal: Path, name: str) -> int | None:
    """Return the number of a finished segment of ``journal``, or None if ``name`` is no such name."""
    pattern = rf"{re.escape(journal.stem)}\.\d{{4}}-\d{{2}}-\d{{2}}\.([1-9]\d{{0,8}}){re.escape(journal.suffix)}"
    found = re.fullmatch(pattern, name, re.ASCII)
    return int(found[1]) if found else None
