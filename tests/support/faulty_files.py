"""The machine's files with faults on demand; flushes are counted instead of made, so that many cases stay quick."""

import os
from pathlib import Path

from tests.support.tidy_files import TidyFiles
from trading_bot.files import Descriptor, FileFacts


class FaultyFiles(TidyFiles):
    """Fails the named operations with the given error numbers until it is healed.

    ``calls`` has every operation in order; ``durable_size`` is the file's length at the last flush that worked: what
    a power loss would leave.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.durable_size = 0
        self.takes_only: int | None = None
        self.reads_only: int | None = None
        self.takes_only_once: int | None = None
        self._faults: dict[str, int] = {}
        self._once: dict[str, int] = {}

    def fail(self, operation: str, number: int) -> None:
        """Let ``operation`` raise OSError from now on."""
        self._faults[operation] = number

    def fail_once(self, operation: str, number: int) -> None:
        """Let ``operation`` raise OSError the next time."""
        self._once[operation] = number

    def heal(self) -> None:
        """Let everything work again."""
        self._faults.clear()
        self.takes_only = self.reads_only = None

    def make_folder(self, path: Path) -> None:
        self._called("make_folder")
        super().make_folder(path)

    def open_append(self, path: Path) -> Descriptor:
        self._called("open_append")
        return super().open_append(path)

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        self._called("write")
        return super().write(descriptor, data[: self.takes_only])

    def create(self, path: Path, size: int) -> Descriptor:
        self._fail_if_asked("create")
        return super().create(path, size)

    def write_at(self, descriptor: Descriptor, data: bytes, offset: int) -> int:
        self._fail_if_asked("write_at")
        size, self.takes_only_once = self.takes_only_once, None
        return super().write_at(descriptor, data[:size], offset)

    def sync(self, descriptor: Descriptor) -> None:
        self._called("sync")
        self.durable_size = os.fstat(descriptor).st_size

    def truncate(self, descriptor: Descriptor, size: int) -> None:
        self._called("truncate")
        super().truncate(descriptor, size)

    def facts_at(self, path: Path) -> FileFacts | None:
        self._called("facts_at")
        return super().facts_at(path)

    def close(self, descriptor: Descriptor) -> None:
        self._called("close")
        super().close(descriptor)

    def read(self, path: Path) -> bytes:
        self._called("read")
        return super().read(path)[: self.reads_only]

    def read_part(self, path: Path, *, offset: int, size: int) -> bytes:
        self._fail_if_asked("read_part")
        return super().read_part(path, offset=offset, size=size)

    def write_new(self, path: Path, data: bytes) -> None:
        self._called("write_new")
        super().write_new(path, data)

    def replace(self, path: Path, data: bytes) -> None:
        self._called("replace")
        super().replace(path, data)

    def sync_folder(self, path: Path) -> None:
        self._called("sync_folder")

    def rename(self, path: Path, over: Path) -> None:
        self._fail_if_asked("rename")
        super().rename(path, over)

    def remove(self, path: Path) -> None:
        self._fail_if_asked("remove")
        super().remove(path)

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        self._fail_if_asked(operation)

    def _fail_if_asked(self, operation: str) -> None:
        if number := self._once.pop(operation, None) or self._faults.get(operation):
            raise OSError(number, os.strerror(number))
