"""The rows of a journal's database as they are stored, for their proof: nothing is believed here, or even decoded."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.chain import BadRecordError
from trading_bot.order_management.journal.sql import Cursor, unsealed

Row: TypeAlias = tuple[Any, ...]
"""Of a record: ``seq``, its columns in one text, ``body``, ``hash``, and for an order that is decided in it the numbers
under which its two names are kept. Of a key or pointer: ``kind``, ``key``, ``seq``, and what that record says."""

SEPARATOR, ABSENT = "\x1f", "\x1e"
"""Between two columns in one text, and in place of one that is absent."""

COLUMNS = (
    *("ts", "event", "session_id", "correlation_id", "client_order_id", "ref_id", "order_id", "symbol"),
    "prev",
)
"""The columns that repeat what the body says. One text of all of them costs a quarter of nine."""

T = TypeVar("T")

_ONE_TEXT = f" || '{SEPARATOR}' || ".join(f"coalesce(r.{column}, '{ABSENT}')" for column in COLUMNS)
_KEPT_UNDER = (
    "CASE WHEN r.event = 'order_intended' THEN (SELECT k.seq FROM order_key k"
    " WHERE k.account = r.account AND k.kind = '{name}' AND k.key = r.{name}) END"
)
_RECORDS = (
    f"SELECT r.seq, {_ONE_TEXT}, r.body, r.hash, {_KEPT_UNDER.format(name='client_order_id')},"  # noqa: S608 (our names)
    f" {_KEPT_UNDER.format(name='ref_id')} FROM record r WHERE r.account = ? AND r.seq > ? ORDER BY r.seq LIMIT ?"
)
_COUNTED = "SELECT kind, count(*) FROM order_key WHERE account = ? GROUP BY kind"
_KEYS = """
SELECT k.kind, k.key, k.seq, r.seq, r.client_order_id, r.ref_id, r.order_id
FROM order_key k LEFT JOIN record r ON r.account = k.account AND r.seq = k.seq
WHERE k.account = ? AND k.kind = ? AND k.key > ? ORDER BY k.key LIMIT ?
"""
_POINTERS = """
SELECT s.kind, s.key, s.seq, r.seq, r.client_order_id, r.ref_id, r.order_id
FROM standing s LEFT JOIN record r ON r.account = s.account AND r.seq = s.seq
WHERE s.account = ? AND (s.kind, s.key, s.seq) > (?, ?, ?) ORDER BY s.kind, s.key, s.seq LIMIT ?
"""
_OF_SYMBOLS = """
SELECT r.seq, r.body, r.hash FROM record r WHERE r.account = ? AND (
  r.symbol IN ({names}) OR (r.symbol IS NULL AND r.client_order_id IS NULL) OR r.client_order_id IN (
    SELECT s.client_order_id FROM record s
    WHERE s.account = ? AND s.client_order_id IS NOT NULL AND s.symbol IN ({names})))
ORDER BY r.seq
"""


class Reading(Protocol):
    """Runs one query in a short read transaction of its own."""

    def __call__(self, query: Callable[[Cursor], T], /) -> T:
        """Return what the query returns.

        Raises:
            OrderLogError: the database cannot be read.
        """
        ...


class StoredRows:
    """Reads one account's tables page by page. ``mark`` is the driver's parameter mark."""

    def __init__(self, account_key: str, *, read: Reading, mark: str = "?") -> None:
        self._account = account_key
        self._read = read
        self._mark = mark
        self._records, self._counted, self._keys, self._pointers = (
            statement.replace("?", mark) for statement in (_RECORDS, _COUNTED, _KEYS, _POINTERS)
        )

    def records(self, *, after: int, limit: int) -> Sequence[Row]:
        """Return up to ``limit`` rows of records numbered above ``after``."""
        return self._rows(self._records, after, limit)

    def key_counts(self) -> dict[str, int]:
        """Return how many order keys there are of each kind."""
        return {row[0]: row[1] for row in self._rows(self._counted)}

    def keys(self, kind: str, *, after: str, limit: int) -> Sequence[Row]:
        """Return ``kind, key, seq`` of each order key of a kind behind ``after``, and what the record it names says."""
        return self._rows(self._keys, kind, after, limit)

    def pointers(self, *, after: tuple[str, str, int], limit: int) -> Sequence[Row]:
        """Return ``kind, key, seq`` of each standing pointer behind ``after``, and what the record it names says."""
        return self._rows(self._pointers, *after, limit)

    def of_symbols(self, symbols: frozenset[str]) -> tuple[JournalRecord, ...]:
        """Return every record about these symbols, the orders in them, and the account, in the order of their numbers.

        Raises:
            OrderLogDamagedError: one is no record, or its hash is wrong.
        """
        names = sorted(symbols)
        statement = _OF_SYMBOLS.format(names=", ".join("?" * len(names))).replace("?", self._mark)
        return tuple(_proven(row) for row in self._rows(statement, *names, self._account, *names))

    def _rows(self, statement: str, *parameters: object) -> Sequence[Row]:
        def fetched(cursor: Cursor) -> Sequence[Row]:
            cursor.execute(statement, (self._account, *parameters))
            return cursor.fetchall()

        return self._read(fetched)


def _proven(row: Row) -> JournalRecord:
    try:
        return unsealed(row).record
    except BadRecordError as error:
        raise OrderLogDamagedError(
            f"record {row[0]} of the journal is bad: {error}; run 'trading-bot audit verify'"
        ) from error
