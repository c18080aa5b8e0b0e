"""The live file of 0.1 and what continues it, as one list of records.

A continuation begins after a record that the live file has. What the live file has behind that is a beginning of it,
with one exception: an intent whose write failed. It was refused, so nothing was sent. Anything else is damage: records
are missing, or two files contradict each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead
from trading_bot.order_management.journal.v1.lines import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What joining needs of a record: its place in the chain, and by whom it was written."""

    seq: int
    hash: str
    prev: str
    event: EventKind
    session_id: str
    end: int
    """Where its line ends in its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file and what it tells; of the live file, only from shortly before the first continuation on."""

    path: Path
    told: tuple[Told, ...]
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Where the story's lines are, and where it ends."""

    places: tuple[Place, ...]
    head: ChainHead
    live_end: int
    """Up to where the live file is part of the story."""


def told_by(record: JournalRecord, end: int) -> Told:
    """Return what joining needs of a record."""
    return Told(
        seq=record.seq,
        hash=record.hash,
        prev=record.prev,
        event=record.fact.event,
        session_id=record.session_id,
        end=end,
    )


def join(live: Piece, head: ChainHead, continuations: Sequence[Piece]) -> Joined:
    """Join a live file that ends at ``head`` with what continues it.

    Raises:
        BadRecordError: they are no one story, or there are two continuations.
    """
    joined = Joined(places=(Place(path=live.path, end=live.end),), head=head, live_end=live.end)
    story = live.told
    for piece in continuations:
        behind = _behind(story, joined.head, piece)
        same = sum(1 for _ in takewhile(_is_same, zip(behind, piece.told, strict=False)))
        if same == len(piece.told) < len(behind):
            continue  # it was taken into the live file before a crash
        if len(joined.places) > 1:
            raise BadRecordError(f"{piece.path.name} is a second continuation beside it")
        kept = tuple(each for each in story if each.seq < piece.told[0].seq)
        _check_refused(behind[same:], piece, same)
        story = (*kept, *piece.told)
        joined = Joined(
            places=(Place(path=live.path, end=kept[-1].end), Place(path=piece.path, end=piece.end)),
            head=ChainHead(seq=story[-1].seq, hash=story[-1].hash),
            live_end=(*kept, *behind[:same])[-1].end,
        )
    return joined


def _is_same(pair: tuple[Told, Told]) -> bool:
    return pair[0].hash == pair[1].hash


def _behind(story: Sequence[Told], head: ChainHead, piece: Piece) -> tuple[Told, ...]:
    first, name = piece.told[0], piece.path.name
    if first.seq - 1 > head.seq:
        raise BadRecordError(f"records {head.seq + 1} to {first.seq - 1} are missing between it and {name}")
    at = next((each for each in story if each.seq == first.seq - 1), None)
    if at is None or at.hash != first.prev:
        raise BadRecordError(f"{name} does not go on from its record {first.seq - 1}")
    return tuple(each for each in story if each.seq >= first.seq)


def _check_refused(behind: Sequence[Told], piece: Piece, same: int) -> None:
    if not behind:
        return
    # Only the failed writer itself leaves this: its intent, and in the other file its own word that it went on there.
    ours, theirs = behind[0], piece.told[same]
    kinds, is_one_writer = (ours.event, theirs.event), ours.session_id == theirs.session_id
    if len(behind) > 1 or not is_one_writer or kinds != (EventKind.ORDER_INTENDED, EventKind.JOURNAL_CONTINUED):
        raise BadRecordError(f"record {theirs.seq} is another one in {piece.path.name}")
