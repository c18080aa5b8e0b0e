"""Where the exchange state lives between requests."""

from contextlib import AbstractContextManager
from typing import Protocol

from trading_bot.paper.state import ExchangeState


class ExchangeStoreError(OSError):
    """The exchange's state cannot be reached now; it is as it was, unless the disk failed at the very end."""


class ExchangeStore(Protocol):
    """One exchange state, used by one request at a time."""

    def transaction(self) -> AbstractContextManager[ExchangeState]:
        """Lend the state for changing: kept when the block ends, as it was before when the block raises."""
        ...
