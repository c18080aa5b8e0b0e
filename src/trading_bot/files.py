"""The few file operations that durability needs, as a port: tests put a failing disk behind it."""

import ctypes
import errno
import os
import stat
import struct
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NewType, Protocol, TypeAlias

from trading_bot.values import Value

Descriptor = NewType("Descriptor", int)
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


Statx: TypeAlias = Callable[..., int]
_AT_FDCWD, _AT_SYMLINK_NOFOLLOW = -100, 0x100
_WANTED = 0x1 | 0x2 | 0x4 | 0x8 | 0x100 | 0x200
"""Type, mode, links, owner, inode and size."""
_STATX = struct.Struct("=16xII4xHxxQQ88xII112x")
"""Of linux/stat.h: links, owner, mode, inode, size, and the two halves of the device's number."""
_Answer = ctypes.c_char * _STATX.size


class FileFacts(Value, frozen=True, kw_only=True):
    """What tells one file from another, and whether it is ours alone."""

    device: int
    inode: int
    links: int
    size: int
    is_regular: bool
    owner: int
    mode: int
    """The permission bits, the sticky bit included."""


class FileSystem(Protocol):
    """Files as the journal needs them. Every method raises OSError as the operating system does."""

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents, private, if it is not there."""
        ...

    def open_append(self, path: Path) -> Descriptor:
        """Open for appending, creating a private file; a symbolic link is refused."""
        ...

    def create(self, path: Path, size: int) -> Descriptor:
        """Create a private file that must not exist yet, durably, with ``size`` NULs to hold its space on the disk."""
        ...

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        """Write once and return how many bytes were taken, which may be fewer."""
        ...

    def write_at(self, descriptor: Descriptor, data: bytes, offset: int) -> int:
        """Write once at a place in a file from `create`; return how many bytes were taken, which may be fewer."""
        ...

    def sync(self, descriptor: Descriptor) -> None:
        """Return only when the bytes would survive a power loss."""
        ...

    def store_again(self, path: Path) -> None:
        """Write over a file what it holds, and return only when that would survive a power loss.

        After a flush that failed, Linux takes what it was to store for stored, so that no later flush stores it. Only
        writing it again does. Nobody else may be writing the file.
        """
        ...

    def truncate(self, descriptor: Descriptor, size: int) -> None:
        """Cut the file to ``size`` bytes."""
        ...

    def facts(self, descriptor: Descriptor) -> FileFacts:
        """Describe the open file."""
        ...

    def facts_at(self, path: Path) -> FileFacts | None:
        """Describe what is at a path now, without following a link; None if nothing is."""
        ...

    def close(self, descriptor: Descriptor) -> None:
        """Close the descriptor."""
        ...

    def read(self, path: Path) -> bytes:
        """Read a whole file."""
        ...

    def read_part(self, path: Path, *, offset: int, size: int) -> bytes:
        """Read up to ``size`` bytes from ``offset`` on; none only at the end of the file."""
        ...

    def read_end(self, descriptor: Descriptor, size: int) -> bytes:
        """Read the last ``size`` bytes of an open file, or what there is."""
        ...

    def write_new(self, path: Path, data: bytes) -> None:
        """Create a private file that must not exist yet, durably."""
        ...

    def replace(self, path: Path, data: bytes) -> None:
        """Put a private file in place atomically and durably, whatever was there."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Make creations and renames inside a folder durable."""
        ...

    def names(self, folder: Path) -> tuple[str, ...]:
        """List the names in a folder."""
        ...

    def link(self, path: Path, second: Path) -> None:
        """Give a file a second name, which must not be taken."""
        ...

    def rename(self, path: Path, over: Path) -> None:
        """Give a file the name ``over``, atomically, whatever had it."""
        ...

    def remove(self, path: Path) -> None:
        """Take a name away; it is no error if it is gone already."""
        ...

    def user(self) -> int:
        """Return the user id that owns what this process creates."""
        ...


