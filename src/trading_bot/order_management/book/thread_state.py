"""What one thread is in the middle of while it records: blocks it is in, and news it has to tell afterwards."""

import threading

from trading_bot.order_management.journal.chain import SealedRecord


class ThreadState(threading.local):
    """One thread's part of an `OrderStore`: each thread sees values of its own."""

    depth = 0
    """Blocks that hold a lock."""
    grouped = 0
    has_staged = False
    has_decided = False
    """Whether it held the writers' lock, so that others may have left something to it."""
    kept_back = 0
    """Blocks in which it tells nothing of orders."""

    def __init__(self) -> None:
        self.news_of: set[str] = set()
        """The orders, and other subjects, of which it has news to tell."""
        self.sealed: list[tuple[SealedRecord, ...]] = []
