"""The journal of one account, as the order store needs it. Engines fulfil it; the store never knows which.

What every engine guarantees, against crashes, power loss, full or failing disks, damaged bytes and a second writer;
`tests/contract/test_journals.py` proves each line over each engine:

1. `Journal.commit` is one transaction: after it returns, all of it survives the loss of power; if it raises, nothing
   may be acted on. A reader sees all of it or nothing.
2. A failed commit is *unknown* (`CommitUnknownError`): it may be stored all the same. The journal takes nothing more
   until it is opened anew, which shows what became of it. Any other error proves that nothing was stored.
   `Journal.refusal` says whether the journal goes on: after `KeyTakenError` it does, and where it does not, it stays so
   for as long as the journal is open.
3. Records are numbered without a gap and chained: `hash` covers the body, and the body names the hash before it. A
   record whose hash is wrong is never given out.
4. An order key is given away once, for ever: one client order id, one ref_id, one broker id.
5. Standing pointers name the records that still count. A start reads those alone, the first record and the last few,
   so its cost does not grow with history. They are no second truth: the records they point at are.
6. The first record says whose the journal is. The journal of another account or mode is refused.
7. Reading never waits for a commit. Threads may share a journal; a forked process can neither use nor close it.

Not guaranteed: that a copy of the database is not used elsewhere; the audit log and the broker tell. Nor that a record
which counts no more is whole: ``audit verify`` reads every one. Nor that there is one writer: the lease sees to that,
and an engine only notices records that it did not write.
"""

import enum
from collections.abc import Sequence
from typing import Protocol

from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord
from trading_bot.order_management.models import ClientOrderId
from trading_bot.values import Value


class JournalMissingError(OrderLogError):
    """There is no journal yet, or it holds nothing: the bot has not been started for this account."""

    code = "journal_missing"


class CommitUnknownError(OrderLogError):
    """A commit failed, and its records may be stored or not. Open the journal anew to see."""


class KeyTakenError(OrderLogError):
    """An order with one of these names is in the journal already; nothing of the commit was stored.

    ``taken`` is the name as it was asked for.
    """

    def __init__(self, message: str, *, taken: "OrderKey") -> None:
        super().__init__(message, client_order_id=taken.key if taken.kind is OrderKeyKind.CLIENT_ORDER_ID else None)
        self.taken = taken


class OrderKeyKind(enum.StrEnum):
    """The names under which an order, or a line that was imported, is known for ever."""

    CLIENT_ORDER_ID = "client_order_id"
    REF_ID = "ref_id"
    ORDER_ID = "order_id"
    SIDE_LINE = "side_line"  # "<file>:<line>" of a side file: importing it twice adds nothing


class OrderKey(Value, frozen=True, kw_only=True):
    """One name, and the record that gave it."""

    kind: OrderKeyKind
    key: str
    seq: int


class Pointer(Value, frozen=True, kw_only=True, order=True):
    """One record that still counts. ``kind`` and ``key`` say for what: ``order`` and a client order id, for example."""

    kind: str
    key: str
    seq: int


class Commit(Value, frozen=True, kw_only=True):
    """What one transaction adds and removes."""

    records: tuple[SealedRecord, ...] = ()
    """Consecutive, the first one behind the journal's head."""
    order_keys: tuple[OrderKey, ...] = ()
    standing: tuple[Pointer, ...] = ()
    """Pointers added; one that is there already is left as it is."""
    ended: tuple[Pointer, ...] = ()
    """Pointers removed; removed before ``standing`` are added."""


class Opened(Value, frozen=True, kw_only=True):
    """What a journal holds when it is opened."""

    head: ChainHead
    standing: tuple[JournalRecord, ...] = ()
    """The records that standing pointers name, in the order of their numbers; each one's hash was checked."""
    problem: str | None = None
    """What is damaged, if anything is: then no intent is taken."""
    is_new: bool = False
    """Whether it held no record before."""


class CheckpointAlert(Value, frozen=True, kw_only=True):
    """The journal could not tidy itself. What is committed is safe; a person has to look before the disk is full."""

    message: str
    """What hinders it, and what to do."""
    log_bytes: int
    """How long the write-ahead log is by now."""


class JournalReader(Protocol):
    """Reads a journal that another process may be writing. Each method is one short read transaction.

    Each raises `JournalMissingError` where there is none yet, `OrderLogError` where it cannot be read, and
    `OrderLogDamagedError` where a record's hash is wrong.
    """

    def read_head(self) -> ChainHead:
        """Return the number and hash of the last record."""
        ...

    def read_standing(self) -> tuple[JournalRecord, ...]:
        """Return the records that still count, in the order of their numbers."""
        ...

    def pointers(self, kind: str) -> tuple[Pointer, ...]:
        """Return the standing pointers of one kind, in order."""
        ...

    def records_of(self, client_order_id: ClientOrderId) -> tuple[JournalRecord, ...]:
        """Return every record of one order, in the order of their numbers."""
        ...

    def records_of_request(self, correlation_id: str) -> tuple[JournalRecord, ...]:
        """Return every record that carries this correlation id, in the order of their numbers.

        Its cost does not grow with the journal. For that it rests on one rule: what the broker said of an order carries
        the id of the order's intent, or none.
        """
        ...

    def find_order(self, kind: OrderKeyKind, key: str) -> ClientOrderId | None:
        """Return the client order id of the order that has this name."""
        ...

    def has_key(self, kind: OrderKeyKind, key: str) -> bool:
        """Whether this name was given away."""
        ...

    def page(self, *, after: int, limit: int) -> Sequence[SealedRecord]:
        """Return up to ``limit`` records numbered above ``after``, as stored; hashes are checked, the chain is not."""
        ...


class Journal(JournalReader, Protocol):
    """The one writer's side. Threads may share it; a forked process may not use it."""

    @property
    def head(self) -> ChainHead:
        """The number and hash of the last record that is known to be committed."""
        ...

    @property
    def refusal(self) -> OrderLogError | None:
        """Why nothing can be committed, if so."""
        ...

    def open(self) -> Opened:
        """Open or create it and read what still counts.

        Raises:
            OrderLogError: it cannot be opened, or belongs to another account or mode.
        """
        ...

    def commit(self, commit: Commit) -> None:
        """Store all of it durably.

        Raises:
            KeyTakenError: nothing was stored; the journal can be used.
            CommitUnknownError: it is not known whether it was stored; the journal takes nothing more.
            OrderLogError: nothing was stored; the journal takes nothing more if `refusal` says so.
        """
        ...

    def checkpoint(self) -> CheckpointAlert | None:
        """Tidy up if it is due, and return what hinders it, if anything does. Call it between orders."""
        ...

    def close(self) -> None:
        """Close it; later commits are refused. In a forked process it does nothing."""
        ...
