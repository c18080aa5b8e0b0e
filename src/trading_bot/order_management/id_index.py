"""Which segment knows an order that has left the book: every id ever used, so that none is used again.

The index holds nothing that the segments do not: it is made from them, and made anew whenever it is missing, damaged
or behind. One query opens the file and closes it again, so nothing is held over a fork.
"""

import enum
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import TypeAlias

from trading_bot.files import FileSystem
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.history import JournalHistory
from trading_bot.order_management.journal.segments import JournalScan, SegmentLink
from trading_bot.order_management.models import ClientOrderId

_TABLES = """
CREATE TABLE IF NOT EXISTS segments (number INTEGER PRIMARY KEY, name TEXT NOT NULL, head TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ids (
    kind TEXT NOT NULL, id TEXT NOT NULL, client_order_id TEXT NOT NULL, segment TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
"""
_Row: TypeAlias = tuple[str, str, str, str]


class IdKind(enum.StrEnum):
    """The three names of an order."""

    CLIENT_ORDER_ID = "client_order_id"
    REF_ID = "ref_id"
    ORDER_ID = "order_id"


class IdIndex:
    """Finds orders of finished segments by any of their names. It is used under the store's lock."""

    def __init__(self, *, history: JournalHistory, files: FileSystem) -> None:
        self._history = history
        self._files = files
        self._last: SegmentLink | None = None
        self.path = history.journal.with_suffix(".index")

    def follow(self, last: SegmentLink | None) -> None:
        """Answer for the segments up to ``last``, the finished one before the live segment; None before the first."""
        self._last = last

    def by_client_order_id(self, client_order_id: str) -> TrackedOrder | None:
        """Find by client order id.

        Raises:
            OrderLogError: it cannot be told whether there is such an order.
        """
        return self._find(IdKind.CLIENT_ORDER_ID, client_order_id)

    def by_ref_id(self, ref_id: str) -> TrackedOrder | None:
        """Find by the broker's idempotency key; raises as the others do."""
        return self._find(IdKind.REF_ID, ref_id)

    def by_order_id(self, order_id: str) -> TrackedOrder | None:
        """Find by the broker's order id; raises as the others do."""
        return self._find(IdKind.ORDER_ID, order_id)

    def catch_up(self) -> None:
        """Take in the segments that the index does not know yet; make it anew if it cannot be used.

        Raises:
            OrderLogError: a segment or the index cannot be read or written.
        """
        if self._last is not None:
            self._current()

    def _find(self, kind: IdKind, name: str) -> TrackedOrder | None:
        if self._last is None:
            return None
        row = self._current((kind, name))
        return self._order(*row) if row is not None else None

    def _order(self, client_order_id: str, segment: str) -> TrackedOrder:
        book = OrderBook.replayed(self._history.records_of(segment, client_order_id))
        order = book.get(ClientOrderId(client_order_id))
        if order is None:
            raise OrderLogDamagedError(
                f"order {client_order_id} is not in segment {segment}, where it ended; run 'trading-bot audit verify'",
                client_order_id=client_order_id,
            )
        return order

    def _current(self, key: tuple[IdKind, str] | None = None) -> tuple[str, str] | None:
        try:
            try:
                return self._ask(key)
            except sqlite3.DatabaseError:
                self._files.remove(self.path)
                return self._ask(key)
        except (OSError, sqlite3.Error) as error:
            raise OrderLogError(
                f"cannot read the index of order ids {self.path}: {error}; repair the disk, the index makes itself anew"
            ) from error

    def _ask(self, key: tuple[IdKind, str] | None) -> tuple[str, str] | None:
        self._check_file()
        with closing(sqlite3.connect(self.path)) as database:
            if not self._is_current(database):
                self._fill(database)
            if key is None:
                return None
            question = "SELECT client_order_id, segment FROM ids WHERE kind = ? AND id = ?"
            row: tuple[str, str] | None = database.execute(question, key).fetchone()
            return row

    def _check_file(self) -> None:
        facts = self._files.facts_at(self.path)
        if facts is None:
            self._files.write_new(self.path, b"")
        elif not facts.is_regular or facts.links != 1 or facts.owner != self._files.user():
            raise OSError("it is no plain file of ours")

    def _is_current(self, database: sqlite3.Connection) -> bool:
        database.executescript(_TABLES)
        return self._newest(database) == self._last_stated

    @property
    def _last_stated(self) -> tuple[int, str, str] | None:
        return (self._last.number, self._last.name, self._last.head.hash) if self._last else None

    def _newest(self, database: sqlite3.Connection) -> tuple[int, str, str] | None:
        question = "SELECT number, name, head FROM segments ORDER BY number DESC LIMIT 1"
        row: tuple[int, str, str] | None = database.execute(question).fetchone()
        return row

    def _fill(self, database: sqlite3.Connection) -> None:
        newest = self._newest(database)
        missing = list(self._finished(down_to=newest[1] if newest else None))
        with database:
            if newest is not None and not _continues(missing[-1][1].link if missing else None, newest):
                database.execute("DELETE FROM ids")
                database.execute("DELETE FROM segments")
                missing = list(self._finished(down_to=None))
            for name, found in reversed(missing):
                database.executemany("INSERT OR REPLACE INTO ids VALUES (?, ?, ?, ?)", _rows(name, found))
                database.execute("INSERT INTO segments VALUES (?, ?, ?)", (found.number, name, found.head.hash))

    def _finished(self, *, down_to: str | None) -> Iterator[tuple[str, JournalScan]]:
        segments = self._history.segments(down_to=down_to)
        next(segments)  # the live one
        return segments


def _continues(link: SegmentLink | None, newest: tuple[int, str, str]) -> bool:
    return link is not None and (link.number, link.name, link.head.hash) == newest


def _rows(segment: str, found: JournalScan) -> Iterator[_Row]:
    for order in OrderBook.replayed(found.records):
        names = {
            IdKind.CLIENT_ORDER_ID: order.client_order_id,
            IdKind.REF_ID: order.envelope.ref_id,
            IdKind.ORDER_ID: order.envelope.order_id,
        }
        yield from ((kind.value, name, order.client_order_id, segment) for kind, name in names.items() if name)
