"""One account over two interfaces: the change is said, and costs no order, no fill and no start."""

from pathlib import Path

import pytest

from trading_bot.config import GatewayKind
from trading_bot.files import LocalFiles
from trading_bot.startup.interface_change import tell_of_change
from trading_bot.state_folder import StateFolder

PRIVATE, AGENT = GatewayKind.PRIVATE, GatewayKind.AGENT


class FullDisk(LocalFiles):
    def replace(self, path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")


class Unreadable(LocalFiles):
    def read(self, path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The state folder of an account that has traded."""
    StateFolder(root=tmp_path, files=LocalFiles()).remember_journal(tmp_path / "journal.sqlite3")
    return tmp_path


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "gateway_changed" in record.getMessage()]


def start(folder: Path, kind: GatewayKind, files: LocalFiles | None = None) -> None:
    files = files or LocalFiles()
    tell_of_change(kind, state=StateFolder(root=folder, files=files), files=files)


def test_an_account_of_one_interface_is_told_nothing_and_notes_nothing(tmp_path, caplog):
    start(tmp_path, PRIVATE)
    assert told(caplog) == []
    assert list(tmp_path.iterdir()) == []


def test_each_change_is_told_once(account, caplog):
    for kind in (PRIVATE, AGENT, AGENT, PRIVATE, PRIVATE):
        start(account, kind)
    there, back = told(caplog)
    assert "was over the private interface and this one is over the agent" in there
    assert "was over the agent interface and this one is over the private" in back
    assert (account / "interface").read_text() == "private"


def test_a_note_that_cannot_be_kept_is_told_again(account, caplog):
    for _ in range(2):
        start(account, AGENT, FullDisk())
    assert len(told(caplog)) == 2


def test_a_note_that_cannot_be_read_stops_no_start(account, caplog):
    start(account, AGENT, Unreadable())
    assert told(caplog) == []


def test_a_new_account_notes_its_interface_and_nothing_has_changed(tmp_path, caplog):
    start(tmp_path, AGENT)
    assert told(caplog) == []
    start(tmp_path, AGENT)
    assert (tmp_path / "interface").read_text() == "agent"
