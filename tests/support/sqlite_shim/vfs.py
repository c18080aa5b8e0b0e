"""The file layer itself: records what SQLite asks of the disk, and lets chosen calls fail."""

import ctypes
import enum
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.support.sqlite_shim.library import FileStruct, MethodsStruct, VfsStruct, sqlite_library

_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_CLOSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_SHM_MAP = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)

_OK = 0
_FULL = 13
_WITHOUT_MAPPED_READS = 2  # the version of the methods that has shared memory, but no xFetch
_NUMBERS = count(1)


class Call(enum.StrEnum):
    """What SQLite asked of the disk."""

    OPEN = "open"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    DELETE = "delete"
    SHM_MAP = "shm_map"
    CLOSE = "close"
    MARK = "mark"  # no call: a test noted a moment


_IOERR = {
    Call.OPEN: 14,  # SQLITE_CANTOPEN
    Call.WRITE: 778,
    Call.TRUNCATE: 1546,
    Call.SYNC: 1034,
    Call.DELETE: 2570,
    Call.SHM_MAP: 5386,
    Call.CLOSE: 4106,
}


class Way(enum.StrEnum):
    """What becomes of a call."""

    FAIL = "fail"  # nothing is done, and SQLite is told
    FULL = "full"  # nothing is done: the disk is full
    TEAR = "tear"  # a write stores its first half, and SQLite is told
    TEAR_SILENTLY = "tear silently"
    DROP = "drop"  # nothing is done, and SQLite is told that it was
    DIE = "die"  # the process is killed just before
    DIE_TORN = "die torn"  # the process is killed half way through a write
    DIE_AFTER = "die after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call as SQLite made it, and whether it was done. ``file`` is a path; ``data`` is what reached the file."""

    call: Call
    file: str = ""
    offset: int = 0
    data: bytes = b""
    size: int = 0
    """Of a truncate: the new size. Of a delete: whether the folder is synced."""
    is_done: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The ``at``-th call (from 1) that matches goes wrong, and with ``lasts`` all matching calls after it."""

    way: Way
    at: int = 1
    calls: frozenset[Call] = frozenset({Call.WRITE, Call.TRUNCATE, Call.SYNC, Call.DELETE})
    suffix: str = ""
    """What the file's name ends in, as "-wal"."""
    lasts: bool = False


