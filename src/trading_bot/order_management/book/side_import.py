"""The import of side files: the next start takes over the records that the journal did not take.

1. Lines are taken over in the order of the files and, within one, of its lines. Each keeps its time and its session.
2. One transaction a file: its records, and under an order key for each line that it was taken over. Then the file is
   removed. A crash in between takes nothing over twice.
3. A record that is in the journal after all, because its failed commit came back, is not taken over again. Every intent
   in a side file was refused: one that came back is recorded as not sent, and one that did not needs nothing.
4. A fact that cannot follow from what the journal holds is recorded as an anomaly, with its line. So is one of whose
   record nobody can say whether it came back, because what stands in its place is damaged.
5. A kill's file asks for the cancel of the orders that it names (`kill_wishes`). It is taken over at
   once, also by the holder at work (`kill.intake`), and removed once the kill has ended.
6. A torn or damaged file is taken over up to there and kept under another name. Nothing is dropped without an alert.
"""

import enum
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from trading_bot.clock import Clock
from trading_bot.files import FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.kill_wishes import kill_events
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent, about
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.chain import SealedRecord, head_at, seal
from trading_bot.order_management.journal.port import Commit, Journal, OrderKey, OrderKeyKind, Pointer
from trading_bot.order_management.journal.side_files import (
    KILL_SESSION,
    SideContent,
    SideLine,
    SideName,
    line_in,
    read_side,
)
from trading_bot.order_management.models import ClientOrderId, OrderState

KILL_ENDED = "kill_file_closed"
"""The last note of a kill that ended by itself."""

KILL_LASTS = timedelta(hours=24)
"""After this a kill that did not say so has ended too."""

_log = get_logger(__name__)


class SideBook(Protocol):
    """The orders and facts that stand in a journal which has just been opened, for the importer alone."""

    def order(self, client_order_id: ClientOrderId) -> TrackedOrder | None:
        """Return an order of the journal, also one that ended long ago."""
        ...

    def active(self) -> Sequence[TrackedOrder]:
        """Return the orders that have not ended."""
        ...

    def check(self, record: JournalRecord) -> None:
        """Raise `OrderLogDamagedError` if a record cannot follow from what is here; keep nothing."""
        ...

    def apply(self, record: JournalRecord) -> None:
        """Fold a record in."""
        ...

    def names_given(self, fact: OrderEvent) -> Iterable[tuple[OrderKeyKind, str]]:
        """Return the names that a record of this fact is the first to give."""
        ...

    def take_pointers(self) -> tuple[tuple[Pointer, ...], tuple[Pointer, ...]]:
        """Return the standing pointers added and ended since the last call."""
        ...


class SideTrouble(enum.StrEnum):
    """What is wrong with a side file. The value is the name of the alert."""

    TORN = "side_file_torn"  # its last line is unfinished, as a crash leaves it
    DAMAGED = "side_file_damaged"  # a line before its end is wrong: facts may be missing
    FOREIGN = "side_file_foreign"  # no plain file of ours; it is left alone
    UNREADABLE = "side_file_unreadable"  # the disk does not give it; the next start tries again


