"""What the first start does with a journal of version 0.1."""

import os
from collections.abc import Iterator
from itertools import islice
from typing import cast

import pytest

from tests.support.book_in_plain import book_in_plain, order_in_plain
from tests.support.journal_engines import ENGINES, OURS, SESSION, Engine, MemoryEngine, sealed
from tests.support.mortal import DiedError, Disk, Life, MortalFiles
from tests.support.order_story import MONDAY, intended
from tests.support.v1_folder import LAST, RELEASE, V1Folder
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.order_book import OrderBook, pointers_to_standing
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at
from trading_bot.order_management.journal.identity import JournalIdentity, first_record
from trading_bot.order_management.journal.port import Commit, Journal, KeyTakenError, OrderKey, OrderKeyKind
from trading_bot.order_management.journal.unfinished import is_unfinished
from trading_bot.order_management.journal.v1.proof import V1Journal
from trading_bot.order_management.journal.v1.reader import V1Files
from trading_bot.order_management.models import ExecutionMode


@pytest.fixture(params=[RELEASE, LAST])
def old(request, tmp_path) -> V1Folder:
    return V1Folder(request.param, tmp_path / "old")


@pytest.fixture
def released(tmp_path) -> V1Folder:
    return V1Folder(RELEASE, tmp_path / "old")


@pytest.fixture(params=ENGINES)
def engine(request, tmp_path) -> Iterator[Engine]:
    with ENGINES[request.param](tmp_path / "new") as made:
        yield made


@pytest.fixture
def memory() -> MemoryEngine:
    return MemoryEngine()


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


def lines(journal: Journal) -> list[bytes]:
    return [one.line.rstrip(b"\n") for one in journal.page(after=0, limit=1000)]


def test_every_record_is_taken_over_byte_for_byte(old, engine):
    told = old.told()
    journal = engine.journal(begins=False)
    opened = old.start(journal)
    assert lines(journal)[:-1] == told
    assert opened.head.seq == old.expected["head"]["seq"] + 1
    last = journal.page(after=opened.head.seq - 1, limit=1)[0].record
    assert last.fact.event is EventKind.JOURNAL_IMPORTED
    assert last.fact.details["records"] == str(old.expected["head"]["seq"])
    assert last.fact.details["head"] == last.prev == old.expected["head"]["hash"]


def test_a_start_folds_what_the_old_version_knew(old, engine):
    opened = old.start(engine.journal(begins=False))
    told = book_in_plain(OrderBook.replayed(opened.standing))
    known = old.expected["book"] | {"acceptances": old.expected["book"]["acceptances"] or told["acceptances"]}
    assert told == known


def test_a_restart_after_the_import_finds_the_same(old, engine):
    opened = old.start(engine.journal(begins=False))
    again = old.start(engine.journal(begins=False))
    assert (again.head, again.standing, again.problem) == (opened.head, opened.standing, None)


def test_an_order_that_ended_long_ago_is_found_by_each_of_its_names(old, engine):
    journal = engine.journal(begins=False)
    old.start(journal)
    for name, order in old.expected["ended"].items():
        for kind in (OrderKeyKind.CLIENT_ORDER_ID, OrderKeyKind.REF_ID, OrderKeyKind.ORDER_ID):
            if order[kind] is not None:
                assert journal.find_order(kind, order[kind]) == name
        told = OrderBook.replayed(journal.records_of(name)).get(name)
        assert told is not None
        assert order_in_plain(told) == order


def test_no_name_of_an_old_order_is_given_away_again(old, engine):
    journal = engine.journal(begins=False)
    old.start(journal)
    (record,) = sealed(journal.head, intended("old"))
    key = OrderKey(kind=OrderKeyKind.CLIENT_ORDER_ID, key="old", seq=record.record.seq)
    with pytest.raises(KeyTakenError):
        journal.commit(Commit(records=(record,), order_keys=(key,)))


def test_the_old_files_keep_their_bytes_under_new_names(old, engine):
    before = old.bytes()
    old.start(engine.journal(begins=False))
    kept = {name if "/kills/" in name else f"{name}.v1": data for name, data in before.items()}
    assert old.bytes() == kept


def test_fillers_of_the_old_version_are_removed(released, memory):
    for name in ("reserve", "next"):
        (released.logs / f".orders.jsonl.{name}").write_bytes(b"filler")
    released.start(memory.journal(begins=False))
    assert [name for name in released.names() if name.startswith(".")] == []


