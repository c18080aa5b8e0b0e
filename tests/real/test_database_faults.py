"""The journal's files while a process writes them: deleted, replaced, cut, on a full disk, read-only, shared, forked.

One rule stands over all: what a writer acknowledged is there at the next start, or the start says that it is not.
"""

import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.support.commit_story import IDENTITY, CommitStory, walk
from tests.support.crashed_journal import NAME, RecordedRun, files_in, found_in, journal_at, put
from tests.support.database_writer import WriterProcess, writer_process
from tests.support.sqlite_shim.vfs import Call, Fault, Way
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.port import CommitUnknownError
from trading_bot.order_management.journal.sqlite import SqliteReader

pytestmark = pytest.mark.subprocess

BEFORE = 10
NOBODY = 65534
STORY = CommitStory.of(BEFORE + 8)


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))


def replace_by_a_copy(path: Path) -> None:
    copy = path.with_suffix(".copy")
    shutil.copyfile(path, copy)
    copy.chmod(0o600)
    copy.replace(path)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def link(path: Path) -> None:
    os.link(path, path.with_suffix(".link"))


Act: TypeAlias = Callable[[Path], None]
TAKEN_AWAY: tuple[tuple[str, Act], ...] = (
    *itertools.product(("", "-wal"), (delete, move, replace_by_a_copy)),
    ("", link),  # a second name of the log alone harms nothing
)
CUT: tuple[tuple[str, Act], ...] = tuple(itertools.product(("", "-wal"), (empty, cut)))


def named(value: object) -> str:
    return {"": "database", "-wal": "log"}.get(str(value)) or str(getattr(value, "__name__", value))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[WriterProcess]:
    """A process with an open journal of some commits."""
    with writer_process(tmp_path / "state") as process:
        assert process.ask("open")["commits"] == 0
        assert process.ask(f"commit {BEFORE}")["commits"] == BEFORE
        yield process


def database(tmp_path: Path, suffix: str = "") -> Path:
    return tmp_path / "state" / f"{NAME}{suffix}"


@pytest.mark.parametrize("is_tidied", [False, True], ids=["records in the log", "records in the database"])
@pytest.mark.parametrize(("suffix", "act"), [*TAKEN_AWAY, *CUT], ids=named)
def test_nothing_is_acknowledged_once_a_file_was_taken_away_underneath(tmp_path, writer, suffix, act, is_tidied):
    if is_tidied:
        assert writer.ask("checkpoint") == {"alert": None}
    act(database(tmp_path, suffix))
    answer = writer.ask("commit 3")
    assert answer["commits"] == BEFORE
    assert answer["refused"] in {"OrderLogError", "CommitUnknownError"}
    assert writer.ask("commit 1")["commits"] == BEFORE
    writer.ask("checkpoint")
    assert writer.kill() < 0
    # What was there before may have gone with the file: the audit log tells that. It is never there by half.
    problems = found_in(tmp_path / "state", STORY, allowed=range(BEFORE + 1))
    assert [problem for problem in problems if not problem.startswith("OrderLog")] == []


@pytest.mark.parametrize(("suffix", "act"), TAKEN_AWAY, ids=named)
@pytest.mark.parametrize("call", [Call.WRITE, Call.SYNC])
def test_a_file_that_goes_in_the_middle_of_a_commit_is_noticed_before_the_commit_is_acknowledged(
    tmp_path, suffix, act, call
):
    run = RecordedRun(tmp_path / "state").commit(BEFORE)
    run.shim.arm(Fault(way=Way.DIE, calls=frozenset({call}), suffix="-wal"))
    # SQLite's own descriptor stays open, so opening the file to copy it would drop no lock that it still needs here.
    run.shim.die = lambda: act(database(tmp_path, suffix))
    run.commit()
    run.close()
    assert run.is_hit()
    assert isinstance(run.refused, CommitUnknownError)


@pytest.mark.parametrize("act", [delete, empty, cut], ids=named)
def test_a_writer_whose_shared_index_was_taken_away_loses_nothing(tmp_path, writer, act):
    """The index beside the log is mapped memory: cutting it may end the process, as a kill would."""
    act(database(tmp_path, "-shm"))
    answer = writer.ask("commit 3")
    writer.kill()
    acknowledged = answer.get("commits", BEFORE)
    assert found_in(tmp_path / "state", STORY, allowed=range(acknowledged, BEFORE + 4)) == []


def test_an_emptied_database_beside_its_log_is_refused_and_both_files_are_kept(tmp_path, writer):
    writer.kill()
    empty(database(tmp_path))
    log = database(tmp_path, "-wal").read_bytes()
    with closing(journal_at(tmp_path / "state")) as journal, pytest.raises(OrderLogError, match="backup"):
        journal.open()
    assert database(tmp_path, "-wal").read_bytes() == log


class TestFullDisk:
    def test_a_commit_that_finds_no_room_is_not_acknowledged_and_the_journal_takes_nothing_more(self, tmp_path, writer):
        writer.ask(f"limit {database(tmp_path, '-wal').stat().st_size + 5000}")
        refused = writer.ask("commit 3")
        assert "refused" in refused
        writer.ask("limit -1")
        assert writer.ask("commit 1") == refused
        writer.kill()
        acknowledged = refused["commits"]
        assert found_in(tmp_path / "state", STORY, allowed=range(acknowledged, acknowledged + 2)) == []

    def test_where_the_log_cannot_be_tidied_away_it_says_so_and_commits_go_on(self, tmp_path):
        run = RecordedRun(tmp_path / "state").commit(BEFORE)
        run.shim.arm(Fault(way=Way.FULL, calls=frozenset({Call.WRITE}), suffix=NAME, lasts=True))
        alert = run.journal.checkpoint()
        assert alert is not None
        assert "the disk is full" in alert.message
        assert run.commit(3).refused is None
        left = put(files_in(run.folder), tmp_path / "left")
        run.close()
        for folder in (left, run.folder):
            assert found_in(folder, STORY, allowed=range(BEFORE + 3, BEFORE + 4)) == []

    def test_on_a_disk_that_is_full_from_the_start_nothing_is_half_made(self, tmp_path):
        with writer_process(tmp_path / "state") as process:
            process.ask("limit 0")
            assert process.ask("open")["refused"] == "OrderLogError"
        assert found_in(tmp_path / "state", STORY, allowed=range(1)) == []


