"""What the SQLite engine does beyond the contract: its file, its locks, its failures."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.faulty_database import DatabaseFaults, sqlite_error
from tests.support.journal_engines import OURS, SqliteEngine, sealed
from tests.support.order_story import intended
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, head_at
from trading_bot.order_management.journal.identity import opening
from trading_bot.order_management.journal.port import (
    Commit,
    CommitUnknownError,
    JournalMissingError,
    KeyTakenError,
    OrderKey,
    OrderKeyKind,
)
from trading_bot.order_management.journal.sqlite import CHECKPOINT_EVERY, SqliteJournal, SqliteReader
from trading_bot.order_management.journal.sqlite_reading import connect, explained
from trading_bot.order_management.journal.tables import SCHEMA_VERSION, Cursor, Statements, schema


@pytest.fixture
def engine(tmp_path: Path):
    made = SqliteEngine(tmp_path)
    yield made
    made.close()


@pytest.fixture
def journal(engine: SqliteEngine) -> SqliteJournal:
    made = sqlite_journal(engine)
    made.open()
    return made


def sqlite_journal(engine: SqliteEngine, **settings) -> SqliteJournal:
    """A journal of the engine's place with settings of its own; it begins with a plain record."""
    first = sealed(ChainHead.genesis(), opening(OURS))[0]
    settings = {"connector": engine.faults.connector, **settings}
    return engine.keep(SqliteJournal(engine.path, identity=OURS, first_record=lambda: first, **settings))


def one_more(journal: SqliteJournal, name: str = "first") -> Commit:
    return Commit(records=sealed(journal.head, intended(name)))


def beside(engine: SqliteEngine, end: str) -> Path:
    return engine.path.with_name(engine.path.name + end)


def asked(path: Path, question: str) -> object:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(question).fetchone()[0]


# What an earlier process left


