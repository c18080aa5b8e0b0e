"""What both engines do alike with the rows of one account, over any DB-API cursor.

An engine adds its own connection, the begin and the end of a transaction, its lease, and its errors. A row of
``record`` repeats a few facts of its body in columns, so that one can search; the body is what counts, and `page`
proves that both agree.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import (
    BadRecordError,
    ChainHead,
    SealedRecord,
    head_at,
    time_text,
    unseal,
)
from trading_bot.order_management.journal.identity import JournalIdentity, check_first_record
from trading_bot.order_management.journal.port import Commit, KeyTakenError, Opened, OrderKey, OrderKeyKind, Pointer
from trading_bot.order_management.journal.tables import SCHEMA_VERSION, Cursor, Statements, check_schema_version, schema
from trading_bot.order_management.models import ClientOrderId

__all__ = ["SCHEMA_VERSION", "AccountRows", "Cursor", "RowReader", "check_schema_version", "schema"]

CHECKED_AT_THE_END = 64
"""Records before the head whose numbers and links a start checks. The rest is for ``audit verify``."""

_VERIFY = "run 'trading-bot audit verify'"
_Row: TypeAlias = tuple[Any, ...]
_T = TypeVar("_T")


class AccountRows:
    """The rows of one account. No method begins or ends a transaction; ``mark`` is the driver's parameter mark.

    ``journal`` is what the journal is called in messages.
    """

    def __init__(self, account_key: str, *, journal: object, mark: str = "?") -> None:
        self._account = account_key
        self._journal = journal
        self._statements = Statements().marked(mark)

    def head(self, cursor: Cursor) -> ChainHead:
        """Return the number and hash of the last record."""
        cursor.execute(self._statements.head, (self._account,))
        row = cursor.fetchone()
        return ChainHead(seq=row[0], hash=row[1]) if row else ChainHead.genesis()

    def add(self, cursor: Cursor, commit: Commit) -> None:
        """Store all that ``commit`` adds and remove what it removes.

        Raises:
            KeyTakenError: an order key is taken; the transaction has to be rolled back.
        """
        statements = self._statements
        if commit.order_keys:
            keys = [(self._account, key.kind.value, column_text(key.key), key.seq) for key in commit.order_keys]
            cursor.executemany(statements.add_key, keys)
            if cursor.rowcount != len(keys):
                raise self._taken(cursor, commit.order_keys)
        if commit.records:
            cursor.executemany(statements.add_record, [(self._account, *row_of(one)) for one in commit.records])
        if commit.ended:
            cursor.executemany(statements.remove_pointer, self._pointers(commit.ended))
        if commit.standing:
            cursor.executemany(statements.add_pointer, self._pointers(commit.standing))

    def opened(self, cursor: Cursor, *, identity: JournalIdentity) -> Opened:
        """Read what a start needs; its cost does not grow with history.

        Raises:
            OrderLogError: it belongs to another account or mode.
            OrderLogDamagedError: whose it is cannot be read.
        """
        head = self.head(cursor)
        if head == ChainHead.genesis():
            return Opened(head=head, is_new=True)
        first = self._one(cursor, 1)
        if isinstance(first, str):
            raise OrderLogDamagedError(f"the journal {self._journal} is damaged ({first}); {_VERIFY}")
        check_first_record(first, identity=identity, journal=self._journal)
        standing, problem = self._standing(cursor)
        problem = self._end_problem(cursor, head) or problem
        return Opened(head=head, standing=standing, problem=problem)

    def check_alone(self, cursor: Cursor, *, identity: JournalIdentity | None = None) -> None:
        """Refuse a database with another account's rows; with an ``identity`` the message says whose.

        Raises:
            OrderLogError: it has some.
        """
        cursor.execute(self._statements.accounts)
        for account in cursor.fetchone():
            if account is None or account == self._account:
                continue
            first = self._one(cursor, 1, account=account)
            if identity is not None and not isinstance(first, str):
                check_first_record(first, identity=identity, journal=self._journal)
            raise OrderLogError(
                f"the journal {self._journal} belongs to another account; see that account_number is written as when "
                "the bot was first started"
            )

    def standing(self, cursor: Cursor) -> tuple[JournalRecord, ...]:
        """Return the records that standing pointers name, in the order of their numbers.

        Raises:
            OrderLogDamagedError: one is missing or its hash is wrong.
        """
        records, problem = self._standing(cursor)
        if problem is not None:
            raise self._damaged(problem)
        return records

    def pointers(self, cursor: Cursor, kind: str) -> tuple[Pointer, ...]:
        """Return the standing pointers of one kind, in order."""
        cursor.execute(self._statements.pointers, (self._account, kind))
        return tuple(Pointer(kind=kind, key=key, seq=seq) for key, seq in cursor.fetchall())

    def records_of(self, cursor: Cursor, client_order_id: ClientOrderId) -> tuple[JournalRecord, ...]:
        """Return every record of one order, in the order of their numbers; raises as `standing`."""
        cursor.execute(self._statements.of_order, (self._account, column_text(client_order_id)))
        return tuple(self._proven(row).record for row in cursor.fetchall())

    def records_of_request(self, cursor: Cursor, correlation_id: str) -> tuple[JournalRecord, ...]:
        """Return every record of one request, in the order of their numbers; raises as `standing`."""
        cursor.execute(self._statements.of_request, (self._account, column_text(correlation_id)))
        found = {row[0]: self._proven(row).record for row in cursor.fetchall()}
        orders = {name for record in found.values() if (name := record.fact.client_order_id) is not None}
        for record in (record for name in orders for record in self.records_of(cursor, name)):
            if record.fact.correlation_id == correlation_id:
                found[record.seq] = record
        return tuple(found[seq] for seq in sorted(found))

    def find_order(self, cursor: Cursor, kind: OrderKeyKind, key: str) -> ClientOrderId | None:
        """Return the client order id of the order that has this name."""
        cursor.execute(self._statements.order_named, (self._account, kind.value, column_text(key)))
        row = cursor.fetchone()
        return ClientOrderId(row[0]) if row and row[0] is not None else None

    def has_key(self, cursor: Cursor, kind: OrderKeyKind, key: str) -> bool:
        """Whether this name was given away."""
        cursor.execute(self._statements.key, (self._account, kind.value, column_text(key)))
        return cursor.fetchone() is not None

    def page(self, cursor: Cursor, *, after: int, limit: int) -> tuple[SealedRecord, ...]:
        """Return up to ``limit`` records numbered above ``after``; raises as `standing`, also for a wrong column."""
        cursor.execute(self._statements.page, (self._account, after, limit))
        return tuple(self._proven_whole(row) for row in cursor.fetchall())

    def _taken(self, cursor: Cursor, keys: Sequence[OrderKey]) -> KeyTakenError:
        taken = next((key for key in keys if self._seq_of(cursor, key) != key.seq), keys[-1])
        return KeyTakenError(
            f"an order with the {taken.kind.value.replace('_', ' ')} {taken.key} is in the journal {self._journal} "
            "already; nothing was stored, so use another one",
            taken=taken,
        )

    def _seq_of(self, cursor: Cursor, key: OrderKey) -> int | None:
        cursor.execute(self._statements.key, (self._account, key.kind.value, column_text(key.key)))
        row = cursor.fetchone()
        return row[0] if row else None

    def _pointers(self, pointers: Sequence[Pointer]) -> list[_Row]:
        return [(self._account, one.kind, column_text(one.key), one.seq) for one in pointers]

    def _one(self, cursor: Cursor, seq: int, *, account: str | None = None) -> JournalRecord | str:
        cursor.execute(self._statements.one, (account or self._account, seq))
        row = cursor.fetchone()
        if row is None:
            return f"record {seq} is missing"
        try:
            return unsealed(row).record
        except BadRecordError as error:
            return f"record {seq} is bad: {error}"

    def _standing(self, cursor: Cursor) -> tuple[tuple[JournalRecord, ...], str | None]:
        cursor.execute(self._statements.standing, (self._account, self._account))
        records: list[JournalRecord] = []
        problem = None
        for row in cursor.fetchall():
            try:
                records.append(unsealed(row).record)
            except BadRecordError as error:
                problem = problem or f"record {row[0]} is bad: {error}"
        return tuple(records), problem

    def _end_problem(self, cursor: Cursor, head: ChainHead) -> str | None:
        last = self._one(cursor, head.seq)
        if isinstance(last, str):
            return last
        cursor.execute(self._statements.end, (self._account, CHECKED_AT_THE_END))
        for (seq, prev, _), (before, _, digest) in pairwise(cursor.fetchall()):
            if before != seq - 1:
                return f"record {seq - 1} is missing"
            if prev != digest:
                return f"record {seq} does not follow record {before}"
        return None

    def _proven(self, row: _Row) -> SealedRecord:
        try:
            return unsealed(row)
        except BadRecordError as error:
            raise self._damaged(f"record {row[0]} is bad: {error}") from error

    def _proven_whole(self, row: _Row) -> SealedRecord:
        sealed = self._proven((row[0], row[9], row[11]))
        if row != row_of(sealed):
            raise self._damaged(f"record {row[0]} is not what the columns beside it say")
        return sealed

    def _damaged(self, problem: str) -> OrderLogDamagedError:
        return OrderLogDamagedError(f"the journal {self._journal} is damaged ({problem}); {_VERIFY}")


def check_follows(records: Sequence[SealedRecord], *, head: ChainHead) -> ChainHead:
    """Return where the chain stands after ``records``.

    Raises:
        ValueError: they do not follow ``head`` one by one.
    """
    for sealed in records:
        if (sealed.record.seq, sealed.record.prev) != (head.seq + 1, head.hash):
            raise ValueError(f"record {sealed.record.seq} does not follow record {head.seq}")
        head = head_at(sealed.record)
    return head


def check_commit(commit: Commit, *, head: ChainHead, identity: JournalIdentity, journal: object) -> ChainHead:
    """Return where the chain stands after ``commit``.

    Raises:
        ValueError: its records do not follow ``head`` one by one.
        OrderLogError: it begins a journal and does not say that it is the one of ``identity``.
    """
    if head == ChainHead.genesis() and commit.records:
        check_first_record(commit.records[0].record, identity=identity, journal=journal)
    return check_follows(commit.records, head=head)


def row_of(sealed: SealedRecord) -> _Row:
    """Return the columns of a record behind the account, in the order of the table."""
    record, fact = sealed.record, sealed.record.fact
    texts: tuple[str | None, ...]
    texts = (record.session_id, fact.correlation_id, fact.client_order_id, fact.ref_id, fact.order_id, fact.symbol)
    if b"\\u" in sealed.body:  # then a text may hold what a column cannot
        texts = tuple(None if text is None else column_text(text) for text in texts)
    head = (record.seq, time_text(record.ts), fact.event.value)
    return (*head, *texts, sealed.body.decode(), record.prev, record.hash)


def column_text(text: str) -> str:
    """Return ``text`` as a column can hold it: half a surrogate pair, or a NUL, is written out.

    The broker's texts are JSON, which may hold both; the body has them escaped.
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def unsealed(row: _Row) -> SealedRecord:
    """Return the record that a row of ``seq``, ``body`` and ``hash`` holds.

    Raises:
        BadRecordError: it holds none, or one of another number.
    """
    seq, body, digest = row
    if body is None:
        raise BadRecordError("it is missing")
    if not isinstance(body, str) or not isinstance(digest, str):
        raise BadRecordError("it is not stored as text")
    sealed = unseal(body.encode("utf-8", "surrogateescape"), digest)
    if sealed.record.seq != seq:
        raise BadRecordError(f"it says that it is numbered {sealed.record.seq}")
    return sealed