@contextmanager
def being_another_user() -> Iterator[Path]:
    """Be somebody whom file modes bind, for root they do not; yield a folder of that user."""
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    folder = Path(tempfile.mkdtemp())
    datetime.strptime("2026", "%Y")  # loads a module late, which the other user may not read
    if user == NOBODY:
        os.chown(folder, user, user)
        os.seteuid(user)
    try:
        yield folder
    finally:
        if user == NOBODY:
            os.seteuid(0)
        for each in (folder, *folder.rglob("*")):
            each.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)


class TestReadOnly:
    @pytest.mark.parametrize("what", ["file", "folder"])
    def test_a_journal_that_cannot_be_written_takes_nothing_and_is_left_as_it_is(self, what):
        with being_another_user() as folder:
            state = folder / "state"
            story = RecordedRun(state).commit(BEFORE).close().story
            before = files_in(state)
            (state / NAME).chmod(0o400) if what == "file" else state.chmod(0o500)
            again = RecordedRun(state, story).commit(1)
            again.close()
            assert type(again.refused) is OrderLogError
            assert again.counts()[0] == BEFORE
            state.chmod(0o700)
            assert {name: data for name, data in files_in(state).items() if data} == before

    @pytest.mark.parametrize("is_in_use", [True, False], ids=["in use", "closed"])
    def test_it_can_be_read_while_it_is_in_use_and_else_the_reader_says_what_is_missing(self, is_in_use):
        """SQLite cannot read a database with a write-ahead log where it may not make the index beside it."""
        with being_another_user() as folder:
            state = folder / "state"
            run = RecordedRun(state).commit(BEFORE)
            if not is_in_use:
                run.close()
            for each in state.iterdir():
                each.chmod(0o400)
            state.chmod(0o500)
            reader = SqliteReader(state / NAME, account_key=IDENTITY.account_key)
            if is_in_use:
                assert [sealed.line for sealed in walk(reader)] == list(run.story.held[-1].lines)
            else:
                with pytest.raises(OrderLogError, match="writable"):
                    reader.read_head()


class TestSecondProcess:
    def test_a_writer_notices_that_another_one_wrote_and_takes_nothing_more(self, tmp_path, writer):
        now = writer.ask("commit 2")["commits"]  # what comes next names no order for the first time
        with writer_process(tmp_path / "state") as second:
            assert second.ask("open")["commits"] == now
            assert second.ask("commit 1")["commits"] == now + 1
            refused = writer.ask("commit 1")
            assert (refused["commits"], refused["refused"]) == (now, "OrderLogError")
            assert "another program" in refused["message"]
            assert second.ask("commit 1")["commits"] == now + 2
        assert writer.ask("commit 1") == refused
        writer.kill()
        assert found_in(tmp_path / "state", STORY, allowed=range(now + 2, now + 3)) == []

    def test_of_two_writers_that_want_one_order_id_one_gets_it(self, tmp_path, writer):
        with writer_process(tmp_path / "state") as second:
            assert second.ask("open")["commits"] == BEFORE
            assert second.ask("commit 1")["commits"] == BEFORE + 1
            assert writer.ask("commit 1")["refused"] == "KeyTakenError"
        writer.kill()
        assert found_in(tmp_path / "state", STORY, allowed=range(BEFORE + 1, BEFORE + 2)) == []

    def test_a_program_that_opens_and_closes_the_database_harms_no_later_commit(self, tmp_path, writer):
        """Another process's closing tidies up, unless it sees that somebody has it open: it must see us."""
        with closing(journal_at(tmp_path / "state")) as other:
            other.open()
        assert writer.ask("commit 3")["commits"] == BEFORE + 3
        writer.kill()
        assert found_in(tmp_path / "state", STORY, allowed=range(BEFORE + 3, BEFORE + 4)) == []


class TestForkedChild:
    @pytest.mark.parametrize("command", ["commit 1", "read", "open"])
    def test_a_forked_child_may_do_nothing_with_it(self, writer, command):
        assert writer.ask(f"fork {command}")["refused"] == "OrderLogError"

    @pytest.mark.parametrize("command", ["close", "checkpoint", "commit 1"])
    def test_a_child_that_ends_leaves_its_parent_everything(self, tmp_path, writer, command):
        writer.ask(f"fork {command}")
        assert writer.ask("commit 3")["commits"] == BEFORE + 3
        assert writer.ask("checkpoint") == {"alert": None}
        assert writer.ask("commit 1")["commits"] == BEFORE + 4
        writer.kill()
        assert found_in(tmp_path / "state", STORY, allowed=range(BEFORE + 4, BEFORE + 5)) == []


def test_a_program_that_ends_without_closing_leaves_everything(tmp_path, writer):
    assert writer.end() == 0
    assert found_in(tmp_path / "state", STORY, allowed=range(BEFORE, BEFORE + 1)) == []
