"""The journal's live file and its continuations as one story, and the end of a continuation that was taken in.

A continuation begins after a record that the live file has. What the live file has behind that is a beginning of it,
with one exception: an intent whose write failed. It was refused, so nothing was sent, and it is set aside like a torn
end. Anything else is damage: records are missing, or two files tell different stories.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.journal.chain import BadRecordError
from trading_bot.order_management.journal.continuation import continued_prefix
from trading_bot.order_management.journal.place import check_plain_file
from trading_bot.order_management.journal.segments import Integrity, JournalScan, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedScan:
    """The live file and what continues it, as one story.

    The ``good_bytes`` of the story are what stays of the live file. Behind them comes everything that a continuation
    tells, written anew even where the file seems to have it: after a flush that failed, what is read of it need not be
    what is on the medium.
    """

    story: JournalScan
    suspect: bytes
    """What the live file has behind that and no continuation repeats: a torn end, or a refused intent."""
    suspect_seq: int
    """The number of the record that would stand there."""
    lines: tuple[bytes, ...] = ()
    """What continuations tell, each line with its newline."""
    names: tuple[str, ...] = ()
    """The continuations that are part of the story."""


def read_joined(journal: Path, data: bytes, *, files: FileSystem) -> JoinedScan:
    """Read what continues a live file that holds ``data``, without writing.

    Raises:
        OSError: a continuation cannot be read, or is no plain file of ours.
    """
    return join(data, [(name, _read(journal.with_name(name), files)) for name in continuations(journal, files=files)])


def continuations(journal: Path, *, files: FileSystem) -> tuple[str, ...]:
    """Return the names of the continuations beside a journal, in the order of their records.

    Raises:
        OSError: the folder cannot be read.
    """
    pattern = re.escape(continued_prefix(journal)) + r"[1-9]\d{0,17}"
    names = files.names(journal.parent) if files.facts_at(journal.parent) is not None else ()
    ours = [name for name in names if re.fullmatch(pattern, name, re.ASCII)]
    return tuple(sorted(ours, key=lambda name: int(name.removeprefix(continued_prefix(journal)))))


def put_away(journal: Path, names: Sequence[str], *, files: FileSystem) -> None:
    """Give continuations whose records the live file has by now a name under which they are kept and not read.

    Raises:
        OSError: as the file system does.
    """
    for name in names:
        number = name.removeprefix(continued_prefix(journal))
        files.rename(journal.with_name(name), journal.with_name(f"{journal.name}.taken-in-{number}"))
    if names:
        files.sync_folder(journal.parent)


def join(data: bytes, pieces: Sequence[tuple[str, bytes]]) -> JoinedScan:
    """Join the bytes of a live file with what continues it; what does not fit is damage, and so is a second one."""
    live = scan(data)
    joined = JoinedScan(story=live, suspect=data[live.good_bytes :], suspect_seq=live.head.seq + 1)
    for name, piece in pieces:
        if joined.story.integrity is not Integrity.DAMAGED:
            try:
                joined = _with_piece(joined, data, name=name, piece=piece)
            except BadRecordError as error:
                story = replace(joined.story, integrity=Integrity.DAMAGED, problem=str(error))
                joined = replace(joined, story=story)
    return joined


def _with_piece(joined: JoinedScan, data: bytes, *, name: str, piece: bytes) -> JoinedScan:
    told, story = scan(piece, begins_anywhere=True), joined.story
    if told.integrity is Integrity.DAMAGED:
        raise BadRecordError(f"{name} beside it is damaged: {told.problem}")
    if told.integrity is Integrity.TORN:
        story = replace(story, integrity=Integrity.TORN, problem=story.problem or f"{name}: {told.problem}")
    joined = replace(joined, story=story, names=(*joined.names, name))
    behind = _behind(story, told.records[0], name=name) if told.records else ()
    same = sum(ours.hash == theirs.hash for ours, theirs in zip(behind, told.records, strict=False))
    if not told.records or same == len(told.records) < len(behind):
        return joined
    if joined.lines:
        raise BadRecordError(f"{name} is a second continuation beside it")
    if behind[same:]:
        story = _without(story, behind[same:], instead=told.records[same], name=name)
    kept = len(story.records) - same
    return replace(
        joined,
        story=replace(story, records=(*story.records[:kept], *told.records), good_bytes=_length(data, kept)),
        suspect=data[_length(data, kept + same) :],
        suspect_seq=told.records[0].seq + same,
        lines=tuple(line + b"\n" for line in piece.split(b"\n")[: len(told.records)]),
    )


def _length(data: bytes, lines: int) -> int:
    return len(data) - len(data.split(b"\n", lines)[-1])


def _behind(story: JournalScan, first: JournalRecord, *, name: str) -> tuple[JournalRecord, ...]:
    last, missing_from = first.seq - 1, story.head.seq + 1
    if last >= missing_from:
        missing = f"record {last} is" if last == missing_from else f"records {missing_from} to {last} are"
        raise BadRecordError(f"{missing} missing between it and {name}")
    position = last - story.records[0].seq if story.records else -1
    if position < 0 or story.records[position].hash != first.prev:
        raise BadRecordError(f"{name} does not go on from its record {last}")
    return story.records[position + 1 :]


def _without(story: JournalScan, behind: Sequence[JournalRecord], *, instead: JournalRecord, name: str) -> JournalScan:
    # Only the failed writer itself leaves this: its intent, and in the other file its own word that it went on there.
    kinds = (behind[0].fact.event, instead.fact.event)
    told_by_one = behind[0].session_id == instead.session_id
    if len(behind) > 1 or not told_by_one or kinds != (EventKind.ORDER_INTENDED, EventKind.JOURNAL_CONTINUED):
        raise BadRecordError(f"record {instead.seq} is another one in {name}")
    problem = "an intent that was refused stands where the journal went on in another file"
    return replace(story, records=story.records[:-1], integrity=Integrity.TORN, problem=problem)


def _read(path: Path, files: FileSystem) -> bytes:
    facts = files.facts_at(path)
    if facts is None:
        return b""  # taken in just now by a bot that is starting
    try:
        check_plain_file(facts, there=facts, user=files.user())
    except OSError as error:
        raise OSError(f"{path.name}: {error}") from error
    return files.read(path)
