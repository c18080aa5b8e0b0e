"""One process writes a journal, whatever state folder its environment gives it."""

import errno
import os
import stat
from pathlib import Path

import pytest

from tests.support.journal_bench import UnflushedFiles
from tests.support.manager_bench import IDENTITY
from tests.support.order_story import MONDAY, intended
from trading_bot.account_in_use import AccountInUseError
from trading_bot.clock import VirtualClock
from trading_bot.error_handling.retry import no_jitter
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.startup.journal import AccountJournal
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder


class ReadOnlyFiles(UnflushedFiles):
    """Cannot make the folder of the journal."""

    def make_folder(self, path):
        raise OSError(errno.EROFS, "Read-only file system")


def journal(folder: Path, state: str = "state", files: UnflushedFiles | None = None) -> AccountJournal:
    around = Surroundings(
        clock=VirtualClock(MONDAY),
        files=files or UnflushedFiles(),
        new_id=lambda: "id",
        jitter=no_jitter,
        process_id=lambda: 1,
    )
    return AccountJournal(
        around,
        state=StateFolder(root=folder / state, files=around.files),
        identity=IDENTITY,
        session_id="session-1",
    )


def linked(folder: Path) -> str:
    """Another name of the same state folder."""
    (folder / "elsewhere").symlink_to(folder / "state", target_is_directory=True)
    return "elsewhere"


def test_a_second_writer_under_another_name_of_the_folder_is_refused(tmp_path):
    first = journal(tmp_path)
    first.open()
    with pytest.raises(AccountInUseError, match="from another state folder") as caught:
        journal(tmp_path, linked(tmp_path)).open()
    assert caught.value.pid == os.getpid()
    first.store.record_fact(intended())
    assert first.store.failure is None
    first.close()


def test_a_journal_that_was_closed_can_be_written_from_another_state_folder(tmp_path):
    first = journal(tmp_path)
    first.open()
    first.close()
    second = journal(tmp_path, linked(tmp_path))
    second.open()
    assert second.store.failure is None
    with pytest.raises(AccountInUseError):
        first.open()
    second.close()
    first.open()
    first.close()


def test_the_lock_is_private_and_stays(tmp_path):
    """A lock file that is deleted could be held twice: by who has the old one open and by who makes a new one."""
    found = journal(tmp_path)
    found.open()
    lock = tmp_path / "state" / ".journal.sqlite3.lock"
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    found.close()
    assert lock.exists()


def test_the_lock_is_held_until_the_journal_is_closed(tmp_path, monkeypatch):
    found = journal(tmp_path)
    found.open()
    refused = []
    real, elsewhere = found._journal.close, linked(tmp_path)

    def close() -> None:
        with pytest.raises(AccountInUseError):
            journal(tmp_path, elsewhere).open()
        refused.append(1)
        real()

    monkeypatch.setattr(found._journal, "close", close)
    found.close()
    assert refused
    second = journal(tmp_path, elsewhere)
    second.open()
    second.close()


def test_readers_need_no_lock(tmp_path):
    first = journal(tmp_path)
    first.open()
    assert journal(tmp_path, linked(tmp_path)).verify().ok
    first.close()


def test_a_state_folder_that_takes_no_lock_refuses_the_start(tmp_path):
    with pytest.raises(OrderLogError, match=r"cannot open the journal .*takes no lock.*repair disk"):
        journal(tmp_path, files=ReadOnlyFiles()).open()
