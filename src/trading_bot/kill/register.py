"""The orders a kill knows from the journal, read without writing, locking or trusting it.

The database is read in a process that is given up when it hangs, then the audit log, which may lack the latest orders.
Where neither can be read to its end, every order with our mark is meant. A journal of version 0.1 is read from its
files until a start has taken all of it over.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.kill.journal_process import DatabaseUnreadError, JournalProcess
from trading_bot.order_management.book.approvals import protects
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.audit_files import logged_records
from trading_bot.order_management.journal.chain import BadRecordError
from trading_bot.order_management.journal.v1.reader import V1Files
from trading_bot.order_management.models import ClientOrderId, OrderEnvelope, OrderId, RefId
from trading_bot.state_folder import StateFolder

_TELLS_AN_ORDER = frozenset({EventKind.ORDER_INTENDED, EventKind.ORDER_CARRIED})


def nothing_else(_names: Sequence[str]) -> frozenset[str]:
    """Know of no order beside those that were read."""
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrders:
    """Every order that counts and could be read; ``problem`` says why there may be more."""

    orders: tuple[TrackedOrder, ...] = ()
    problem: str | None = None
    is_late: bool = False
    """Whether the journal had not been read in time: it may be asked for again."""
    elsewhere: str | None = None
    """Why the bot may keep its state in another folder than the one that was looked at, and so trade on."""
    look_up: Callable[[Sequence[str]], frozenset[str]] = field(default=nothing_else, compare=False)
    """Returns which of the broker's names belong to older orders on record; it does not raise."""

    @property
    def working(self) -> tuple[TrackedOrder, ...]:
        """Those on record as held by the broker."""
        return tuple(order for order in self.orders if order.state.is_working)

    @property
    def unresolved(self) -> tuple[TrackedOrder, ...]:
        """Those of which nobody knows whether the broker has them."""
        return tuple(order for order in self.orders if order.state.is_unresolved)

    def to_cancel(self, *, keeps_stops: bool = False) -> tuple[ClientOrderId, ...] | None:
        """Return what a kill has to cancel, unresolved intents first; None means everything, as there may be more."""
        if self.problem is not None:
            return None
        orders = (*self.unresolved, *self.working)
        return tuple(order.client_order_id for order in orders if not (keeps_stops and protects(order)))

    def find(self, *, order_id: OrderId, ref_id: RefId | None) -> TrackedOrder | None:
        """Return the order that has either of the broker's names."""
        named = (order for order in self.orders if _bears(order.envelope, order_id, ref_id))
        return next(named, None)


def _bears(envelope: OrderEnvelope, order_id: OrderId, ref_id: RefId | None) -> bool:
    return order_id == envelope.order_id or ref_id == envelope.ref_id


def read_known_orders(*, state: StateFolder, files: FileSystem, database: JournalProcess) -> KnownOrders:
    """Read as far as the journal can be believed. Never raises for what is wrong with it.

    Without a ``database``, or with one that is not filled yet, the file of its audit log is the journal of 0.1.

    An account that never had a journal has no orders.
    """
    if database.is_shared:
        known = _read_database(database)
        if known is None and state.shared_journal() is not None:
            known = _read_log(database, DatabaseUnreadError("it holds no journal any more"))
    elif _is_there(database.database, files):
        known = _read_database(database)
    elif _was_database(state):
        known = _read_log(database, DatabaseUnreadError("it is gone"))
    else:
        known = None
    return _read_v1(database.log, state=state, files=files) if known is None else known


def _is_there(path: Path, files: FileSystem) -> bool:
    try:
        return files.facts_at(path) is not None
    except OSError:
        return True  # and its reader says why it cannot be looked at


def _was_database(state: StateFolder) -> bool:
    noted = state.noted_journal()
    return noted is not None and noted.name == state.database.name


def _read_database(database: JournalProcess) -> KnownOrders | None:
    """Return what it tells; None where it is not the journal yet."""
    try:
        found = database.read()
    except DatabaseUnreadError as error:
        return _read_log(database, error)
    if found.is_unfinished:
        return None
    known = _folded(found.records)
    return replace(known, problem=known.problem or found.problem, look_up=LookUp(database))


def _read_log(database: JournalProcess, failure: DatabaseUnreadError) -> KnownOrders:
    """Take what the audit log tells, which is a problem all the same: it may lack the latest orders."""
    said = f"{database} could not be read ({failure})"
    book = OrderBook()
    try:
        for record in logged_records(database.log):
            book.apply(record)
    except (OrderLogError, BadRecordError) as error:
        said = f"{said}, nor the audit log {database.log} to its end ({error})"
    else:
        said = f"{said}; its orders were taken from the audit log {database.log}, which may lack the latest"
    where = "see that this machine reaches the database" if database.is_shared else "look at the disk"
    return KnownOrders(orders=book.orders(), problem=f"{said}; {where}", is_late=failure.is_late)


def _folded(records: Iterable[JournalRecord]) -> KnownOrders:
    book = OrderBook()
    try:
        for record in records:
            book.apply(record)
    except OrderLogDamagedError as error:
        return KnownOrders(orders=book.orders(), problem=str(error))
    return KnownOrders(orders=book.orders())


class LookUp:
    """Looks names up in the database; once that fails, no more: a verdict must not wait again and again."""

    def __init__(self, database: JournalProcess) -> None:
        self._database = database
        self._has_failed = False

    def __call__(self, names: Sequence[str]) -> frozenset[str]:
        """Return which of these names are on record; none if that cannot be read."""
        if self._has_failed:
            return frozenset()
        try:
            return self._database.known(names)
        except DatabaseUnreadError:
            self._has_failed = True
            return frozenset()


def _read_v1(journal: Path, *, state: StateFolder, files: FileSystem) -> KnownOrders:
    """Take what a journal of 0.1 tells of the orders that count, and as much of a damaged one as can be read.

    An unfinished last line is none of a sent order: an intent was sent only once its line was whole.
    """
    known = _told_by_v1(journal, state=state, files=files)
    if state.has_known_a_journal() or not _may_have_records(journal, files):
        return known
    return replace(known, elsewhere=_elsewhere(journal, state.root))


def _told_by_v1(journal: Path, *, state: StateFolder, files: FileSystem) -> KnownOrders:
    old = V1Files(journal=journal, noted_head=state.anchor, files=files)
    try:
        state.check_journal(state.database if _was_database(state) else journal)
        if not old.exist():
            return KnownOrders()
        return _folded(sealed.record for sealed in old.records(old.verify_live()))
    except OrderLogError as error:
        problem = str(error)
    except OSError as error:
        problem = f"the journal {journal} cannot be read ({error.strerror or error}); look at its disk"
    return replace(_folded(old.readable()), problem=problem)


def _may_have_records(journal: Path, files: FileSystem) -> bool:
    try:
        facts = files.facts_at(journal)
    except OSError:
        return True
    return facts is not None and facts.size > 0


def _elsewhere(journal: Path, looked_at: Path) -> str:
    return (
        f"the state folder {looked_at} has never known the journal {journal}: the bot that writes it may keep its "
        "armed file elsewhere and trade on; run this kill in the bot's environment (its user, HOME and "
        "XDG_STATE_HOME), or set state_dir"
    )
