"""A journal that is damaged, takes nothing, or lies beside another account's log: what a start makes of it."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.journal_bench import UnflushedFiles
from tests.support.manager_bench import IDENTITY
from tests.support.order_story import MONDAY, TERMS, Story, intended, now_in, told
from tests.support.paper_market import recorded
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.error_handling.retry import no_jitter
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal import sqlite_reading
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.side_files import SideFile
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import PreparedOrder
from trading_bot.startup.account import AccountParts
from trading_bot.startup.journal import AccountJournal
from trading_bot.startup.journal_parts import journal_parts
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.state_folder import StateFolder

PREPARED = PreparedOrder(
    ref_id=RefId("ref"),
    terms=OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.00")),
    body=b"symbol=AAPL",
)
DETAILS = {**TERMS, "body_sha256": PREPARED.digest}


@pytest.fixture
def around():
    return Surroundings(
        clock=VirtualClock(MONDAY),
        files=UnflushedFiles(),
        new_id=lambda: "id",
        jitter=no_jitter,
        process_id=lambda: 1,
    )


@pytest.fixture
def state(tmp_path, around) -> StateFolder:
    return StateFolder(root=tmp_path / "state", files=around.files)


def alter(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


class Whole:
    """An account's journal with everything that belongs to it, started again and again."""

    def __init__(self, around: Surroundings, state: StateFolder, logs: Path, identity: JournalIdentity) -> None:
        self.around = around
        self.state = state
        self.log = logs / "orders.jsonl"
        self.identity = identity
        self.sessions = 0

    def start(self) -> AccountJournal:
        self.sessions += 1
        session_id = f"session-{self.sessions}"
        parts = journal_parts(
            self.around,
            state=self.state,
            log=self.log,
            log_max_bytes=10**6,
            identity=self.identity,
            session_id=session_id,
        )
        started = AccountJournal(
            self.around, state=self.state, identity=self.identity, session_id=session_id, parts=parts
        )
        started.open()
        return started

    def side_files(self) -> list[str]:
        return sorted(path.name for path in (self.state.root / "side").iterdir())


@pytest.fixture
def whole(around, state, tmp_path) -> Whole:
    return Whole(around, state, tmp_path / "logs", IDENTITY)


def with_orders(whole: Whole) -> Whole:
    """One order has ended, one is at work, and a symbol is frozen."""
    journal = whole.start()
    journal.store.record_facts(
        (
            intended("ended"),
            now_in(OrderState.CANCELLED, "ended"),
            intended("open"),
            now_in(OrderState.CONFIRMED, "open"),
            frozen("AAPL", Cause.TERMS_DIFFER, "other terms"),
        )
    )
    journal.close()
    return whole


class TestADatabaseThatSqliteCannotRead:
    @pytest.fixture
    def journal(self, whole):
        with_orders(whole)
        whole.state.database.write_bytes(b"no database".ljust(8192, b"!"))
        journal = whole.start()
        yield journal
        journal.close()

    def test_its_open_orders_are_known_from_the_audit_log(self, journal):
        with journal.store.open_book() as book:
            assert [order.client_order_id for order in book.active()] == ["open"]
            assert book.frozen_symbols() == {"AAPL": "other terms"}

    def test_facts_go_aside_and_no_order_is_taken(self, journal, whole):
        journal.store.record_fact(now_in(OrderState.CANCELLED, "open"))
        with journal.store.open_book() as book:
            assert book.active() == ()
        assert "is damaged" in str(journal.store.failure)
        with pytest.raises(OrderLogError, match="only cancels are possible"):
            journal.store.record_intent(intended("third", details=DETAILS), PREPARED)
        assert len(whole.side_files()) == 1


def test_a_database_and_an_audit_log_that_nobody_can_read_leave_a_book_for_cancels(whole):
    with_orders(whole)
    whole.state.database.write_bytes(b"no database".ljust(8192, b"!"))
    whole.log.write_bytes(b"no log\n")
    journal = whole.start()
    with journal.store.open_book() as book:
        assert book.orders() == ()
    assert journal.store.failure is not None
    journal.close()


