"""What a start reads of an account: the database, side files, the audit log and a journal of version 0.1.

A start that takes it is followed by a second one, which has to find the same book: what is read changes nothing that
the first start has not said.
"""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.fuzz.bounds import refuse_secrets
from tests.support.journal_engines import OURS, SESSION
from tests.support.memory_journal import MemoryJournal, MemoryStorage
from tests.support.order_story import MONDAY, booked, fill, intended, now_in, order_id_of
from tests.support.side_book import StandingBook
from tests.support.stored_journal import IDENTITY, StoredJournal
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.order_book import pointers_to_standing
from trading_bot.order_management.book.side_import import SideImport
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.audit_log import AuditLog
from trading_bot.order_management.journal.chain import (
    BadRecordError,
    ChainHead,
    SealedRecord,
    decode_alone,
    head_at,
    seal,
    seal_numbered,
)
from trading_bot.order_management.journal.identity import first_record
from trading_bot.order_management.journal.import_v1 import V1Import
from trading_bot.order_management.journal.port import Commit, Pointer
from trading_bot.order_management.journal.record_text import read_body
from trading_bot.order_management.journal.side_files import SideName, read_side
from trading_bot.order_management.journal.sqlite import SqliteJournal
from trading_bot.order_management.journal.v1.reader import V1Files
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.reconciliation import overfills

_STORY = (
    intended(),
    now_in(OrderState.CONFIRMED, order_id=order_id_of("first")),
    booked(fill()),
    intended("second"),
)
_MOST_LINES = 200
_LONGEST_MESSAGE = 4096
_ON_ROWS = {
    *(sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT),
    sqlite3.SQLITE_FUNCTION,
}


class Unflushed(LocalFiles):
    """The machine's files without its flushes, which cost much and prove nothing here."""

    def sync(self, descriptor: int) -> None:
        """Wait for nothing."""

    def sync_folder(self, path: Path) -> None:
        """Wait for nothing."""


def sealed_lines(data: bytes) -> bytes:
    """Return lines whose hashes and numbers are right, whatever else is in them: what no checksum keeps out.

    A line that is no record is left as it is.
    """
    lines: list[bytes] = []
    head = ChainHead.genesis()
    for line in data.split(b"\n")[:_MOST_LINES]:
        try:
            record = replace(read_body(line, ""), seq=head.seq + 1)
            sealed = seal_numbered(record, prev=head.hash)
        except BadRecordError:
            lines.append(line)
            continue
        head = head_at(sealed.record)
        lines.append(sealed.line.rstrip(b"\n"))
    return b"\n".join(lines)


def _lines(data: bytes) -> bytes:
    first, _, rest = data.partition(b"\n")
    return sealed_lines(rest) if first == b"sealed" else data


class Records:
    """Records of a journal whose hashes are right: what they say may still be impossible. One body a line."""

    def __init__(self, _folder: Path) -> None:
        self._clock = VirtualClock(MONDAY)

    def __call__(self, data: bytes) -> str:
        """Open a journal that holds them, and fold it."""
        storage = self._stored(data)
        book = self._book(storage)
        if isinstance(book, str):
            return book
        assert book == self._book(storage), "two starts over the same records do not agree"
        return book[0]

    def _stored(self, data: bytes) -> MemoryStorage:
        journal = MemoryJournal(
            identity=OURS, first_record=lambda: first_record(OURS, clock=self._clock, session_id=SESSION)
        )
        journal.open()
        for line in sealed_lines(data).split(b"\n"):
            try:
                record = decode_alone(line)
                sealed = seal_numbered(replace(record, seq=journal.head.seq + 1), prev=journal.head.hash)
                pointer = Pointer(kind="any", key="", seq=sealed.record.seq)
                journal.commit(Commit(records=(sealed,), standing=(pointer,)))
            except (BadRecordError, OrderLogError):
                continue
        return journal.storage

    def _book(self, storage: MemoryStorage) -> str | list[str]:
        journal = MemoryJournal(storage, identity=OURS)
        store = OrderStore(journal=journal, clock=self._clock, session_id="s2")
        try:
            store.load(journal.open())
        except OrderLogError as error:
            _check_error(error)
            return f"refused {type(error).__name__}"
        with store.open_book() as book:
            ended = "frozen" if any(overfills(order) for order in book.orders()) else "folded"
            return [ended, *(repr(order) for order in book.active())]