def test_files_of_an_earlier_import_are_never_overwritten(released, memory):
    (released.logs / "orders.jsonl.v1").write_bytes(b"earlier")
    (released.logs / "orders.jsonl.v1-2").write_bytes(b"earlier still")
    live = released.live.read_bytes()
    released.start(memory.journal(begins=False))
    assert (released.logs / "orders.jsonl.v1").read_bytes() == b"earlier"
    assert (released.logs / "orders.jsonl.v1-3").read_bytes() == live


# Interrupted.


def lived(old: V1Folder, engine: Engine, disk: Disk, die_at: int | None) -> bool:
    life = Life(die_at=die_at)
    journal = engine.journal(begins=False)
    try:
        old.start(cast("Journal", MortalJournal(journal, life)), files=MortalFiles(life, disk))
    except DiedError:
        return False
    finally:
        journal.close()
    return True


def rows(engine: Engine) -> tuple[object, ...]:
    journal = engine.journal(begins=False)
    opened = journal.open()
    held = (lines(journal), opened.standing, journal.pointers("any"), journal.pointers("import_v1"))
    journal.close()
    return held


@pytest.mark.no_cover
@pytest.mark.parametrize("engine_name", ENGINES)
def test_an_import_interrupted_at_any_step_is_repeated_to_the_same_end(engine_name, tmp_path):
    with ENGINES[engine_name](tmp_path / "whole") as engine:
        old = V1Folder(RELEASE, tmp_path / "whole" / "old")
        assert lived(old, engine, Disk(), None)
        whole, names = rows(engine), old.names()
    step, is_done = 1, False
    while not is_done:
        with ENGINES[engine_name](tmp_path / str(step)) as engine:
            old, disk = V1Folder(RELEASE, tmp_path / str(step) / "old"), Disk()
            is_done = lived(old, engine, disk, step)
            assert lived(old, engine, disk, None)
            assert (rows(engine), old.names()) == (whole, names)
        step += 1
    assert step > 20


def test_an_import_that_dies_again_and_again_gets_there(released, memory, tmp_path):
    """Each life ends one step later than it began to make any progress."""
    disk, lives = Disk(), 1
    while not lived(released, memory, disk, 3 if lives % 2 else 6):
        lives += 1
        assert lives < 50
    other = MemoryEngine()
    V1Folder(RELEASE, tmp_path / "other").start(other.journal(begins=False))
    assert memory.storage == other.storage


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_a_commit_whose_end_is_not_known_is_settled_by_the_next_start(released, memory, number, stored, tmp_path):
    journal = memory.journal(begins=False)
    real, count = journal.commit, 0

    def commit(what: Commit) -> None:
        nonlocal count
        count += 1
        if count == number:
            journal.fail_next_commit(stored=stored)
        real(what)

    journal.commit = commit
    with pytest.raises(OrderLogError):
        released.start(journal)
    released.start(memory.journal(begins=False))
    other = MemoryEngine()
    V1Folder(RELEASE, tmp_path / "other").start(other.journal(begins=False))
    assert memory.storage == other.storage


def interrupted(old: V1Folder, engine: Engine) -> None:
    """Leave the database with the first page only."""
    journal = engine.journal(begins=False)
    with pytest.raises(DiedError):
        old.start(cast("Journal", MortalJournal(journal, Life(die_at=3))))
    journal.close()


def test_whoever_reads_a_part_of_an_import_is_told(released, engine):
    interrupted(released, engine)
    assert is_unfinished(engine.reader())
    released.start(engine.journal(begins=False))
    assert not is_unfinished(engine.reader())


def test_a_part_of_an_import_is_no_journal_once_the_old_files_are_gone(released, engine):
    interrupted(released, engine)
    released.live.unlink()
    with pytest.raises(OrderLogDamagedError, match="is gone"):
        released.start(engine.journal(begins=False), noted=False)


def test_an_import_does_not_go_on_behind_records_that_are_none_of_the_old_journal(released, engine):
    interrupted(released, engine)
    journal = engine.journal(begins=False)
    journal.open()
    journal.commit(Commit(records=sealed(journal.head, intended("foreign"))))
    journal.close()
    before = released.bytes()
    with pytest.raises(OrderLogDamagedError, match="record 21 of the database is not the one of the journal"):
        released.start(engine.journal(begins=False))
    assert released.bytes() == before


