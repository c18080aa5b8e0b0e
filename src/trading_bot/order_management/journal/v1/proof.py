"""The proof that a journal of 0.1 is all there, unchanged, and nobody else's."""

import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead
from trading_bot.order_management.journal.v1.joining import Piece, Told, join, told_by
from trading_bot.order_management.journal.v1.lines import (
    FileRead,
    Link,
    OnRecord,
    Place,
    first_record,
    link_in,
    read_file,
)
from trading_bot.order_management.journal.v1.names import V1Names

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_NAMES_WHILE_ROTATING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class V1Journal:
    """A journal of 0.1 that was proven: where its lines are, in order, and what they add up to."""

    first: JournalRecord | None
    """What says whose it is, as the first record of each file does; None if it holds no record."""
    places: tuple[Place, ...]
    live_from: int
    """The number of the first record that a start of 0.1 folds: the first one of the live file."""
    head: ChainHead
    left_bytes: int
    """What the live file has that is no part of the story: a torn end, or a refused intent."""
    follows: ChainHead = ChainHead.genesis()  # noqa: RUF009 - it cannot be changed
    """After which record its places begin."""


def prove(names: V1Names, *, noted_head: Path, files: FileSystem) -> V1Journal:
    """Read and prove every file.

    Raises:
        BadRecordError: something is missing, changed or cut off.
        OrderLogError: the noted head cannot be read.
        OSError: a file cannot be read, or is not ours alone.
    """
    return _Proof(names, noted=_noted(noted_head, files), files=files).run()


def prove_live(names: V1Names, *, noted_head: Path, files: FileSystem) -> V1Journal:
    """Read and prove the live file and what continues it; of the finished segments, that they are there.

    That is what a start of 0.1 folded: every order that had not ended, and every fact that counted.

    Raises:
        BadRecordError, OrderLogError, OSError: as `prove`.
    """
    return _Proof(names, noted=_noted(noted_head, files), files=files).run(only_live=True)


