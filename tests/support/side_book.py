"""A book for the importer of side files, over a journal in which every record stands."""

from collections.abc import Iterable, Sequence

from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import JournalRecord, OrderEvent
from trading_bot.order_management.journal.port import OrderKeyKind, Pointer
from trading_bot.order_management.models import ClientOrderId


class StandingBook:
    """`SideBook` that lets every record count."""

    def __init__(self, records: Iterable[JournalRecord] = ()) -> None:
        self.book = OrderBook.replayed(records)
        self._added: list[Pointer] = []

    def order(self, client_order_id: ClientOrderId) -> TrackedOrder | None:
        return self.book.get(client_order_id)

    def active(self) -> Sequence[TrackedOrder]:
        return self.book.active()

    def check(self, record: JournalRecord) -> None:
        self.book.try_out(record)

    def apply(self, record: JournalRecord) -> None:
        self.book.apply(record)
        self._added.append(Pointer(kind="any", key="", seq=record.seq))

    def names_given(self, fact: OrderEvent) -> Iterable[tuple[OrderKeyKind, str]]:
        if fact.client_order_id is not None and fact.order_id is not None:
            yield OrderKeyKind.ORDER_ID, fact.order_id

    def take_pointers(self) -> tuple[tuple[Pointer, ...], tuple[Pointer, ...]]:
        added, self._added = tuple(self._added), []
        return added, ()
