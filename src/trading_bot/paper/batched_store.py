"""The exchange of a replay: in memory between requests, and in its file once in many of them.

A throw-away account has no other process, and nobody misses its last orders after a crash. So one transaction of the
file is held open over many requests, and what they changed is written when it ends. Each request still gets all or
nothing: what it changed is undone if it fails. Ended orders leave the memory with the batch, however many there are.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields

from trading_bot.paper.sqlite_store import SqliteStore
from trading_bot.paper.state import ExchangeState

REQUESTS_IN_A_BATCH = 500
"""Chosen: writing is a small part of the time then, and the ended orders of a batch are few to search."""


class BatchedStore:
    """The account in ``file``, which nobody else may use until `close`; ``size`` requests are one transaction of it."""

    def __init__(self, file: SqliteStore, *, size: int = REQUESTS_IN_A_BATCH) -> None:
        self._file = file
        self._size = size
        self._lock = threading.Lock()
        self._batch = ExitStack()
        self._state: ExchangeState | None = None
        self._requests = 0

    def open(self) -> None:
        """Check the whole file, or open a new account; raises as `SqliteStore.open`."""
        self._file.open()

    @contextmanager
    def transaction(self) -> Iterator[ExchangeState]:
        """Lend the latest state while all others wait, unchanged when the block raises; raises as `SqliteStore`."""
        with self._lock:
            state = self._begun()
            before = state.copy()
            try:
                yield state
            except BaseException:
                _undo(state, before)
                raise
            self._requests += 1
            if self._requests >= self._size:
                self._write()

    def close(self) -> None:
        """Write what the last requests changed, and leave the file to others; raises as `SqliteStore`."""
        with self._lock:
            self._write()

    def _begun(self) -> ExchangeState:
        if self._state is None:
            self._state = self._batch.enter_context(self._file.transaction())
        return self._state

    def _write(self) -> None:
        self._state, self._requests = None, 0
        self._batch.close()


def _undo(state: ExchangeState, before: ExchangeState) -> None:
    for each in fields(state):
        setattr(state, each.name, getattr(before, each.name))