@dataclass(frozen=True, slots=True, kw_only=True)
class SideProblem:
    """One file that was not taken over whole, for a person to look at."""

    trouble: SideTrouble
    path: Path
    """Where it is now."""
    message: str


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What one transaction is to hold."""

    sealed: list[SealedRecord] = field(default_factory=list)
    keys: list[OrderKey] = field(default_factory=list)


class SideImport:
    """Takes over the files of one folder. ``own`` names the file of this very process, which is left alone."""

    def __init__(
        self, *, folder: Path, files: FileSystem, clock: Clock, own: Callable[[], Path | None] = lambda: None
    ) -> None:
        self._folder = folder
        self._files = files
        self._clock = clock
        self._own = own

    def take_over(self, journal: Journal, book: SideBook, *, kills: Collection[str]) -> tuple[SideProblem, ...]:
        """Take every file over; ``kills`` names those of kills that are on record already.

        Call it at a start, between opening the journal and folding it: the journal may hold more afterwards.

        Raises:
            OrderLogError: the journal takes nothing; files whose records it does not have are still there.
        """
        problems: list[SideProblem] = []
        try:
            paths = side_paths(self._folder, files=self._files)
        except OSError as error:
            return (self._problem(SideTrouble.UNREADABLE, self._folder, str(error)),)
        for path in paths:
            if path != self._own():
                problems += self._taken(path, _Run(journal, book, name=path.name), is_on_record=path.name in kills)
        return tuple(problems)

    def _taken(self, path: Path, run: "_Run", *, is_on_record: bool) -> Iterator[SideProblem]:
        try:
            if not _is_ours(path, self._files):
                yield self._problem(SideTrouble.FOREIGN, path, "it is no plain file of this user")
                return
            content = read_side(self._files.read(path))
        except OSError as error:
            yield self._problem(SideTrouble.UNREADABLE, path, str(error))
            return
        has_ended = True
        if is_kill(path):
            has_ended = has_kill_ended(path, content, now=self._clock.now())
            run.take_kill(content, now=self._clock.now(), is_on_record=is_on_record, has_ended=has_ended)
        else:
            run.take_lines(content)
        run.commit()
        if has_ended:
            yield from self._put_away(path, content)

    def _put_away(self, path: Path, content: SideContent) -> Iterator[SideProblem]:
        kept = path
        try:
            if content.problem is None:
                self._files.remove(path)
            else:
                kept = path.with_name(f"{path.name}.{'torn' if content.is_torn else 'damaged'}")
                self._files.rename(path, kept)
            self._files.sync_folder(path.parent)
        except OSError as error:
            yield self._problem(SideTrouble.UNREADABLE, path, f"it was taken over and cannot be put away: {error}")
        if content.problem is not None:
            trouble = SideTrouble.TORN if content.is_torn else SideTrouble.DAMAGED
            yield self._problem(trouble, kept, content.problem)

    def _problem(self, trouble: SideTrouble, path: Path, message: str) -> SideProblem:
        _log.error(trouble.value, path=str(path), problem=message)
        return SideProblem(trouble=trouble, path=path, message=message)


class _Run:
    """One file on its way into the journal."""

    def __init__(self, journal: Journal, book: SideBook, *, name: str) -> None:
        self._journal = journal
        self._book = book
        self._name = name
        self._batch = _Batch()

    def take_lines(self, content: SideContent) -> None:
        """Take over what a holder left."""
        for line in map(line_in, content.records):
            if not self._is_taken(line.number):
                event = self._event_of(line)
                if event is not None:
                    self._record(event, line)

    def take_kill(self, content: SideContent, *, now: datetime, is_on_record: bool, has_ended: bool) -> None:
        """Take over what a kill asks for, and what it noted once it has ended."""
        lines = tuple(map(line_in, content.records))
        first = lines[0] if lines else _unreadable_line(now)
        if not is_on_record and not self._is_taken(1):
            for event in kill_events(self._name, content, self._book.active()):
                self._record(event, replace(first, number=1), is_key=event.event is EventKind.KILL_IMPORTED)
        for line in lines:
            if has_ended and line.fact.event is EventKind.KILL_NOTED and not self._is_taken(line.number):
                self._record(line.fact, line)

    def commit(self) -> None:
        """Store it in one transaction.

        Raises:
            OrderLogError: the journal takes nothing.
        """
        added, ended = self._book.take_pointers()
        batch = self._batch
        if batch.sealed:
            self._journal.commit(
                Commit(records=tuple(batch.sealed), order_keys=tuple(batch.keys), standing=added, ended=ended)
            )

    def _is_given(self, kind: OrderKeyKind, key: str) -> bool:
        is_new = all((one.kind, one.key) != (kind, key) for one in self._batch.keys)
        return not is_new or self._journal.has_key(kind, key)

    def _is_taken(self, number: int) -> bool:
        return self._journal.has_key(OrderKeyKind.SIDE_LINE, f"{self._name}:{number}")

    def _event_of(self, line: SideLine) -> OrderEvent | None:
        try:
            is_stored = self._is_stored(line)
        except OrderLogDamagedError as error:
            # Whether that record is this line's cannot be told, which must not keep the others from being taken over.
            return _anomaly(line, self._order(line), str(error))
        if line.fact.event is not EventKind.ORDER_INTENDED:
            return None if is_stored else line.fact
        if not is_stored:
            return None
        order = self._order(line)
        if order is None:
            return _anomaly(line, order, "an intent that was refused is on record, and its order is not")
        reason = "the journal had refused it, and kept it all the same"
        return replace(about(order.envelope, EventKind.ORDER_NOT_SENT), status=OrderState.NOT_SENT, reason=reason)

    def _is_stored(self, line: SideLine) -> bool:
        if line.stored_as is None:
            return False
        there = self._journal.page(after=line.stored_as.seq - 1, limit=1)
        return bool(there) and head_at(there[0].record) == line.stored_as

    def _order(self, line: SideLine) -> TrackedOrder | None:
        name = line.fact.client_order_id
        try:
            return self._book.order(name) if name is not None else None
        except OrderLogDamagedError:
            return None  # an old record of its own is bad, which must not keep the other lines from being taken over

    def _record(self, event: OrderEvent, line: SideLine, *, is_key: bool = True) -> None:
        order = self._order(line)
        sealed = self._sealed(event, line)
        try:
            self._book.check(sealed.record)
        except OrderLogDamagedError as error:
            _log.error("side_line_impossible", path=self._name, seq=line.number, problem=str(error))
            event = _anomaly(line, order, str(error))
            sealed = self._sealed(event, line)
        seq = sealed.record.seq
        taken = [(OrderKeyKind.SIDE_LINE, f"{self._name}:{line.number}")] if is_key else []
        given = [name for name in self._book.names_given(event) if not self._is_given(*name)]
        self._batch.sealed.append(sealed)
        self._batch.keys += [OrderKey(kind=kind, key=key, seq=seq) for kind, key in (*given, *taken)]
        self._book.apply(sealed.record)

    def _sealed(self, event: OrderEvent, line: SideLine) -> SealedRecord:
        head = head_at(self._batch.sealed[-1].record) if self._batch.sealed else self._journal.head
        return seal(event, head=head, ts=line.ts, mono=line.mono, session_id=line.session_id)


def side_paths(folder: Path, *, files: FileSystem) -> tuple[Path, ...]:
    """Return the side files in the order in which they were begun.

    Raises:
        OSError: the folder cannot be read.
    """
    if files.facts_at(folder) is None:
        return ()
    named = ((SideName.read(name), name) for name in files.names(folder))
    return tuple(folder / name for _, name in sorted((read, name) for read, name in named if read is not None))


def is_kill(path: Path) -> bool:
    """Whether a side file is one of a kill."""
    name = SideName.read(path.name)
    return name is not None and name.session_id == KILL_SESSION


def has_kill_ended(path: Path, content: SideContent, *, now: datetime) -> bool:
    """Whether a kill writes its file no more."""
    last = content.records[-1].fact if content.records else None
    name = SideName.read(path.name)
    is_closed = last is not None and last.details.get("note") == KILL_ENDED
    return is_closed or name is None or now - name.began > KILL_LASTS


def _anomaly(line: SideLine, order: TrackedOrder | None, why: str) -> OrderEvent:
    details = {"event": line.fact.event.value, "line": str(line.number), "fact": str(line.fact)}
    if order is None:
        return OrderEvent(event=EventKind.ANOMALY_FOUND, symbol=line.fact.symbol, reason=why, details=details)
    return replace(about(order.envelope, EventKind.ANOMALY_FOUND), reason=why, details=details)


def _unreadable_line(now: datetime) -> SideLine:
    fact = OrderEvent(event=EventKind.KILL_IMPORTED)
    return SideLine(number=1, fact=fact, ts=now, mono=Decimal(0), session_id=KILL_SESSION, stored_as=None)


def _is_ours(path: Path, files: FileSystem) -> bool:
    facts = files.facts_at(path)
    return facts is not None and facts.is_regular and facts.owner == files.user()
