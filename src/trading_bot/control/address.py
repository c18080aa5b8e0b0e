"""The control socket's place in the file system, for both ends; a long path works where the system allows it."""

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trading_bot.clock import Seconds
from trading_bot.files import PRIVATE_FILE, PRIVATE_FOLDER

IS_AVAILABLE = hasattr(socket, "AF_UNIX")
"""Whether this system has such sockets at all."""

_LONGEST = 100
"""Bytes that fit a socket's address on every system: 108 on Linux and 104 on macOS, with their ends."""

_BACKLOG = 16
_OPEN_FILES = Path("/proc/self/fd")
_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid


class ControlPathError(OSError):
    """The control socket cannot be at this path; the message says what to change."""


def listen(path: Path, *, open_files: Path = _OPEN_FILES) -> socket.socket:
    """Listen at ``path``, for this user alone. Only the holder of the account may call this: an old socket is replaced.

    Raises:
        ControlPathError: something else is at the path, or it is too long for this system.
        OSError: the folder cannot be used.
    """
    with ExitStack() as undo:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        undo.callback(server.close)
        path.parent.chmod(PRIVATE_FOLDER)
        _remove_stale(path)
        with _short_name(path, open_files) as name:
            server.bind(name)
        path.chmod(PRIVATE_FILE)  # before anybody can connect: that takes the next line
        server.listen(_BACKLOG)
        undo.pop_all()
    return server


def connect(path: Path, *, timeout_s: Seconds, open_files: Path = _OPEN_FILES) -> socket.socket:
    """Connect to whoever listens at ``path``.

    Raises:
        ControlPathError: the path is too long for this system.
        OSError: nobody does, or it cannot be reached.
    """
    with ExitStack() as undo:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        undo.callback(client.close)
        client.settimeout(timeout_s)
        with _short_name(path, open_files) as name:
            client.connect(name)
        undo.pop_all()
    return client


def peer_user(connection: socket.socket) -> int | None:
    """Return the user id of the process at the other end, or None where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    facts = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(facts)[1])


@contextmanager
def _short_name(path: Path, open_files: Path) -> Iterator[str]:
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    if not open_files.is_dir():
        raise ControlPathError(
            f"{path} is too long for a control socket on this system; set state_dir to a folder of fewer characters"
        )
    # Named through the open folder, the address is short whatever the folder is called.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"{open_files}/{folder}/{path.name}"
    finally:
        os.close(folder)


def _remove_stale(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ControlPathError(f"{path} is in the way of the control socket; move it elsewhere")
    path.unlink()
