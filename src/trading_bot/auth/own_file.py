"""Opens a small file that has to be ours: no link is followed, and what is checked is what is read."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def this_user() -> int:
    """Return the id that has to own a file; 0 where files have no owner to ask for."""
    return os.geteuid() if os.name == "posix" else 0


def read_checked(path: Path, *, largest: int, check: Callable[[os.stat_result], None]) -> bytes:
    """Return the content of the file that ``check`` has seen and accepted; one byte more than ``largest`` at most.

    Raises:
        OSError: it cannot be opened or read, or it is a symbolic link. What ``check`` raises passes through.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    try:
        check(os.fstat(descriptor))
        return os.read(descriptor, largest + 1)
    finally:
        with suppress(OSError):
            os.close(descriptor)


def is_plain(status: os.stat_result, *, largest: int) -> bool:
    """Whether it is one regular file with one name and at most ``largest`` bytes."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size <= largest
