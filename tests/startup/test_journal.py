"""The journal of an account opens with all that belongs to it, and a damaged one for cancels only."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.journal_bench import UnflushedFiles
from tests.support.manager_bench import IDENTITY, KeptAside
from tests.support.order_story import MONDAY, TERMS, booked, fill, intended, now_in
from trading_bot.clock import VirtualClock
from trading_bot.error_handling.retry import no_jitter
from trading_bot.order_management.book.anomalies import AnomalyKind
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import SealedRecord
from trading_bot.order_management.journal.port import Journal, JournalReader, Opened
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.outcomes import PreparedOrder
from trading_bot.startup.journal import AccountJournal, JournalParts
from trading_bot.startup.surroundings import Surroundings
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


@pytest.fixture
def build(around, state) -> Callable[..., AccountJournal]:
    def built(**parts) -> AccountJournal:
        return AccountJournal(
            around, state=state, identity=IDENTITY, session_id="session-1", parts=JournalParts(**parts)
        )

    return built


def alter(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


def test_orders_are_known_after_they_have_left_and_after_a_start(build, around):
    journal = build()
    journal.open()
    for number in range(12):
        name = f"order-{number}"
        journal.store.record_fact(intended(name))
        journal.store.record_fact(now_in(OrderState.CANCELLED, name))
        around.clock.sleep(86_400)
    assert journal.housekeeping.let_old_orders_go(at_least=1) == 11
    journal.close()
    again = build()
    again.open()
    with again.store.open_book() as book:
        assert len(book) == 1
        assert all(book.get(ClientOrderId(f"order-{number}")) for number in range(12))
    verdict = again.verify()
    assert (verdict.ok, verdict.records) == (True, 26)
    again.close()


def test_a_damaged_journal_takes_cancels_and_no_order(build, state):
    journal = build()
    journal.open()
    journal.store.record_fact(intended())
    journal.store.record_fact(intended("second"))
    journal.close()
    alter(state.database, "UPDATE record SET body = replace(body, 'second', 'beyond') WHERE seq = 3")
    side = KeptAside()
    again = build(side_file=side)
    again.open()
    assert again.store.failure is not None
    again.store.record_fact(now_in(OrderState.CANCELLED))
    with again.store.open_book() as book:
        assert book.active() == ()
    with pytest.raises(OrderLogError, match="only cancels are possible"):
        again.store.record_intent(intended("third", details=DETAILS), PREPARED)
    assert len(side.facts) == 1
    assert not again.verify().ok
    again.close()


def test_records_that_tell_an_impossible_story_take_no_order(build, state):
    journal = build()
    journal.open()
    journal.store.record_fact(intended())
    journal.store.record_fact(now_in(OrderState.CONFIRMED))
    journal.close()
    alter(state.database, "DELETE FROM standing WHERE seq = 2")
    again = build()
    again.open()
    assert "cannot be true" in str(again.store.failure)
    again.close()


def test_more_fills_on_record_than_shares_freeze_the_symbol_once(build):
    """As the report of such a fill does; a person ends it, and no later start begins it anew."""
    journal = build()
    journal.open()
    for name, symbol in (("first", "AAPL"), ("second", "MSFT")):
        journal.store.record_fact(intended(name, symbol=symbol))
        journal.store.record_fact(now_in(OrderState.CONFIRMED, name, order_id=f"id-{name}"))
    journal.store.record_fact(booked(fill(quantity=1_000_000)))
    journal.store.record_fact(booked(fill(2, quantity=10), "second"))
    journal.close()
    again = build()
    opened = again.open()
    assert again.store.failure is None
    with again.store.open_book() as book:
        assert book.frozen_for(Cause.OVERFILLED) == {"AAPL"}
        assert book.expected_positions() == {}, "a fill without a report of the order moves no position"
    assert opened.head.seq == again.store.last_seq
    again.store.record_fact(OrderEvent(event=EventKind.SYMBOL_RELEASED, symbol="AAPL", reason="compared"))
    again.close()
    last = build()
    last.open()
    with last.store.open_book() as book:
        assert book.frozen_for(Cause.OVERFILLED) == frozenset()
        assert [each.kind for each in book.orders()[0].anomalies] == [AnomalyKind.OVERFILLED]
    last.close()


def test_a_journal_that_is_gone_is_not_begun_anew(build, state):
    journal = build()
    journal.open()
    journal.close()
    state.database.unlink()
    with pytest.raises(OrderLogError, match="is gone; put it back"):
        build().open()
    assert not state.database.exists()


def test_a_chain_with_a_gap_does_not_verify(build, state):
    journal = build()
    journal.open()
    journal.store.record_fact(intended())
    journal.store.record_fact(intended("second"))
    journal.close()
    alter(state.database, "DELETE FROM record WHERE seq = 2")
    verdict = build().verify()
    assert (verdict.ok, verdict.records) == (False, 1)
    assert verdict.problem == "record 3 does not follow record 1"


def test_a_journal_that_is_not_there_has_no_good_verdict(build):
    verdict = build().verify()
    assert (verdict.ok, verdict.records) == (False, 0)
    assert verdict.problem is not None


class Trail:
    """An audit log that says what it is told to."""

    def __init__(self, damage: str | None = None) -> None:
        self.damage = damage
        self.lines: list[bytes] = []

    def compare(self, journal: JournalReader) -> str | None:
        self.lines.append(b"head %d" % journal.read_head().seq)
        return self.damage

    def append(self, records: Sequence[SealedRecord]) -> None:
        self.lines += [one.line for one in records]


def test_a_start_does_each_thing_in_its_turn(build):
    done: list[str] = []
    trail = Trail()

    def side_files(_store: OrderStore, _journal: Journal, opened: Opened) -> None:
        done.append(f"side files behind {opened.head.seq}, log compared: {bool(trail.lines)}")

    journal = build(
        take_over_v1=lambda path: done.append(f"0.1 into {path.name}"),
        import_side_files=side_files,
        audit_trail=trail,
    )
    journal.open()
    assert done == ["0.1 into journal.sqlite3", "side files behind 1, log compared: True"]
    assert trail.lines == [b"head 1"]
    journal.store.record_fact(intended())
    assert len(trail.lines) == 2
    assert b'"client_order_id":"first"' in trail.lines[1]
    journal.close()


def test_an_audit_log_that_knows_more_than_the_database_stops_orders(build):
    """The database was restored from a backup, or cut: orders may be out that it does not know."""
    journal = build(audit_trail=Trail("the audit log is ahead"))
    journal.open()
    with pytest.raises(OrderLogError, match="is ahead"):
        journal.store.record_intent(intended(details=DETAILS), PREPARED)
    journal.close()


def test_nothing_is_committed_to_a_database_that_is_not_to_be_believed(build, state):
    """Whoever puts the right one back would lose it; the side file is taken over then."""
    side = KeptAside()
    journal = build(audit_trail=Trail("the audit log is ahead"), side_file=side)
    journal.open()
    journal.store.record_fact(intended("known"))
    journal.store.record_fact(now_in(OrderState.CANCELLED, "known"))
    assert len(side.refused) == 1
    assert [record.fact.status for record in side.facts] == [OrderState.CANCELLED]
    assert journal.verify().records == 1
    journal.close()


def test_nothing_is_committed_behind_side_files_that_were_taken_over_in_part(build, state):
    """The book has facts of them under numbers that the journal would give to others."""
    side = KeptAside()

    def unreadable(store: OrderStore, journal: Journal, opened: Opened) -> None:
        raise OrderLogError("a record that was asked for cannot be read")

    journal = build(side_file=side, import_side_files=unreadable)
    journal.open()
    journal.store.record_fact(OrderEvent(event=EventKind.SESSION_STARTED))
    assert "cannot be read" in str(journal.store.failure)
    assert side.kinds == [EventKind.SESSION_STARTED]
    assert journal.verify().records == 1
    journal.close()


@pytest.mark.parametrize(("mode", "synchronous"), [(ExecutionMode.PAPER, 0), (ExecutionMode.LIVE, 2)])
def test_only_a_paper_journal_can_be_told_to_wait_for_no_disk(around, tmp_path, mode, synchronous):
    thrown_away, identity = replace(around, is_durable=False), replace(IDENTITY, mode=mode)
    journal = thrown_away.journal(tmp_path / "journal.sqlite3", identity, None)
    journal.open()
    assert journal._writer.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    journal.close()
