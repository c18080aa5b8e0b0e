"""The SQLite library that Python's own sqlite3 module uses, by ctypes."""

import _sqlite3
import contextlib
import ctypes
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_PROBE = b"shim_probe"


@cache
def sqlite_library() -> ctypes.CDLL:
    """Return the library that ``sqlite3`` calls.

    It is proven and not guessed: a file layer that is registered through it must be known to `sqlite3.connect`.

    Raises:
        RuntimeError: none of the loaded libraries is it. The tests that need it fail then; they are not skipped.
    """
    tried = []
    for name in _candidates():
        with contextlib.suppress(OSError, AttributeError):
            library = ctypes.CDLL(name)
            declare(library)
            if _is_the_one(library):
                return library
        tried.append(name or "the program itself")
    raise RuntimeError(
        f"sqlite3 {sqlite3.sqlite_version} is linked so that its file layer cannot be reached (tried: "
        f"{', '.join(tried)}); run these tests with a Python that loads a shared libsqlite3, as Debian's does"
    )


def _candidates() -> Iterator[str | None]:
    if _MAPS.exists():
        loaded = {line.split()[-1] for line in _MAPS.read_text(encoding="utf-8").splitlines() if "sqlite" in line}
        yield from sorted(loaded, key=lambda path: ("libsqlite3" not in path, path))
    module_file: str | None = getattr(_sqlite3, "__file__", None)
    if module_file:
        yield module_file
    yield None  # a Python that has SQLite built in


def declare(library: ctypes.CDLL) -> None:
    """Give the functions their types; AttributeError where one is not exported."""
    pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for name, result, arguments in (
        ("sqlite3_vfs_find", pointer, [text]),
        ("sqlite3_vfs_register", number, [pointer, number]),
        ("sqlite3_vfs_unregister", number, [pointer]),
        ("sqlite3_auto_extension", number, [pointer]),
        ("sqlite3_cancel_auto_extension", number, [pointer]),
        ("sqlite3_trace_v2", number, [pointer, ctypes.c_uint, pointer, pointer]),
        ("sqlite3_sql", text, [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def _is_the_one(library: ctypes.CDLL) -> bool:
    real = library.sqlite3_vfs_find(None)
    if not real:
        return False
    probe = VfsStruct.from_buffer_copy(VfsStruct.from_address(real))
    probe.zName, probe.pNext = _PROBE, None
    address = ctypes.addressof(probe)
    library.sqlite3_vfs_register(address, 0)
    try:
        # Which tells only whether the name is known: nothing is read or made before the first statement.
        sqlite3.connect(f"file:probe?vfs={_PROBE.decode()}&mode=memory", uri=True).close()
    except sqlite3.OperationalError:
        return False
    else:
        return True
    finally:
        library.sqlite3_vfs_unregister(address)


class VfsStruct(ctypes.Structure):
    """``sqlite3_vfs``, version 3."""

    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        *((name, ctypes.c_void_p) for name in ("xOpen", "xDelete", "xAccess", "xFullPathname")),
        *((name, ctypes.c_void_p) for name in ("xDlOpen", "xDlError", "xDlSym", "xDlClose")),
        *((name, ctypes.c_void_p) for name in ("xRandomness", "xSleep", "xCurrentTime", "xGetLastError")),
        *((name, ctypes.c_void_p) for name in ("xCurrentTimeInt64",)),
        *((name, ctypes.c_void_p) for name in ("xSetSystemCall", "xGetSystemCall", "xNextSystemCall")),
    )


class MethodsStruct(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = (
        ("iVersion", ctypes.c_int),
        *((name, ctypes.c_void_p) for name in ("xClose", "xRead", "xWrite", "xTruncate", "xSync", "xFileSize")),
        *((name, ctypes.c_void_p) for name in ("xLock", "xUnlock", "xCheckReservedLock", "xFileControl")),
        *((name, ctypes.c_void_p) for name in ("xSectorSize", "xDeviceCharacteristics")),
        *((name, ctypes.c_void_p) for name in ("xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap")),
        *((name, ctypes.c_void_p) for name in ("xFetch", "xUnfetch")),
    )


class FileStruct(ctypes.Structure):
    """``sqlite3_file``: what each file object of SQLite begins with."""

    _fields_ = (("pMethods", ctypes.c_void_p),)
