"""The journal's open file: how long it has to be, that nobody else touched it, and the space kept for the worst day."""

import errno
from contextlib import suppress
from pathlib import Path

from trading_bot.files import Descriptor, FileSystem
from trading_bot.order_management.journal.place import check_place, check_plain_file

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class LiveFile:
    """Appends whole lines to one file. Every method raises OSError as the file system does."""

    def __init__(self, *, path: Path, files: FileSystem) -> None:
        self._path = path
        self._files = files
        self._descriptor: Descriptor | None = None
        self.size = 0
        """Bytes that the file has to have."""

    @property
    def is_open(self) -> bool:
        """Whether there is something to close."""
        return self._descriptor is not None

    def open(self) -> bytes:
        """Open or create the file, refuse one that is not ours alone, and return its content."""
        self._descriptor = self._files.open_append(self._path)
        self._check_alone()
        check_place(self._path, files=self._files)
        return self._files.read(self._path)

    def append(self, line: bytes) -> None:
        """Write a line, whole or not at all, at the end that the file has to have."""
        length = self._check_alone()
        if length != self.size:
            raise OSError(f"the file has {length} bytes where {self.size} were written")
        taken = self._files.write(self._opened(), line)
        if taken != len(line):
            self._files.truncate(self._opened(), self.size)
            raise OSError(errno.ENOSPC, f"only {taken} of {len(line)} bytes were written")
        self.size += taken

    def sync(self) -> None:
        """Flush it."""
        self._files.sync(self._opened())

    def set_aside(self, end: bytes, *, kept: Path) -> None:
        """Keep ``end``, if any, under another name, and cut off what is longer than the file has to be.

        What was kept once is never overwritten: a crash in between leaves both, and the first copy is the evidence.
        """
        try:
            if end and self._files.facts_at(kept) is None:
                self._files.write_new(kept, end)
            self._files.truncate(self._opened(), self.size)
            self._files.sync(self._opened())
        except OSError as error:
            raise OSError(f"its torn end cannot be set aside ({error.strerror})") from error

    def check(self) -> None:
        """Refuse to go on with a file that was moved, replaced, or given a second name."""
        self._check_alone()

    def has_its_name(self) -> bool:
        """Whether the open file is still what its name stands for, whatever other names it has."""
        ours, there = self._files.facts(self._opened()), self._files.facts_at(self._path)
        return there is not None and (there.device, there.inode) == (ours.device, ours.inode)

    def reopen(self, size: int) -> None:
        """Go on with the file that has taken this one's name."""
        old = self._opened()
        self._descriptor = self._files.open_append(self._path)
        self._files.close(old)
        self.size = size

    def close(self, *, flush: bool) -> None:
        """Close it, flushed or not."""
        descriptor, self._descriptor = self._opened(), None
        try:
            if flush:
                self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)

    def _check_alone(self) -> int:
        ours = self._files.facts(self._opened())
        check_plain_file(ours, there=self._files.facts_at(self._path), user=self._files.user())
        return ours.size

    def _opened(self) -> Descriptor:
        if self._descriptor is None:
            raise OSError("it is not open")
        return self._descriptor


class SpaceReserve:
    """A file that holds disk space until there is no other: then halts, cancels and fills can still be written."""

    def __init__(self, *, path: Path, files: FileSystem, size: int) -> None:
        self._path = path
        self._files = files
        self._size = size
        self.is_freed = False

    def make(self) -> None:
        """Take the space. A disk that has none left will say so when the journal itself is written."""
        facts = self._files.facts_at(self._path)
        if self._size and (facts is None or facts.size < self._size):
            with suppress(OSError):
                self._files.remove(self._path)
                self._files.write_new(self._path, b"\xa5" * self._size)

    def free_after(self, error: OSError) -> bool:
        """Give the space back if ``error`` is for want of it; say whether it is worth another try."""
        if self.is_freed or not self._size or error.errno not in _NO_SPACE:
            return False
        self.is_freed = True
        self._files.remove(self._path)
        return True
