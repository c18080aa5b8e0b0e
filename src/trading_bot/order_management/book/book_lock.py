"""The lock of the book: re-entrant. A thread that has to wait for the journal releases it meanwhile."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import get_ident
from typing import TypeVar

from trading_bot.order_management.book.thread_state import ThreadState

_T = TypeVar("_T")


class BookLock:
    """Guards the book for the microseconds that reading or folding takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._holder: int | None = None

    def __enter__(self) -> None:
        me = get_ident()
        if self._holder != me:  # nobody but this thread ever writes its own name there
            self._lock.acquire()
            self._holder = me
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._holder = None
            self._lock.release()

    def released(self) -> "_Released":
        """Let others have it; a caller that held it, however deep, has it again afterwards, and looks anew."""
        return _Released(self)

    def _let_go(self) -> int:
        """Release it wholly, and return how deep this thread held it."""
        if self._holder != get_ident():
            return 0
        depth, self._depth, self._holder = self._depth, 0, None
        self._lock.release()
        return depth

    def _take_back(self, depth: int) -> None:
        if depth:
            self._lock.acquire()
            self._depth, self._holder = depth, get_ident()


class _Released:
    # A class and no generator: a submit lets the book go and takes it back several times.
    __slots__ = ("_depth", "_lock")

    def __init__(self, lock: BookLock) -> None:
        self._lock = lock
        self._depth = 0

    def __enter__(self) -> None:
        self._depth = self._lock._let_go()  # noqa: SLF001 - the two are one lock

    def __exit__(self, *_: object) -> None:
        self._lock._take_back(self._depth)  # noqa: SLF001 - the two are one lock


class Opening(AbstractContextManager[_T]):
    """A block that holds the lock and gets what it guards; any number of threads may use it, and each more than once.

    ``settle`` runs after the outermost block of a thread has let go of the lock.
    """

    __slots__ = ("_guarded", "_lock", "_mine", "_settle")

    def __init__(self, lock: BookLock, guarded: _T, *, mine: ThreadState, settle: Callable[[], None]) -> None:
        self._lock = lock
        self._guarded = guarded
        self._mine = mine
        self._settle = settle

    def __enter__(self) -> _T:
        self._lock.__enter__()
        self._mine.depth += 1
        return self._guarded

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__()
        mine = self._mine
        mine.depth -= 1
        if not mine.depth:
            self._settle()


class Block(AbstractContextManager[_T]):
    """A block that holds nothing of its own, so that any number of threads may be in it, and each more than once."""

    __slots__ = ("_enter", "_leave")

    def __init__(self, enter: Callable[[], _T], leave: Callable[[], None]) -> None:
        self._enter = enter
        self._leave = leave

    def __enter__(self) -> _T:
        return self._enter()

    def __exit__(self, *_: object) -> None:
        self._leave()
