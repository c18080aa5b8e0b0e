"""Database and audit log against each other: what the database alone cannot tell, a restored backup above all.

The log gets each record after its commit. So a log that knows more than the database proves that commits are missing.
"""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.commit_story import IDENTITY, CommitStory, problems_of
from tests.support.crashed_journal import NAME, RecordedRun, journal_at, put, unflushed
from tests.support.sqlite_shim.vfs import Call, Fault, Way
from trading_bot.audit.proof import JournalProof, prove
from trading_bot.audit.stored_rows import StoredRows
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.audit_log import AuditLog
from trading_bot.order_management.journal.chain import seal
from trading_bot.order_management.journal.log_comparison import LogMatch, compare_with_database
from trading_bot.order_management.journal.port import Commit
from trading_bot.order_management.journal.sqlite import SqliteReader

pytestmark = [pytest.mark.subprocess, pytest.mark.no_cover, pytest.mark.timeout(600)]

COMMITS = 20
EARLIER = 12
STORY = CommitStory.of(COMMITS)
LINES = STORY.held[COMMITS].lines


class Account:
    """One account's database and log on the disk."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.log = folder / "logs" / "orders.jsonl"
        self.backup = folder / "backup.sqlite3"
        self.log.parent.mkdir(parents=True)

    def trade(self) -> None:
        """Commit the story, and take a backup on the way."""
        with closing(journal_at(self.state)) as journal:
            journal.open()
            for number, commit in enumerate(STORY.commits, 1):
                journal.commit(commit)
                if number == EARLIER:
                    self._back_up()
        self.log.write_bytes(b"".join(LINES))

    def _back_up(self) -> None:
        with closing(sqlite3.connect(self.state / NAME)) as source, closing(sqlite3.connect(self.backup)) as copy:
            source.backup(copy)

    def restore(self) -> None:
        put({NAME: self.backup.read_bytes()}, self.state)

    def compared(self) -> LogMatch:
        """Compare as a start does, before anything is written."""
        with closing(journal_at(self.state)) as journal:
            journal.open()
            comparison = compare_with_database(self.log, journal)
            assert comparison.is_damage == (comparison.problem is not None)
            return comparison.match

    def damage(self) -> str | None:
        """Compare as a start does, and let the log catch up where nothing is damaged."""
        with closing(journal_at(self.state)) as journal:
            journal.open()
            log = AuditLog(path=self.log, max_bytes=10**9, files=LocalFiles())
            damage = log.compare(journal)
            assert log.problem is None
            return damage

    def proof(self) -> JournalProof:
        reader = SqliteReader(self.state / NAME, account_key=IDENTITY.account_key)
        return prove(StoredRows(IDENTITY.account_key, read=reader.query), self.log)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    made = Account(tmp_path)
    made.trade()
    return made


def test_what_was_never_harmed_is_proven(account):
    assert account.compared() is LogMatch.AGREES
    assert account.proof().problem is None


def test_a_restored_backup_is_damage_although_the_database_is_whole(account):
    account.restore()
    assert account.compared() is LogMatch.AHEAD
    proof = account.proof()
    assert "restored from a copy" in str(proof.problem)
    assert proof.database.fault is not None
    assert proof.database.fault[0] == len(STORY.held[EARLIER].lines) + 1


def test_a_restored_backup_that_was_written_to_differs(account):
    account.restore()
    with closing(journal_at(account.state)) as journal:
        opened = journal.open()
        while journal.head.seq < len(LINES):
            last = STORY.commits[-1].records[-1].record
            fact = replace(last.fact, reason="another life")
            sealed = seal(fact, head=journal.head, ts=last.ts, mono=last.mono, session_id="session-2")
            journal.commit(Commit(records=(sealed,)))
        assert opened.problem is None
    assert account.compared() is LogMatch.DIFFERS
    assert not account.proof().ok


@pytest.mark.parametrize("what", ["deleted", "emptied"])
def test_a_database_that_is_gone_is_not_taken_for_a_new_account(account, what):
    put({} if what == "deleted" else {NAME: b""}, account.state)
    assert account.compared() is LogMatch.AHEAD


def test_a_lost_log_is_made_again_byte_for_byte(account):
    before = account.log.read_bytes()
    account.log.unlink()
    assert account.compared() is LogMatch.NO_LOG
    assert account.proof().ok
    assert account.damage() is None
    assert account.log.read_bytes() == before


def test_a_log_that_was_cut_anywhere_is_completed_from_the_database(account):
    before = account.log.read_bytes()
    for size in range(0, len(before), 487):
        account.log.write_bytes(before[:size])
        assert account.compared() in {LogMatch.NO_LOG, LogMatch.BEHIND, LogMatch.AGREES}
        assert account.damage() is None
        assert account.log.read_bytes() == before


def test_a_flipped_bit_in_the_log_is_found_and_harms_no_database(account):
    before, chance = account.log.read_bytes(), random.Random(4)
    for place in chance.sample(range(len(before)), 40):
        account.log.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
        proof = account.proof()
        assert not proof.ok
        assert proof.database.fault is None


@pytest.fixture
def opened_quickly() -> Iterator[None]:
    with unflushed().as_default():
        yield


def test_commits_that_a_lying_disk_lost_are_found_or_told_by_the_log(tmp_path, opened_quickly):
    """A disk that says "stored" and stores nothing breaks every promise but this: nobody takes the rest for whole."""
    lying = Fault(way=Way.DROP, calls=frozenset({Call.SYNC}), lasts=True)
    run = RecordedRun(tmp_path / "run", fault=lying)
    for _ in range(3):
        run.commit(5)
        run.journal.checkpoint()
    run.close()
    crashes = list(run.crashes(random.Random(5), sample=4))
    outcomes = set()
    for crash in random.Random(6).sample(crashes, 120):
        put(crash.image, tmp_path / "crashed")
        acknowledged = len(run.story.held[crash.acknowledged].lines)
        outcomes.add(_outcome(tmp_path / "crashed", run.story, acknowledged))
    assert outcomes == {"found", "told by the log", "whole"}


def _outcome(folder: Path, story: CommitStory, logged: int) -> str:
    with closing(journal_at(folder)) as journal:
        try:
            opened = journal.open()
            number, problems = problems_of(journal, opened, story.held)
        except (OrderLogError, AssertionError):
            return "found"
    if number is None or problems:
        return f"not noticed: {problems}"
    return "told by the log" if len(story.held[number].lines) < logged else "whole"


def test_after_a_crash_the_log_may_be_behind_and_is_never_ahead(tmp_path, opened_quickly):
    """It is written without a flush, and after the commit: any part of its end may be missing."""
    run = RecordedRun(tmp_path / "run").commit(COMMITS)
    chance, crashes = random.Random(7), list(run.crashes(random.Random(8), sample=2))
    run.close()
    for crash in chance.sample(crashes, 60):
        shutil.rmtree(tmp_path / "crashed", ignore_errors=True)
        account = Account(tmp_path / "crashed")
        put(crash.image, account.state)
        written = b"".join(run.story.held[crash.acknowledged].lines)
        account.log.write_bytes(written[: chance.randint(0, len(written))])
        if crash.acknowledged:
            assert account.compared() in {LogMatch.NO_LOG, LogMatch.BEHIND, LogMatch.AGREES}
            assert account.damage() is None
            assert account.proof().problem is None
