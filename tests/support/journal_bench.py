"""A journal with everything around it: log, book, store, index, keeper and anchor over one folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.support.order_story import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.book.carrying import Needed
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.id_index import IdIndex
from trading_bot.order_management.journal.anchor import HeadAnchor
from trading_bot.order_management.journal.history import JournalHistory
from trading_bot.order_management.journal.order_log import JournalIdentity, JournalScan, OrderLog
from trading_bot.order_management.journal_keeper import JournalKeeper, RotationRules, nothing_needed
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.order_store import OrderStore

IDENTITY = JournalIdentity(mode=ExecutionMode.PAPER, account_key="0123456789abcdef", account_suffix="0001")


class UnflushedFiles(LocalFiles):
    """Skips the flushes: for what is about order and content, not about power."""

    def sync(self, descriptor):
        pass

    def sync_folder(self, path):
        pass


class JournalBench:
    """One process's journal. ``restart`` knows nothing but the folder."""

    def __init__(
        self,
        folder: Path,
        *,
        files: FileSystem | None = None,
        clock: VirtualClock | None = None,
        max_bytes: int = 1_000_000,
        needed: Needed = nothing_needed,
        process_id: Callable[[], int] = lambda: 1,
        reserve_bytes: int = 0,
        opened: bool = True,
    ) -> None:
        self.folder = folder
        self.files: FileSystem = files or UnflushedFiles()
        self.clock = clock or VirtualClock(MONDAY)
        self.path = folder / "logs" / "orders.jsonl"
        self._settings = (max_bytes, needed, process_id, reserve_bytes)
        self._build()
        if opened:
            self.open()

    def _build(self) -> None:
        max_bytes, needed, process_id, reserve_bytes = self._settings
        self.anchor_path = self.folder / "state" / "anchor.json"
        self.log = OrderLog(
            path=self.path,
            identity=IDENTITY,
            session_id="session-1",
            files=self.files,
            clock=self.clock,
            process_id=process_id,
            anchor=HeadAnchor(path=self.anchor_path, files=self.files),
            reserve_bytes=reserve_bytes,
        )
        self.history = JournalHistory(journal=self.path, files=self.files)
        self.index = IdIndex(history=self.history, files=self.files)
        self.book = OrderBook(past=self.index)
        self.store = OrderStore(journal=self.log, book=self.book, clock=self.clock, session_id="session-1")
        self.keeper = JournalKeeper(
            log=self.log,
            store=self.store,
            index=self.index,
            rules=RotationRules(max_bytes=max_bytes),
            needed=needed,
            clock=self.clock,
        )
        self.store.subscribe(self.keeper.on_order_change)

    def open(self) -> JournalScan:
        found = self.log.open()
        self.keeper.begin(found)
        for record in found.records:
            self.book.apply(record)
        return found

    def tell(self, *events: OrderEvent) -> Self:
        """Record events a second apart."""
        for event in events:
            self.store.record(event)
            self.clock.sleep(1)
        return self

    def restart(self) -> Self:
        self.log.close()
        self._build()
        self.open()
        return self

    def whole(self) -> OrderBook:
        """The book as every record of every segment tells it."""
        return OrderBook.replayed(self.history.records())

    def segments(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir() if path.suffix == ".jsonl")

    def close(self) -> None:
        self.log.close()