class _Proof:
    """One run over all files."""

    def __init__(self, names: V1Names, *, noted: ChainHead | None, files: FileSystem) -> None:
        self._names = names
        self._files = files
        self._noted = noted
        self._noted_seen: str | None = None
        self._first: JournalRecord | None = None

    def run(self, *, only_live: bool = False) -> V1Journal:
        live = self._names.journal
        chain = self._chain()
        self._check_folder()
        self._check_plain(live, second=self._check_no_others(chain))
        places, before = self._unread(chain) if only_live else self._finished(chain)
        pieces = self._pieces()
        told: list[Told] = []
        since = min((piece.told[0].seq for piece in pieces), default=None)

        def keep(record: JournalRecord, end: int) -> None:
            if since is not None and record.seq >= since - 1:
                told.append(told_by(record, end))

        found = self._read(live, before, keep)
        joined = join(Piece(path=live, told=tuple(told), end=found.end), found.head or before, pieces)
        self._check_noted(joined.head)
        return V1Journal(
            first=self._first,
            places=(*places, *joined.places),
            live_from=before.seq + 1,
            head=joined.head,
            left_bytes=found.size - joined.live_end,
            follows=before if only_live else ChainHead.genesis(),
        )

    def _chain(self) -> tuple[tuple[Path, Link], ...]:
        """Return the finished segments, oldest first, as their successors name them."""
        chain: list[tuple[Path, Link]] = []
        path, number = self._names.journal, None
        while True:
            first = first_record(path, files=self._files)
            link = link_in(first, name=path.name) if first is not None else None
            if number is not None and number != (link.number + 1 if link else 1):
                raise BadRecordError(f"{path.name} is not segment {number}, as its successor says")
            if link is None:
                return tuple(reversed(chain))
            path, number = self._names.journal.with_name(link.name), link.number
            if self._files.facts_at(path) is None:
                raise BadRecordError(f"its segment {number}, {path.name}, is missing beside it")
            chain.append((path, link))

    def _check_no_others(self, chain: Sequence[tuple[Path, Link]]) -> Path | None:
        """Refuse segments that nothing names; return the live file's second name, if a rotation left it one."""
        named = {path for path, _ in chain}
        live = self._files.facts_at(self._names.journal)
        second: Path | None = None
        for path, number in self._names.finished(self._files).items():
            if path in named:
                continue
            facts = self._files.facts_at(path)
            is_live = facts and live and (facts.device, facts.inode) == (live.device, live.inode)
            if not is_live or number != len(chain) + 1:
                raise BadRecordError(f"{path.name} lies beside it and is no part of it")
            second = path
        return second

    def _unread(self, chain: Sequence[tuple[Path, Link]]) -> tuple[tuple[Place, ...], ChainHead]:
        """Believe what the live file says of the segment before it."""
        self._first = first_record(self._names.journal, files=self._files)
        before = chain[-1][1].head if chain else ChainHead.genesis()
        if self._noted is not None and self._noted.seq < before.seq:
            self._noted = None  # the chain itself answers for that record
        elif self._noted == before:
            self._noted_seen = before.hash
        return (), before

    def _finished(self, chain: Sequence[tuple[Path, Link]]) -> tuple[tuple[Place, ...], ChainHead]:
        places, head = [], ChainHead.genesis()
        for path, link in chain:
            self._check_plain(path)
            found = self._read(path, head, lambda _, __: None)
            if found.end != found.size or found.head != link.head:
                raise BadRecordError(f"{path.name} does not end where its successor says")
            places.append(Place(path=path, end=found.end))
            head = link.head
        return tuple(places), head

    def _pieces(self) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        for path in self._names.continuations(self._files):
            self._check_plain(path)
            told, end = self._told(path)
            if told:
                pieces.append(Piece(path=path, told=told, end=end))
        return tuple(pieces)

    def _told(self, path: Path) -> tuple[tuple[Told, ...], int]:
        told: list[Told] = []
        found = self._read(path, None, lambda record, end: told.append(told_by(record, end)))
        return tuple(told), found.end

    def _read(self, path: Path, follows: ChainHead | None, keep: OnRecord) -> FileRead:
        def on_record(record: JournalRecord, end: int) -> None:
            if record.fact.event is EventKind.JOURNAL_IMPORTED:
                raise BadRecordError(f"{path.name} is the log of a database: put that back from a backup")
            if record.seq == 1:
                self._first = record
            if self._noted is not None and record.seq == self._noted.seq:
                self._noted_seen = record.hash
            keep(record, end)

        return read_file(path, files=self._files, follows=follows, on_record=on_record)

    def _check_noted(self, head: ChainHead) -> None:
        noted = self._noted
        if noted is None or noted == ChainHead.genesis():
            return
        if noted.seq > head.seq:
            raise BadRecordError(f"it ends at record {head.seq} although {noted.seq} were written: its end was cut off")
        if self._noted_seen != noted.hash:
            raise BadRecordError(f"record {noted.seq} is not the one that was written: the journal was exchanged")

    def _check_plain(self, path: Path, *, second: Path | None = None) -> None:
        facts = self._files.facts_at(path)
        if facts is None or not facts.is_regular or facts.links != (1 if second is None else _NAMES_WHILE_ROTATING):
            raise OSError(f"{path.name} is not a plain file with one name")
        if facts.owner != self._files.user() or facts.mode & _WRITABLE_BY_OTHERS:
            raise OSError(f"{path.name} belongs to another user, or others may write it")

    def _check_folder(self) -> None:
        folder = self._files.facts_at(self._names.journal.parent.resolve())
        if folder is None or folder.owner not in (self._files.user(), 0):
            raise OSError("its folder belongs to another user")
        if folder.mode & _WRITABLE_BY_OTHERS and not folder.mode & stat.S_ISVTX:
            raise OSError("others may write its folder, so run 'chmod go-w' on it")


def _noted(path: Path, files: FileSystem) -> ChainHead | None:
    try:
        if files.facts_at(path) is None:
            return None
        return _head_in(files.read(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OrderLogError(
            f"cannot read {path}: {error}; it says how far the journal was written: put it back from a copy, or delete "
            "it if the journal is whole"
        ) from error


def _head_in(data: bytes) -> ChainHead:
    raw = json.loads(data)
    seq, digest = raw["seq"], raw["hash"]
    if raw["v"] != 1 or type(seq) is not int or not isinstance(digest, str):
        raise ValueError("it is no head of a journal")
    return ChainHead(seq=seq, hash=digest)
