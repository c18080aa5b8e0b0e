"""The first start after version 0.1: its journal, proven, goes into the database, byte for byte.

1. Nothing is written before the whole journal of 0.1 is proven, and what still counts of it can be true. A damaged one
   is left as it is, and so is the database. That an order has the ``ref_id`` of one that ended long ago is found page
   by page: then the database may hold a part, by which nobody goes.
2. Records keep their bytes, their numbers and their hashes. What the segments of 0.1 repeated stays where it stood.
3. The import is committed page by page, so it needs no more memory for a long journal. From the first page on a
   standing pointer says that it is unfinished; the last commit ends that one and makes all others. Whoever finds
   `is_unfinished` must not go by what the database holds.
4. It may be interrupted anywhere. The next start proves the journal again, proves that the database holds a beginning
   of it, and goes on. Then, and not before, the old files are renamed ``*.v1``.

What still counts is what a start of 0.1 would have folded: the live segment. It begins with the last telling of each
order and fact that was carried into it, so those of earlier segments have no pointer.

It counts on the caller to hold the account's lease and the lock ``.<journal>.lock`` that 0.1 holds while it writes.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from trading_bot.clock import Clock
from trading_bot.files import FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at, seal
from trading_bot.order_management.journal.identity import JournalIdentity, check_first_record, is_begun_in_a_database
from trading_bot.order_management.journal.port import (
    Commit,
    Journal,
    Opened,
    OrderKey,
    OrderKeyKind,
    Pointer,
)
from trading_bot.order_management.journal.sql import column_text
from trading_bot.order_management.journal.unfinished import FILES, IMPORT, RECORDS
from trading_bot.order_management.journal.v1.proof import V1Journal
from trading_bot.order_management.journal.v1.reader import V1Files
from trading_bot.order_management.models import EXACT, ClientOrderId

PAGE_RECORDS = 1000
"""Records in one commit, and read at once."""

_NAMES_HELD = 10
"""Names of orders held in memory for each record of a page; others are looked up."""

_MICROSECOND = Decimal("0.000001")
_TELLS_AN_ORDER = frozenset({EventKind.ORDER_INTENDED, EventKind.ORDER_CARRIED})
_log = get_logger(__name__)

PointersFor: TypeAlias = Callable[[Iterable[JournalRecord]], Iterable[Pointer]]
"""Returns the pointers to those of the records that still count."""


class V1Import:
    """Opens a journal, and takes a journal of 0.1 over into it first if there is one.

    ``noted`` is where 0.1 noted that its journal was, if it did.
    """

    def __init__(
        self,
        *,
        old: V1Files,
        noted: Path | None,
        identity: JournalIdentity,
        pointers_for: PointersFor,
        files: FileSystem,
        clock: Clock,
        session_id: str,
        page_records: int = PAGE_RECORDS,
    ) -> None:
        self._old = old
        self._noted = noted
        self._identity = identity
        self._pointers_for = pointers_for
        self._files = files
        self._clock = clock
        self._session_id = session_id
        self._page_records = page_records

    def open(self, journal: Journal, *, first_record: Callable[[], SealedRecord] | None = None) -> Opened:
        """Open ``journal``, which must not write a first record itself, and return what it holds then.

        ``first_record`` begins a new journal where there is none of 0.1; without one, that is left to the next who
        opens it.

        Raises:
            OrderLogDamagedError: the journal of 0.1 is damaged or missing; nothing was written.
            OrderLogError: something cannot be read or written; the next start goes on.
        """
        opened = journal.open()
        if opened.problem is not None:
            return opened
        step = next((pointer.key for pointer in journal.pointers(IMPORT)), None)
        if opened.head.seq and step is None:
            return opened
        if step != FILES:
            whole = self._proven(is_begun=step is not None)
            if whole is None:
                begun = () if first_record is None else (first_record(),)
                journal.commit(Commit(records=begun))
                return Opened(head=journal.head, is_new=True)
            self._take_over(journal, whole)
        self._set_aside(journal)
        return Opened(head=journal.head, standing=journal.read_standing())

    def readable(self, problem: OrderLogError) -> Opened:
        """Return what a damaged journal of 0.1 still tells: cancels go by it, and nothing may be committed."""
        records = self._old.readable()
        head = head_at(records[-1]) if records else ChainHead.genesis()
        return Opened(head=head, standing=records, problem=str(problem))

    def _proven(self, *, is_begun: bool) -> V1Journal | None:
        if not self._old.exist():
            if is_begun or self._noted is not None:
                raise OrderLogDamagedError(
                    f"the journal {self._noted or self._old.journal} of version 0.1 is gone, and the database does not "
                    "hold all of it; put the file back where it was, or restore the account's folder from a backup"
                )
            return None
        whole = self._old.verify()
        if whole.first is None or is_begun_in_a_database(whole.first):
            # Nothing is in it, or it is the audit log of a database that is gone, which the comparison of both finds.
            return None
        check_first_record(whole.first, identity=self._identity, journal=self._old.journal)
        return whole

    def _take_over(self, journal: Journal, whole: V1Journal) -> None:
        standing = tuple(self._pointers_for(self._live(whole)))
        records, names = self._rest(journal, whole), _Names(journal, held=_NAMES_HELD * self._page_records)
        while page := tuple(islice(records, self._page_records)):
            begun = (Pointer(kind=IMPORT, key=RECORDS, seq=1),) if page[0].record.seq == 1 else ()
            keys = tuple(key for sealed in page for key in names.given_by(sealed.record))
            journal.commit(Commit(records=page, order_keys=keys, standing=begun))
        if journal.head != whole.head:
            raise OrderLogDamagedError(f"the journal {self._old.journal} was changed while it was read; start again")
        self._conclude(journal, whole, standing)

    def _live(self, whole: V1Journal) -> Iterator[JournalRecord]:
        return (each.record for each in self._old.records(whole) if each.record.seq >= whole.live_from)

    def _rest(self, journal: Journal, whole: V1Journal) -> Iterator[SealedRecord]:
        """Yield what the database does not have yet; what it has is proven to be a beginning of the journal."""
        records = self._old.records(whole)
        for stored in _pages(journal, after=0, up_to=journal.head.seq):
            ours = next(records, None)
            if ours is None or ours.record.hash != stored.record.hash:
                raise OrderLogDamagedError(
                    f"record {stored.record.seq} of the database is not the one of the journal {self._old.journal}, "
                    "which was being taken over; restore both from a backup"
                )
        return records

    def _conclude(self, journal: Journal, whole: V1Journal, standing: tuple[Pointer, ...]) -> None:
        details = {
            "file": self._old.journal.name,
            "records": str(whole.head.seq),
            "head": whole.head.hash,
            "left_bytes": str(whole.left_bytes),
        }
        event = OrderEvent(event=EventKind.JOURNAL_IMPORTED, details=details)
        mono = EXACT.quantize(Decimal(self._clock.monotonic()), _MICROSECOND)
        last = seal(event, head=journal.head, ts=self._clock.now(), mono=mono, session_id=self._session_id)
        done = Pointer(kind=IMPORT, key=FILES, seq=last.record.seq)
        journal.commit(
            Commit(
                records=(last,),
                standing=(*standing, done),
                ended=(Pointer(kind=IMPORT, key=RECORDS, seq=1),),
            )
        )
        _log.info("journal_imported", count=whole.head.seq, path=str(self._old.journal))

    def _set_aside(self, journal: Journal) -> None:
        """Rename what is left of the old journal, the live file last, and note that this is done."""
        try:
            for path in self._old.fillers():
                self._files.remove(path)
            for path in self._old.left():
                self._files.rename(path, self._free_name(path))
                self._files.sync_folder(path.parent)
        except OSError as error:
            raise OrderLogError(
                f"the journal {self._old.journal} of version 0.1 was taken over, but its files cannot be renamed: "
                f"{error}; repair the folder and start again"
            ) from error
        journal.commit(Commit(ended=journal.pointers(IMPORT)))

    def _free_name(self, path: Path) -> Path:
        # Files of an earlier import are there if somebody put an old journal back.
        name, number = path.with_name(f"{path.name}.v1"), 2
        while self._files.facts_at(name) is not None:
            name, number = path.with_name(f"{path.name}.v1-{number}"), number + 1
        return name


def _pages(journal: Journal, *, after: int, up_to: int) -> Iterator[SealedRecord]:
    while after < up_to:
        page = journal.page(after=after, limit=min(PAGE_RECORDS, up_to - after))
        if not page:
            raise OrderLogDamagedError(f"record {after + 1} of the database is missing; restore it from a backup")
        yield from page
        after = page[-1].record.seq


class _Names:
    """Which names of orders are given already: each one is given by the first record that has it."""

    def __init__(self, journal: Journal, *, held: int) -> None:
        self._journal = journal
        self._held = held
        self._known: OrderedDict[tuple[OrderKeyKind, str], ClientOrderId] = OrderedDict()

    def given_by(self, record: JournalRecord) -> Iterator[OrderKey]:
        """Yield the names that this record gives.

        Raises:
            OrderLogDamagedError: it tells an order under the ``ref_id`` of another one.
        """
        order = record.fact.client_order_id
        if order is None:
            return
        for kind, key in _names_in(order, record.fact):
            owner = self._owner(kind, key, order)
            if owner is None:
                yield OrderKey(kind=kind, key=key, seq=record.seq)
            elif kind is OrderKeyKind.REF_ID and record.fact.event in _TELLS_AN_ORDER and not _is(owner, order):
                raise OrderLogDamagedError(
                    f"record {record.seq} of the journal of version 0.1 gives the ref_id of one order to another one, "
                    "so it is not taken over and only cancels are possible: put the files back from a copy",
                    client_order_id=order,
                )

    def _owner(self, kind: OrderKeyKind, key: str, order: ClientOrderId) -> ClientOrderId | None:
        name = (kind, key)
        owner = self._known.get(name) or self._journal.find_order(kind, key)
        self._known[name] = owner or order
        self._known.move_to_end(name)
        if len(self._known) > self._held:
            self._known.popitem(last=False)
        return owner


def _is(owner: ClientOrderId, order: ClientOrderId) -> bool:
    return owner in {order, column_text(order)}


def _names_in(order: ClientOrderId, fact: OrderEvent) -> Iterator[tuple[OrderKeyKind, str]]:
    yield OrderKeyKind.CLIENT_ORDER_ID, order
    if fact.ref_id is not None:
        yield OrderKeyKind.REF_ID, fact.ref_id
    if fact.order_id is not None:
        yield OrderKeyKind.ORDER_ID, fact.order_id
