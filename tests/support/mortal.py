"""A process that can die at any of its effects: before or after each file operation, each send and each receipt."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.tidy_files import TidyFiles
from trading_bot.files import Descriptor
from trading_bot.order_management.send_horizon import Carrier


def effects_apart(usual: int) -> int:
    """Return how far apart the effects are at which a test lets a process die: EFFECTS_APART=1 for each of them."""
    return int(os.environ.get("EFFECTS_APART", usual))


class DiedError(BaseException):
    """The process ended here; nothing may catch this but the test."""


class Life:
    """Counts the effects of one process and ends it at the chosen one.

    ``end`` is what dying means: raise for a simulated death, a signal for a real one. What a dead process still tries
    to do leaves no trace.
    """

    def __init__(self, *, die_at: int | None = None, end: Callable[[], None] | None = None) -> None:
        self.die_at = die_at
        self.effects = 0
        self.names: list[str] = []
        self.is_over = False
        self._end = end or _raise

    def moment(self, name: str) -> None:
        """A point between two effects at which the process may die."""
        if self.is_over:
            return
        self.effects += 1
        self.names.append(name)
        if self.effects == self.die_at:
            self.is_over = True
            self._end()

    def die_in(self, effects: int) -> None:
        self.die_at = self.effects + effects


def _raise() -> None:
    raise DiedError


@dataclass
class _Change:
    """One that a power loss may take back; ``path`` follows the file when that is renamed."""

    path: Path
    undo: Callable[[Path], None]


class Disk:
    """What a power loss would take; flushes are noted instead of made, so that many lives stay quick."""

    def __init__(self) -> None:
        self._unflushed_writes: list[_Change] = []
        """The changes of files that no flush of them has made durable yet, oldest first."""
        self._losses = 0
        self._unflushed_names: list[_Change] = []
        """The changes of names that no flush of their folder has made durable yet, oldest first."""

    def named(self, path: Path) -> None:
        """A file was made, or got a second name."""
        self._unflushed_names.append(_Change(path, lambda path: path.unlink(missing_ok=True)))

    def renamed(self, path: Path, over: Path, *, was: bytes | None) -> None:
        """``was`` is what the file held that had the name before, if one had."""
        for change in self._unflushed_writes:
            change.path = over if change.path == path else change.path

        def undo(over: Path) -> None:
            if over.exists():  # else it was moved on, and that name was flushed
                over.replace(path)
            if was is not None:
                _put(over, was)

        self._unflushed_names.append(_Change(over, undo))

    def removed(self, path: Path, was: bytes) -> None:
        self._unflushed_names.append(_Change(path, lambda path: _put(path, was)))

    def written_at(self, path: Path, offset: int, before: bytes) -> None:
        """``before`` is what the file held there."""

        def undo(path: Path) -> None:
            if path.exists():
                with path.open("r+b") as file:
                    file.seek(offset)
                    file.write(before)

        self._unflushed_writes.append(_Change(path, undo))

    def appended(self, path: Path, *, size: int) -> None:
        """``size`` is what the file had before. Of what was appended, each second power loss leaves a half."""

        def undo(path: Path) -> None:
            if path.exists() and path.stat().st_size > size:
                now = path.stat().st_size
                os.truncate(path, (size + now) // 2 if self._losses % 2 else now)

        if all(each.path != path for each in self._unflushed_writes):
            self._unflushed_writes.append(_Change(path, undo))

    def flushed(self, path: Path) -> None:
        self._unflushed_writes = [each for each in self._unflushed_writes if each.path != path]

    def folder_flushed(self, folder: Path) -> None:
        self._unflushed_names = [each for each in self._unflushed_names if each.path.parent != folder]

    def lose_power(self) -> None:
        """Take back what was written and the names that were given since the last flush."""
        self._losses += 1
        for unflushed in (self._unflushed_writes, self._unflushed_names):
            while unflushed:
                change = unflushed.pop()
                change.undo(change.path)


def _put(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


class MortalFiles(TidyFiles):
    """One process's view of the disk. ``fault`` may raise OSError in front of an operation."""

    def __init__(self, life: Life, disk: Disk) -> None:
        super().__init__()
        self._life = life
        self._disk = disk
        self.fault: Callable[[str], None] = lambda operation: None
        self._paths: dict[Descriptor, Path] = {}

    def open_append(self, path: Path) -> Descriptor:
        self._begins("open_append")
        is_new = not path.exists()
        descriptor = super().open_append(path)
        if is_new and not self._life.is_over:
            self._disk.named(path)
        self._paths[descriptor] = path
        return descriptor

    def create(self, path: Path, size: int) -> Descriptor:
        self._begins("create")
        if self._life.is_over:
            raise OSError("a dead process makes no file")
        descriptor = super().create(path, size)
        self._paths[descriptor] = path
        self._life.moment("created")
        return descriptor

    def write_at(self, descriptor: Descriptor, data: bytes, offset: int) -> int:
        self._begins("write_at")
        if self._life.is_over:
            return len(data)
        before = os.pread(descriptor, len(data), offset)
        taken = super().write_at(descriptor, data, offset)
        self._disk.written_at(self._paths[descriptor], offset, before)
        self._life.moment("written_at")
        return taken

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        self._begins("write")
        if self._life.is_over:
            return len(data)
        size = os.fstat(descriptor).st_size
        taken = super().write(descriptor, data)
        self._disk.appended(self._paths[descriptor], size=size)
        self._life.moment("written")
        return taken

    def sync(self, descriptor: Descriptor) -> None:
        self._begins("sync")
        if not self._life.is_over:
            if descriptor in self._paths:  # not while it is being made: it is durable when it has a name
                self._disk.flushed(self._paths[descriptor])
            self._life.moment("synced")

    def store_again(self, path: Path) -> None:
        self._begins("store_again")
        if not self._life.is_over:
            self._disk.flushed(path)
            self._life.moment("stored_again")

    def truncate(self, descriptor: Descriptor, size: int) -> None:
        self._begins("truncate")
        if not self._life.is_over:
            super().truncate(descriptor, size)

    def write_new(self, path: Path, data: bytes) -> None:
        self._begins("write_new")
        if self._life.is_over:
            return
        super().write_new(path, data)
        self._life.moment("new_written")

    def close(self, descriptor: Descriptor) -> None:
        self._paths.pop(descriptor, None)
        super().close(descriptor)

    def replace(self, path: Path, data: bytes) -> None:
        self._begins("replace")
        if self._life.is_over:
            return
        beside = path.with_name(f".{path.name}.new")
        beside.unlink(missing_ok=True)
        self.write_new(beside, data)
        self._rename(beside, path)
        self.sync_folder(path.parent)

    def link(self, path: Path, second: Path) -> None:
        self._begins("link")
        if not self._life.is_over:
            super().link(path, second)
            self._disk.named(second)

    def rename(self, path: Path, over: Path) -> None:
        self._begins("rename")
        if not self._life.is_over:
            self._rename(path, over)

    def _rename(self, path: Path, over: Path) -> None:
        was = over.read_bytes() if over.exists() else None
        super().rename(path, over)
        self._disk.renamed(path, over, was=was)
        self._life.moment("renamed")

    def remove(self, path: Path) -> None:
        self._begins("remove")
        if not self._life.is_over:
            if path.exists():
                self._disk.removed(path, path.read_bytes())
            super().remove(path)

    def sync_folder(self, path: Path) -> None:
        self._begins("sync_folder")
        if not self._life.is_over:
            self._disk.folder_flushed(path)

    def _begins(self, operation: str) -> None:
        self._life.moment(operation)
        if not self._life.is_over:
            self.fault(operation)


class MortalLine(requests.adapters.BaseAdapter):
    """One process's line to the broker. The stand-in itself keeps what is late, so nothing waits in a kernel."""

    def __init__(self, life: Life, broker: requests.adapters.BaseAdapter) -> None:
        super().__init__()
        self.carrier = getattr(broker, "carrier", Carrier.IN_PROCESS)
        self._life = life
        self._broker = broker

    def send(self, request, *arguments, **options):
        if self._life.is_over:
            raise DiedError
        self._life.moment("send")
        answer = self._broker.send(request, *arguments, **options)
        self._life.moment("receive")
        return answer

    def close(self) -> None:
        self._broker.close()
