"""One file of a journal of 0.1: its lines, and how it follows from the file before it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from trading_bot.files import FileSystem
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.journal.chain import (
    MAX_LINE_BYTES,
    BadRecordError,
    ChainHead,
    SealedRecord,
    decode,
    decode_alone,
    head_at,
    is_whole,
    unseal_line,
)

_PART_BYTES = 1024 * 1024
_NUMBER, _NAME, _SEQ, _HASH = "segment", "previous_segment", "previous_seq", "previous_hash"

OnRecord: TypeAlias = Callable[[JournalRecord, int], object]
"""Hears each good record and where its line ends, in bytes from the beginning of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the first record of a segment says of the finished one before it."""

    number: int
    """The finished segment's number; the first one's is 1."""
    name: str
    head: ChainHead


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """How far a file is good: up to ``end`` bytes of ``size``, where the chain stands at ``head``."""

    head: ChainHead | None
    """None if it holds no record."""
    end: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whole lines of a file, from its beginning to ``end`` bytes."""

    path: Path
    end: int


def first_record(path: Path, *, files: FileSystem) -> JournalRecord | None:
    """Return the record that a file begins with, or None if it has no whole line.

    Raises:
        BadRecordError: its first line is no record.
        OSError: it cannot be read.
    """
    for line, _ in lines_of(path, files=files):
        try:
            return decode_alone(line)
        except BadRecordError as error:
            raise BadRecordError(f"{path.name} does not begin with a record: {error}") from error
    return None


def link_in(record: JournalRecord, *, name: str) -> Link | None:
    """Return the link that the first record of file ``name`` states, or None if it begins the whole journal.

    Raises:
        BadRecordError: it is no first record, or contradicts itself.
    """
    if record.seq == 1:
        return None
    stated = record.fact.details
    if record.fact.event is not EventKind.JOURNAL_OPENED or not {_NUMBER, _NAME, _SEQ, _HASH} <= stated.keys():
        raise BadRecordError(f"{name} begins with record {record.seq}, which does not begin a file")
    number = int(stated[_NUMBER]) if stated[_NUMBER].isascii() and stated[_NUMBER].isdigit() else 0
    before = (stated[_SEQ], stated[_HASH])
    is_name = Path(stated[_NAME]).name == stated[_NAME]
    if before != (str(record.seq - 1), record.prev) or number < 2 or not is_name:  # noqa: PLR2004 - the second file
        raise BadRecordError(f"what {name} says of the file before it contradicts itself")
    return Link(number=number - 1, name=stated[_NAME], head=ChainHead(seq=record.seq - 1, hash=record.prev))


def lines_of(path: Path, *, files: FileSystem, end: int | None = None) -> Iterator[tuple[bytes, int]]:
    """Yield each whole line without its newline, and where it ends, up to ``end`` bytes.

    Raises:
        OSError: it cannot be read.
    """
    rest, place = b"", 0
    while end is None or place < end:
        size = _PART_BYTES if end is None else min(_PART_BYTES, end - place)
        part = files.read_part(path, offset=place, size=size)
        if not part:
            return
        begin = place - len(rest)
        place += len(part)
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            begin += len(line) + 1
            yield line, begin
        if len(rest) > MAX_LINE_BYTES:
            return  # no line of ours: `read_file` finds it behind the last good one


def read_file(path: Path, *, files: FileSystem, follows: ChainHead | None, on_record: OnRecord) -> FileRead:
    """Read a file to its end, or to what a crash left unfinished there.

    Its first record has to follow ``follows``; with None it may begin anywhere.

    Raises:
        BadRecordError: something before the end is wrong.
        OSError: it cannot be read.
    """
    head, end = follows, 0
    for line, line_end in lines_of(path, files=files):
        try:
            record = decode_alone(line) if head is None else decode(line, head=head)
        except BadRecordError as error:
            problem = f"{path.name}: record {head.seq + 1 if head else 1} is bad: {error}"
            return _ended(path, head if end else None, end, files=files, problem=problem)
        head, end = head_at(record), line_end
        on_record(record, line_end)
    return _ended(path, head if end else None, end, files=files, problem=f"{path.name}: its last line is too long")


def _ended(path: Path, head: ChainHead | None, end: int, *, files: FileSystem, problem: str) -> FileRead:
    # A crash leaves one line unfinished, NULs perhaps around it. More lines, a whole line with a right hash, or more
    # bytes than a line can have, are somebody's doing.
    facts = files.facts_at(path)
    size = facts.size if facts is not None else 0
    rest = _rest_of(path, end, size, files=files)
    line = rest.rstrip(b"\n")
    is_finished = rest.endswith(b"\n") and is_whole(line)
    if b"\n" in line or len(line) > MAX_LINE_BYTES or is_finished:
        raise BadRecordError(problem)
    return FileRead(head=head, end=end, size=size)


def _rest_of(path: Path, begin: int, size: int, *, files: FileSystem) -> bytes:
    """Return what is behind the last good line without the NULs around it, or more of it than a line may have."""
    rest = b""
    while begin < size and len(rest.strip(b"\0\n")) <= MAX_LINE_BYTES:
        part = files.read_part(path, offset=begin, size=min(_PART_BYTES, size - begin))
        if not part:
            break
        rest = (rest + part).strip(b"\0")
        begin += len(part)
    return rest


def sealed_records(place: Place, *, follows: ChainHead, files: FileSystem) -> Iterator[SealedRecord]:
    """Yield the records of ``place`` with the bytes that their hashes cover.

    Raises:
        BadRecordError: one is wrong, or does not follow.
        OSError: the file cannot be read.
    """
    head, seen = follows, 0
    for line, end in lines_of(place.path, files=files, end=place.end):
        sealed = unseal_line(line)
        if (sealed.record.seq, sealed.record.prev) != (head.seq + 1, head.hash):
            raise BadRecordError(f"record {sealed.record.seq} does not follow record {head.seq}")
        head, seen = head_at(sealed.record), end
        yield sealed
    if seen != place.end:
        raise BadRecordError(f"{place.path.name} has become shorter")