class Shim:
    """A registered file layer. It is never taken down: connections that use it may live as long as the process.

    ``die`` is what dying means; where it returns, the call is made as if nothing had been. Without ``flushes`` a sync
    is noted and not made, for runs that only follow what it would have done.
    """

    def __init__(self, *, flushes: bool = True) -> None:
        self._flushes = flushes
        self.steps: list[Step] = []
        self.matched = 0
        """How many calls matched the fault so far."""
        self.struck_at: int | None = None
        """Behind how many steps the fault first came to pass."""
        self.fault: Fault | None = None
        self.die: Callable[[], None] = _be_killed
        self._library = sqlite_library()
        self._real_address = self._library.sqlite3_vfs_find(None)
        self._real = VfsStruct.from_address(self._real_address)
        self._files: dict[int, tuple[str, MethodsStruct]] = {}
        self._tables: dict[int, MethodsStruct] = {}
        self._functions = self._made_functions()
        self.name = f"shim_{next(_NUMBERS)}"
        self._vfs = VfsStruct.from_buffer_copy(self._real)
        self._vfs.zName, self._vfs.pNext = self.name.encode(), None
        for field in ("xOpen", "xDelete"):
            setattr(self._vfs, field, ctypes.cast(self._functions[field], ctypes.c_void_p))
        self._library.sqlite3_vfs_register(ctypes.addressof(self._vfs), 0)
        # SQLite keeps its address, and connections may be closed while the interpreter is being taken down.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))

    @contextmanager
    def as_default(self) -> Iterator["Shim"]:
        """Let every connection that is opened meanwhile go through this layer, whoever opens it."""
        self._library.sqlite3_vfs_register(ctypes.addressof(self._vfs), 1)
        try:
            yield self
        finally:
            self._library.sqlite3_vfs_register(self._real_address, 1)

    def arm(self, fault: Fault | None) -> None:
        """Choose what goes wrong from now on; calls are counted anew."""
        self.fault, self.matched, self.struck_at = fault, 0, None

    def mark(self, note: str) -> None:
        """Note a moment between the calls, as the return of a commit."""
        self.steps.append(Step(call=Call.MARK, note=note))

    def _made_functions(self) -> dict[str, Any]:
        return {
            "xOpen": _OPEN(self._open),
            "xDelete": _DELETE(self._delete),
            "xClose": _CLOSE(self._close),
            "xWrite": _WRITE(self._write),
            "xTruncate": _TRUNCATE(self._truncate),
            "xSync": _SYNC(self._sync),
            "xShmMap": _SHM_MAP(self._shm_map),
        }

    def _way(self, step: Step) -> Way | None:
        fault = self.fault
        if fault is None or step.call not in fault.calls or not step.file.endswith(fault.suffix):
            return None
        self.matched += 1
        hit = self.matched == fault.at or (fault.lasts and self.matched > fault.at)
        if hit and self.struck_at is None:
            self.struck_at = len(self.steps)
        return fault.way if hit else None

    def _carry_out(self, step: Step, real: Callable[[], int], torn: Callable[[], int] | None = None) -> int:
        """Do the call, or what its fault makes of it, and record which."""
        way = self._way(step)
        if way in {Way.DIE, Way.DIE_TORN}:
            if way is Way.DIE_TORN and torn is not None:
                torn()
            self.die()
        if way in {None, Way.DIE, Way.DIE_TORN, Way.DIE_AFTER}:
            result = real()
            self._record(step, is_done=result == _OK)
            if way is Way.DIE_AFTER:
                self.die()
            return result
        if way in {Way.TEAR, Way.TEAR_SILENTLY} and torn is not None:
            torn()
            self._record(step, is_done=True, data=step.data[: len(step.data) // 2])
        else:
            self._record(step, is_done=False)
        if way in {Way.DROP, Way.TEAR_SILENTLY}:
            return _OK
        return _FULL if way is Way.FULL else _IOERR[step.call]

    def _record(self, step: Step, *, is_done: bool, data: bytes | None = None) -> None:
        self.steps.append(
            Step(
                call=step.call,
                file=step.file,
                offset=step.offset,
                data=step.data if data is None else data,
                size=step.size,
                is_done=is_done,
            )
        )

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        path = _text_at(name)

        def real() -> int:
            # The name stays the one in SQLite's memory: the parameters of the address stand behind its end.
            result: int = _OPEN(self._real.xOpen)(self._real_address, name, file, flags, out)
            return result

        result = self._carry_out(Step(call=Call.OPEN, file=path, size=flags), real)
        opened = FileStruct.from_address(file)
        if result == _OK and opened.pMethods:
            self._files[file] = (path, MethodsStruct.from_address(opened.pMethods))
            opened.pMethods = ctypes.addressof(self._table_for(opened.pMethods))
        elif result != _OK:
            opened.pMethods = None
        return result

    def _table_for(self, address: int) -> MethodsStruct:
        if address not in self._tables:
            table = MethodsStruct.from_buffer_copy(MethodsStruct.from_address(address))
            table.iVersion = min(table.iVersion, _WITHOUT_MAPPED_READS)
            for field in ("xClose", "xWrite", "xTruncate", "xSync"):
                setattr(table, field, ctypes.cast(self._functions[field], ctypes.c_void_p))
            if table.iVersion == _WITHOUT_MAPPED_READS and table.xShmMap:
                table.xShmMap = ctypes.cast(self._functions["xShmMap"], ctypes.c_void_p)
            self._tables[address] = table
        return self._tables[address]

    def _delete(self, _vfs: int, name: int, sync_folder: int) -> int:
        step = Step(call=Call.DELETE, file=_text_at(name), size=sync_folder)
        return self._carry_out(step, lambda: _DELETE(self._real.xDelete)(self._real_address, name, sync_folder))

    def _close(self, file: int) -> int:
        path, methods = self._files.pop(file)
        # A close that was not done would leave the file open for ever, so it is done whatever is said.
        result: int = _CLOSE(methods.xClose)(file)
        self._record(Step(call=Call.CLOSE, file=path), is_done=True)
        return result

    def _write(self, file: int, data: int, amount: int, offset: int) -> int:
        path, methods = self._files[file]
        write = _WRITE(methods.xWrite)
        step = Step(call=Call.WRITE, file=path, offset=offset, data=ctypes.string_at(data, amount))
        return self._carry_out(
            step, lambda: write(file, data, amount, offset), lambda: write(file, data, amount // 2, offset)
        )

    def _truncate(self, file: int, size: int) -> int:
        path, methods = self._files[file]
        step = Step(call=Call.TRUNCATE, file=path, size=size)
        return self._carry_out(step, lambda: _TRUNCATE(methods.xTruncate)(file, size))

    def _sync(self, file: int, flags: int) -> int:
        path, methods = self._files[file]
        step = Step(call=Call.SYNC, file=path)
        return self._carry_out(step, lambda: _SYNC(methods.xSync)(file, flags) if self._flushes else _OK)

    def _shm_map(self, file: int, region: int, size: int, extend: int, out: int) -> int:
        path, methods = self._files[file]
        step = Step(call=Call.SHM_MAP, file=f"{path}-shm", offset=region * size, size=size)
        return self._carry_out(step, lambda: _SHM_MAP(methods.xShmMap)(file, region, size, extend, out))


def _be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _text_at(address: int | None) -> str:
    return os.fsdecode(ctypes.string_at(address)) if address else ""
