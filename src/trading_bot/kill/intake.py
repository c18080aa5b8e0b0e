"""The intake of kills: the holder of an account takes over, while it works, the kills that other processes record."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.kill.records_v1 import V1_KILLS_FOLDER, imported_kills, named_files, new_kills, v1_kill_events
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.kill_wishes import kill_events
from trading_bot.order_management.book.side_import import is_kill, side_paths
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.journal.side_files import SideContent, read_side
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
        """Record every new kill. What cannot be read, a file or the folder, is logged and read again next time."""
        try:
            # Read before the book is held: on a slow disk nobody waits for it, least of all a cancel.
            old = new_kills(self._folder.with_name(V1_KILLS_FOLDER), files=self._files, imported=self._imported)
            new = tuple(self._new())
        except OSError as error:
            _log.error("kills_not_imported", problem=str(error))
            return
        if not old and not new:
            return
        with self._store.open_book() as book:
            events = [event for name, data in old for event in v1_kill_events(name, data, book.active())]
            events += [event for name, content in new for event in kill_events(name, content, book.active())]
            self._store.record_facts(events)
        self._imported |= named_files(events)

    def _new(self) -> Iterator[tuple[str, SideContent]]:
        for path in side_paths(self._folder, files=self._files):
            if is_kill(path) and path.name not in self._imported:
                try:
                    facts = self._files.facts_at(path)
                    data = self._files.read(path) if facts is not None and facts.is_regular else b""
                except OSError as error:
                    _log.error("kill_not_imported", problem=str(error))
                    continue
                yield path.name, read_side(data)
