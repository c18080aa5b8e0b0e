"""Bugs of the journal and the store, planted as those of `planted_bugs` are."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

import pytest

from tests.support import sim_journal
from trading_bot.order_management import order_store
from trading_bot.order_management.book.housekeeping import Housekeeping
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.past_orders import JournalPast
from trading_bot.order_management.book.pointers import StandingKind, StandingPointers
from trading_bot.order_management.book.position_book import PositionBook
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal import record_writer
from trading_bot.order_management.journal.chain import GENESIS
from trading_bot.order_management.journal.record_writer import RecordWriter
from trading_bot.order_management.order_store import OrderStore

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def _folded_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    real, fold = OrderStore._stage, OrderStore._folded

    def stage(self, staged) -> None:
        if staged.is_intent:
            fold(self, staged.record, self._book.apply)
        real(self, staged)

    patch.setattr(OrderStore, "_stage", stage)
    patch.setattr(OrderStore, "_folded", lambda self, r, f: [] if _is_intent(r) else fold(self, r, f))


def _is_intent(record) -> bool:
    return record.fact.event is EventKind.ORDER_INTENDED


def _not_committed(patch: pytest.MonkeyPatch) -> None:
    """Let an intent wait for the next commit, as a fact does."""
    real = OrderStore._commit

    def commit(self, taken) -> None:
        batch, _ = taken
        if batch.staged and batch.staged[-1].is_intent:
            self._queue[:0] = [replace(one, is_intent=False) for one in batch.staged]
            self._mine.has_staged = True
        else:
            real(self, taken)

    patch.setattr(OrderStore, "_commit", commit)


def _told_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    real = OrderStore._folded

    def folded(self, record, fold):
        changes = real(self, record, fold)
        self._listeners.tell(self._listeners.note(changes))
        return changes

    patch.setattr(OrderStore, "_folded", folded)


def _nothing_kept_aside(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RecordWriter, "_keep_aside", lambda self, batch, sealed: None)


def _failed_commit_believed(patch: pytest.MonkeyPatch) -> None:
    real = OrderStore._commit

    def commit(self, taken) -> None:
        with suppress(OrderLogError):
            real(self, taken)

    patch.setattr(OrderStore, "_commit", commit)


def _goes_on_after_a_failed_commit(patch: pytest.MonkeyPatch) -> None:
    """Open the journal anew at once, and go on as if nothing had been lost."""
    patch.setattr(OrderStore, "failure", property(lambda self: self._failure))
    patch.setattr(RecordWriter, "_refuse_after_failure", lambda self: None)
    patch.setattr(sim_journal.MortalJournal, "refusal", property(lambda self: None))


def _ended_orders_stand_no_more(patch: pytest.MonkeyPatch) -> None:
    real = OrderBook._store

    def store(self, told) -> None:
        real(self, told)
        if told.state.is_terminal:
            self.pointers.end(self._told_by.pop(told.client_order_id, ()))

    patch.setattr(OrderBook, "_store", store)


def _does_not_stand(kind: StandingKind) -> Plant:
    real = StandingPointers.take_changes

    def take(self):
        added, ended = real(self)
        return tuple(one for one in added if one.kind != kind.value), ended

    return lambda patch: patch.setattr(StandingPointers, "take_changes", take)


def _freezes_stand_for_ever(patch: pytest.MonkeyPatch) -> None:
    real = StandingPointers.take_changes

    def take(self):
        added, ended = real(self)
        return added, tuple(one for one in ended if one.kind != StandingKind.STOP.value)

    patch.setattr(StandingPointers, "take_changes", take)


def _positions_not_noted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PositionBook, "noted", lambda self: ())


def _unresolved_leave(patch: pytest.MonkeyPatch) -> None:
    real = Housekeeping._kept

    def kept(self, book):
        return real(self, book) - {order.client_order_id for order in book.unresolved()}

    patch.setattr(Housekeeping, "_kept", kept)


def _past_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalPast, "find", lambda *args: None)
    patch.setattr(JournalPast, "records_of", lambda *args, **named: ())


def _brought_back_without_its_records(patch: pytest.MonkeyPatch) -> None:
    real = OrderBook.bring_back

    def bring_back(self, records) -> None:
        real(self, records)
        self.pointers.take_changes()

    patch.setattr(OrderBook, "bring_back", bring_back)


def _numbered_anew_after_a_start(patch: pytest.MonkeyPatch) -> None:
    real = OrderStore.load

    def load(self, opened) -> None:
        real(self, opened)
        self._seq = max((record.seq for record in opened.standing), default=0)

    patch.setattr(OrderStore, "load", load)


def _queue_cut(patch: pytest.MonkeyPatch) -> None:
    """Take only the last of what waits."""
    real = record_writer.Batch

    def batch(*, staged, standing, ended):
        return real(staged=staged[-1:], standing=standing, ended=ended)

    patch.setattr(order_store, "Batch", batch)


def _names_not_given_away(patch: pytest.MonkeyPatch) -> None:
    real = record_writer._commit_of
    patch.setattr(record_writer, "_commit_of", lambda *args: replace(real(*args), order_keys=()))


def _chain_begun_anew(patch: pytest.MonkeyPatch) -> None:
    real = RecordWriter.begin
    patch.setattr(RecordWriter, "begin", lambda self, head: real(self, replace(head, hash=GENESIS)))


JOURNAL: Mapping[str, Plant] = {
    "an intent is folded before its commit": _folded_before_the_commit,
    "an intent is not committed before it is sent": _not_committed,
    "listeners hear before the commit": _told_before_the_commit,
    "what a failed commit held is lost": _nothing_kept_aside,
    "a failed commit is taken for a good one": _failed_commit_believed,
    "orders are taken after a failed commit": _goes_on_after_a_failed_commit,
    "orders stand no more once they have ended": _ended_orders_stand_no_more,
    "freezes do not stand": _does_not_stand(StandingKind.STOP),
    "exits do not stand": _does_not_stand(StandingKind.EXIT),
    "positions do not stand": _does_not_stand(StandingKind.POSITION),
    "released freezes go on standing": _freezes_stand_for_ever,
    "positions are not noted when orders leave": _positions_not_noted,
    "unresolved orders leave with the old ones": _unresolved_leave,
    "orders that left are not looked for": _past_not_asked,
    "an order brought back does not stand again": _brought_back_without_its_records,
    "records are numbered from the last that stands": _numbered_anew_after_a_start,
    "names are not given away with their order": _names_not_given_away,
    "a start begins the chain anew": _chain_begun_anew,
    "differences do not stand": _does_not_stand(StandingKind.DIFFERENCE),
    "only the last of the waiting records is committed": _queue_cut,
}
