"""The database's files: whether they may stand where they stand, and whether they are still the ones that were opened.

SQLite notices neither: it commits into a file that was deleted or replaced, and nobody sees those commits any more.
This module never opens the database. Closing any descriptor of it would drop every lock that SQLite holds on it. It has
no locks on the write-ahead log.
"""

import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from trading_bot.files import FileFacts, FileSystem

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_MOUNTS = Path("/proc/self/mounts")
_NETWORK_TYPES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "glusterfs", "lustre", "beegfs"),
        *("gpfs", "pvfs2", "orangefs", "ocfs2", "gfs2", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone"),
        *("fuse.gcsfuse", "fuse.ceph", "fuse.davfs2", "davfs", "fuse.juicefs", "fuse.mergerfs", "vboxsf", "prl_fs"),
    }
)
_SMALLEST_DATABASE = 512
"""Bytes: the smallest page that SQLite knows."""
_RESTORE = "stop what cuts it, and run 'trading-bot audit verify'"
_ESCAPES: Mapping[str, str] = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


def local_mounts(listed: Path = _MOUNTS) -> str:
    """Return the kernel's list of mounts; empty where there is none, as on macOS, and then no type is known."""
    try:
        return listed.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def network_type(folder: Path, *, mounts: str) -> str | None:
    """Return the type of the network file system that holds ``folder``; None if it is local, or not known."""
    found, kind = "", ""
    for line in mounts.splitlines():
        words = line.split(" ")
        if len(words) < 3:  # noqa: PLR2004 (device, place, type)
            continue
        place = _unescaped(words[1])
        # Of two mounts on one place the later one hides the earlier.
        if len(place) >= len(found) and folder.is_relative_to(place):
            found, kind = place, words[2]
    return kind if kind in _NETWORK_TYPES else None


class DatabaseFiles:
    """The database file and what SQLite keeps beside it.

    ``kept_log_bytes`` is the size down to which SQLite itself may shorten the write-ahead log; nothing else of it
    becomes shorter while it is in use.
    """

    def __init__(self, path: Path, *, files: FileSystem, mounts: Callable[[], str], kept_log_bytes: int) -> None:
        self._kept_log_bytes = kept_log_bytes
        self._paths = (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))
        self._files = files
        self._mounts = mounts
        self._noted: dict[Path, FileFacts] = {}

    def prepare(self) -> None:
        """Make the folder and an empty private file if they are not there, and refuse a place that is not safe.

        Raises:
            OSError: with the reason.
        """
        path = self._paths[0]
        self._files.make_folder(path.parent)
        self._check_folder(path.parent.resolve())
        if self._files.facts_at(path) is None:
            # SQLite does not get to create it: it would be readable by others.
            self._files.write_new(path, b"")
        for beside in self._paths:
            there = self._files.facts_at(beside)
            if there is not None:
                self._check_plain(beside, there)
        self._check_not_emptied()

    def note(self) -> None:
        """Remember which files SQLite has opened. Call it in the first transaction, when it has opened them all.

        Raises:
            OSError: one is not there, so somebody takes them away.
        """
        noted = {path: self._files.facts_at(path) for path in self._paths}
        self._noted = {path: facts for path, facts in noted.items() if facts is not None}
        if len(self._noted) != len(self._paths):
            raise OSError("its files are being deleted by another program, so stop that one")
        self.check()

    def check(self) -> None:
        """Refuse to go on if a file is not the one that was opened, or not ours alone any more.

        Raises:
            OSError: with the reason.
        """
        for path in self._paths:
            self._check_same(path)

    def check_written(self) -> None:
        """Do the same for the files that a commit writes: the database and its log.

        Raises:
            OSError: with the reason.
        """
        for path in self._paths[:2]:
            self._check_same(path)

    def is_in_place(self) -> bool:
        """Whether `check` has nothing to say."""
        try:
            self.check()
        except OSError:
            return False
        return True

    def store_log_again(self) -> None:
        """Store what an earlier process left in the write-ahead log, some of which it may have failed to flush.

        Call it while no other process can write the database.

        Raises:
            OSError: it cannot be stored.
        """
        if self.log_bytes:
            self._files.store_again(self._paths[1])

    @property
    def log_bytes(self) -> int:
        """How long the write-ahead log is now."""
        return self._size(self._paths[1])

    def _check_same(self, path: Path) -> None:
        noted, there = self._noted.get(path), self._files.facts_at(path)
        if noted is None:  # nothing was opened yet
            return
        if there is None or (there.device, there.inode) != (noted.device, noted.inode):
            raise OSError(
                f"{path.name} was deleted, moved or replaced while it was in use, so what is written now is lost; put "
                "it back"
            )
        self._check_plain(path, there)
        is_log = path == self._paths[1]
        if there.size < (min(noted.size, self._kept_log_bytes) if is_log else noted.size):
            raise OSError(f"{path.name} was cut while it was in use, so records are missing; {_RESTORE}")
        self._noted[path] = there

    def _check_not_emptied(self) -> None:
        # SQLite would begin a new database in it, and delete the log that it finds beside an empty one. It never
        # leaves such a file itself: the database is made before its log.
        size, has_log = self._size(self._paths[0]), self.log_bytes > 0
        if size < _SMALLEST_DATABASE and (size > 0 or has_log):
            raise OSError(
                f"{self._paths[0].name} was cut to {size} bytes; keep it and {self._paths[1].name}, and restore the "
                "journal from a backup"
            )

    def _size(self, path: Path) -> int:
        facts = self._files.facts_at(path)
        return facts.size if facts else 0

    def _check_folder(self, folder: Path) -> None:
        facts = self._files.facts_at(folder)
        if facts is None or facts.owner not in (self._files.user(), 0):
            raise OSError(f"its folder {folder} belongs to another user")
        if facts.mode & _WRITABLE_BY_OTHERS and not facts.mode & stat.S_ISVTX:
            raise OSError(f"others may write its folder, so run 'chmod go-w {folder}'")
        kind = network_type(folder, mounts=self._mounts())
        if kind is not None:
            raise OSError(
                f"its folder {folder} is on a network file system ({kind}), where the locks of a database do not hold; "
                "use a folder on a disk of this machine, or a PostgreSQL server as journal_url"
            )

    def _check_plain(self, path: Path, facts: FileFacts) -> None:
        if not facts.is_regular or facts.links != 1:
            raise OSError(f"{path.name} is not a plain file with one name")
        if facts.owner != self._files.user() or facts.mode & _WRITABLE_BY_OTHERS:
            raise OSError(f"{path.name} belongs to another user, or others may write it")


def _unescaped(place: str) -> str:
    for escape, character in _ESCAPES.items():
        place = place.replace(escape, character)
    return place