class StoredAgain(LocalFiles):
    """Notes what was stored again, and what it held."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, bytes]] = []

    def store_again(self, path: Path) -> None:
        self.stored.append((path.name, path.read_bytes()))
        super().store_again(path)


def left_by_a_dead_process(engine: SqliteEngine, journal: SqliteJournal) -> bytes:
    """Leave database and log as they are, and let the process close its own copies of them."""
    journal.commit(one_more(journal))
    kept = {path: path.read_bytes() for path in (engine.path, beside(engine, "-wal"))}
    journal.close()
    for path, content in kept.items():
        path.touch(mode=0o600)
        path.write_bytes(content)
    return kept[beside(engine, "-wal")]


def test_a_log_that_a_dead_process_left_is_stored_again_before_it_is_believed(engine, journal):
    """A flush of it may have failed, and Linux flushes such bytes no more: a power loss would take what follows."""
    left, files = left_by_a_dead_process(engine, journal), StoredAgain()
    opened = sqlite_journal(engine, files=files).open()
    assert files.stored == [(f"{engine.path.name}-wal", left)]
    assert opened.head.seq == 2


def test_no_log_is_stored_again_where_none_is_left_or_nothing_is_durable(engine, journal):
    files = StoredAgain()
    journal.close()
    again = sqlite_journal(engine, files=files)
    again.open()
    assert files.stored == []
    left_by_a_dead_process(engine, again)
    sqlite_journal(engine, files=files, is_durable=False).open()
    assert files.stored == []


# The file and what is kept beside it


def test_the_files_are_private_and_so_is_their_folder(engine, journal):
    modes = [stat.S_IMODE(beside(engine, end).stat().st_mode) for end in ("", "-wal", "-shm")]
    assert modes == [0o600, 0o600, 0o600]
    assert stat.S_IMODE(engine.path.parent.stat().st_mode) == 0o700


def test_a_commit_reaches_the_medium_before_it_returns(engine, journal):
    (writer, _) = engine.faults.connections
    pragmas = ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync", "wal_autocheckpoint", "mmap_size")
    assert [writer.execute(f"PRAGMA {name}").fetchone() for name in pragmas] == [
        ("wal",), (2,), (1,), (1,), (0,), (0,),
    ]  # fmt: skip


def test_a_journal_that_is_thrown_away_waits_for_no_medium(engine):
    sqlite_journal(engine, is_durable=False).open()
    (writer, _) = engine.faults.connections
    assert writer.execute("PRAGMA synchronous").fetchone() == (0,)


def test_one_transaction_takes_the_write_lock_before_it_reads(engine, journal):
    engine.faults.statements.clear()
    journal.commit(one_more(journal))
    assert (engine.faults.statements[0], engine.faults.statements[-1]) == ("BEGIN IMMEDIATE", "COMMIT")
    assert engine.faults.statements.count("COMMIT") == 1


HOW = ["deleted", "replaced", "linked", "opened to others", "cut"]


@pytest.mark.parametrize("end", ["", "-wal"])
@pytest.mark.parametrize("how", HOW)
def test_nothing_is_committed_once_a_file_is_not_the_one_that_was_opened(engine, journal, end, how):
    disturb(beside(engine, end), how)
    with pytest.raises(OrderLogError, match=r"cannot be written: journal\.sqlite3") as caught:
        journal.commit(one_more(journal))
    assert not isinstance(caught.value, CommitUnknownError)
    assert journal.refusal is caught.value
    assert journal.head.seq == 1
    assert not engine.faults.connections[0].in_transaction


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
@pytest.mark.parametrize("how", HOW[:-1])
def test_a_file_that_is_not_the_one_that_was_opened_is_an_alert_instead_of_a_checkpoint(engine, journal, end, how):
    engine.faults.statements.clear()
    disturb(beside(engine, end), how)
    alert = journal.checkpoint()
    assert alert is not None
    assert beside(engine, end).name in alert.message
    assert engine.faults.statements == []


@pytest.mark.parametrize("end", ["", "-wal"])
def test_a_file_that_goes_while_it_is_copied_is_an_alert(engine, journal, end):
    engine.faults.before("PRAGMA wal_checkpoint", beside(engine, end).unlink)
    alert = journal.checkpoint()
    assert alert is not None
    assert beside(engine, end).name in alert.message


@pytest.mark.parametrize("end", ["", "-wal"])
def test_a_file_that_goes_while_it_is_committed_to_leaves_the_commit_unknown(engine, journal, end):
    engine.faults.before("COMMIT", beside(engine, end).unlink)
    with pytest.raises(CommitUnknownError, match="deleted, moved or replaced"):
        journal.commit(one_more(journal))
    assert journal.head.seq == 1


def test_closing_deletes_no_file_of_the_database_that_took_its_place(engine, journal):
    journal.commit(one_more(journal))
    for end in ("", "-wal", "-shm"):
        beside(engine, end).unlink()
    with closing(connect(engine.path.parent / "other.sqlite3", "rwc", 1)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE t (x)")
        for end in ("", "-wal", "-shm"):
            engine.path.with_name(f"other.sqlite3{end}").rename(beside(engine, end))
        journal.close()
        assert beside(engine, "-wal").exists()
    for connection in engine.faults.connections:
        assert connection.total_changes >= 0  # still open: a closed one raises


def test_a_database_in_place_is_closed_and_its_log_goes(engine, journal):
    journal.commit(one_more(journal))
    journal.close()
    assert not beside(engine, "-wal").exists()
    for connection in engine.faults.connections:
        with pytest.raises(sqlite3.ProgrammingError):
            connection.total_changes  # noqa: B018


def disturb(file: Path, how: str) -> None:
    if how == "deleted":
        file.unlink()
    elif how == "replaced":
        copy = file.with_name("copy")
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o600)
        copy.replace(file)
    elif how == "cut":
        os.truncate(file, file.stat().st_size // 2)
    elif how == "linked":
        os.link(file, file.with_name("second"))
    else:
        file.chmod(0o620)


def test_files_that_go_while_it_is_opened_are_noticed(engine):
    journal = sqlite_journal(engine)
    engine.faults.after("BEGIN IMMEDIATE", lambda: beside(engine, "-wal").unlink())
    with pytest.raises(OrderLogError, match="being deleted by another program"):
        journal.open()


def test_a_folder_without_a_write_ahead_log_is_refused(engine):
    def connector(path: Path, mode: str, busy_timeout_s: float) -> sqlite3.Connection:
        connection = connect(path, mode, busy_timeout_s)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("BEGIN IMMEDIATE")  # a transaction keeps the mode from changing
        return connection

    with pytest.raises(OrderLogError, match="cannot be opened"):
        sqlite_journal(engine, connector=connector).open()


# What is in the file


def test_the_database_of_another_program_is_refused(engine):
    engine.path.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(engine.path)) as database:
        database.execute("CREATE TABLE part (name TEXT)")
    engine.path.chmod(0o600)
    for use in (sqlite_journal(engine).open, engine.reader().read_head):
        with pytest.raises(OrderLogError, match="is a database of another program"):
            use()


def test_tables_of_a_newer_version_are_refused_in_one_line(engine, journal):
    journal.close()
    with closing(sqlite3.connect(engine.path)) as database, database:
        database.execute("UPDATE schema_version SET version = ?", (SCHEMA_VERSION + 1,))
    for use in (sqlite_journal(engine).open, engine.reader().read_head):
        with pytest.raises(OrderLogError, match="written by a newer trading-bot") as caught:
            use()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", ["DELETE FROM schema_version", "UPDATE schema_version SET version = 'x'"])
def test_tables_of_no_version_are_damage(engine, journal, change):
    journal.close()
    with closing(sqlite3.connect(engine.path)) as database, database:
        database.execute(change)
    with pytest.raises(OrderLogDamagedError, match="does not say which version"):
        sqlite_journal(engine).open()


@pytest.mark.parametrize("content", [b"not a database at all" * 99, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_file_that_is_no_database_is_damage(engine, content):
    engine.path.parent.mkdir(mode=0o700)
    engine.path.write_bytes(content)
    engine.path.chmod(0o600)
    for use in (sqlite_journal(engine).open, engine.reader().read_head):
        with pytest.raises(OrderLogDamagedError, match="audit verify"):
            use()
    assert engine.path.read_bytes() == content


def test_an_empty_file_left_by_a_crash_becomes_a_journal(engine):
    engine.path.parent.mkdir(mode=0o700)
    engine.path.touch(mode=0o600)
    assert sqlite_journal(engine).open().is_new


def test_a_start_that_fails_before_its_commit_leaves_nothing_half_made(engine):
    engine.faults.fail_before("COMMIT")
    with pytest.raises(OrderLogError, match="cannot be opened"):
        sqlite_journal(engine).open()
    assert sqlite_journal(engine).open().is_new


def test_another_accounts_rows_in_the_same_file_are_refused(engine, journal):
    journal.close()
    with closing(sqlite3.connect(engine.path)) as database, database:
        database.execute("UPDATE record SET account = 'zz', body = '{}'")
    with pytest.raises(OrderLogError, match="belongs to another account; see that account_number"):
        sqlite_journal(engine).open()


def test_it_is_said_whose_rows_they_are_if_their_first_record_can_be_read(engine, journal):
    journal.close()
    ours = replace(OURS, account_key="f" * 16, account_suffix="9999")
    with pytest.raises(OrderLogError, match=f"another account or mode .*account ending in {OURS.account_suffix}"):
        SqliteJournal(engine.path, identity=ours).open()


def test_a_reader_of_another_account_is_told(engine, journal):
    with pytest.raises(OrderLogError, match="belongs to another account"):
        SqliteReader(engine.path, account_key="another").read_standing()


@pytest.mark.parametrize(
    ("column", "value"),
    [("symbol", "MSFT"), ("event", "order_accepted"), ("prev", "0" * 64), ("client_order_id", "other"), ("ts", "x")],
)
def test_a_page_proves_the_columns_beside_the_text(engine, journal, column, value):
    journal.commit(one_more(journal))
    engine.run(f"UPDATE record SET {column} = ? WHERE seq = 2", value)
    with pytest.raises(OrderLogDamagedError, match="record 2 is not what the columns beside it say"):
        engine.reader().page(after=0, limit=9)


@pytest.mark.parametrize("stored", [b"\xff\xfe", 7], ids=["no text", "a number"])
def test_a_body_that_is_no_text_is_bad(engine, journal, stored):
    journal.commit(one_more(journal))
    engine.run("UPDATE record SET body = CAST(? AS TEXT) WHERE seq = 2" if stored != 7 else
               "UPDATE record SET body = CAST(? AS BLOB) WHERE seq = 2", stored)  # fmt: skip
    with pytest.raises(OrderLogDamagedError, match="record 2 is bad"):
        engine.reader().page(after=0, limit=9)


def test_a_record_stored_under_another_number_is_bad(engine, journal):
    journal.commit(one_more(journal))
    engine.run("UPDATE record SET seq = 7 WHERE seq = 2")
    with pytest.raises(OrderLogDamagedError, match="it says that it is numbered 2"):
        engine.reader().page(after=1, limit=9)


def test_a_chain_that_is_cut_near_the_head_is_found_at_the_start(engine, journal):
    for name in ("first", "second", "third"):
        journal.commit(one_more(journal, name))
    journal.close()
    engine.run("UPDATE record SET prev = ? WHERE seq = 3", "0" * 64)
    assert "record 3 does not follow record 2" in str(sqlite_journal(engine).open().problem)


def test_a_head_that_contradicts_its_row_is_found_at_the_start(engine, journal):
    journal.commit(one_more(journal))
    journal.close()
    engine.run("INSERT INTO record SELECT account, 9, ts, event, session_id, correlation_id, client_order_id, ref_id,"
               " order_id, symbol, body, prev, hash FROM record WHERE seq = 2")  # fmt: skip
    assert "record 9 is bad: it says that it is numbered 2" in str(sqlite_journal(engine).open().problem)


# Failures of the disk


def test_a_failure_before_the_commit_stores_nothing_and_is_final(engine, journal):
    engine.faults.fail_before("BEGIN IMMEDIATE", sqlite3.SQLITE_FULL)
    with pytest.raises(OrderLogError, match="the disk is full, so free some space") as caught:
        journal.commit(one_more(journal))
    assert not isinstance(caught.value, CommitUnknownError)
    with pytest.raises(OrderLogError, match="the disk is full"):
        journal.commit(one_more(journal))
    assert engine.reader().read_head().seq == 1


def test_a_full_database_stores_nothing(engine, journal):
    writer = engine.faults.connections[0]
    writer.execute("PRAGMA max_page_count = 1")
    events = [intended(f"order-{number}", details={"note": "x" * 2000}) for number in range(20)]
    with pytest.raises(OrderLogError, match="the disk is full") as caught:
        journal.commit(Commit(records=sealed(journal.head, *events)))
    assert not isinstance(caught.value, CommitUnknownError)
    assert (writer.in_transaction, engine.reader().read_head().seq) == (False, 1)


def test_an_exception_out_of_a_signal_handler_leaves_the_commit_unknown(engine, journal):
    engine.faults.after("COMMIT", interrupt)
    with pytest.raises(KeyboardInterrupt):
        journal.commit(one_more(journal))
    assert isinstance(journal.refusal, CommitUnknownError)
    with pytest.raises(CommitUnknownError, match=f"the journal {engine.path} .*it was interrupted"):
        journal.commit(one_more(journal))


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_failed_commit_is_neither_rolled_back_nor_followed_by_anything(engine, journal):
    engine.faults.fail_before("COMMIT")
    with pytest.raises(CommitUnknownError):
        journal.commit(one_more(journal))
    engine.faults.statements.clear()
    with pytest.raises(CommitUnknownError):
        journal.commit(one_more(journal))
    assert journal.checkpoint() is None
    assert engine.faults.statements == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_of_several_names_the_refusal_tells_the_one_that_is_taken(journal, place):
    names = ["a", "b", "c"]
    (record,) = sealed(journal.head, intended("first"))
    (key,) = [OrderKey(kind=OrderKeyKind.REF_ID, key=names[place], seq=record.record.seq)]
    journal.commit(Commit(records=(record,), order_keys=(key,)))
    (second,) = sealed(journal.head, intended("second"))
    keys = tuple(OrderKey(kind=OrderKeyKind.REF_ID, key=name, seq=second.record.seq) for name in names)
    with pytest.raises(KeyTakenError, match=f"an order with the ref id {names[place]} is in the journal") as caught:
        journal.commit(Commit(records=(second,), order_keys=keys))
    assert caught.value.taken == keys[place]
    assert [journal.has_key(OrderKeyKind.REF_ID, name) for name in names] == [name == key.key for name in names]


@pytest.mark.parametrize("odd", ["a\0b", "half \ud800 a pair"])
def test_a_text_that_no_column_can_hold_is_read_back_as_it_was(journal, odd):
    """The broker's JSON may have either in a text."""
    (record,) = sealed(journal.head, intended("first", symbol=odd, correlation_id=odd))
    journal.commit(Commit(records=(record,)))
    assert journal.page(after=record.record.seq - 1, limit=9) == (record,)
    assert journal.records_of_request(odd) == (record.record,)


