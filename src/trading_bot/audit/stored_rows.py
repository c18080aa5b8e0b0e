"""The rows of a journal's database as they are stored, for their proof: nothing is believed here, or even decoded."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from trading_bot.order_management.journal.sql import Cursor

Row: TypeAlias = tuple[Any, ...]
"""``seq, ts, event, session_id, correlation_id, client_order_id, ref_id, order_id, symbol, body, prev, hash``, and
whether an order that is decided in it has its keys."""

T = TypeVar("T")

_RECORDS = """
SELECT r.seq, r.ts, r.event, r.session_id, r.correlation_id, r.client_order_id, r.ref_id, r.order_id, r.symbol,
  r.body, r.prev, r.hash,
  r.event <> 'order_intended'
    OR (EXISTS (SELECT 1 FROM order_key k WHERE k.account = r.account AND k.kind = 'client_order_id'
                AND k.key = r.client_order_id)
        AND EXISTS (SELECT 1 FROM order_key k WHERE k.account = r.account AND k.kind = 'ref_id' AND k.key = r.ref_id))
FROM record r WHERE r.account = ? AND r.seq > ? ORDER BY r.seq LIMIT ?
"""
_KEYS = """
SELECT k.kind, k.key, k.seq, r.seq, r.client_order_id, r.ref_id, r.order_id
FROM order_key k LEFT JOIN record r ON r.account = k.account AND r.seq = k.seq
WHERE k.account = ? AND (k.kind, k.key) > (?, ?) ORDER BY k.kind, k.key LIMIT ?
"""
_POINTERS = """
SELECT s.kind, s.key, s.seq, r.seq, r.client_order_id, r.ref_id, r.order_id
FROM standing s LEFT JOIN record r ON r.account = s.account AND r.seq = s.seq
WHERE s.account = ? AND (s.kind, s.key, s.seq) > (?, ?, ?) ORDER BY s.kind, s.key, s.seq LIMIT ?
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
        self._records, self._keys, self._pointers = (
            statement.replace("?", mark) for statement in (_RECORDS, _KEYS, _POINTERS)
        )

    def records(self, *, after: int, limit: int) -> Sequence[Row]:
        """Return up to ``limit`` rows of records numbered above ``after``."""
        return self._rows(self._records, after, limit)

    def keys(self, *, after: tuple[str, str], limit: int) -> Sequence[Row]:
        """Return ``kind, key, seq`` of each order key behind ``after``, and what the record it names says."""
        return self._rows(self._keys, *after, limit)

    def pointers(self, *, after: tuple[str, str, int], limit: int) -> Sequence[Row]:
        """Return ``kind, key, seq`` of each standing pointer behind ``after``, and what the record it names says."""
        return self._rows(self._pointers, *after, limit)

    def _rows(self, statement: str, *parameters: object) -> Sequence[Row]:
        def fetched(cursor: Cursor) -> Sequence[Row]:
            cursor.execute(statement, (self._account, *parameters))
            return cursor.fetchall()

        return self._read(fetched)
