"""One process writes a journal, whatever state folder its environment gives it."""

import errno
import os
import stat
from pathlib import Path

import pytest

from tests.support.journal_bench import IDENTITY, UnflushedFiles
from tests.support.order_story import MONDAY, intended, now_in
from trading_bot.clock import VirtualClock
from trading_bot.error_handling.retry import no_jitter
from trading_bot.lease import AccountInUseError
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.models import OrderState
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
        path=folder / "logs" / "orders.jsonl",
        state=StateFolder(root=folder / state, files=around.files),
        identity=IDENTITY,
        session_id="session-1",
        max_bytes=1_000_000,
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "logs").iterdir()}


def test_a_second_writer_with_another_state_folder_is_refused_and_touches_nothing(tmp_path):
    """It would take a half-written line and a live continuation for what a dead bot left, and heal them away."""
    first = journal(tmp_path)
    first.open()
    first.store.record(intended())
    path = tmp_path / "logs" / "orders.jsonl"
    with path.open("ab") as file:  # somebody touches the file, so the bot goes on beside it
        file.write(b"{")
    first.store.record_fact(now_in(OrderState.CONFIRMED))
    before = content(tmp_path)
    assert any("continued" in name for name in before)
    with pytest.raises(AccountInUseError, match="from another state folder") as caught:
        journal(tmp_path, "elsewhere").open()
    assert caught.value.pid == os.getpid()
    assert content(tmp_path) == before
    first.close()


def test_a_journal_that_was_closed_can_be_written_from_another_state_folder(tmp_path):
    first = journal(tmp_path)
    first.open()
    first.close()
    second = journal(tmp_path, "elsewhere")
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
    lock = tmp_path / "logs" / ".orders.jsonl.lock"
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    found.close()
    assert lock.exists()


def test_the_lock_is_held_until_the_log_is_closed(tmp_path, monkeypatch):
    """The close flushes and notes the head; a second writer in between would find the journal still in use."""
    found = journal(tmp_path)
    found.open()
    refused = []

    def close() -> None:
        with pytest.raises(AccountInUseError):
            journal(tmp_path, "elsewhere").open()
        refused.append(1)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(found._log, "close", close)
        with pytest.raises(OSError, match="Input/output"):
            found.close()
    assert refused
    found._log.close()
    second = journal(tmp_path, "elsewhere")
    second.open()
    second.close()


def test_readers_need_no_lock(tmp_path):
    first = journal(tmp_path)
    first.open()
    assert journal(tmp_path, "elsewhere").verify().ok
    first.close()


def test_a_logs_folder_that_takes_no_lock_refuses_the_start(tmp_path):
    with pytest.raises(OrderLogError, match=r"cannot open the journal .*takes no lock.*repair disk"):
        journal(tmp_path, files=ReadOnlyFiles()).open()
