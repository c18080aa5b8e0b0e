"""The book during an import: records that are committed without the store are folded in at once."""

from collections.abc import Callable, Iterable, Sequence

from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.events import JournalRecord, OrderEvent
from trading_bot.order_management.journal.port import OrderKeyKind, Pointer
from trading_bot.order_management.models import ClientOrderId


class ImportBook:
    """Lent by `OrderStore.importing`, for as long as that holds its locks."""

    def __init__(self, book: OrderBook, bring_back: Callable[[ClientOrderId], None]) -> None:
        self._book = book
        self._bring_back = bring_back

    def order(self, client_order_id: ClientOrderId) -> TrackedOrder | None:
        """Return an order of the journal, also one that ended long ago."""
        return self._book.get(client_order_id)

    def active(self) -> Sequence[TrackedOrder]:
        """Return the orders that have not ended."""
        return self._book.active()

    def check(self, record: JournalRecord) -> None:
        """Raise `OrderLogDamagedError` if a record cannot follow from what is here; nothing is folded in."""
        self._bring_back_order_of(record)
        self._book.check(record)

    def apply(self, record: JournalRecord) -> None:
        """Fold a record in."""
        self._bring_back_order_of(record)
        self._book.apply(record)

    def names_given(self, fact: OrderEvent) -> Iterable[tuple[OrderKeyKind, str]]:
        """Return the names that a record of this fact is the first to give. Call it before the fold."""
        return tuple(self._book.names_given(fact))

    def take_pointers(self) -> tuple[tuple[Pointer, ...], tuple[Pointer, ...]]:
        """Return the standing pointers added and ended since the last call."""
        return self._book.pointers.take_changes()

    def _bring_back_order_of(self, record: JournalRecord) -> None:
        if record.fact.client_order_id is not None:
            self._bring_back(record.fact.client_order_id)
