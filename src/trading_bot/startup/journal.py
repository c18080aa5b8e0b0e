"""The composition of one account's journal: database, store and housekeeping, and how they open together.

At a start, in this order: the records of version 0.1 are taken over; the database is opened; the audit log is compared
with it, and catches up; side files are imported; what counts is refolded. Each of these but opening and refolding is a
part of its own, that may be absent.

A start goes on for cancels alone where the journal is damaged, or takes nothing: then nothing is committed, and facts
go to the side file, so that whoever puts the right database back loses none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from trading_bot.bot import JournalVerdict
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.housekeeping import Housekeeping
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at
from trading_bot.order_management.journal.identity import JournalIdentity, first_record
from trading_bot.order_management.journal.port import Journal, JournalReader, Opened
from trading_bot.order_management.journal.record_writer import NoSideFile, SideFile
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.reconciliation import overfills
from trading_bot.risk.results_history import orders_that_count
from trading_bot.startup.journal_home import JournalHome, LocalHome
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder

_PAGE = 1000
_log = get_logger(__name__)


class AuditTrail(Protocol):
    """The audit log beside the database."""

    def compare(self, journal: JournalReader) -> str | None:
        """Return what is damaged if the log and the database cannot both be true, and else let the log catch up."""
        ...

    def append(self, records: Sequence[SealedRecord]) -> None:
        """Add what was committed; never raises for the disk."""
        ...


class NoAuditTrail:
    """Keeps no log."""

    def compare(self, journal: JournalReader) -> None:
        """Find nothing wrong."""
        del journal

    def append(self, records: Sequence[SealedRecord]) -> None:
        """Add nothing."""
        del records


def _import_nothing(_store: OrderStore, _journal: Journal, _opened: Opened) -> None:
    pass


def _nothing_readable(problem: OrderLogError) -> Opened:
    return Opened(head=ChainHead.genesis(), problem=str(problem))


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalParts:
    """What belongs to a journal besides its database. Each part raises `OrderLogError` where a start cannot go on."""

    take_over_v1: Callable[[Path], None] = lambda _database: None
    """Makes the database out of the journal of version 0.1, if there is one and no database yet."""
    readable_v1: Callable[[OrderLogError], Opened] = _nothing_readable
    """Returns what a damaged journal of version 0.1 still tells, for cancels."""
    readable_log: Callable[[OrderLogError], Opened] = _nothing_readable
    """Returns what the audit log tells of a database that cannot be read, for cancels."""
    side_file: SideFile = field(default_factory=NoSideFile)
    import_side_files: Callable[[OrderStore, Journal, Opened], None] = _import_nothing
    """Takes over what other processes left beside the journal that was just opened and refolded."""
    audit_trail: AuditTrail = field(default_factory=NoAuditTrail)


class AccountJournal:
    """Everything that remembers the orders of one account. Nothing is opened before `open`."""

    def __init__(
        self,
        around: Surroundings,
        *,
        state: StateFolder,
        identity: JournalIdentity,
        session_id: str,
        home: JournalHome | None = None,
        parts: JournalParts | None = None,
    ) -> None:
        clock = around.clock
        self._database = state.database
        self._home = home or LocalHome(around, state=state, identity=identity)
        self._parts = parts or JournalParts()
        self._journal = self._home.journal(lambda: first_record(identity, clock=clock, session_id=session_id))
        self._reader = self._home.reader() or self._journal
        self.store = OrderStore(
            journal=self._journal, clock=clock, session_id=session_id, side_file=self._parts.side_file
        )
        self.store.on_commit(self._parts.audit_trail.append)
        self.housekeeping = Housekeeping(journal=self._journal, store=self.store, needed=orders_that_count, clock=clock)
        self.store.subscribe(self.housekeeping.on_order_change)

    @property
    def name(self) -> str:
        """What the journal is called in messages."""
        return self._home.name

    def open(self) -> Opened:
        """Open the journal and refold what counts in it; one that is damaged or takes nothing is for cancels only.

        Raises:
            OrderLogError: it is not where it was, cannot be opened, or belongs to somebody else.
            AccountInUseError: another process writes it.
        """
        self._home.begin_writing()
        try:
            self._parts.take_over_v1(self._database)
        except OrderLogDamagedError as error:
            return self._opened_for_cancels(self._parts.readable_v1(error), error)
        self._home.check()
        try:
            opened = self._journal.open()
        except OrderLogDamagedError as error:
            return self._opened_for_cancels(self._readable(error), error)
        damage = opened.problem or self._parts.audit_trail.compare(self._reader)
        if damage is not None:
            problem = self._journal.refusal or OrderLogDamagedError(damage)
            return self._opened_for_cancels(self._parts.readable_log(problem) if opened.is_new else opened, problem)
        self._home.remember()
        self._parts.side_file.open()
        if (broken := self._refold(opened)) is not None:
            self._quarantine(broken)
        self._freeze_overfilled()
        return self._with_side_files(opened)

    def _freeze_overfilled(self) -> None:
        """Stop entries where more was filled on record than was ordered, as the report of such a fill does."""
        with self.store.open_book() as book:
            for order in book.orders():
                self.store.record_facts(overfills(order))

    def _with_side_files(self, opened: Opened) -> Opened:
        try:
            self._parts.import_side_files(self.store, self._journal, opened)
        except OrderLogError as error:
            # As on a full disk: the files stay for the next start. What the book has of them is not in the journal, so
            # that nothing more may be numbered behind it.
            self._quarantine(error)
            self.store.stop_writing(error)
            return opened
        if self._journal.head == opened.head:
            return opened
        return replace(opened, head=self._journal.head, standing=self._journal.read_standing())

    def _readable(self, error: OrderLogDamagedError) -> Opened:
        try:
            return Opened(head=self._reader.read_head(), standing=self._reader.read_standing(), problem=str(error))
        except OrderLogError:
            return self._parts.readable_log(error)

    def _opened_for_cancels(self, opened: Opened, error: OrderLogError) -> Opened:
        self._parts.side_file.open()
        self._refold(opened)
        self._quarantine(error)
        self.store.stop_writing(error)
        return opened

    def close(self) -> None:
        """Close it; then another process may write it."""
        try:
            self._journal.close()
            self._parts.side_file.close()
        finally:
            self._home.end_writing()

    def verify(self) -> JournalVerdict:
        """Read every record and say whether each follows from the one before it."""
        head, problem = ChainHead.genesis(), None
        try:
            while problem is None and (page := self._reader.page(after=head.seq, limit=_PAGE)):
                head, problem = _followed(page, head)
        except OrderLogError as error:
            problem = str(error)
        return JournalVerdict(ok=problem is None, records=head.seq, problem=problem)

    def _refold(self, opened: Opened) -> OrderLogDamagedError | None:
        try:
            self.store.load(opened)
        except OrderLogDamagedError as error:
            return error
        return None

    def _quarantine(self, error: OrderLogError) -> None:
        _log.error("journal_quarantined", problem=str(error))
        self.store.stop_entries(error)


def _followed(page: Sequence[SealedRecord], head: ChainHead) -> tuple[ChainHead, str | None]:
    for one in page:
        if (one.record.seq, one.record.prev) != (head.seq + 1, head.hash):
            return head, f"record {one.record.seq} does not follow record {head.seq}"
        head = head_at(one.record)
    return head, None