def test_an_import_does_not_go_on_behind_a_database_that_holds_more(released, engine):
    interrupted(released, engine)
    lines_of_it = released.finished[0].read_bytes().splitlines(keepends=True)
    for path in (*released.logs.iterdir(), released.anchor):
        path.unlink()
    released.live.write_bytes(b"".join(lines_of_it[:5]))
    with pytest.raises(OrderLogDamagedError, match="record 6 of the database is not the one of the journal"):
        released.start(engine.journal(begins=False))


def test_a_page_is_all_that_is_held_at_once(released, memory):
    journal = memory.journal(begins=False)
    released.start(journal, page_records=7)
    assert max(len(commit.records) for commit in journal.commits) == 7
    assert sum(len(commit.records) for commit in journal.commits) == released.expected["head"]["seq"] + 1


def test_names_that_are_not_held_in_memory_any_more_are_looked_up(released, memory, tmp_path):
    released.start(memory.journal(begins=False), page_records=1)
    other = MemoryEngine()
    V1Folder(RELEASE, tmp_path / "other").start(other.journal(begins=False))
    assert memory.storage == other.storage


def with_a_shared_ref_id(old: V1Folder) -> None:
    """Make the journal one of right hashes, in which two orders have one ``ref_id``."""
    for path in (*old.logs.iterdir(), old.anchor):
        path.unlink()
    whose = {"account_key": OURS.account_key, "account_suffix": OURS.account_suffix}
    opened = OrderEvent(event=EventKind.JOURNAL_OPENED, execution_mode=OURS.mode, details=whose)
    old.live.write_bytes(
        b"".join(
            one.line
            for one in sealed(ChainHead.genesis(), opened, intended(), intended("second", ref_id=intended().ref_id))
        )
    )
    old.live.chmod(0o600)


def test_a_journal_in_which_two_open_orders_share_a_ref_id_is_refused_before_anything_is_written(released, engine):
    with_a_shared_ref_id(released)
    before = released.bytes()
    journal = engine.journal(begins=False)
    with pytest.raises(OrderLogDamagedError, match="two orders of the journal have the ref_id"):
        released.start(journal, pointers_for=pointers_to_standing, page_records=1)
    assert journal.head == ChainHead.genesis()
    assert released.bytes() == before


def test_a_ref_id_of_an_order_that_ended_long_ago_is_given_to_no_other_one(released, engine):
    with_a_shared_ref_id(released)
    before = released.bytes()
    journal = engine.journal(begins=False)
    with pytest.raises(OrderLogDamagedError, match="gives the ref_id of one order to another"):
        released.start(journal, page_records=1)
    assert is_unfinished(journal)
    assert released.bytes() == before


class Shorter(V1Files):
    """Files that hold less when they are read again."""

    def records(self, whole: V1Journal) -> Iterator[SealedRecord]:
        return islice(super().records(whole), 30)


def test_an_import_that_reads_less_than_was_proven_is_not_concluded(released, memory):
    old = Shorter(journal=released.live, noted_head=released.anchor, files=LocalFiles())
    before = released.bytes()
    with pytest.raises(OrderLogDamagedError, match="was changed while it was read"):
        released.start(memory.journal(begins=False), old=old)
    assert released.bytes() == before
    assert [pointer.key for pointer in memory.storage.standing] == ["records"]


def test_an_import_does_not_go_on_behind_records_that_cannot_be_read_back(released, memory):
    class Empty(MortalJournal):
        def page(self, *, after: int, limit: int) -> tuple[SealedRecord, ...]:
            return ()

    interrupted(released, memory)
    with pytest.raises(OrderLogDamagedError, match="record 1 of the database is missing"):
        released.start(cast("Journal", Empty(memory.journal(begins=False), Life())))


# Renaming.


class ReadOnly(MortalFiles):
    def __init__(self) -> None:
        super().__init__(Life(), Disk())
        self.fault = self._refuse

    def _refuse(self, operation: str) -> None:
        if operation == "rename":
            raise OSError("Read-only file system")


def test_files_that_cannot_be_renamed_stop_the_start_and_are_renamed_by_the_next(released, engine):
    with pytest.raises(OrderLogError, match="cannot be renamed: Read-only file system"):
        released.start(engine.journal(begins=False), files=ReadOnly())
    assert not is_unfinished(engine.reader())
    opened = released.start(engine.journal(begins=False))
    assert not released.live.exists()
    assert opened.head.seq == released.expected["head"]["seq"] + 1


