"""A kill's own record beside the journal."""

import errno
import stat
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.order_story import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.files import FileFacts, LocalFiles
from trading_bot.kill.records import KillFile
from trading_bot.order_management.book.side_import import has_kill_ended
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.side_files import read_side
from trading_bot.order_management.models import ClientOrderId

NAME = "20261123T150000.000000Z-kill-4711.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "side"


def kill_file(folder: Path, files: LocalFiles | None = None) -> KillFile:
    return KillFile(folder=folder, files=files or LocalFiles(), clock=VirtualClock(MONDAY), process_id=lambda: 4711)


def begun(folder: Path, *orders: str, files: LocalFiles | None = None) -> KillFile:
    file = kill_file(folder, files)
    file.begin(by="ann", reason="a test", orders=[ClientOrderId(order) for order in orders])
    return file


def facts_in(path: Path) -> list[OrderEvent]:
    content = read_side(path.read_bytes())
    assert content.problem is None
    return [record.fact for record in content.records]


def test_it_is_private_and_named_for_its_time_and_process(folder):
    path = begun(folder, "first").path
    assert path == folder / NAME
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_begins_with_who_killed_and_a_cancel_for_each_order(folder):
    begun(folder, "first", "second")
    first, *cancels = facts_in(folder / NAME)
    assert (first.event, first.reason) == (EventKind.KILL_IMPORTED, "killed by ann: a test")
    assert first.details == {"file": NAME, "by": "ann", "orders": "2"}
    assert [(each.event, each.client_order_id) for each in cancels] == [
        (EventKind.CANCEL_REQUESTED, "first"),
        (EventKind.CANCEL_REQUESTED, "second"),
    ]


def test_without_a_list_of_orders_it_asks_for_every_cancel(folder):
    kill_file(folder).begin(by="ann", reason="a test", orders=None)
    (first,) = facts_in(folder / NAME)
    assert first.details["orders"] == "all"


def test_a_second_kill_of_the_same_moment_gets_a_file_of_its_own(folder):
    begun(folder, "first")
    second = begun(folder, "second")
    assert second.path == folder / NAME.replace("4711", "4711-2")
    assert facts_in(folder / NAME)[1].client_order_id == "first"


def test_a_kill_that_gets_no_file_does_not_point_at_an_earlier_one(folder):
    files = FaultyFiles()
    file = begun(folder, "first", files=files)
    files.fail("replace", errno.ENOSPC)
    file.begin(by="ann", reason="again", orders=[])
    assert file.path is None
    assert "No space left" in (file.problem or "")


def test_a_disk_that_was_repaired_takes_the_next_kill(folder):
    files = FaultyFiles()
    files.fail("replace", errno.ENOSPC)
    file = begun(folder, files=files)
    files.heal()
    file.begin(by="ann", reason="a test", orders=[])
    assert (file.path, file.problem) == (folder / NAME, None)


def test_notes_follow_a_line_each(folder):
    file = begun(folder)
    file.note("cancels_asked", {"answers": {"one": "Accepted"}})
    file.note("kill_ended", {"confirmed": True})
    assert [each.details for each in facts_in(folder / NAME)[1:]] == [
        {"note": "cancels_asked", "facts": '{"answers":{"one":"Accepted"}}'},
        {"note": "kill_ended", "facts": '{"confirmed":true}'},
    ]


def test_closing_says_that_nothing_follows(folder):
    file = begun(folder)
    assert not has_kill_ended(folder / NAME, read_side((folder / NAME).read_bytes()), now=MONDAY)
    file.close()
    assert has_kill_ended(folder / NAME, read_side((folder / NAME).read_bytes()), now=MONDAY)


def test_long_texts_are_cut(folder):
    file = kill_file(folder)
    file.begin(by="a" * 10_000, reason="r" * 10_000, orders=[])
    file.note("kill_ended", {"problems": "p" * 10_000})
    assert (folder / NAME).stat().st_size < 5_000


def test_a_line_cut_short_ends_the_notes(folder):
    files = FaultyFiles()
    file = begun(folder, files=files)
    files.takes_only = 5
    file.note("cancels_asked", {})
    files.heal()
    file.note("kill_ended", {})
    assert "only 5 of" in (file.problem or "")
    assert b"kill_ended" not in (folder / NAME).read_bytes()


def test_a_note_is_flushed_and_its_file_closed(folder):
    files = FaultyFiles()
    file = begun(folder, files=files)
    file.note("kill_ended", {})
    assert files.calls[-4:] == ["open_append", "write", "sync", "close"]


def test_a_note_that_is_not_flushed_is_a_problem(folder):
    files = FaultyFiles()
    file = begun(folder, files=files)
    files.fail("sync", errno.EIO)
    file.note("kill_ended", {})
    assert "Input/output error" in (file.problem or "")
    assert files.calls[-1] == "close"


def test_without_a_file_a_note_goes_nowhere(folder):
    file = kill_file(folder)
    file.note("kill_ended", {})
    assert not folder.exists()


def test_a_file_that_was_removed_is_not_begun_anew(folder):
    file = begun(folder)
    (folder / NAME).unlink()
    file.note("kill_ended", {})
    assert list(folder.iterdir()) == []
    assert file.problem is None


def test_a_file_of_which_nothing_can_be_told_is_a_problem(folder):
    class Lost(LocalFiles):
        is_lost = False

        def facts_at(self, path: Path) -> FileFacts | None:
            if self.is_lost:
                raise OSError("the disk is gone")
            return super().facts_at(path)

    files = Lost()
    file = begun(folder, files=files)
    files.is_lost = True
    file.note("kill_ended", {})
    assert "the disk is gone" in (file.problem or "")
