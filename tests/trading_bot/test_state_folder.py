import errno
import json
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.state_folder import StateFolder, account_key, account_suffix, journal_name, journal_path

NUMBER = "5QR12345678"


@pytest.fixture
def folder(tmp_path):
    return StateFolder(root=tmp_path / "state" / "paper", files=LocalFiles())


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b"")
    return path


def note_of(folder: StateFolder) -> Path:
    return folder.root / "journal.json"


def test_an_accounts_name_is_always_the_same():
    assert account_key(ExecutionMode.PAPER, "PAPER-0001") == "aa80750c6fcbb2cb"


def test_accounts_and_modes_have_names_of_their_own_that_do_not_show_the_number():
    names = {account_key(mode, number) for mode in ExecutionMode for number in (NUMBER, "5QR12345679")}
    assert len(names) == 4
    assert all(len(name) == 16 and name.isalnum() and NUMBER[-4:] not in name for name in names)


def test_only_the_last_four_characters_of_an_account_are_shown():
    assert account_suffix(NUMBER) == "5678"
    assert journal_name(ExecutionMode.LIVE, NUMBER) == "orders-live-5678.jsonl"
    assert journal_name(ExecutionMode.PAPER, NUMBER) == "orders.jsonl"


def test_latch_locks_and_exchange_are_different_files_of_the_folder(folder):
    found = [folder.latch, folder.send_lock, folder.lease, folder.paper_exchange, note_of(folder)]
    assert [path.name for path in found] == ["armed", "send.lock", "lease.lock", "paper.sqlite3", "journal.json"]
    assert {path.parent for path in found} == {folder.root}


def test_a_new_account_may_begin_anywhere(folder, tmp_path):
    folder.check_journal(tmp_path / "not there yet.jsonl")
    assert not folder.root.exists()


def test_the_journal_is_found_where_it_was_left(folder, journal):
    folder.remember_journal(journal)
    folder.check_journal(journal)
    assert json.loads(note_of(folder).read_bytes()) == {"v": 1, "journal": str(journal)}


def test_a_journal_somewhere_else_is_refused(folder, journal, tmp_path):
    """Orders may be on record in the old one that nobody would see in the new one."""
    folder.remember_journal(journal)
    with pytest.raises(OrderLogError, match="set logs_dir back") as caught:
        folder.check_journal(tmp_path / "elsewhere" / "orders.jsonl")
    assert str(journal) in str(caught.value)


def test_a_journal_that_is_gone_is_refused(folder, journal):
    folder.remember_journal(journal)
    journal.unlink()
    with pytest.raises(OrderLogError, match="is gone; put it back"):
        folder.check_journal(journal)


@pytest.mark.parametrize(
    "note",
    [b"", b"{", b"null", b"[]", b"{}", b'{"journal": 5}', b'{"journal": null}', b"\xff\xfe", b"\0" * 40],
    ids=ascii,
)
def test_a_note_that_makes_no_sense_is_never_taken_for_no_note(folder, journal, note):
    folder.remember_journal(journal)
    note_of(folder).write_bytes(note)
    with pytest.raises(OrderLogError, match="restore it from a copy"):
        folder.check_journal(journal)
    with pytest.raises(OrderLogError, match="restore it from a copy"):
        folder.remember_journal(journal)
    assert note_of(folder).read_bytes() == note


def test_a_note_that_cannot_be_read_is_never_taken_for_no_note(folder, journal):
    folder.remember_journal(journal)
    files = FaultyFiles()
    files.fail("read", errno.EIO)
    with pytest.raises(OrderLogError, match="restore it from a copy"):
        StateFolder(root=folder.root, files=files).check_journal(journal)


@pytest.mark.parametrize(("operation", "number"), [("make_folder", errno.EROFS), ("replace", errno.ENOSPC)])
def test_a_note_that_cannot_be_written_is_an_error(folder, journal, operation, number):
    files = FaultyFiles()
    files.fail(operation, number)
    with pytest.raises(OrderLogError, match="repair the state folder") as caught:
        StateFolder(root=folder.root, files=files).remember_journal(journal)
    assert isinstance(caught.value.__cause__, OSError)


def test_what_is_noted_already_is_not_written_again(folder, journal):
    folder.remember_journal(journal)
    files = FaultyFiles()
    StateFolder(root=folder.root, files=files).remember_journal(journal)
    assert "replace" not in files.calls


def test_the_note_follows_a_journal_that_was_moved_on_purpose(folder, journal, tmp_path):
    folder.remember_journal(journal)
    moved = tmp_path / "moved.jsonl"
    moved.write_bytes(b"")
    folder.remember_journal(moved)
    folder.check_journal(moved)
    with pytest.raises(OrderLogError):
        folder.check_journal(journal)


def test_the_note_is_for_its_owner_only(folder, journal):
    folder.remember_journal(journal)
    assert note_of(folder).stat().st_mode & 0o777 == 0o600
    assert folder.root.stat().st_mode & 0o777 == 0o700


# One place by several names.


def spelled(folder: Path, spelling: str) -> Path:
    """Another name of ``folder``."""
    if spelling == "dots":
        return folder / "elsewhere" / ".."
    (folder / "link").symlink_to(folder)
    return folder / "link"


@pytest.mark.parametrize("spelling", ["dots", "link"])
def test_a_journal_is_the_same_however_its_folder_is_spelled(folder, journal, tmp_path, spelling):
    """Taken for somebody else's, it would tell a kill no order and refuse a start that is in order."""
    (tmp_path / "elsewhere").mkdir()
    other = spelled(tmp_path, spelling) / journal.name
    folder.remember_journal(other)
    folder.check_journal(journal)
    folder.check_journal(other)
    assert json.loads(note_of(folder).read_bytes())["journal"] == str(journal)


@pytest.mark.parametrize("spelling", ["dots", "link"])
def test_a_note_with_another_spelling_still_matches_and_is_written_anew(folder, journal, tmp_path, spelling):
    """A link in it may lead elsewhere one day."""
    (tmp_path / "elsewhere").mkdir()
    folder.remember_journal(journal)
    other = spelled(tmp_path, spelling) / journal.name
    note_of(folder).write_text(json.dumps({"v": 1, "journal": str(other)}))
    folder.check_journal(journal)
    folder.remember_journal(journal)
    assert json.loads(note_of(folder).read_bytes())["journal"] == str(journal)


def test_a_folder_that_is_a_link_to_another_one_now_is_another_place(folder, journal, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    folder.remember_journal(link / journal.name)
    link.unlink()
    (tmp_path / "elsewhere").mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OrderLogError, match="set logs_dir back"):
        folder.check_journal(link / journal.name)


def test_a_journals_path_is_absolute_and_follows_no_link_in_place_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.jsonl").symlink_to("another file")
    assert journal_path(Path(), ExecutionMode.PAPER, NUMBER) == tmp_path / "orders.jsonl"


def test_links_that_lead_to_each_other_stay_as_they_are_written(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert journal_path(tmp_path / "loop", ExecutionMode.PAPER, NUMBER) == tmp_path / "loop" / "orders.jsonl"