# Which journal is one of 0.1.


def test_without_an_old_journal_a_new_one_is_begun(engine, tmp_path):
    old = V1Folder(RELEASE, tmp_path / "old")
    for path in old.logs.iterdir():
        path.unlink()
    opened = old.start(engine.journal(begins=False), noted=False)
    assert (opened.is_new, opened.head.seq) == (True, 1)


def test_a_new_journal_may_be_left_to_the_next_who_opens_it(engine, released):
    for path in released.logs.iterdir():
        path.unlink()
    journal = engine.journal(begins=False)
    opened = released.start(journal, noted=False, begins=False)
    assert (opened.is_new, opened.head.seq) == (True, 0)
    journal.close()
    assert engine.journal().open().is_new


def test_what_a_damaged_journal_still_tells_is_there_for_cancels(released):
    os.truncate(released.finished[0], 100)
    importing = released.importer()
    with pytest.raises(OrderLogDamagedError) as caught:
        importing.open(MemoryEngine().journal(begins=False))
    opened = importing.readable(caught.value)
    assert opened.problem == str(caught.value)
    told = book_in_plain(OrderBook.replayed(opened.standing))
    assert told["orders"] == released.expected["book"]["orders"]
    released.live.unlink()
    assert importing.readable(caught.value).standing == ()


def test_a_journal_that_was_noted_and_is_gone_is_not_begun_anew(released, engine):
    released.live.unlink()
    with pytest.raises(OrderLogDamagedError, match=r"orders\.jsonl of version 0\.1 is gone"):
        released.start(engine.journal(begins=False))


def test_a_journal_that_was_never_written_to_is_none(engine, released):
    for path in (*released.logs.iterdir(), released.anchor):
        path.unlink()
    released.live.write_bytes(b'{"v":1,"se')
    assert released.start(engine.journal(begins=False)).is_new


def test_the_audit_log_of_a_database_is_no_journal_of_the_old_version(released, memory):
    for path in (*released.logs.iterdir(), released.anchor):
        path.unlink()
    first = first_record(OURS, clock=VirtualClock(MONDAY), session_id=SESSION)
    released.live.write_bytes(b"".join(one.line for one in (first, *sealed(head_at(first.record), intended()))))
    opened = released.start(memory.journal(begins=False))
    assert (opened.is_new, opened.head.seq) == (True, 1)
    assert released.live.exists()


def test_the_audit_log_of_an_imported_journal_is_not_imported_again(released, memory):
    journal = memory.journal(begins=False)
    released.start(journal)
    released.live.write_bytes(b"".join(one.line for one in journal.page(after=0, limit=1000)))
    with pytest.raises(OrderLogDamagedError, match="is the log of a database"):
        released.start(MemoryEngine().journal(begins=False))


def test_a_database_with_records_of_its_own_ignores_what_looks_like_an_old_journal(released, engine):
    engine.journal().open()
    before = released.bytes()
    opened = released.start(engine.journal(begins=False))
    assert opened.head.seq == 1
    assert released.bytes() == before


@pytest.mark.parametrize(
    "identity",
    [
        JournalIdentity(mode=ExecutionMode.LIVE, account_key=OURS.account_key, account_suffix="4321"),
        JournalIdentity(mode=ExecutionMode.PAPER, account_key="f" * 16, account_suffix="4321"),
    ],
)
def test_the_journal_of_another_account_or_mode_is_refused(released, identity):
    engine = MemoryEngine()
    before = released.bytes()
    with pytest.raises(OrderLogError, match=f"journal {released.live}.* belongs to another account or mode"):
        released.start(engine.journal(identity, begins=False), identity=identity)
    assert released.bytes() == before
    assert engine.storage.records == {}


def test_an_import_into_a_database_that_was_damaged_meanwhile_does_not_go_on(released, memory):
    interrupted(released, memory)
    memory.lose(memory.storage.head.seq - 1)
    before = released.bytes()
    assert released.start(memory.journal(begins=False)).problem is not None
    assert released.bytes() == before


def test_a_damaged_database_is_not_imported_into(released, memory):
    released.start(memory.journal(begins=False))
    memory.lose(memory.storage.head.seq - 1)
    assert released.start(memory.journal(begins=False)).problem is not None
