"""A start notices where rows that it needs have vanished without an error of SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commit_story import IDENTITY, CommitStory
from tests.support.crashed_journal import NAME, journal_at
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.port import Commit, Opened, Pointer
from trading_bot.order_management.journal.sqlite import SqliteReader

TRIGGERS = ("standing_added", "standing_removed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal with orders that stand and orders that have ended."""
    with closing(journal_at(tmp_path)) as journal:
        journal.open()
        for commit in CommitStory.of(30).commits:
            journal.commit(commit)
    return tmp_path


def spoiled(folder: Path, *statements: str) -> Opened:
    """Open it after rows changed as a flipped bit changes them: without a word to the triggers."""
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as connection:
        for statement in (*(f"DROP TRIGGER {name}" for name in TRIGGERS), *statements):
            connection.execute(statement)
    with closing(journal_at(folder)) as journal:
        opened = journal.open()
        assert (journal.refusal is None) == (opened.problem is None)
        return opened


def test_a_journal_that_is_whole_has_no_problem(folder):
    assert spoiled(folder).problem is None


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM standing WHERE seq = (SELECT max(seq) FROM standing)",
        "DELETE FROM standing",
        "UPDATE standing SET seq = 1 WHERE seq = (SELECT min(seq) FROM standing)",
        "UPDATE standing SET key = 'prder-0' WHERE seq = (SELECT min(seq) FROM standing)",
        "DELETE FROM standing_sum",
    ],
)
def test_a_pointer_that_is_missing_or_changed_is_a_problem(folder, statement):
    assert spoiled(folder, statement).problem == "pointers to records that still count are missing or changed"


def test_an_end_that_index_and_table_know_differently_is_a_problem(folder):
    """The next record would be written under a number that is taken."""
    problem = spoiled(folder, "UPDATE record SET rowid = -1 WHERE seq = (SELECT max(seq) FROM record)").problem
    assert problem is not None
    assert "its index ends at record" in problem


@pytest.mark.parametrize("is_reader", [False, True])
def test_damage_that_sqlite_quotes_in_its_message_is_damage(folder, is_reader):
    """Python decodes the message, which then is no error of SQLite but one of decoding."""
    path = folder / NAME
    data = path.read_bytes()
    row = b"tablerecordrecord"  # of the table of tables, with the name at the second place
    assert data.count(row) == 1
    path.write_bytes(data.replace(row, b"tablereco\xec\xffrecord"))
    reader = SqliteReader(path, account_key=IDENTITY.account_key)
    with closing(journal_at(folder)) as journal, pytest.raises(OrderLogDamagedError):
        reader.read_head() if is_reader else journal.open()


@pytest.mark.parametrize("key", ["", "é", "\N{SNOWMAN}" * 300])
def test_a_pointer_may_have_any_text_as_its_key(tmp_path, key):
    pointer = Pointer(kind="halt", key=key, seq=1)
    for commit in (Commit(records=CommitStory.of(1).commits[0].records, standing=(pointer,)), Commit(ended=(pointer,))):
        with closing(journal_at(tmp_path)) as journal:
            journal.open()
            journal.commit(commit)
        with closing(journal_at(tmp_path)) as journal:
            assert journal.open().problem is None


def test_pointers_that_were_all_removed_in_order_are_no_problem(tmp_path):
    with closing(journal_at(tmp_path)) as journal:
        journal.open()
        for commit in CommitStory.of(4).commits:
            journal.commit(commit)
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as connection:
        connection.execute("DELETE FROM standing")
    with closing(journal_at(tmp_path)) as journal:
        assert journal.open().problem is None
