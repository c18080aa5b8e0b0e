"""One transaction of the journal: numbered records are sealed, chained and committed, or kept aside.

A number once given stays: a record that the journal cannot take leaves a ``record_refused`` in its place, because
records numbered after it may have been folded already.
"""

from collections.abc import Sequence
from typing import Protocol

from trading_bot.logging.setup import get_logger
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, SealedRecord, head_at, seal_numbered
from trading_bot.order_management.journal.port import Commit, Journal, KeyTakenError, OrderKey, OrderKeyKind, Pointer
from trading_bot.values import Value, replace

_log = get_logger(__name__)


class SideFile(Protocol):
    """Where records go that the journal could not take; the next start imports them."""

    def open(self) -> object:
        """Hold space for records, so that they fit on a full disk; never raises."""
        ...

    def close(self) -> None:
        """Let go of it, and of the space that was not needed."""
        ...

    def write(self, record: JournalRecord) -> None:
        """Keep a record durably. Nobody acts on an intent that is kept here: it is known as not sent.

        A record with a hash was part of a failed commit, so that it may be stored under its number all the same.

        Raises:
            OSError: it cannot be kept.
        """
        ...


class NoSideFile:
    """Keeps nothing: for a book that nobody goes on with."""

    def open(self) -> None:
        """Hold nothing."""

    def close(self) -> None:
        """Let go of nothing."""

    def write(self, record: JournalRecord) -> None:
        """Drop it."""
        del record


class Staged(Value, frozen=True, kw_only=True):
    """A numbered record that waits for its commit, and the names it gives."""

    record: JournalRecord
    names: tuple[tuple[OrderKeyKind, str], ...] = ()
    is_intent: bool = False


class Batch(Value, frozen=True, kw_only=True):
    """What the next transaction is to hold; an intent is the last of its records."""

    staged: tuple[Staged, ...]
    standing: tuple[Pointer, ...]
    ended: tuple[Pointer, ...]


class RecordWriter:
    """Commits batches, one after the other: the caller sees to that. ``side`` takes what the journal does not."""

    def __init__(self, journal: Journal, *, side: SideFile) -> None:
        self._journal = journal
        self._side = side
        self._head = ChainHead.genesis()
        self.failure: OrderLogError | None = None
        """Why nothing is committed any more; what comes goes to the side file."""

    def begin(self, head: ChainHead) -> None:
        """Go on behind this record."""
        self._head = head
        self.failure = None

    def write(self, batch: Batch) -> tuple[SealedRecord, ...]:
        """Commit a batch and return its records as they are stored.

        Raises:
            KeyTakenError: its intent has a name that another order has; all else of it is stored.
            OrderLogError: nothing of it can be relied on; all of it is in the side file.
        """
        is_done = False
        sealed: list[SealedRecord] = []
        try:
            self._refuse_after_failure()
            refused = self._commit(batch, sealed)
            is_done = True
        except OrderLogError as error:
            self.failure = self.failure or error
            raise
        finally:
            # Whatever ended it, an interrupt included, may have ended it before anything was stored.
            if not is_done:
                self.failure = self.failure or OrderLogError(
                    "a write to the journal was interrupted; restart the bot to read it anew"
                )
                self._keep_aside(batch, sealed)
        self._head = head_at(sealed[-1].record) if sealed else self._head
        if refused is not None:
            raise refused
        return tuple(sealed)

    def _refuse_after_failure(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self._journal.refusal is not None:
            raise self._journal.refusal

    def _commit(self, batch: Batch, sealed: list[SealedRecord]) -> KeyTakenError | None:
        staged, refused = list(batch.staged), None
        while True:
            sealed[:] = self._sealed(staged)
            try:
                self._journal.commit(_commit_of(staged, sealed, batch))
            except KeyTakenError as error:
                refused = self._without(staged, error) or refused
            else:
                return refused

    def _without(self, staged: list[Staged], taken: KeyTakenError) -> KeyTakenError | None:
        """Take away what the journal refuses: a whole intent, but of a fact only the name."""
        place = next(number for number, one in enumerate(staged) if one.record.seq == taken.taken.seq)
        one = staged[place]
        if one.is_intent:
            staged[place] = Staged(record=_refused(one.record, str(taken)))
            return taken
        _log.error("name_taken", client_order_id=one.record.fact.client_order_id, problem=str(taken))
        key = (taken.taken.kind, taken.taken.key)
        staged[place] = replace(one, names=tuple(name for name in one.names if name != key))
        return None

    def _sealed(self, staged: Sequence[Staged]) -> list[SealedRecord]:
        sealed: list[SealedRecord] = []
        prev = self._head.hash
        for one in staged:
            try:
                sealed.append(seal_numbered(one.record, prev=prev))
            except BadRecordError as error:
                raise OrderLogError(
                    f"the journal cannot take record {one.record.seq} ({one.record.fact.event}): {error}; no order is "
                    "sent until the bot is restarted"
                ) from error
            prev = sealed[-1].record.hash
        return sealed

    def _keep_aside(self, batch: Batch, sealed: Sequence[SealedRecord]) -> None:
        tried = {one.record.seq: one.record for one in sealed}
        for one in batch.staged:
            try:
                self._side.write(tried.get(one.record.seq, one.record))
            except OSError as error:
                _log.error("side_file_failed", reason=one.record.fact.event.value, problem=str(error))


def _commit_of(staged: Sequence[Staged], sealed: Sequence[SealedRecord], batch: Batch) -> Commit:
    refused = {one.record.seq for one in staged if one.record.fact.event is EventKind.RECORD_REFUSED}
    keys = [OrderKey(kind=kind, key=name, seq=one.record.seq) for one in staged for kind, name in one.names]
    standing = tuple(one for one in batch.standing if one.seq not in refused) if refused else batch.standing
    return Commit(records=tuple(sealed), order_keys=tuple(keys), standing=standing, ended=batch.ended)


def _refused(record: JournalRecord, why: str) -> JournalRecord:
    fact = record.fact
    refusal = OrderEvent(
        event=EventKind.RECORD_REFUSED,
        symbol=fact.symbol,
        correlation_id=fact.correlation_id,
        reason=why,
        details={"refused": fact.event.value, "client_order_id": fact.client_order_id or ""},
    )
    return replace(record, fact=refusal)
