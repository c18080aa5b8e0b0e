"""The orders that have left the book, because they ended long ago: found in the journal by any of their names."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.journal.port import JournalReader, OrderKeyKind
from trading_bot.order_management.models import ClientOrderId

Unlocked: TypeAlias = Callable[[], AbstractContextManager[None]]
"""Lets the book's lock go for the length of a block."""

Refold: TypeAlias = Callable[[Sequence[JournalRecord]], TrackedOrder | None]
"""Folds the records of one order."""

_MOST_REMEMBERED = 4096


class PastOrders(Protocol):
    """The orders that are in the journal and not in the book.

    Each method raises `OrderLogError` if the journal cannot say whether there is such an order.
    """

    def find(self, kind: OrderKeyKind, name: str) -> TrackedOrder | None:
        """Find by one of its names."""
        ...


class NoPast:
    """Nothing ended before."""

    def find(self, kind: OrderKeyKind, name: str) -> None:
        """Find nothing."""
        del kind, name


class JournalPast:
    """Finds orders in a journal. What is not there stays absent: names are given by the one process that writes it.

    ``unlocked`` lets the book go while the journal is read, so that nobody waits for a slow one.
    """

    def __init__(self, journal: JournalReader, *, unlocked: Unlocked, refold: Refold) -> None:
        self._journal = journal
        self._unlocked = unlocked
        self._refold = refold
        self._absent: dict[tuple[OrderKeyKind, str], None] = {}

    def find(self, kind: OrderKeyKind, name: str) -> TrackedOrder | None:
        """Find by one of its names.

        Raises:
            OrderLogError: the journal cannot be read.
        """
        if (kind, name) in self._absent:
            return None
        with self._unlocked():
            found = self._journal.find_order(kind, name)
            records = self._journal.records_of(found) if found is not None else ()
        if found is None:
            self._note_absent(kind, name)
            return None
        return self._refold(records)

    def records_of(self, client_order_id: ClientOrderId, *, may_be_new: bool) -> Sequence[JournalRecord]:
        """Return every record of an order, none where there is no such order.

        With ``may_be_new`` the journal is asked even if the order was not there a moment ago.

        Raises:
            OrderLogError: the journal cannot be read.
        """
        key = (OrderKeyKind.CLIENT_ORDER_ID, str(client_order_id))
        if key in self._absent and not may_be_new:
            return ()
        with self._unlocked():
            records = self._journal.records_of(client_order_id)
        if not records:
            self._note_absent(*key)
        return records

    def forget_absent(self) -> None:
        """Forget which names were not found: orders have left the book."""
        self._absent.clear()

    def _note_absent(self, kind: OrderKeyKind, name: str) -> None:
        if len(self._absent) >= _MOST_REMEMBERED:
            self._absent.clear()
        self._absent[kind, name] = None