class LocalFiles:
    """The machine's own file system."""

    def make_folder(self, path: Path) -> None:
        """Create the folder and each parent that is missing, all of them 0700."""
        if path.is_dir():
            return
        if not path.parent.exists():
            self.make_folder(path.parent)
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)

    def open_append(self, path: Path) -> Descriptor:
        """Open with O_APPEND, 0600, close-on-exec, never through a link."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        return Descriptor(os.open(path, flags, PRIVATE_FILE))

    def create(self, path: Path, size: int) -> Descriptor:
        """Create exclusively, fill it, flush it, and flush the folder; what fails half way leaves no file."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = Descriptor(os.open(path, flags, PRIVATE_FILE))
        try:
            _fill(descriptor, size)
            self.sync(descriptor)
            self.sync_folder(path.parent)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return descriptor

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        """Make one write call."""
        return os.write(descriptor, data)

    def write_at(self, descriptor: Descriptor, data: bytes, offset: int) -> int:
        """Go there and make one write call."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)

    def sync(self, descriptor: Descriptor) -> None:
        """Flush to the medium; macOS needs its own call for that."""
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fsync(descriptor)

    def store_again(self, path: Path) -> None:
        """Write it in place, never through a link, and flush it."""
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "r+b") as file:
            content = file.read()
            file.seek(0)
            file.write(content)
            file.flush()
            self.sync(Descriptor(file.fileno()))

    def truncate(self, descriptor: Descriptor, size: int) -> None:
        """Cut the open file."""
        os.ftruncate(descriptor, size)

    def facts(self, descriptor: Descriptor) -> FileFacts:
        """Describe the open file."""
        return _facts(os.fstat(descriptor))

    def facts_at(self, path: Path) -> FileFacts | None:
        """Describe the path itself."""
        try:
            return facts_without_times(os.fspath(path))
        except FileNotFoundError:
            return None

    def close(self, descriptor: Descriptor) -> None:
        """Close it."""
        os.close(descriptor)

    def read(self, path: Path) -> bytes:
        """Read it whole."""
        with path.open("rb", buffering=0) as file:
            return file.readall()

    def read_part(self, path: Path, *, offset: int, size: int) -> bytes:
        """Open it, go there, and read."""
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def read_end(self, descriptor: Descriptor, size: int) -> bytes:
        """Read from so far before the end."""
        os.lseek(descriptor, max(os.fstat(descriptor).st_size - size, 0), os.SEEK_SET)
        return os.read(descriptor, size)

    def write_new(self, path: Path, data: bytes) -> None:
        """Create exclusively, write, flush, and flush the folder."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        with os.fdopen(os.open(path, flags, PRIVATE_FILE), "wb") as file:
            file.write(data)
            file.flush()
            self.sync(Descriptor(file.fileno()))
        self.sync_folder(path.parent)

    def replace(self, path: Path, data: bytes) -> None:
        """Write beside it, flush, rename over it, flush the folder."""
        beside = path.with_name(f".{path.name}.new")
        beside.unlink(missing_ok=True)
        self.write_new(beside, data)
        beside.replace(path)
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        """Flush the folder where the platform can."""
        if os.name == "nt":
            return
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def names(self, folder: Path) -> tuple[str, ...]:
        """List them in order."""
        return tuple(sorted(path.name for path in folder.iterdir()))

    def link(self, path: Path, second: Path) -> None:
        """Make a hard link, never to the target of a symbolic one."""
        os.link(path, second, follow_symlinks=False)

    def rename(self, path: Path, over: Path) -> None:
        """Rename it."""
        path.replace(over)

    def remove(self, path: Path) -> None:
        """Unlink it."""
        path.unlink(missing_ok=True)

    def user(self) -> int:
        """Ask for the effective user; a platform without them has one user only."""
        return os.geteuid() if hasattr(os, "geteuid") else 0


def _fill(descriptor: Descriptor, size: int) -> None:
    taken = os.write(descriptor, bytes(size))
    if taken != size:
        raise OSError(errno.ENOSPC, f"only {taken} of {size} bytes were taken")


def _facts(status: os.stat_result) -> FileFacts:
    return FileFacts(
        device=status.st_dev,
        inode=status.st_ino,
        links=status.st_nlink,
        size=status.st_size,
        is_regular=stat.S_ISREG(status.st_mode),
        owner=status.st_uid,
        mode=stat.S_IMODE(status.st_mode),
    )


@lru_cache
def found_statx(platform: str = sys.platform, name: str = "statx") -> Statx | None:
    """Return the system's ``statx``; None where there is none."""
    if platform != "linux":
        return None
    try:
        call: Statx = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError):
        return None
    return call


def facts_without_times(path: str, *, statx: Callable[[], Statx | None] = found_statx) -> FileFacts:
    """Describe a path itself without asking for its times.

    From 6.13 on, Linux keeps a finer time for a file whose times were asked for, and its next fsync then has more to
    write: looking at a log with ``lstat`` made each commit to it slower by a quarter. Where there is no ``statx``,
    ``lstat`` does.

    Raises:
        OSError: nothing is there, or it cannot be reached.
    """
    call = statx()
    if call is None:
        return _facts(os.lstat(path))
    answer = _Answer()
    if call(_AT_FDCWD, os.fsencode(path), _AT_SYMLINK_NOFOLLOW, _WANTED, answer) != 0:
        number = ctypes.get_errno()
        if number == errno.ENOSYS:
            return _facts(os.lstat(path))
        raise OSError(number, os.strerror(number), path)
    links, owner, mode, inode, size, major, minor = _STATX.unpack(answer)
    return FileFacts(
        device=os.makedev(major, minor),
        inode=inode,
        links=links,
        size=size,
        is_regular=stat.S_ISREG(mode),
        owner=owner,
        mode=stat.S_IMODE(mode),
    )
