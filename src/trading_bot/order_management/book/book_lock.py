"""The lock of the book: re-entrant, and let go for a while by whoever has to wait for something meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class BookLock:
    """Guards the book for the microseconds that reading or folding takes."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._holder: int | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = threading.get_ident()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._holder = None
        self._lock.release()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let others have it; a caller that held it, however deep, has it again afterwards, and looks anew."""
        if self._holder != threading.get_ident():
            yield
            return
        depth, self._depth, self._holder = self._depth, 0, None
        for _ in range(depth):
            self._lock.release()
        try:
            yield
        finally:
            for _ in range(depth):
                self._lock.acquire()
            self._depth, self._holder = depth, threading.get_ident()
