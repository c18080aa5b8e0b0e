"""What a crash of the machine may leave of a recorded run.

Rules of this disk: what was synced is there. A write or truncate that was not synced is there, or not, or in part:
any subset of its sectors, whatever came after it. Where a lost write would have made the file longer, the file may be
longer all the same and hold zeros there. A new name is there once a file that was made in the folder was synced (SQLite
syncs the folder with it); a removed one may be back until then. A sector itself is stored whole or not at all.

Where a sync fails, Linux takes what it was to store for clean: no later sync stores it, unless it is written again or
something else is in the same sector. ``forgets_failed_syncs`` is such a disk; without it, a later sync makes up for it.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import product

from tests.support.sqlite_shim.vfs import Call, Step

Image = Mapping[str, bytes]
"""The content of each file, by its path."""

_CREATE_FLAG = 0x04
_FEW = 64
"""Up to so many fates are all tried; of more a sample is."""


class Fate(Enum):
    """What becomes of one sector that was not synced."""

    STORED = 1
    LOST = 2
    ZEROS = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a write that is stored whole or not at all; a truncate where there is no data."""

    offset: int
    data: bytes = b""
    cut_to: int | None = None

    def put_on(self, content: bytearray, fate: Fate) -> None:
        if fate is Fate.LOST or (fate is Fate.ZEROS and self.cut_to is not None):
            return
        if self.cut_to is not None:
            del content[self.cut_to :]
        end = self.offset + len(self.data) if self.cut_to is None else self.cut_to
        content.extend(bytes(max(0, end - len(content))))
        if fate is Fate.STORED and self.cut_to is None:
            content[self.offset : end] = self.data


@dataclass
class _File:
    durable: bytes = b""
    pending: list[Piece] = field(default_factory=list)
    clean: int = 0
    """How many of ``pending``, the oldest, no sync will store, because one of them failed."""
    is_name_durable: bool = True

    def now(self) -> bytes:
        return _applied(self.durable, ((piece, Fate.STORED) for piece in self.pending))


class CrashedDisk:
    """Follows a recording step by step; `images` is what a crash behind the last step may leave."""

    def __init__(self, before: Image | None = None, *, sector: int = 4096, forgets_failed_syncs: bool = False) -> None:
        self._sector = sector
        self._forgets = forgets_failed_syncs
        self._files = {path: _File(durable=data) for path, data in (before or {}).items()}
        self._removed: dict[str, bytes] = {}

    def follow(self, steps: Iterable[Step]) -> "CrashedDisk":
        for step in steps:
            self._follow(step)
        return self

    def _follow(self, step: Step) -> None:
        if self._forgets and step.call is Call.SYNC and not step.is_done and step.file in self._files:
            self._files[step.file].clean = len(self._files[step.file].pending)
        if not step.is_done or step.file.endswith("-shm"):
            return
        if step.call is Call.OPEN and step.size & _CREATE_FLAG and step.file not in self._files:
            self._files[step.file] = _File(is_name_durable=False)
        elif step.call is Call.WRITE:
            self._files[step.file].pending.extend(self._pieces(step))
        elif step.call is Call.TRUNCATE:
            self._files[step.file].pending.append(Piece(0, cut_to=step.size))
        elif step.call is Call.SYNC:
            self._sync(self._files[step.file])
        elif step.call is Call.DELETE and step.file in self._files:
            gone = self._files.pop(step.file)
            if gone.is_name_durable and not step.size:
                self._removed[step.file] = gone.durable

    def _pieces(self, step: Step) -> Iterator[Piece]:
        start, end = step.offset, step.offset + len(step.data)
        while start < end:
            until = min(end, (start // self._sector + 1) * self._sector)
            yield Piece(start, step.data[start - step.offset : until - step.offset])
            start = until

    def _sync(self, file: _File) -> None:
        lost = self._still_lost(file)
        gone = set(map(id, lost))
        stored = [(piece, Fate.STORED) for piece in file.pending if id(piece) not in gone]
        file.durable, file.pending, file.clean = _applied(file.durable, stored), lost, len(lost)
        if not file.is_name_durable:
            for each in self._files.values():
                each.is_name_durable = True
            self._removed.clear()

    def _still_lost(self, file: _File) -> list[Piece]:
        clean, written = file.pending[: file.clean], file.pending[file.clean :]
        if any(piece.cut_to is not None for piece in written):
            return []
        sectors = {piece.offset // self._sector for piece in written}
        return [each for each in clean if each.cut_to is None and each.offset // self._sector not in sectors]

    def stored_again(self, path: str) -> None:
        """A file was written over with what it holds, and synced."""
        file = self._files[path]
        file.durable, file.pending, file.clean = file.now(), [], 0

    def whole(self) -> Image:
        """What is left where only the process died."""
        return {path: file.now() for path, file in self._files.items()}

    def images(self, chance: random.Random, *, sample: int) -> Iterator[Image]:
        """Yield what may be left: everything, nothing that was not synced, and up to ``sample`` mixtures of both."""
        yield self.whole()
        pieces = [(path, piece) for path, file in self._files.items() for piece in file.pending]
        if not pieces and not self._removed and all(file.is_name_durable for file in self._files.values()):
            return
        yield self._mixed([Fate.LOST] * len(pieces), nameless=True)
        for fates in _fates(len(pieces), chance, sample):
            yield self._mixed(fates, nameless=False)

    def _mixed(self, fates: Sequence[Fate], *, nameless: bool) -> Image:
        left = iter(fates)
        image = {}
        for path, file in self._files.items():
            content = _applied(file.durable, [(piece, next(left)) for piece in file.pending])
            if file.is_name_durable or not nameless:
                image[path] = content
        return {**(self._removed if nameless else {}), **image}


def _applied(content: bytes, pieces: Iterable[tuple[Piece, Fate]]) -> bytes:
    found = bytearray(content)
    for piece, fate in pieces:
        piece.put_on(found, fate)
    return bytes(found)


def _fates(count: int, chance: random.Random, sample: int) -> Iterator[Sequence[Fate]]:
    if not count:
        return
    if len(Fate) ** count <= min(_FEW, sample):
        yield from product(Fate, repeat=count)
        return
    for number in range(sample):
        if number < count:  # each one lost alone comes first: the most likely way to miss a hole
            yield [Fate.LOST if place == number else Fate.STORED for place in range(count)]
        else:
            yield chance.choices(list(Fate), weights=(4, 3, 1), k=count)
