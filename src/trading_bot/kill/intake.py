"""How the holder of an account takes the kills over that other processes left beside its journal."""

from collections.abc import Iterable
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.kill.records import import_kills, imported_kills, named_files
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.order_store import OrderStore

_log = get_logger(__name__)


class KillIntake:
    """Records each kill of ``folder`` once: its cancels fire as soon as their orders are found."""

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
                events = import_kills(self._folder, files=self._files, book=book, imported=self._imported)
                self._store.record_facts(events)
        except OSError as error:
            _log.error("kills_not_imported", problem=str(error))
            return
        self._imported |= named_files(events)
