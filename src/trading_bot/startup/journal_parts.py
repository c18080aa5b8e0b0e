"""What belongs to an account's journal besides its database: the journal of 0.1, side files and the audit log."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from trading_bot.kill.records_v1 import imported_kills
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.past_orders import JournalPast
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.audit_log import AuditLog
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import Journal, JournalReader, Opened, OrderKeyKind, Pointer
from trading_bot.order_management.journal.side_files import SIDE_FOLDER, SideFile
from trading_bot.order_management.models import ClientOrderId
from trading_bot.order_management.side_import import SideImport
from trading_bot.startup.import_v1 import V1Upgrade
from trading_bot.startup.journal import JournalParts
from trading_bot.startup.journal_home import JournalHome
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder


def journal_parts(
    around: Surroundings,
    *,
    state: StateFolder,
    log: Path,
    log_max_bytes: int,
    identity: JournalIdentity,
    session_id: str,
    home: JournalHome | None = None,
) -> JournalParts:
    """Build the parts; nothing is read or written before the journal is opened. ``log`` is the audit log's file.

    A ``home`` is where the journal is if it is shared. All that is built here is of this machine alone.
    """
    side = SideFile(
        folder=state.root / SIDE_FOLDER,
        session_id=session_id,
        files=around.files,
        clock=around.clock,
        process_id=around.process_id,
    )
    upgrade = V1Upgrade(
        around,
        state=state,
        journal=log,
        identity=identity,
        session_id=session_id,
        pointers_for=pointers_for,
        make_journal=lambda database: around.journal(database, identity, None) if home is None else home.journal(None),
        is_shared=home is not None,
    )
    importer = SideImport(
        folder=state.root / SIDE_FOLDER, files=around.files, clock=around.clock, own=lambda: side.path
    )
    return JournalParts(
        take_over_v1=upgrade.take_over,
        readable_v1=upgrade.readable,
        side_file=side,
        import_side_files=lambda journal, opened: with_side_files(importer, journal, opened),
        audit_trail=AuditLog(path=log, max_bytes=log_max_bytes, files=around.files),
    )


def pointers_for(records: Iterable[JournalRecord]) -> Iterable[Pointer]:
    """Return the pointers to those records of a whole journal that still count."""
    return OrderBook.replayed(records).pointers.all()


def with_side_files(importer: SideImport, journal: Journal, opened: Opened) -> Opened:
    """Take the side files over into a journal that was just opened, and return what it holds then.

    Raises:
        OrderLogError: the journal takes nothing; the files are still there.
    """
    importer.take_over(journal, _OpenedBook(journal, opened), kills=imported_kills(opened.standing))
    if journal.head == opened.head:
        return opened
    return replace(opened, head=journal.head, standing=journal.read_standing())


class _OpenedBook:
    """The book of a journal that was just opened. An order whose records cannot be true is not in it."""

    def __init__(self, journal: JournalReader, opened: Opened) -> None:
        self._past = JournalPast(journal, unlocked=nullcontext, refold=_last_told)
        self._book = OrderBook(past=self._past)
        for record in opened.standing:
            self._fold(record)
        self._book.pointers.take_changes()

    def order(self, client_order_id: ClientOrderId) -> TrackedOrder | None:
        """Return an order of the journal, also one that ended long ago."""
        return self._book.get(client_order_id)

    def active(self) -> Sequence[TrackedOrder]:
        """Return the orders that have not ended."""
        return self._book.active()

    def check(self, record: JournalRecord) -> None:
        """Raise `OrderLogDamagedError` if a record cannot follow from what is here."""
        self._bring_back(record)
        self._book.check(record)

    def apply(self, record: JournalRecord) -> None:
        """Fold a record in."""
        self._bring_back(record)
        self._book.apply(record)

    def names_given(self, fact: OrderEvent) -> Iterable[tuple[OrderKeyKind, str]]:
        """Return the names that a record of this fact is the first to give."""
        return self._book.names_given(fact)

    def take_pointers(self) -> tuple[tuple[Pointer, ...], tuple[Pointer, ...]]:
        """Return the standing pointers added and ended since the last call."""
        return self._book.pointers.take_changes()

    def _fold(self, record: JournalRecord) -> None:
        try:
            self._book.apply(record)
        except OrderLogDamagedError:
            return  # the store reports it, when it folds the same records

    def _bring_back(self, record: JournalRecord) -> None:
        name = record.fact.client_order_id
        if name is not None and not self._book.holds(name):
            self._book.bring_back(self._past.records_of(name))


def _last_told(records: Sequence[JournalRecord]) -> TrackedOrder | None:
    orders = OrderBook.replayed(records).orders()
    return orders[-1] if orders else None
