"""The composition of one account's journal: log, book, store, index and keeper, and how they open together."""

from pathlib import Path

from trading_bot.bot import JournalVerdict
from trading_bot.lease import Lease
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.id_index import IdIndex
from trading_bot.order_management.journal.anchor import HeadAnchor
from trading_bot.order_management.journal.history import JournalHistory
from trading_bot.order_management.journal.order_log import JournalIdentity, JournalScan, OrderLog
from trading_bot.order_management.journal_keeper import JournalKeeper, RotationRules
from trading_bot.order_management.order_store import OrderStore
from trading_bot.risk.results_history import orders_that_count
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder

_RESERVE_BYTES = 262_144
_log = get_logger(__name__)


class AccountJournal:
    """Everything that remembers the orders of one account. Nothing is opened before `open`."""

    def __init__(
        self,
        around: Surroundings,
        *,
        path: Path,
        state: StateFolder,
        identity: JournalIdentity,
        session_id: str,
        max_bytes: int,
    ) -> None:
        files, clock = around.files, around.clock
        self._path = path
        self._state = state
        self._log = OrderLog(
            path=path,
            identity=identity,
            session_id=session_id,
            files=files,
            clock=clock,
            process_id=around.process_id,
            anchor=HeadAnchor(path=state.anchor, files=files),
            reserve_bytes=_RESERVE_BYTES,
        )
        # Which state folder is used depends on the environment; whoever writes here is told by a lock beside the file.
        self._writing = Lease(
            path=path.with_name(f".{path.name}.lock"),
            files=files,
            guards=f"the journal {path} from another state folder",
        )
        self._history = JournalHistory(journal=path, files=files)
        index = IdIndex(history=self._history, files=files)
        self.store = OrderStore(journal=self._log, book=OrderBook(past=index), clock=clock, session_id=session_id)
        self._keeper = JournalKeeper(
            log=self._log,
            store=self.store,
            index=index,
            rules=RotationRules(max_bytes=max_bytes),
            needed=orders_that_count,
            clock=clock,
        )
        self.store.subscribe(self._keeper.on_order_change)

    def open(self) -> JournalScan:
        """Open the journal and replay its live segment; a damaged one is opened for cancels only.

        Raises:
            OrderLogError: it is not where it was, cannot be opened, or belongs to somebody else.
            AccountInUseError: another process writes it.
        """
        self._state.check_journal(self._path)
        self._begin_writing()
        found = self._log.open()
        self._keeper.begin(found)
        self._replay(found)
        if self._log.refusal is None:
            self._state.remember_journal(self._path)
        else:
            _log.error("journal_quarantined", problem=str(self._log.refusal))
            self.store.stop_entries(self._log.refusal)
        return found

    def close(self) -> None:
        """Flush, note the head, and close; then another process may write it."""
        try:
            self._log.close()
        finally:
            self._writing.release()

    def verify(self) -> JournalVerdict:
        """Read every segment and say whether each record follows from the one before it, up to the noted head."""
        if self._state.files.facts_at(self._path) is None:
            return JournalVerdict(ok=False, records=0, problem=f"{self._path} is gone")
        try:
            found = self._history.verify(HeadAnchor(path=self._state.anchor, files=self._state.files))
        except OrderLogError as error:
            return JournalVerdict(ok=False, records=0, problem=str(error))
        return JournalVerdict(ok=found.ok, records=found.records, problem=found.problem)

    def _begin_writing(self) -> None:
        try:
            self._writing.acquire()
        except (OSError, NotImplementedError) as error:
            raise OrderLogError(
                f"cannot open the journal {self._path}: its folder takes no lock ({error}); repair disk or folder"
            ) from error

    def _replay(self, found: JournalScan) -> None:
        try:
            self.store.load(found.records)
        except OrderLogDamagedError as error:
            _log.error("journal_quarantined", problem=str(error))
            self.store.stop_entries(error)
