"""Where the exchange state lives between requests."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from trading_bot.paper.state import ExchangeState


class ExchangeStore(Protocol):
    """One exchange state, used by one request at a time."""

    def transaction(self) -> AbstractContextManager[ExchangeState]:
        """Lend the state for changing: kept when the block ends, as it was before when the block raises."""
        ...


class MemoryStore:
    """An exchange that lasts as long as the process."""

    def __init__(self, state: ExchangeState) -> None:
        self._state = state
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[ExchangeState]:
        """Lend a copy under a lock, and keep it when the block ends."""
        with self._lock:
            lent = self._state.copy()
            yield lent
            self._state = lent