def test_the_records_of_a_request_and_no_others_are_read_in_order(journal):
    ours = {"correlation_id": "rebalance-7"}
    journal.commit(Commit(records=sealed(journal.head, intended("a", **ours), intended("b"), intended("c", **ours))))
    found = journal.records_of_request("rebalance-7")
    assert [record.fact.client_order_id for record in found] == ["a", "c"]


def test_a_first_record_of_another_account_is_refused_with_the_journals_name(engine):
    journal = engine.keep(SqliteJournal(engine.path, identity=OURS))
    journal.open()
    theirs = replace(OURS, account_key="f" * 16)
    with pytest.raises(OrderLogError, match=f"the journal {engine.path} belongs to another account or mode"):
        journal.commit(Commit(records=sealed(journal.head, opening(theirs))))


def test_a_taken_name_that_cannot_be_rolled_back_stops_the_journal(engine, journal):
    (record,) = sealed(journal.head, intended("first"))
    key = OrderKey(kind=OrderKeyKind.REF_ID, key="same", seq=record.record.seq)
    journal.commit(Commit(records=(record,), order_keys=(key,)))
    engine.faults.fail_before("ROLLBACK")
    (second,) = sealed(journal.head, intended("second"))
    with pytest.raises(OrderLogError, match="check the disk") as caught:
        journal.commit(Commit(records=(second,), order_keys=(replace(key, seq=second.record.seq),)))
    assert not isinstance(caught.value, KeyTakenError)
    assert journal.refusal is caught.value


