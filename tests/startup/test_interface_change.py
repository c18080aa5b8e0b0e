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


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "gateway_changed" in record.getMessage()]


def start(folder: Path, kind: GatewayKind, files: LocalFiles | None = None) -> None:
    files = files or LocalFiles()
    tell_of_change(kind, state=StateFolder(root=folder, files=files), files=files, open_orders=3)


def test_an_account_of_one_interface_is_told_nothing_and_notes_nothing(tmp_path, caplog):
    start(tmp_path, PRIVATE)
    assert told(caplog) == []
    assert list(tmp_path.iterdir()) == []


def test_each_change_is_told_once_with_the_orders_that_are_open(tmp_path, caplog):
    for kind in (PRIVATE, AGENT, AGENT, PRIVATE, PRIVATE):
        start(tmp_path, kind)
    there, back = told(caplog)
    assert "was over the private interface, and this one is over the agent" in there
    assert "'open_orders': 3" in there
    assert "was over the agent interface, and this one is over the private" in back
    assert (tmp_path / "interface").read_text() == "private"


def test_a_note_that_cannot_be_kept_is_told_again(tmp_path, caplog):
    for _ in range(2):
        start(tmp_path, AGENT, FullDisk())
    assert len(told(caplog)) == 2


def test_a_note_that_cannot_be_read_stops_no_start(tmp_path, caplog):
    start(tmp_path, AGENT, Unreadable())
    assert told(caplog) == []
