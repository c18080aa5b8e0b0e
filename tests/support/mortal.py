"""A process that can die at any of its effects: before or after each file operation, each send and each receipt."""

import os
from collections.abc import Callable
from pathlib import Path

import requests

from tests.support.broker_stand_in import BrokerStandIn
from tests.support.tidy_files import TidyFiles
from trading_bot.files import Descriptor
from trading_bot.order_management.send_horizon import Carrier


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


class Disk:
    """What of each file a power loss would leave; flushes are noted instead of made, so that many lives stay quick."""

    def __init__(self) -> None:
        self.durable: dict[tuple[int, int], int] = {}
        self._unflushed_names: list[tuple[Path, Callable[[], None]]] = []
        """How to undo each change of a name that no flush of its folder has made durable yet, oldest first."""

    def durable_size(self, path: Path) -> int:
        status = path.stat()
        return self.durable.get((status.st_dev, status.st_ino), 0)

    def durable_bytes(self, path: Path) -> bytes:
        return path.read_bytes()[: self.durable_size(path)] if path.exists() else b""

    def take_over(self, folder: Path) -> None:
        """Count what earlier processes left as flushed: a kill takes nothing from the operating system."""
        for status in (path.stat() for path in folder.rglob("*")):
            self.durable[status.st_dev, status.st_ino] = status.st_size

    def linked(self, second: Path) -> None:
        self._unflushed_names.append((second.parent, lambda: second.unlink(missing_ok=True)))

    def renamed(self, path: Path, over: Path, *, was: os.stat_result | None) -> None:
        """``was`` is the file that had the name before, if one had; it is found again by another of its names."""

        def undo() -> None:
            if was is None:
                over.rename(path)
                return
            before = next((each for each in over.parent.iterdir() if os.path.samestat(each.lstat(), was)), None)
            if before is not None:
                over.rename(path)
                os.link(before, over)

        self._unflushed_names.append((over.parent, undo))

    def folder_flushed(self, folder: Path) -> None:
        self._unflushed_names = [each for each in self._unflushed_names if each[0] != folder]

    def lose_power(self, path: Path, *, keep: int = 0) -> None:
        """Cut the file to what was flushed and at most ``keep`` bytes more, as a torn last line would be.

        Names that were given since their folder was last flushed are lost with it.
        """
        while self._unflushed_names:
            _, undo = self._unflushed_names.pop()
            undo()
        if path.exists():
            size = min(path.stat().st_size, self.durable_size(path) + keep)
            os.truncate(path, size)


class MortalFiles(TidyFiles):
    """One process's view of the disk. ``fault`` may raise OSError in front of an operation."""

    def __init__(self, life: Life, disk: Disk) -> None:
        super().__init__()
        self._life = life
        self._disk = disk
        self.fault: Callable[[str], None] = lambda operation: None

    def open_append(self, path: Path) -> Descriptor:
        self._begins("open_append")
        return super().open_append(path)

    def create(self, path: Path, size: int) -> Descriptor:
        self._begins("create")
        if self._life.is_over:
            raise OSError("a dead process makes no file")
        descriptor = super().create(path, size)
        self._life.moment("created")
        return descriptor

    def write_at(self, descriptor: Descriptor, data: bytes, offset: int) -> int:
        self._begins("write_at")
        if self._life.is_over:
            return len(data)
        taken = super().write_at(descriptor, data, offset)
        self._life.moment("written_at")
        return taken

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        self._begins("write")
        if self._life.is_over:
            return len(data)
        taken = super().write(descriptor, data)
        self._life.moment("written")
        return taken

    def sync(self, descriptor: Descriptor) -> None:
        self._begins("sync")
        if self._life.is_over:
            return
        status = os.fstat(descriptor)
        self._disk.durable[status.st_dev, status.st_ino] = status.st_size
        self._life.moment("synced")

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

    def replace(self, path: Path, data: bytes) -> None:
        self._begins("replace")
        if not self._life.is_over:
            super().replace(path, data)

    def link(self, path: Path, second: Path) -> None:
        self._begins("link")
        if not self._life.is_over:
            super().link(path, second)
            self._disk.linked(second)

    def rename(self, path: Path, over: Path) -> None:
        self._begins("rename")
        if self._life.is_over:
            return
        was = over.lstat() if over.exists() else None
        super().rename(path, over)
        self._disk.renamed(path, over, was=was)
        self._life.moment("renamed")

    def remove(self, path: Path) -> None:
        self._begins("remove")
        if not self._life.is_over:
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

    carrier = Carrier.IN_PROCESS

    def __init__(self, life: Life, broker: BrokerStandIn) -> None:
        super().__init__()
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
        """Nothing is open."""