def test_another_programs_lock_is_waited_for_and_then_named(engine):
    journal = sqlite_journal(engine, busy_timeout_s=0.01)
    journal.open()
    with closing(sqlite3.connect(engine.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OrderLogError, match="stop the other program that has it open"):
            journal.commit(one_more(journal))
        other.execute("ROLLBACK")


def test_records_of_another_program_stop_the_journal(engine, journal):
    rival = sqlite_journal(engine)
    rival.open()
    rival.commit(one_more(rival, "theirs"))
    with pytest.raises(OrderLogError, match="another program has written records to it"):
        journal.commit(one_more(journal, "ours"))
    assert engine.reader().read_head() == rival.head


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        (sqlite3.SQLITE_FULL, OrderLogError, "free some space"),
        (sqlite3.SQLITE_READONLY, OrderLogError, "make the file and its folder writable"),
        (sqlite3.SQLITE_CANTOPEN, OrderLogError, "run this as the bot's user"),
        (sqlite3.SQLITE_BUSY, OrderLogError, "stop the other program"),
        (sqlite3.SQLITE_IOERR | 10 << 8, OrderLogError, "check the disk"),
        (sqlite3.SQLITE_CORRUPT, OrderLogDamagedError, "audit verify"),
        (sqlite3.SQLITE_NOTADB, OrderLogDamagedError, "audit verify"),
        (sqlite3.SQLITE_ERROR, OrderLogError, "try again"),
    ],
)
def test_every_failure_of_the_library_has_a_type_and_a_remedy(code, kind, remedy):
    told = explained(sqlite_error(code, "why"), journal=Path("journal.sqlite3"), failed="written")
    assert type(told) is kind
    assert remedy in str(told)
    assert "why" in str(told)


