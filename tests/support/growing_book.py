"""The book of records that are looked at again and again while more of them come."""

from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import JournalRecord


class GrowingBook:
    """Folds in what was added since the last look; where anything before it has changed, all of it anew."""

    def __init__(self) -> None:
        self._book = OrderBook()
        self._folded: tuple[JournalRecord, ...] = ()

    def of(self, records: tuple[JournalRecord, ...]) -> OrderBook:
        """Return the book that a replay of the records gives; the next call may change it.

        Raises:
            OrderLogDamagedError: the records tell an impossible story.
        """
        folded, self._folded = self._folded, ()
        if not folded or records[: len(folded)] != folded:
            self._book, folded = OrderBook(), ()
        for record in records[len(folded) :]:
            self._book.apply(record)
        self._folded = records
        return self._book