class RowReader:
    """A `JournalReader` over a cursor that the engine lends."""

    def __init__(self, rows: AccountRows) -> None:
        self._rows = rows

    def _lent(self) -> AbstractContextManager[Cursor]:
        raise NotImplementedError  # pragma: no cover (each engine has its own)

    def query(self, fetch: Callable[[Cursor], _T]) -> _T:
        """Return what ``fetch`` reads, in one short read transaction: for proofs, which believe no row."""
        with self._lent() as cursor:
            return fetch(cursor)

    def read_head(self) -> ChainHead:
        """Return the number and hash of the last record."""
        with self._lent() as cursor:
            return self._rows.head(cursor)

    def read_standing(self) -> tuple[JournalRecord, ...]:
        """Return the records that still count, in the order of their numbers."""
        with self._lent() as cursor:
            return self._rows.standing(cursor)

    def pointers(self, kind: str) -> tuple[Pointer, ...]:
        """Return the standing pointers of one kind, in order."""
        with self._lent() as cursor:
            return self._rows.pointers(cursor, kind)

    def records_of(self, client_order_id: ClientOrderId) -> tuple[JournalRecord, ...]:
        """Return every record of one order, in the order of their numbers."""
        with self._lent() as cursor:
            return self._rows.records_of(cursor, client_order_id)

    def records_of_request(self, correlation_id: str) -> tuple[JournalRecord, ...]:
        """Return every record of one request, in the order of their numbers."""
        with self._lent() as cursor:
            return self._rows.records_of_request(cursor, correlation_id)

    def find_order(self, kind: OrderKeyKind, key: str) -> ClientOrderId | None:
        """Return the client order id of the order that has this name."""
        with self._lent() as cursor:
            return self._rows.find_order(cursor, kind, key)

    def has_key(self, kind: OrderKeyKind, key: str) -> bool:
        """Whether this name was given away."""
        with self._lent() as cursor:
            return self._rows.has_key(cursor, kind, key)

    def page(self, *, after: int, limit: int) -> tuple[SealedRecord, ...]:
        """Return up to ``limit`` records numbered above ``after``."""
        with self._lent() as cursor:
            return self._rows.page(cursor, after=after, limit=limit)
