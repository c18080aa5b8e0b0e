"""How the holder of an account takes the kills over that other processes leave beside its journal while it works."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.kill.records_v1 import V1_KILLS_FOLDER, import_kills, imported_kills, named_files
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.side_import import is_kill, kill_events, side_paths
from trading_bot.order_management.events import JournalRecord, OrderEvent
from trading_bot.order_management.journal.side_files import read_side
from trading_bot.order_management.order_store import OrderStore

_log = get_logger(__name__)


class KillIntake:
    """Records each kill of the side files in ``folder`` once: its cancels fire as soon as their orders are found.

    The files stay: the next start removes those of kills that have ended (`side_import`). Files of version 0.1 are
    looked for beside the folder.
    """

    def __init__(self, *, folder: Path, files: FileSystem, store: OrderStore) -> None:
        self._folder = folder
        self._files = files
        self._store = store
        self._imported: frozenset[str] = frozenset()

    def remember(self, records: Iterable[JournalRecord]) -> None:
        """Note which kills the journal has taken over already."""
        self._imported |= imported_kills(records)

    def take_over(self) -> None:
        """Record every new kill. A folder that cannot be read is logged and read again next time."""
        try:
            with self._store.open_book() as book:
                events = (*self._of_v1(book), *self._new(book))
                self._store.record_facts(events)
        except OSError as error:
            _log.error("kills_not_imported", problem=str(error))
            return
        self._imported |= named_files(events)

    def _of_v1(self, book: OrderBook) -> tuple[OrderEvent, ...]:
        folder = self._folder.with_name(V1_KILLS_FOLDER)
        return import_kills(folder, files=self._files, book=book, imported=self._imported)

    def _new(self, book: OrderBook) -> Iterator[OrderEvent]:
        for path in side_paths(self._folder, files=self._files):
            if is_kill(path) and path.name not in self._imported:
                facts = self._files.facts_at(path)
                data = self._files.read(path) if facts is not None and facts.is_regular else b""
                yield from kill_events(path.name, read_side(data), book.active())
