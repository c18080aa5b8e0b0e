"""Ends the process at the n-th statement that any connection of it runs, just before or just after it."""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.sqlite_shim.library import sqlite_library

_BEGINS = 0x01  # SQLITE_TRACE_STMT
_ENDED = 0x02  # SQLITE_TRACE_PROFILE
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_TRACE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def _be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Boundaries:
    """What was passed so far: the start and the end of each statement are one boundary each."""

    stop_at: int | None = None
    stop: Callable[[], None] = _be_killed
    passed: list[str] = field(default_factory=list)

    def reached(self, what: str) -> None:
        self.passed.append(what)
        if len(self.passed) == self.stop_at:
            self.stop()


@contextmanager
def watched(boundaries: Boundaries) -> Iterator[Boundaries]:
    """Tell ``boundaries`` of every statement of every connection that is opened meanwhile.

    Outlives the block for connections that are still open: keep ``boundaries`` as long as they are.
    """
    library = sqlite_library()

    def trace(kind: int, _context: int | None, statement: int, _text: int | None) -> int:
        moment = "before" if kind == _BEGINS else "after"
        boundaries.reached(f"{moment} {library.sqlite3_sql(statement).decode()}")
        return 0

    def entry(database: int, _message: int, _routines: int) -> int:
        library.sqlite3_trace_v2(database, _BEGINS | _ENDED, called, None)
        return 0

    called, entered = (
        ctypes.cast(kept := _TRACE(trace), ctypes.c_void_p),
        ctypes.cast(also := _ENTRY(entry), ctypes.c_void_p),
    )
    _KEPT.extend((kept, also))
    library.sqlite3_auto_extension(entered)
    try:
        yield boundaries
    finally:
        library.sqlite3_cancel_auto_extension(entered)


_KEPT: list[object] = []