def test_an_error_of_the_module_itself_has_no_code_and_is_told(engine, journal):
    told = explained(sqlite3.ProgrammingError("closed"), journal=engine.path, failed="read")
    assert "closed" in str(told)


def test_a_journal_whose_pages_are_overwritten_gives_a_typed_error(engine, journal):
    for number in range(200):
        journal.commit(one_more(journal, f"order-{number}"))
    journal.close()
    content = bytearray(engine.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    engine.path.write_bytes(content)
    for use in (sqlite_journal(engine).open, lambda: engine.reader().page(after=0, limit=999)):
        with pytest.raises(OrderLogDamagedError, match="audit verify"):
            use()


def test_the_writers_own_reads_fail_with_a_typed_error(engine, journal):
    engine.faults.fail_before("SELECT r.client_order_id")
    with pytest.raises(OrderLogError, match="cannot be read"):
        journal.find_order(OrderKeyKind.REF_ID, "any")
    assert journal.find_order(OrderKeyKind.REF_ID, "any") is None


# Checkpoints


def commits(journal: SqliteJournal, number: int) -> None:
    for _ in range(number):
        journal.commit(one_more(journal, f"order-{journal.head.seq}"))


def test_the_log_is_copied_into_the_database_when_it_is_time_and_not_before(engine, journal):
    assert journal.checkpoint() is None  # what a crash left is copied at once
    size = engine.path.stat().st_size
    commits(journal, CHECKPOINT_EVERY - 1)
    assert journal.checkpoint() is None
    assert engine.path.stat().st_size == size
    commits(journal, 1)
    assert journal.checkpoint() is None
    assert engine.path.stat().st_size > size


def test_the_log_does_not_grow_for_ever(engine, journal):
    sizes = []
    for _ in range(4):
        commits(journal, CHECKPOINT_EVERY)
        assert journal.checkpoint() is None
        sizes.append(beside(engine, "-wal").stat().st_size)
    assert sizes[3] <= sizes[0] * 1.5


def test_a_log_that_a_long_reader_keeps_from_being_emptied_is_an_alert(engine):
    journal = sqlite_journal(engine, alert_log_bytes=100_000)
    journal.open()
    with closing(sqlite3.connect(engine.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        commits(journal, CHECKPOINT_EVERY)
        alert = journal.checkpoint()
        assert alert is not None
        assert "cannot be emptied because a program has been reading it" in alert.message
        assert alert.log_bytes == beside(engine, "-wal").stat().st_size > 100_000
        reader.execute("ROLLBACK")
    assert journal.checkpoint() is None  # tried again without waiting for more commits
    commits(journal, CHECKPOINT_EVERY)
    assert beside(engine, "-wal").stat().st_size <= alert.log_bytes * 1.5


def test_a_short_reader_is_no_alert(engine, journal):
    with closing(sqlite3.connect(engine.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        commits(journal, CHECKPOINT_EVERY)
        assert journal.checkpoint() is None


def test_a_checkpoint_that_fails_is_an_alert_and_stops_nothing(engine, journal):
    engine.faults.fail_before("PRAGMA wal_checkpoint", sqlite3.SQLITE_FULL)
    alert = journal.checkpoint()
    assert alert is not None
    assert "the disk is full" in alert.message
    assert str(engine.path) in alert.message
    commits(journal, 1)
    assert journal.checkpoint() is None


# Readers


def test_a_forked_child_reads_nothing_by_the_connections_of_its_parent(engine):
    process = 4711
    journal = sqlite_journal(engine, process_id=lambda: process)
    journal.open()
    process = 4712
    with pytest.raises(OrderLogError, match="do not fork a running bot"):
        journal.has_key(OrderKeyKind.REF_ID, "any")
    process = 4711
    assert not journal.has_key(OrderKeyKind.REF_ID, "any")


def test_a_reader_says_that_there_is_no_journal_yet(engine):
    with pytest.raises(JournalMissingError, match="there is no journal") as caught:
        engine.reader().read_head()
    assert caught.value.code == "journal_missing"
    assert not engine.path.exists()


def test_a_reader_says_that_a_journal_holds_nothing_yet(engine):
    engine.path.parent.mkdir(mode=0o700)
    engine.path.touch(mode=0o600)
    with pytest.raises(JournalMissingError, match="holds nothing yet"):
        engine.reader().read_head()


def test_a_reader_cannot_write(engine, journal):
    with closing(connect(engine.path, "ro", 1)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM record")


def test_a_reader_leaves_nothing_open(engine, journal):
    faults = DatabaseFaults()
    reader = SqliteReader(engine.path, account_key=OURS.account_key, connector=faults.connector)
    reader.read_head()
    reader.read_standing()
    assert len(faults.connections) == 2
    for connection in faults.connections:
        with pytest.raises(sqlite3.ProgrammingError):
            connection.total_changes  # noqa: B018


DIE = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA wal_autocheckpoint = 0")
database.execute("DELETE FROM standing")
os._exit(0)
"""


@pytest.mark.subprocess
def test_a_reader_reads_what_a_crash_left_in_the_log_and_leaves_it_there(engine, journal):
    journal.commit(one_more(journal))
    journal.close()
    subprocess.run([sys.executable, "-c", DIE, str(engine.path)], check=True, timeout=60)
    assert beside(engine, "-wal").exists()
    before = [beside(engine, end).read_bytes() for end in ("", "-wal")]
    for _ in range(2):
        assert engine.reader().read_head().seq == 2
    assert [beside(engine, end).read_bytes() for end in ("", "-wal")] == before


READ = """
import os, sys
from pathlib import Path
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.sqlite import SqliteReader
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    print(SqliteReader(Path(sys.argv[1]), account_key=sys.argv[2]).read_head().seq)
except OrderLogError as error:
    print(type(error).__name__, error)
"""


def read_without_rights(engine: SqliteEngine) -> str:
    command = [sys.executable, "-c", READ, str(engine.path), OURS.account_key]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def open_to_read(engine: SqliteEngine, tmp_path: Path) -> Callable[[], None]:
    """Let everybody read the folder of the journal and nobody write it."""

    def give() -> None:
        made_by_pytest = [each for each in tmp_path.parents if each.name.startswith(("pytest-", "popen-"))]
        for folder in (engine.path.parent, *made_by_pytest, tmp_path):
            folder.chmod(0o755)
        engine.path.parent.chmod(0o555)
        for file in engine.path.parent.iterdir():
            file.chmod(0o444)

    return give


@pytest.mark.subprocess
def test_a_user_without_the_right_to_write_reads_beside_a_running_bot(engine, journal, open_to_read):
    journal.commit(one_more(journal))
    open_to_read()
    assert read_without_rights(engine) == "2\n"


@pytest.mark.subprocess
def test_where_sqlite_cannot_read_without_writing_the_reader_says_what_to_do(engine, journal, open_to_read):
    journal.close()
    open_to_read()
    told = read_without_rights(engine)
    assert told.startswith("OrderLogError")
    assert "run this as the bot's user" in told


def test_the_head_and_the_record_at_it_agree(engine, journal):
    commit = one_more(journal)
    journal.commit(commit)
    assert journal.head == head_at(commit.records[0].record) == journal.read_head()
    assert asked(engine.path, "SELECT max(seq) FROM record") == 2


def test_a_proof_may_ask_its_own_question_in_one_transaction(engine, journal):
    def numbers(cursor: Cursor) -> list[int]:
        cursor.execute("SELECT seq FROM record")
        return [seq for (seq,) in cursor.fetchall()]

    journal.commit(one_more(journal))
    assert engine.reader().query(numbers) == journal.query(numbers) == [1, 2]


def test_a_request_is_looked_up_by_an_index():
    """A partial index serves a query only if both have the same condition: else the journal is read from end to end."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in schema():
            connection.execute(statement)
        ((*_, plan),) = connection.execute(f"EXPLAIN QUERY PLAN {Statements().of_request}", ("account", "id"))
    assert "USING INDEX record_correlation_id" in plan
