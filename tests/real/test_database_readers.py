"""Readers, threads and checkpoints beside a writer: everybody sees a whole state, and nobody waits for a reader."""

import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.commit_story import IDENTITY, CommitStory, Held
from tests.support.crashed_journal import NAME, RecordedRun, found_after, found_in, journal_at, unflushed
from tests.support.database_writer import writer_process
from tests.support.sqlite_shim.vfs import Call
from trading_bot.order_management.journal.sqlite import SqliteJournal, SqliteReader

pytestmark = [pytest.mark.subprocess, pytest.mark.no_cover, pytest.mark.timeout(600)]

COMMITS = 60
STORY = CommitStory.of(COMMITS)
STATES = {len(held.lines): held for held in STORY.held}


def reader_of(folder: Path) -> SqliteReader:
    return SqliteReader(folder / NAME, account_key=IDENTITY.account_key)


@dataclass
class Watcher:
    """Reads in a thread of its own until it is told to stop, and keeps what it saw that no commit left."""

    reader: SqliteReader | SqliteJournal
    seen: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        last = 0
        while not self.is_over.is_set():
            head = self.reader.read_head().seq
            lines = tuple(sealed.line for sealed in self.reader.page(after=0, limit=10_000))
            standing = [record.seq for record in self.reader.read_standing()]
            self.seen.add(head)
            self.wrong += [
                problem
                for problem, is_so in (
                    (f"{head} behind {last}", head < last),
                    (f"{len(lines)} records are no state", lines != _held(len(lines)).lines),
                    (f"{standing} is no state", standing not in _STANDING),
                    (f"{head} is no state", head not in STATES),
                )
                if is_so
            ]
            last = head


_STANDING = [sorted({pointer.seq for pointer in held.standing}) for held in STORY.held]


def _held(records: int) -> Held:
    return STATES.get(records, Held(lines=(b"no such state",)))


@contextmanager
def watching(*watchers: Watcher) -> Iterator[None]:
    threads = [threading.Thread(target=watcher.run) for watcher in watchers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for watcher in watchers:
            watcher.is_over.set()
        for thread in threads:
            thread.join()


def test_readers_in_other_threads_and_another_process_see_whole_states_only(tmp_path):
    folder = tmp_path / "state"
    with closing(journal_at(folder)) as journal:
        journal.open()
        journal.commit(STORY.commits[0])
        within, beside = Watcher(journal), Watcher(reader_of(folder))
        with watching(within, beside):
            for commit in STORY.commits[1:]:
                journal.commit(commit)
                assert journal.checkpoint() is None
    for watcher in (within, beside):
        assert watcher.wrong == []
        assert len(watcher.seen) > 1
    with writer_process(folder) as process:
        assert process.ask("open") == {"commits": COMMITS, "problem": None}


def test_a_reader_outlives_the_writers_death_and_its_successor(tmp_path):
    folder = tmp_path / "state"
    with writer_process(folder) as first:
        first.ask("open")
        first.ask("commit 20")
        watcher = Watcher(reader_of(folder))
        with watching(watcher):
            first.ask("commit 10")
            first.kill()
            with writer_process(folder) as second:
                assert second.ask("open")["commits"] == 30
                second.ask("checkpoint")
                assert second.ask("commit 20")["commits"] == 50
                assert second.end() == 0
        assert watcher.wrong == []
        assert watcher.reader.read_head().seq == len(STORY.held[50].lines)


class TestLongReader:
    """A transaction of another program that reads for hours: an analyst, or a backup."""

    @pytest.fixture
    def journal(self, tmp_path) -> Iterator[SqliteJournal]:
        with closing(journal_at(tmp_path)) as journal:
            journal.open()
            for commit in STORY.commits[:10]:
                journal.commit(commit)
            yield journal

    @pytest.fixture
    def analyst(self, tmp_path, journal) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            assert connection.execute("SELECT count(*) FROM record").fetchone()[0] == len(STORY.held[10].lines)
            yield connection

    def test_commits_and_checkpoints_go_on_beside_it_and_it_sees_its_own_state(self, journal, analyst):
        for commit in STORY.commits[10:]:
            journal.commit(commit)
            assert journal.checkpoint() is None
        assert analyst.execute("SELECT count(*) FROM record").fetchone()[0] == len(STORY.held[10].lines)
        assert journal.read_head().seq == len(STORY.held[-1].lines)

    def test_the_log_is_tidied_once_it_has_gone(self, tmp_path, journal, analyst):
        log = tmp_path / f"{NAME}-wal"
        for commit in STORY.commits[10:40]:
            journal.commit(commit)
            journal.checkpoint()
        grown = log.stat().st_size
        analyst.execute("COMMIT")
        journal.checkpoint()
        for commit in STORY.commits[40:]:
            journal.commit(commit)
            journal.checkpoint()
        assert log.stat().st_size == grown

    def test_a_crash_beside_it_loses_nothing(self, tmp_path, journal, analyst):
        journal.close()
        run = RecordedRun(tmp_path, CommitStory.of(10)).commit(3)
        run.journal.checkpoint()
        run.commit(3)
        run.journal.checkpoint()
        assert run.commit(1).refused is None
        with unflushed().as_default():
            for crash in list(run.crashes(random.Random(1), sample=4))[-30:]:
                assert found_after(crash, run.story, tmp_path / "crashed", goes_on=False) == []
        run.close()


def test_two_threads_and_a_third_that_tidies_up_leave_a_whole_state_after_any_crash(tmp_path):
    """The order layer's lock keeps the commits apart; the checkpoints come whenever they come."""
    run, turn, is_over = RecordedRun(tmp_path / "run"), threading.Lock(), threading.Event()

    def commit() -> None:
        for _ in range(8):
            with turn:
                run.commit()

    def tidy_up() -> None:
        while not is_over.is_set():
            assert run.journal.checkpoint() is None

    committing = [threading.Thread(target=commit) for _ in range(2)]
    tidying = threading.Thread(target=tidy_up)
    for thread in (*committing, tidying):
        thread.start()
    for thread in committing:
        thread.join()
    is_over.set()
    tidying.join()
    run.close()
    assert run.refused is None
    assert run.counts() == (16, 16)
    assert any(step.call is Call.WRITE and step.file.endswith(NAME) for step in run.shim.steps)
    with unflushed().as_default():
        crashes = list(run.crashes(random.Random(2), sample=3))
        chosen = random.Random(3).sample(crashes, min(60, len(crashes)))
        problems = [each for crash in chosen for each in found_after(crash, run.story, tmp_path / "crashed")]
    assert problems == []
    assert found_in(tmp_path / "run", run.story, allowed=range(16, 17)) == []
