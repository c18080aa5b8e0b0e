"""What the next start makes of the files beside the journal."""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.journal_engines import ENGINES, SESSION, Engine
from tests.support.mortal import DiedError, Disk, Life, MortalFiles
from tests.support.order_story import MONDAY, booked, fill, intended, now_in, order_id_of, told
from tests.support.side_book import StandingBook
from trading_bot.clock import VirtualClock
from trading_bot.files import FileFacts, FileSystem, LocalFiles
from trading_bot.kill.records import KillFile
from trading_bot.order_management.book.side_import import SideImport, SideProblem, SideTrouble
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at, seal
from trading_bot.order_management.journal.port import Commit, Journal, OrderKey, OrderKeyKind, Pointer
from trading_bot.order_management.journal.side_files import SideFile
from trading_bot.order_management.models import ClientOrderId, OrderState, Side

LATER = MONDAY + timedelta(hours=1)


def sealed_behind(head: ChainHead, *events: OrderEvent) -> list[SealedRecord]:
    made: list[SealedRecord] = []
    for event in events:
        made.append(seal(event, head=head, ts=LATER, mono=Decimal(7), session_id=SESSION))
        head = head_at(made[-1].record)
    return made


class Account:
    """A journal, the side files beside it, and a process that starts again and again."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder / "side"
        self.clock = VirtualClock(MONDAY)
        self.journal = engine.journal()
        self.journal.open()
        self.kills: set[str] = set()

    def committed(self, *events: OrderEvent) -> list[JournalRecord]:
        records = sealed_behind(self.journal.head, *events)
        standing = tuple(Pointer(kind="any", key="", seq=one.record.seq) for one in records)
        self.journal.commit(Commit(records=tuple(records), standing=standing))
        return [one.record for one in records]

    def failed(self, *events: OrderEvent) -> list[JournalRecord]:
        """Records of a commit that failed, as the writer made them."""
        return [one.record for one in sealed_behind(self.journal.head, *events)]

    def left(self, *records: JournalRecord) -> Path:
        """A side file of a process that is gone."""
        side = SideFile(
            folder=self.folder, session_id=SESSION, files=LocalFiles(), clock=self.clock, process_id=lambda: 1
        )
        for record in records:
            side.write(record)
        side.close()
        assert side.path is not None
        return side.path

    def killed(self, *orders: str, every: bool = False, ends: bool = True, keeps_stops: bool = False) -> Path:
        kill = KillFile(folder=self.folder, files=LocalFiles(), clock=self.clock, process_id=lambda: 7)
        named = None if every else [ClientOrderId(each) for each in orders]
        kill.begin(by="ann", reason="enough", orders=named, keeps_stops=keeps_stops)
        kill.note("kill_ended", {"confirmed": True})
        if ends:
            kill.close()
        assert kill.path is not None
        return kill.path

    def start(
        self, *, files: FileSystem | None = None, journal: Journal | None = None, own: Path | None = None
    ) -> tuple[SideProblem, ...]:
        importer = SideImport(folder=self.folder, files=files or LocalFiles(), clock=self.clock, own=lambda: own)
        book = StandingBook(self.journal.read_standing())
        return importer.take_over(journal or self.journal, book, kills=self.kills)

    def restart(self) -> None:
        self.journal.close()
        self.journal = self.engine.journal()
        self.journal.open()

    def facts(self) -> list[OrderEvent]:
        return [one.record.fact for one in self.journal.page(after=1, limit=1000)]

    def kinds(self) -> list[str]:
        return [fact.event.value for fact in self.facts()]

    @property
    def book(self) -> StandingBook:
        return StandingBook(self.journal.read_standing())

    def state(self, name: str = "first") -> OrderState | None:
        order = self.book.order(ClientOrderId(name))
        return order.state if order is not None else None

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture(params=ENGINES)
def account(request, tmp_path) -> Iterator[Account]:
    with ENGINES[request.param](tmp_path / "engine") as engine:
        yield Account(engine, tmp_path)


def unasked(records: list[JournalRecord]) -> list[JournalRecord]:
    return [replace(record, prev="", hash="") for record in records]


CONFIRMED = now_in(OrderState.CONFIRMED, order_id=order_id_of("first"))
FILLED = now_in(OrderState.FILLED, filled_quantity=Decimal(10), average_price=Decimal("99.90"))


def test_without_side_files_there_is_nothing_to_do(account):
    assert account.start() == ()
    assert account.facts() == []


def test_facts_are_taken_over_in_their_order_with_time_and_session(account):
    account.committed(intended())
    facts = unasked(account.failed(CONFIRMED, booked(fill(1, 10)), FILLED))
    account.left(*facts)
    assert account.start() == ()
    taken = [one.record for one in account.journal.page(after=2, limit=9)]
    assert [record.fact for record in taken] == [record.fact for record in facts]
    assert [(record.ts, record.mono, record.session_id) for record in taken] == [(LATER, Decimal(7), SESSION)] * 3
    assert account.state() is OrderState.FILLED
    assert account.names() == []
    assert account.journal.find_order(OrderKeyKind.ORDER_ID, order_id_of("first")) == "first"


def test_files_are_taken_over_in_the_order_in_which_they_were_begun(account):
    account.committed(intended())
    account.left(*unasked(account.failed(CONFIRMED)))
    account.left(*unasked(account.failed(booked(fill(1, 10)))))
    account.clock.sleep(1)
    account.left(*unasked(account.failed(FILLED)))
    account.start()
    assert account.kinds()[1:] == ["order_updated", "execution_booked", "order_updated"]


def test_a_fact_whose_commit_came_back_is_not_taken_over_again(account):
    account.committed(intended())
    came_back = account.committed(CONFIRMED, booked(fill(1, 4)))
    account.left(*came_back, *unasked(account.failed(booked(fill(2, 6)))))
    account.start()
    assert account.kinds() == ["order_intended", "order_updated", "execution_booked", "execution_booked"]


def test_a_fact_whose_commit_did_not_come_back_is_taken_over(account):
    account.committed(intended())
    lost = account.failed(CONFIRMED)
    account.left(*lost)
    account.start()
    assert account.kinds() == ["order_intended", "order_updated"]


def test_a_fact_is_taken_over_where_another_record_has_its_number(account):
    account.committed(intended())
    lost = account.failed(CONFIRMED)
    account.committed(told(EventKind.CANCEL_REQUESTED))
    account.left(*lost)
    account.start()
    assert account.kinds()[-1] == "order_updated"


def test_a_refused_intent_that_came_back_was_not_sent(account):
    came_back = account.committed(intended())
    account.left(*came_back)
    assert account.start() == ()
    assert account.kinds() == ["order_intended", "order_not_sent"]
    assert account.state() is OrderState.NOT_SENT
    assert account.names() == []


def test_a_refused_intent_that_did_not_come_back_leaves_nothing(account):
    account.left(*account.failed(intended()))
    account.start()
    assert account.facts() == []
    assert account.names() == []


def test_an_intent_that_the_journal_was_never_asked_to_store_says_nothing_of_one_in_doubt(account):
    """The same id was tried again while a crash had left it open: what became of the first one is not known."""
    account.committed(intended())
    account.left(*unasked(account.failed(intended())))
    account.start()
    assert account.state() is OrderState.PENDING_SUBMIT


def test_a_refused_intent_whose_order_went_on_is_an_anomaly(account):
    came_back = account.committed(intended())
    account.committed(CONFIRMED)
    account.left(*came_back)
    account.start()
    assert account.kinds()[-1] == "anomaly_found"
    assert account.state() is OrderState.CONFIRMED


def test_a_fact_that_cannot_follow_is_an_anomaly_and_the_next_one_is_taken_over(account):
    account.committed(intended(), CONFIRMED, booked(fill(1, 10)), FILLED)
    account.left(*unasked(account.failed(CONFIRMED, told(EventKind.CANCEL_REQUESTED))))
    assert account.start() == ()
    assert account.kinds()[4:] == ["anomaly_found", "cancel_requested"]
    anomaly = account.facts()[4]
    assert anomaly.client_order_id == "first"
    assert "cannot go from filled to confirmed" in (anomaly.reason or "")
    assert (anomaly.details["event"], anomaly.details["line"]) == ("order_updated", "1")


def test_a_fact_of_an_order_that_nobody_knows_is_an_anomaly_of_no_order(account):
    account.left(*unasked(account.failed(CONFIRMED)))
    account.start()
    (anomaly,) = account.facts()
    assert (anomaly.event, anomaly.client_order_id) == (EventKind.ANOMALY_FOUND, None)
    assert "first" in anomaly.details["fact"]


def test_a_damaged_record_where_a_line_may_have_come_back_is_an_anomaly_and_stops_no_other_line(account):
    account.committed(intended())
    (ended,) = sealed_behind(account.journal.head, CONFIRMED)
    account.journal.commit(Commit(records=(ended,)))  # nothing points at it any more
    account.engine.spoil(ended.record.seq, body="{}")
    frozen = OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="odd")
    account.left(ended.record, *unasked(account.failed(frozen)))
    assert account.start() == ()
    added = [one.record.fact for one in account.journal.page(after=ended.record.seq, limit=9)]
    assert [fact.event for fact in added] == [EventKind.ANOMALY_FOUND, EventKind.SYMBOL_FROZEN]
    assert "is bad" in (added[0].reason or "")


def test_a_freeze_needs_no_order(account):
    frozen = OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="odd")
    account.left(*unasked(account.failed(frozen)))
    account.start()
    assert account.book.book.frozen_symbols() == {"AAPL": "odd"}


def test_a_broker_s_id_that_another_order_has_is_not_given_again(account):
    account.committed(intended(), intended("second"))
    account.left(
        *unasked(account.failed(CONFIRMED, now_in(OrderState.CONFIRMED, "second", order_id=order_id_of("first"))))
    )
    account.start()
    assert account.journal.find_order(OrderKeyKind.ORDER_ID, order_id_of("first")) == "first"
    assert account.kinds()[-1] == "order_updated"


def test_a_broker_s_id_that_the_journal_has_from_another_order_is_not_given_again(account):
    taken = sealed_behind(account.journal.head, intended("second"))
    key = OrderKey(kind=OrderKeyKind.ORDER_ID, key=order_id_of("first"), seq=taken[0].record.seq)
    standing = (Pointer(kind="any", key="", seq=taken[0].record.seq),)
    account.journal.commit(Commit(records=tuple(taken), order_keys=(key,), standing=standing))
    account.committed(intended())
    account.left(*unasked(account.failed(CONFIRMED)))
    assert account.start() == ()
    assert account.journal.find_order(OrderKeyKind.ORDER_ID, order_id_of("first")) == "second"
    assert account.state() is OrderState.CONFIRMED


def test_our_own_file_is_left_alone(account):
    path = account.left(*unasked(account.failed(CONFIRMED)))
    account.start(own=path)
    assert account.facts() == []
    assert account.names() == [path.name]


def test_a_file_without_a_line_is_removed(account):
    account.folder.mkdir()
    (account.folder / "20261123T150000.000000Z-session_1-1.jsonl").write_bytes(bytes(100))
    assert account.start() == ()
    assert account.names() == []


def test_what_is_no_side_file_is_left_alone(account):
    account.folder.mkdir()
    (account.folder / "notes.txt").write_text("mine")
    assert account.start() == ()
    assert account.names() == ["notes.txt"]


# Torn and damaged.


def test_a_torn_end_is_kept_beside_and_told(account):
    account.committed(intended())
    path = account.left(*unasked(account.failed(CONFIRMED, booked(fill(1, 10)))))
    os.truncate(path, path.stat().st_size - 5)
    (problem,) = account.start()
    assert problem.trouble is SideTrouble.TORN
    assert problem.path == path.with_name(f"{path.name}.torn")
    assert problem.message == "line 2 is unfinished"
    assert account.names() == [f"{path.name}.torn"]
    assert account.kinds() == ["order_intended", "order_updated"]
    assert account.start() == ()


def test_a_damaged_file_is_taken_over_up_to_the_damage_and_told(account):
    account.committed(intended())
    path = account.left(*unasked(account.failed(CONFIRMED, booked(fill(1, 4)), booked(fill(2, 6)))))
    first, second, third = path.read_bytes().rstrip(b"\0").splitlines(keepends=True)
    path.write_bytes(first + second.replace(b"fill-1", b"fill-9") + third)
    (problem,) = account.start()
    assert problem.trouble is SideTrouble.DAMAGED
    assert account.names() == [f"{path.name}.damaged"]
    assert account.kinds() == ["order_intended", "order_updated"]


def test_what_is_no_plain_file_of_ours_is_told_and_left_alone(account):
    account.folder.mkdir()
    path = account.folder / "20261123T150000.000000Z-session_1-1.jsonl"
    os.mkfifo(path)
    (problem,) = account.start()
    assert (problem.trouble, problem.path) == (SideTrouble.FOREIGN, path)
    assert account.names() == [path.name]


class Unreadable(LocalFiles):
    def __init__(self, operation: str) -> None:
        self._operation = operation

    def facts_at(self, path: Path) -> FileFacts | None:
        if self._operation == "facts_at":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().facts_at(path)

    def read(self, path: Path) -> bytes:
        if self._operation == "read":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(path)


@pytest.mark.parametrize(("operation", "is_folder"), [("facts_at", True), ("read", False)])
def test_what_cannot_be_read_is_told_and_read_by_the_next_start(account, operation, is_folder):
    account.committed(intended())
    path = account.left(*unasked(account.failed(CONFIRMED)))
    (problem,) = account.start(files=Unreadable(operation))
    assert (problem.trouble, problem.path) == (SideTrouble.UNREADABLE, path.parent if is_folder else path)
    assert problem.message == f"[Errno {errno.EIO}] {os.strerror(errno.EIO)}"
    assert account.start() == ()
    assert account.state() is OrderState.CONFIRMED


def test_a_file_that_cannot_be_removed_is_told_and_taken_over_once(account):
    account.committed(intended())
    account.left(*unasked(account.failed(CONFIRMED, booked(fill(1, 4)))))
    files = FaultyFiles()
    files.fail("remove", errno.EROFS)
    (problem,) = account.start(files=files)
    assert "cannot be put away" in problem.message
    assert account.start() == ()
    assert account.kinds() == ["order_intended", "order_updated", "execution_booked"]
    assert account.names() == []


# Interrupted.


class MortalJournal:
    """A journal whose process can die just before and just after each commit."""

    def __init__(self, journal: Journal, life: Life) -> None:
        self._journal = journal
        self._life = life

    def commit(self, commit: Commit) -> None:
        self._life.moment("commit")
        self._journal.commit(commit)
        self._life.moment("committed")

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)


def lived(account: Account, die_at: int | None) -> bool:
    life = Life(die_at=die_at)
    try:
        account.start(files=MortalFiles(life, Disk()), journal=cast("Journal", MortalJournal(account.journal, life)))
    except DiedError:
        return False
    return True


def prepared(engine: Engine, folder: Path) -> Account:
    account = Account(engine, folder)
    came_back = account.committed(intended(), intended("second"))[1:]
    account.left(*came_back, *unasked(account.failed(CONFIRMED, booked(fill(1, 4)))))
    account.left(*unasked(account.failed(CONFIRMED, told(EventKind.ANOMALY_FOUND, "unknown", reason="odd"))))
    account.killed("first")
    account.clock.sleep(1)
    torn = account.left(*unasked(account.failed(booked(fill(2, 6)))))
    with torn.open("ab") as file:
        file.write(b"{")
    return account


def outcome(account: Account) -> tuple[object, ...]:
    account.restart()
    return (account.facts(), account.journal.read_standing(), account.names())


@pytest.mark.parametrize("engine_name", ENGINES)
def test_an_import_interrupted_at_any_step_takes_nothing_over_twice(engine_name, tmp_path):
    with ENGINES[engine_name](tmp_path / "whole") as engine:
        account = prepared(engine, tmp_path / "whole")
        assert lived(account, None)
        whole = outcome(account)
    step, is_done = 1, False
    while not is_done:
        with ENGINES[engine_name](tmp_path / str(step)) as engine:
            account = prepared(engine, tmp_path / str(step))
            is_done = lived(account, step)
            account.restart()
            assert lived(account, None)
            assert outcome(account) == whole
        step += 1
    assert step > 12


def test_a_journal_that_takes_nothing_leaves_the_files(account):
    path = account.left(*unasked(account.failed(OrderEvent(event=EventKind.SESSION_STOPPED))))

    class Refusing(MortalJournal):
        def commit(self, commit: Commit) -> None:
            raise OrderLogError("the disk is full")

    with pytest.raises(OrderLogError, match="full"):
        account.start(journal=cast("Journal", Refusing(account.journal, Life())))
    assert account.names() == [path.name]


# Kills.


def wanted(account: Account) -> list[str | None]:
    return [fact.client_order_id for fact in account.facts() if fact.event is EventKind.CANCEL_REQUESTED]


def two_orders(account: Account) -> None:
    account.committed(
        intended(), CONFIRMED, intended("second"), intended("ended"), now_in(OrderState.NOT_SENT, "ended")
    )


def test_a_kill_s_cancels_are_those_of_the_orders_that_it_names_and_that_have_not_ended(account):
    two_orders(account)
    path = account.killed("first", "ended", "nobody")
    assert account.start() == ()
    assert wanted(account) == ["first"]
    last = next(fact for fact in account.facts() if fact.event is EventKind.KILL_IMPORTED)
    assert (last.reason, last.details["file"]) == ("killed by ann: enough", path.name)
    assert last.occurred_at == MONDAY


def test_what_a_kill_did_is_recorded_once_it_has_ended(account):
    two_orders(account)
    account.killed("first")
    account.start()
    assert account.kinds()[5:] == ["cancel_requested", "kill_imported", "kill_noted", "kill_noted"]
    assert account.facts()[7].details == {"note": "kill_ended", "facts": '{"confirmed":true}'}
    assert account.names() == []


def test_a_kill_that_did_not_know_every_order_wants_all_cancelled(account):
    two_orders(account)
    account.killed(every=True)
    account.start()
    assert wanted(account) == ["first", "second"]


def with_a_stop(account) -> None:
    two_orders(account)
    stop = {**intended().details, "stop_price": "101.00"}
    account.committed(intended("stop", side=Side.SELL, details=stop), now_in(OrderState.CONFIRMED, "stop"))


@pytest.mark.parametrize(("keeps", "cancelled"), [(True, ["first", "second"]), (False, ["first", "second", "stop"])])
def test_a_kill_of_all_leaves_stops_where_it_said_that_it_keeps_them(account, keeps, cancelled):
    with_a_stop(account)
    account.killed(every=True, keeps_stops=keeps)
    account.start()
    assert wanted(account) == cancelled


def test_a_kill_s_file_that_cannot_be_read_leaves_stops(account):
    """Shares without a stop are the worse of the two."""
    with_a_stop(account)
    account.killed("first").write_bytes(b"")
    account.start()
    assert wanted(account) == ["first", "second"]


def test_a_kill_s_file_that_lost_lines_wants_all_cancelled(account):
    two_orders(account)
    path = account.killed("first", ends=False)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    account.start()
    assert wanted(account) == ["first", "second"]


@pytest.mark.parametrize("data", [b"", b"\0" * 9, b'{"v":1', b"[]\n[]\n"])
def test_a_kill_s_file_that_cannot_be_read_wants_all_cancelled(account, data):
    two_orders(account)
    account.killed("first").write_bytes(data)
    account.start()
    assert wanted(account) == ["first", "second"]
    assert account.facts()[-1].reason == "killed; the kill's record cannot be read"
    sessions = {one.record.session_id for one in account.journal.page(after=6, limit=9)}
    assert sessions == {"kill"}


def test_a_kill_that_is_under_way_keeps_its_file_and_is_taken_over_once(account):
    two_orders(account)
    path = account.killed("first", ends=False)
    account.start()
    account.start()
    assert account.kinds()[5:] == ["cancel_requested", "kill_imported"]
    assert account.names() == [path.name]


def test_a_kill_that_never_said_that_it_ended_has_ended_a_day_later(account):
    two_orders(account)
    account.killed("first", ends=False)
    account.start()
    account.clock.sleep(24 * 3600 + 1)
    account.start()
    assert account.kinds()[5:] == ["cancel_requested", "kill_imported", "kill_noted"]
    assert account.names() == []


def test_a_kill_that_the_holder_took_over_at_work_is_not_taken_over_again(account):
    two_orders(account)
    account.kills = {account.killed("first").name}
    account.start()
    assert account.kinds()[5:] == ["kill_noted", "kill_noted"]
    assert account.names() == []


def test_a_cancel_that_came_to_nothing_is_asked_for_again_by_a_kill(account):
    account.committed(intended(), CONFIRMED, told(EventKind.CANCEL_REQUESTED, status=OrderState.PENDING_CANCEL))
    account.killed("first")
    account.start()
    assert account.state() is OrderState.CONFIRMED