class SideFiles:
    """One side file of a process that is gone, or of a kill; the first line says ``sealed`` where it shall be whole."""

    def __init__(self, folder: Path) -> None:
        self._side = folder / "side"
        self._clock = VirtualClock(MONDAY)

    def __call__(self, data: bytes) -> str:
        """Let a start take it over, and the next one too."""
        content = _lines(data.removeprefix(b"kill\n"))
        read = read_side(content)
        journal = self._journal()
        session = "kill" if data.startswith(b"kill\n") else SESSION
        name = SideName(at="20261123T150000.000000Z", number=1, session_id=session, process_id=7)
        shutil.rmtree(self._side, ignore_errors=True)
        self._side.mkdir(mode=0o700)
        (self._side / str(name)).write_bytes(content)
        try:
            self._take_over(journal)
            taken = journal.head
            self._take_over(journal)
        except OrderLogError as error:
            _check_error(error)
            return f"refused {type(error).__name__}"
        assert taken == journal.head, "a second start took something over again"
        assert (
            (read.problem is None) or any(path.suffix != ".jsonl" for path in self._side.iterdir()) or session == "kill"
        )
        return "torn" if read.is_torn else "whole" if read.problem is None else "damaged"

    def _take_over(self, journal: MemoryJournal) -> None:
        importer = SideImport(folder=self._side, files=Unflushed(), clock=self._clock)
        importer.take_over(journal, StandingBook(journal.read_standing()), kills=set())

    def _journal(self) -> MemoryJournal:
        journal = MemoryJournal(
            identity=OURS, first_record=lambda: first_record(OURS, clock=self._clock, session_id=SESSION)
        )
        journal.open()
        for event in _STORY:
            sealed = _sealed_behind(journal.head, event)
            journal.commit(Commit(records=(sealed,), standing=(Pointer(kind="any", key="", seq=sealed.record.seq),)))
        return journal


class OldJournal:
    """The live file of a journal of version 0.1; the first line says ``sealed`` where its hashes shall be right."""

    def __init__(self, folder: Path) -> None:
        self._live = folder / "orders.jsonl"
        self._clock = VirtualClock(MONDAY)

    def __call__(self, data: bytes) -> str:
        """Let the first start of this version take it over."""
        content = _lines(data)
        for path in self._live.parent.iterdir():
            path.unlink()
        self._live.write_bytes(content)
        self._live.chmod(0o600)
        journal = MemoryJournal(identity=OURS)
        files = Unflushed()
        importer = V1Import(
            old=V1Files(journal=self._live, noted_head=self._live.with_name("anchor.json"), files=files),
            noted=None,
            identity=OURS,
            pointers_for=pointers_to_standing,
            files=files,
            clock=self._clock,
            session_id=SESSION,
        )
        try:
            opened = importer.open(journal)
        except OrderLogError as error:
            _check_error(error)
            assert self._live.read_bytes() == content, "a journal that was refused was changed"
            assert not journal.storage.records, "part of a journal that was refused was taken over"
            return f"refused {type(error).__name__}"
        assert opened.head.seq == len(journal.storage.records)
        store = OrderStore(journal=journal, clock=self._clock, session_id="s2")
        store.load(opened)
        with store.open_book() as book:
            refs = [order.envelope.ref_id for order in book.orders()]
        assert len(refs) == len(set(refs)), "two orders share a ref_id"
        return "taken over"


