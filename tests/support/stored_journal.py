"""A journal in a SQLite file, with its audit log, told event by event; and ways to damage both from the outside."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Self

from tests.support.order_story import MONDAY
from trading_bot.audit.stored_rows import StoredRows
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.audit_files import log_files
from trading_bot.order_management.journal.audit_log import AuditLog
from trading_bot.order_management.journal.chain import SealedRecord, head_at, seal
from trading_bot.order_management.journal.identity import JournalIdentity, opening
from trading_bot.order_management.journal.port import Commit, OrderKey, OrderKeyKind, Pointer
from trading_bot.order_management.journal.sqlite import SqliteJournal
from trading_bot.order_management.journal.sqlite_reading import SqliteReader
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.account_number import PAPER_ACCOUNT
from trading_bot.state_folder import account_key

ACCOUNT = "an-account-key"
IDENTITY = JournalIdentity(mode=ExecutionMode.PAPER, account_key=ACCOUNT, account_suffix="0001")
_STANDS = frozenset(
    {
        EventKind.SYMBOL_FROZEN,
        EventKind.TRADING_HALTED,
        EventKind.POSITION_ACCEPTED,
        EventKind.POSITION_DIFFERED,
        EventKind.INSTRUMENT_NAMED,
    }
)


class StoredJournal:
    """One account's journal below ``home``. Orders that have not ended, freezes and positions stand."""

    def __init__(
        self,
        home: Path,
        *,
        identity: JournalIdentity = IDENTITY,
        max_bytes: int = 10**7,
        database: Path | None = None,
    ) -> None:
        self.database = database or home / "state" / "journal.sqlite3"
        self.log_path = home / "logs" / "orders.jsonl"
        self.account = identity.account_key
        self.now: datetime = MONDAY
        self.journal = SqliteJournal(
            self.database, identity=identity, first_record=lambda: self._sealed(opening(identity))
        )
        self.opened = self.journal.open()
        self._book = OrderBook.replayed(self.opened.standing)
        self.log = AuditLog(path=self.log_path, max_bytes=max_bytes, files=LocalFiles())
        self.log.compare(self.journal)

    @classmethod
    def of_paper_account(cls, home: Path) -> "StoredJournal":
        """The journal of the paper account whose logs and state are below ``home``."""
        key = account_key(ExecutionMode.PAPER, PAPER_ACCOUNT)
        identity = JournalIdentity(mode=ExecutionMode.PAPER, account_key=key, account_suffix=PAPER_ACCOUNT[-4:])
        return cls(home, identity=identity, database=home / "state" / f"paper-{key}" / "journal.sqlite3")

    def tell(self, *events: OrderEvent, logged: bool = True, is_possible: bool = True) -> Self:
        """Commit each event; one that no book can follow is not ``is_possible``."""
        for event in events:
            sealed = self._sealed(event)
            order = self._book.apply(sealed.record) if is_possible else None
            ended = order is not None and order.state.is_terminal
            pointer = self._pointer(event, sealed.record.seq)
            self.journal.commit(
                Commit(
                    records=(sealed,),
                    order_keys=tuple(_keys(event, sealed.record.seq)),
                    standing=() if pointer is None or ended else (pointer,),
                    ended=self._pointers_of(event) if ended else (),
                )
            )
            if logged:
                self.log.append((sealed,))
            self.now += timedelta(seconds=1)
        return self

    def close(self) -> Self:
        self.journal.close()
        return self

    @property
    def reader(self) -> SqliteReader:
        return SqliteReader(self.database, account_key=self.account)

    @property
    def rows(self) -> StoredRows:
        return StoredRows(self.account, read=self.reader.query)

    @property
    def records(self) -> tuple[SealedRecord, ...]:
        return self.reader.page(after=0, limit=10**6)

    def sql(self, statement: str, *parameters: object) -> None:
        """Change the database as somebody else would: close the journal first."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as connection:
            connection.execute(statement, parameters)

    def rewrite(self, change: bytes, to: bytes) -> None:
        """Change the audit log's bytes, in the first file that has them."""
        for file in log_files(self.log_path):
            if change in (data := file.read_bytes()):
                file.write_bytes(data.replace(change, to, 1))
                return
        raise AssertionError(f"no file of the log has {change!r}")

    def _sealed(self, event: OrderEvent) -> SealedRecord:
        return seal(event, head=self.journal.head, ts=self.now, mono=Decimal(0), session_id="session-1")

    def _pointers_of(self, event: OrderEvent) -> tuple[Pointer, ...]:
        name = event.client_order_id or ""
        told = self.journal.records_of(event.client_order_id) if event.client_order_id is not None else ()
        return tuple(Pointer(kind="order", key=name, seq=record.seq) for record in told)

    @staticmethod
    def _pointer(event: OrderEvent, seq: int) -> Pointer | None:
        if event.client_order_id is not None:
            return Pointer(kind="order", key=event.client_order_id, seq=seq)
        return Pointer(kind="fact", key=str(event.symbol), seq=seq) if event.event in _STANDS else None


def _keys(event: OrderEvent, seq: int) -> Iterable[OrderKey]:
    if event.event is EventKind.ORDER_INTENDED and event.client_order_id is not None and event.ref_id is not None:
        yield OrderKey(kind=OrderKeyKind.CLIENT_ORDER_ID, key=event.client_order_id, seq=seq)
        yield OrderKey(kind=OrderKeyKind.REF_ID, key=event.ref_id, seq=seq)
    if event.order_id is not None:
        yield OrderKey(kind=OrderKeyKind.ORDER_ID, key=event.order_id, seq=seq)


def resealed(sealed: SealedRecord, event: OrderEvent) -> SealedRecord:
    """The record with another event in its place, and a hash that fits."""
    before = replace(head_at(sealed.record), seq=sealed.record.seq - 1, hash=sealed.record.prev)
    return seal(event, head=before, ts=sealed.record.ts, mono=sealed.record.mono, session_id=sealed.record.session_id)
