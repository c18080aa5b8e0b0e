"""Disks that fail, and a frame to run a piece of Python in a process of its own."""

import errno
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.support.command_line import SOURCE
from trading_bot.files import Descriptor, FileFacts, LocalFiles


class FullDisk(LocalFiles):
    """Takes no new byte while ``is_full``; removals and reads work as on a real one."""

    def __init__(self, *, is_full: bool = True) -> None:
        self.is_full = is_full

    def make_folder(self, path: Path) -> None:
        if not path.exists():
            self._refuse()
        super().make_folder(path)

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        self._refuse()
        return super().write(descriptor, data)

    def write_new(self, path: Path, data: bytes) -> None:
        self._refuse()
        super().write_new(path, data)

    def replace(self, path: Path, data: bytes) -> None:
        self._refuse()
        super().replace(path, data)

    def _refuse(self) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")


class ShortWrites(LocalFiles):
    """Takes only the first ``taken`` bytes of the next write, then all of each."""

    def __init__(self, taken: int) -> None:
        self._taken: int | None = taken

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        part = data if self._taken is None else data[: self._taken]
        self._taken = None
        return super().write(descriptor, part)


class Crowded(LocalFiles):
    """Lets ``meanwhile`` run in another thread during the first write, and notes whether that thread had to wait."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] | None = None
        self.had_to_wait: bool | None = None
        self.thread = threading.Thread(target=self._run)

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        if self.had_to_wait is None:
            self.had_to_wait = False
            self.thread.start()
            self.thread.join(0.05)
            self.had_to_wait = self.thread.is_alive()
        return super().write(descriptor, data)

    def _run(self) -> None:
        if self.meanwhile:
            self.meanwhile()


class Unseeing(LocalFiles):
    """Finds nothing at any path."""

    def facts_at(self, path: Path) -> FileFacts | None:
        return None


class Interrupted(LocalFiles):
    """Runs ``during`` in the middle of putting a file in place, as a signal or another thread would."""

    def __init__(self) -> None:
        self.during: Callable[[], None] = lambda: None

    def replace(self, path: Path, data: bytes) -> None:
        during, self.during = self.during, lambda: None
        during()
        super().replace(path, data)


class LosesFolders(LocalFiles):
    """Cannot make what changes in a folder durable."""

    def replace(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")


def start_python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a process that runs ``code``; it is told to go on, and answers, a line at a time."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
    )
