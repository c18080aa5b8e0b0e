"""Journal and book of one account: the one way to change the book.

What it guarantees:

1. **An intent is on disk before it is in the book.** `record_intent` commits it together with all that was recorded
   before it, and folds it only then. A commit that fails leaves no intent behind: it is in the side file as refused,
   and known as not sent.
2. **A fact is never lost to the caller.** It has happened, so it is folded at once, and committed at the end of the
   outermost block (`open_book`, or `one_commit` around several). Where the journal cannot take it, it goes to the side
   file, and no intent is taken until the next start.
3. **Nobody waits for somebody else's commit to read the book or to record a fact**, so no cancel does.
4. Listeners hear of a change after its commit, without a lock of ours, and of one order's changes in their order.

How: two locks. The *book's* is short: whoever reads, folds or numbers a record holds it, and lets it go for every
access to the journal. The *writers'* is held by whoever commits, and from judging an intent to its commit (`deciding`).
Facts wait in a queue. Who has finished recording commits the queue if the writers' lock is free, and else leaves it to
its holder, who looks again after letting go: a fact that is left behind is committed next.

Records are numbered as they are recorded and sealed as they are committed, so a record is serialised and hashed once.
An intent has its number before those of facts that others record during its commit. They may be folded before it, which
makes no difference: they cannot concern an order that is not in the book yet. Whatever stops entries, however, may be
among them, so the caller asks again once the intent is folded.

Not guaranteed: that a fact is durable when it has been recorded. What the broker said is asked for again after a crash;
a submit whose answer was not committed is in doubt then, even if the answer was a refusal or proved that nothing left.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal

from trading_bot.clock import Clock
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.book_lock import Block, BookLock, Opening
from trading_bot.order_management.book.import_book import ImportBook
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.book.order_listeners import (
    CommitListener,
    FactListener,
    Listeners,
    News,
    OrderChange,
    OrderListener,
    news_of,
)
from trading_bot.order_management.book.past_orders import JournalPast
from trading_bot.order_management.book.thread_state import ThreadState
from trading_bot.order_management.correlation import RequestAtWork
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import numbered
from trading_bot.order_management.journal.port import Journal, Opened, OrderKeyKind
from trading_bot.order_management.journal.record_writer import Batch, NoSideFile, RecordWriter, SideFile, Staged
from trading_bot.order_management.models import EXACT, ClientOrderId
from trading_bot.order_management.outcomes import DurableIntent, PreparedOrder

__all__ = ["CommitListener", "OrderChange", "OrderListener", "OrderStore"]

_TELLS_AN_ORDER = frozenset({EventKind.ORDER_INTENDED, EventKind.ORDER_CARRIED})
_MICROSECOND = Decimal("0.000001")
_log = get_logger(__name__)


class OrderStore:
    """Journal and book of one account; every method may be called from any thread. `load` it first."""

    def __init__(self, *, journal: Journal, clock: Clock, session_id: str, side_file: SideFile | None = None) -> None:
        self._journal = journal
        self._clock = clock
        self._session_id = session_id
        self._lock = BookLock()
        self._writers = threading.RLock()
        self._writer = RecordWriter(journal, side=side_file or NoSideFile())
        self._past = JournalPast(journal, unlocked=self._lock.released, refold=OrderBook.replayed_order)
        self._book = OrderBook(past=self._past)
        self._seq = 0
        self._queue: list[Staged] = []
        self._untold: list[News] = []
        self._is_wanted = False
        self._listeners = Listeners()
        self._failure: OrderLogError | None = None
        self._mine = ThreadState()
        self.at_work = RequestAtWork()
        """The request that this thread records for; see `correlation`."""
        self._opening = Opening(self._lock, self._book, mine=self._mine, settle=self._settle)
        self._deciding = Block(self._begin_deciding, self._end_deciding)
        self._keeping_back = Block(self._begin_keeping_back, self._end_keeping_back)
        self._grouping = Block(self._begin_group, self._end_group)

    @property
    def last_seq(self) -> int:
        """The number of the last record, committed or waiting for it."""
        return self._seq

    @property
    def failure(self) -> OrderLogError | None:
        """The journal failure that stops new orders, if there was one."""
        return self._failure or self._writer.failure or self._journal.refusal

    def stop_entries(self, error: OrderLogError) -> None:
        """Take no new order from now on; facts are still folded in, so that cancels work."""
        self._failure = error

    def stop_writing(self, error: OrderLogError) -> None:
        """Take no new order and commit nothing from now on: the journal is not to be believed, or not to be had."""
        self._failure = error
        self._writer.failure = error

    def load(self, opened: Opened) -> None:
        """Begin anew with what a journal that has just been opened holds; listeners hear nothing.

        Raises:
            OrderLogDamagedError: some of its records cannot be true; the book holds all others.
        """
        with self._writers, self._lock:
            self._failure = None
            self._writer.begin(opened.head)
            self._seq = opened.head.seq
            self._queue, self._untold = [], []
            self._past.forget_absent()
            self._book.refold(opened.standing)

    @contextmanager
    def importing(self) -> Iterator[ImportBook]:
        """Let somebody commit records to the journal itself, at a start, and fold each in; go on behind them."""
        with self._writers, self._lock:
            try:
                yield ImportBook(self._book, self._bring_back)
            finally:
                self._writer.begin(self._journal.head)
                self._seq = self._journal.head.seq
                self._past.forget_absent()

    def subscribe(self, listener: OrderListener) -> None:
        """Call ``listener`` for every later change. What it raises is logged and goes no further."""
        self._listeners.of_changes.append(listener)

    def on_fact(self, listener: FactListener) -> None:
        """Call ``listener`` for every later fact that changes no order, in their order."""
        self._listeners.of_facts.append(listener)

    def on_commit(self, listener: CommitListener) -> None:
        """Call ``listener`` after every later commit, with its records."""
        self._listeners.of_commits.append(listener)

    def open_book(self) -> AbstractContextManager[OrderBook]:
        """Hold the book while reading, or while judging and recording facts in one step."""
        return self._opening

    def deciding(self) -> AbstractContextManager[OrderBook]:
        """Hold the book while judging an intent and recording it: no other intent comes in between."""
        return self._deciding

    def one_commit(self) -> AbstractContextManager[None]:
        """Commit in one step, when the block ends, what this thread records in it; no lock is held meanwhile."""
        # Another thread's commit may take a part of it along earlier.
        return self._grouping

    def telling_later(self) -> AbstractContextManager[None]:
        """Keep this thread's news back until the block ends, for a caller who holds a lock that listeners may want."""
        return self._keeping_back

    def record_intent(self, event: OrderEvent, prepared: PreparedOrder) -> DurableIntent:
        """Commit an intent and all that was recorded before it, fold it in, and return the proof that it is durable.

        The book is let go during the commit; see `deciding` for what is decided before.

        Raises:
            OrderLogError: the intent is not durable, or its name is taken: nothing may be sent.
        """
        if event.event is not EventKind.ORDER_INTENDED or event.client_order_id is None:
            raise OrderLogError("an intent is an order_intended event with a client order id; record it as one")
        with self.deciding() as book:
            if (failure := self.failure) is not None:
                raise failure
            self._bring_back(event.client_order_id, may_be_new=False)
            record = self._numbered(event)
            checked = book.check(record)
            self._stage(Staged(record=record, names=book.names_given(event), is_intent=True))
            batch = self._take(and_pointer_of=record)
            with self._lock.released():
                self._commit(batch)
            folded = self._folded(record, lambda stored: book.apply_stored_intent(stored, checked))
            self._mine.news_of |= self._listeners.note(folded)
        return DurableIntent(
            client_order_id=event.client_order_id,
            ref_id=prepared.ref_id,
            terms=prepared.terms,
            body=prepared.body,
            body_digest=event.details["body_sha256"],
            journal_seq=record.seq,
        )

    def record_fact(self, event: OrderEvent, *, names: Iterable[tuple[OrderKeyKind, str]] = ()) -> None:
        """Record what has happened, whether or not the journal can take it; ``names`` are taken for ever with it.

        Raises:
            OrderLogDamagedError: it cannot follow from what the book holds; nothing was recorded.
        """
        with self.open_book() as book:
            self._record(book, event, names)

    def record_facts(self, events: Iterable[OrderEvent]) -> None:
        """Record several facts in one step."""
        with self.open_book() as book:
            for event in events:
                self._record(book, event)

    def _record(self, book: OrderBook, event: OrderEvent, names: Iterable[tuple[OrderKeyKind, str]] = ()) -> None:
        if event.client_order_id is not None and event.event not in _TELLS_AN_ORDER:
            self._bring_back(event.client_order_id)
        record = self._numbered(event)
        given = (*book.names_given(event), *names)
        self._untold += self._folded(record, book.apply)
        self._stage(Staged(record=record, names=given))
        self._mine.has_staged = True

    def forget_all_but(self, kept: Callable[[OrderBook], Iterable[ClientOrderId]]) -> None:
        """Note the positions, and let all orders but these leave the book, in one commit."""
        with self.deciding() as book:
            staying = {*kept(book), *(one.record.fact.client_order_id for one in self._queue)}
            self.record_facts(book.positions.noted())
            # Of whom something waits for this very commit, the journal cannot tell all until then.
            book.forget({name for name in staying if name is not None})
            self._past.forget_absent()

    def _begin_deciding(self) -> OrderBook:
        with self._lock.released():  # always the writers' lock first
            self._writers.acquire()
        is_held = False
        try:
            book = self._opening.__enter__()
            is_held = True
        finally:
            if not is_held:
                self._writers.release()
        self._mine.has_decided = True
        return book

    def _end_deciding(self) -> None:
        self._lock.__exit__()
        self._writers.release()
        self._mine.depth -= 1
        self._settle()

    def _begin_keeping_back(self) -> None:
        self._mine.kept_back += 1

    def _end_keeping_back(self) -> None:
        self._mine.kept_back -= 1
        self._settle()

    def _begin_group(self) -> None:
        self._mine.grouped += 1

    def _end_group(self) -> None:
        self._mine.grouped -= 1
        self._settle()

    def _bring_back(self, client_order_id: ClientOrderId, *, may_be_new: bool = True) -> None:
        if self._book.holds(client_order_id):
            return
        records = self._past.records_of(client_order_id, may_be_new=may_be_new)
        if records and not self._book.holds(client_order_id):
            self._book.bring_back(records)

    def _numbered(self, event: OrderEvent) -> JournalRecord:
        named, mono = self.at_work.named(event), EXACT.quantize(Decimal(self._clock.monotonic()), _MICROSECOND)
        return numbered(named, seq=self._seq + 1, ts=self._clock.now(), mono=mono, session_id=self._session_id)

    def _stage(self, staged: Staged) -> None:
        self._queue.append(staged)
        self._seq = staged.record.seq

    def _folded(self, record: JournalRecord, fold: Callable[[JournalRecord], TrackedOrder | None]) -> list[News]:
        before = self._book.at_hand(record.fact.client_order_id)
        return [news_of(record, before=before, after=fold(record))]

    def _take(self, *, and_pointer_of: JournalRecord | None = None) -> tuple[Batch, list[News]]:
        queue, self._queue = self._queue, []
        untold, self._untold = self._untold, []
        added, ended = self._book.pointers.take_changes()
        if and_pointer_of is not None:
            added = (*added, self._book.pointer_of(and_pointer_of))
        return Batch(staged=tuple(queue), standing=added, ended=ended), untold

    def _commit(self, taken: tuple[Batch, list[News]]) -> None:
        """Commit under the writers' lock, and without the book's.

        Raises:
            OrderLogError: the intent among the records is refused; facts are kept, here or in the side file.
        """
        batch, news = taken
        try:
            if batch.staged or batch.standing or batch.ended:
                self._mine.sealed.append(self._writer.write(batch))
        finally:
            self._mine.news_of |= self._listeners.note(news)

    def _settle(self) -> None:
        """Commit what this thread recorded, and tell the listeners, once it is in no block any more."""
        mine = self._mine
        if mine.depth:
            return
        if mine.has_staged and not mine.grouped:
            mine.has_staged, self._is_wanted = False, True
            self._commit_what_is_wanted()
        elif mine.has_decided:
            self._commit_what_is_wanted()
        mine.has_decided = False
        if not mine.grouped and (mine.sealed or mine.news_of):
            self._tell_all()

    def _tell_all(self) -> None:
        mine = self._mine
        if mine.sealed:
            sealed, mine.sealed = mine.sealed, []
            self._listeners.tell_of_commits(sealed)
        if mine.news_of and not mine.kept_back:
            news_of, mine.news_of = mine.news_of, set()
            with self.at_work.on_behalf_of(None):  # what a listener does is a request of its own
                self._listeners.tell(news_of)

    def _commit_what_is_wanted(self) -> None:
        while self._is_wanted and self._writers.acquire(blocking=False):
            try:
                self._is_wanted = False
                with self._lock:
                    taken = self._take()
                self._commit_facts(taken)
            finally:
                self._writers.release()

    def _commit_facts(self, taken: tuple[Batch, list[News]]) -> None:
        was_well = self.failure is None
        try:
            self._commit(taken)
        except OrderLogError as error:
            if was_well:
                _log.error("journal_write_failed", problem=str(error))