class AuditLines:
    """The audit log beside a database that is whole; ``sealed`` as above."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "logs" / "orders.jsonl"
        with closing(StoredJournal(folder)) as stored:
            stored.tell(*_STORY)
            self._records = stored.records
        self._database = folder / "state" / "journal.sqlite3"

    def __call__(self, data: bytes) -> str:
        """Let a start compare the two."""
        for path in self._log.parent.iterdir():
            path.unlink()
        self._log.write_bytes(_lines(data))
        with closing(SqliteJournal(self._database, identity=IDENTITY, files=Unflushed(), is_durable=False)) as journal:
            journal.open()
            log = AuditLog(path=self._log, max_bytes=10**7, files=Unflushed(), identity=IDENTITY)
            try:
                problem = log.compare(journal)
            except OrderLogError as error:
                _check_error(error)
                problem = str(error)
            assert journal.page(after=0, limit=100) == self._records, "the database was changed after its log"
        if problem is not None:
            return "damaged"
        return "set aside" if any(".damaged-" in path.name for path in self._log.parent.iterdir()) else "fits"


class Database:
    """Bytes written over those of a database file: one place and what to put there a line, ``write-at`` as in hex.

    A line ``cut N`` cuts the file, ``sql ...`` runs a statement on it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "journal"
        self._whole = folder / "whole"
        with closing(StoredJournal(self._whole)) as stored:
            stored.tell(*_STORY)
        self._name = Path("state") / "journal.sqlite3"

    def __call__(self, data: bytes) -> str:
        """Open it as a start does, twice."""
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._whole, self._folder)
        file = self._folder / self._name
        _spoil(file, data)
        first = self._opened(file)
        assert first == self._opened(file), "two starts over the same file do not agree"
        return first[0]

    def _opened(self, file: Path) -> tuple[str, ...]:
        journal = SqliteJournal(
            file, identity=IDENTITY, files=Unflushed(), is_durable=False, process_id=lambda: 1, busy_timeout_s=0.01
        )
        store = OrderStore(journal=journal, clock=VirtualClock(MONDAY), session_id="s2")
        with closing(journal):
            try:
                opened = journal.open()
                if opened.problem is not None:
                    return "damaged", str(journal.refusal)
                store.load(opened)
                journal.page(after=0, limit=100)
            except OrderLogError as error:
                _check_error(error)
                return f"refused {type(error).__name__}", ""
        with store.open_book() as book:
            return ("folded", *(repr(order) for order in book.active()))


def _spoil(file: Path, data: bytes) -> None:
    content = bytearray(file.read_bytes())
    statements: list[str] = []
    for line in data.split(b"\n")[:20]:
        word, _, rest = line.partition(b" ")
        if word == b"cut" and rest.isdigit():
            del content[int(rest[:9]) :]
        elif word == b"sql":
            statements.append(rest.decode("utf-8", errors="replace"))
        elif word.isdigit():
            place = int(word[:9]) % (len(content) + 1)
            content[place : place + len(rest)] = rest
    file.write_bytes(content)
    _run(file, statements)


def _run(file: Path, statements: list[str]) -> None:
    if not statements:
        return
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.set_authorizer(_only_rows)
        connection.set_progress_handler(lambda: 1, 100_000)
        for statement in statements:
            try:
                connection.execute(statement)
            except (sqlite3.Error, sqlite3.Warning, ValueError):
                return


def _only_rows(action: int, *_names: object) -> int:
    # No other file is attached, made or loaded, whatever the statement has become.
    return sqlite3.SQLITE_OK if action in _ON_ROWS else sqlite3.SQLITE_DENY


def _sealed_behind(head: ChainHead, event: OrderEvent) -> SealedRecord:
    return seal(event, head=head, ts=MONDAY, mono=Decimal(0), session_id=SESSION)


def _check_error(error: OrderLogError) -> None:
    refuse_secrets(str(error))
    assert len(str(error)) <= _LONGEST_MESSAGE, "the message is as long as the file"
