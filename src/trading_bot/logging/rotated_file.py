"""A file that is begun anew when it is full, with the earlier ones beside it. Several processes may write it.

Nothing is ever read back whole: only its size and its last byte are looked at.
"""

import errno
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from trading_bot.files import PRIVATE_FILE, Descriptor, FileSystem

EARLIER_FILES = 9
"""How many full files are kept: ``NAME.1`` is the latest, and the oldest goes. Chosen."""


class RotatedFile:
    """The file at ``path``; whoever finds it with ``max_bytes`` or more renames it before the next write.

    A writer that has opened it just then ends up in the renamed file, so that no line is lost. With ``finished``, a
    full file gets the name that it returns, and every one of them is kept; else they are numbered and few.
    """

    def __init__(
        self, *, path: Path, max_bytes: int, files: FileSystem, finished: Callable[[], Path] | None = None
    ) -> None:
        self._path = path
        self._finished = finished
        self._max_bytes = max_bytes
        self._files = files
        self._lock = FileLock(
            path.with_name(f".{path.name}.lock"), mode=PRIVATE_FILE, fallback_to_soft=False, preserve_lock_file=True
        )

    def begin_anew_when_full(self) -> None:
        """Rename a full file, unless another process is doing so.

        Raises:
            OSError: it is full and cannot be renamed, so that it grows on.
        """
        if self._is_full():
            self._begin_anew(self._is_full)

    def begin_anew(self) -> None:
        """Rename the file, full or not, unless another process is doing so.

        Raises:
            OSError: it cannot be renamed, so that it grows on.
        """
        self._begin_anew(self._is_there)

    def _begin_anew(self, is_due: Callable[[], bool]) -> None:
        try:
            with self._lock.acquire(timeout=0):
                if is_due():  # nobody else has renamed it meanwhile
                    self._rename()
        except Timeout:
            return
        except RuntimeError as error:  # no locks on this file system, or this lock was inherited by a forked process
            raise OSError(str(error)) from error

    def ends_within_a_line(self, descriptor: Descriptor) -> bool:
        """Whether the last line of the open file has no end."""
        return self._files.read_end(descriptor, 1) not in (b"", b"\n")

    def _is_full(self) -> bool:
        facts = self._files.facts_at(self._path)
        return facts is not None and facts.is_regular and facts.size >= self._max_bytes

    def _is_there(self) -> bool:
        return self._files.facts_at(self._path) is not None

    def _rename(self) -> None:
        if self._finished is not None:
            self._keep(self._finished())
            return
        for number in range(EARLIER_FILES - 1, 0, -1):
            if self._files.facts_at(self._earlier(number)) is not None:
                self._files.rename(self._earlier(number), self._earlier(number + 1))
        self._files.rename(self._path, self._earlier(1))

    def _keep(self, name: Path) -> None:
        if self._files.facts_at(name) is not None:
            raise FileExistsError(errno.EEXIST, "an earlier file has its name already", str(name))
        self._files.rename(self._path, name)

    def _earlier(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