def test_a_state_folder_that_is_gone_leaves_the_orders_of_the_audit_log_for_cancels(whole):
    with_orders(whole)
    for path in whole.state.root.glob("journal*"):
        path.unlink()
    journal = whole.start()
    assert "was restored from a copy, or cut" in str(journal.store.failure)
    with journal.store.open_book() as book:
        assert [order.client_order_id for order in book.active()] == ["open"]
    journal.close()


class FullDisk(sqlite3.Connection):
    """Takes no record while told so."""

    is_full = False

    def cursor(self, *args, **kwargs):
        return super().cursor(FullCursor)


class FullCursor(sqlite3.Cursor):
    def execute(self, sql, *args):
        if FullDisk.is_full and sql == "COMMIT" and self.connection.total_changes:
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *args)


def left_beside(whole: Whole, record: JournalRecord) -> None:
    """What a process that is gone could not commit."""
    side = SideFile(
        folder=whole.state.root / "side",
        session_id="gone",
        files=whole.around.files,
        clock=whole.around.clock,
        process_id=lambda: 7,
    )
    side.write(record)
    side.close()


def test_side_files_that_the_journal_does_not_take_leave_cancels_and_stay(whole, monkeypatch):
    """The disk was full, and is full still after a restart: who cannot start cannot cancel either."""
    with_orders(whole)
    left_beside(whole, Story(frozen("MSFT", Cause.TERMS_DIFFER, "left")).records[0])
    before = whole.side_files()
    monkeypatch.setattr(sqlite_reading.connect, "__kwdefaults__", {"factory": FullDisk})
    monkeypatch.setattr(FullDisk, "is_full", True)
    journal = whole.start()
    assert "full" in str(journal.store.failure)
    journal.store.record_fact(now_in(OrderState.CANCELLED, "open"))
    with journal.store.open_book() as book:
        assert book.active() == ()
    journal.close()
    assert set(before) < set(whole.side_files())
    monkeypatch.setattr(FullDisk, "is_full", False)
    again = whole.start()
    assert again.store.failure is None
    with again.store.open_book() as book:
        assert book.active() == ()
        assert set(book.frozen_symbols()) == {"AAPL", "MSFT"}
    again.close()


def test_the_audit_log_of_an_account_whose_number_ends_alike_is_refused_as_that(whole, around, tmp_path):
    with_orders(whole)
    other = Whole(
        around,
        StateFolder(root=tmp_path / "other", files=around.files),
        tmp_path / "logs",
        replace(IDENTITY, account_key="f" * 16),
    )
    before = whole.log.read_bytes()
    with pytest.raises(OrderLogError, match="belongs to another account whose number ends alike"):
        other.start()
    assert whole.log.read_bytes() == before


def test_a_side_line_of_an_order_with_a_bad_old_record_keeps_no_start_from_trading(whole):
    """Doubt stays with that order: its line is an anomaly, and the file is taken over."""
    with_orders(whole)
    journal = whole.start()
    journal.store.forget_all_but(lambda book: [ClientOrderId("open")])
    journal.close()
    alter(whole.state.database, "UPDATE record SET body = replace(body, 'AAPL', 'AAPX') WHERE seq = 2")
    odd = Story(intended("ended"), told(EventKind.ANOMALY_FOUND, "ended", reason="odd")).records[1]
    left_beside(whole, replace(odd, hash=""))
    again = whole.start()
    assert again.store.failure is None
    assert len(whole.side_files()) == 1, "only the one that holds space for this session"
    again.close()


def test_a_look_at_the_record_that_failed_leaves_the_journal_to_others(tmp_path):
    config = Config().model_copy(update={"logs_dir": tmp_path / "logs", "state_dir": tmp_path / "state"})

    def parts() -> AccountParts:
        return AccountParts(config, default_surroundings(), account_number="PAPER-1", transport=None, quotes=recorded())

    first = parts()
    with first.on_record():
        pass
    (database,) = config.resolve_state_dir().glob("*/journal.sqlite3")
    alter(database, "UPDATE schema_version SET version = 99")
    with pytest.raises(OrderLogError), first.on_record():
        pass
    second = parts()
    with pytest.raises(OrderLogError), second.on_record():
        pass
