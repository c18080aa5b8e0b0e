"""A journal in memory with everything around it: store, book and housekeeping."""

from typing import Self

from tests.support.manager_bench import BenchJournal, KeptAside
from tests.support.order_story import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.housekeeping import Housekeeping, Needed, nothing_needed
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.journal.port import Opened
from trading_bot.order_management.order_store import OrderStore


class UnflushedFiles(LocalFiles):
    """Skips the flushes: for what is about order and content, not about power."""

    def sync(self, descriptor):
        pass

    def sync_folder(self, path):
        pass


class JournalBench:
    """One process's journal. ``restart`` knows nothing but what was stored."""

    def __init__(self, *, clock: VirtualClock | None = None, needed: Needed = nothing_needed) -> None:
        self.clock = clock or VirtualClock(MONDAY)
        self.side = KeptAside()
        self._needed = needed
        self.journal = BenchJournal(self.clock)
        self.opened = self._open()

    def _open(self) -> Opened:
        self.store = OrderStore(journal=self.journal, clock=self.clock, session_id="session-1", side_file=self.side)
        self.housekeeping = Housekeeping(journal=self.journal, store=self.store, needed=self._needed, clock=self.clock)
        self.store.subscribe(self.housekeeping.on_order_change)
        opened = self.journal.open()
        self.store.load(opened)
        return opened

    def tell(self, *events: OrderEvent) -> Self:
        """Record events a second apart."""
        for event in events:
            self.store.record_fact(event)
            self.clock.sleep(1)
        return self

    def prune(self) -> Self:
        """Let every old order leave the book."""
        self.housekeeping.let_old_orders_go(at_least=1)
        return self

    def restart(self) -> Self:
        self.journal.close()
        self.journal = BenchJournal(self.clock, self.journal.storage)
        self.opened = self._open()
        return self

    @property
    def book(self) -> OrderBook:
        with self.store.open_book() as book:
            return book

    def whole(self) -> OrderBook:
        """The book as every record tells it."""
        return OrderBook.replayed(self.journal.records)
