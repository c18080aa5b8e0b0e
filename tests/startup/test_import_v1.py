"""Whether a start takes a journal of version 0.1 over, and when not."""

import errno
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.journal_engines import OURS, SESSION
from tests.support.order_story import MONDAY
from tests.support.v1_folder import RELEASE, V1Folder, pointers_to_all
from trading_bot.account_in_use import AccountInUseError
from trading_bot.clock import VirtualClock
from trading_bot.files import FileFacts, FileSystem, LocalFiles
from trading_bot.lease import Lease
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.identity import first_record
from trading_bot.order_management.journal.port import Journal
from trading_bot.order_management.journal.sqlite import SqliteJournal, SqliteReader
from trading_bot.startup.import_v1 import V1Upgrade
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder


class Account:
    def __init__(self, folder: Path) -> None:
        self.old = V1Folder(RELEASE, folder / "old")
        self.state = StateFolder(root=self.old.state, files=LocalFiles())
        self.database = self.old.state / "journal.sqlite3"

    def note(self, path: Path) -> None:
        self.state.remember_journal(path)

    def upgrade(self, files: FileSystem | None = None) -> V1Upgrade:
        around = Surroundings(
            clock=VirtualClock(MONDAY),
            files=files or LocalFiles(),
            new_id=lambda: SESSION,
            jitter=lambda bound: bound,
            process_id=lambda: 1,
        )
        return V1Upgrade(
            around,
            state=self.state,
            journal=self.old.live,
            identity=OURS,
            session_id=SESSION,
            pointers_for=pointers_to_all,
            make_journal=lambda path: SqliteJournal(path, identity=OURS),
        )

    def start(self, files: FileSystem | None = None) -> None:
        self.upgrade(files).take_over(self.database)

    @property
    def head(self) -> int:
        return SqliteReader(self.database, account_key=OURS.account_key).read_head().seq


@pytest.fixture
def account(tmp_path) -> Account:
    return Account(tmp_path)


def without_old_files(account: Account) -> None:
    for path in account.old.logs.iterdir():
        path.unlink()


def begun(account: Account) -> Journal:
    clock = VirtualClock(MONDAY)
    journal = SqliteJournal(
        account.database, identity=OURS, first_record=lambda: first_record(OURS, clock=clock, session_id=SESSION)
    )
    journal.open()
    journal.close()
    return journal


@pytest.mark.parametrize("noted", [True, False])
def test_a_journal_of_the_old_version_is_taken_over(account, noted):
    if noted:
        account.note(account.old.live)
    account.start()
    assert account.head == account.old.expected["head"]["seq"] + 1
    account.start()
    assert account.head == account.old.expected["head"]["seq"] + 1


def test_a_new_account_gets_no_database_from_this(account):
    without_old_files(account)
    account.start()
    assert not account.database.exists()


def test_a_database_that_is_noted_is_the_journal_and_the_log_beside_it_is_left_alone(account):
    begun(account)
    account.note(account.database)
    before = account.old.bytes()
    account.start()
    assert account.old.bytes() == before


def test_a_noted_database_that_is_gone_is_not_made_anew(account):
    account.note(account.database)
    account.start()
    assert not account.database.exists()


def test_a_journal_that_is_not_where_it_was_is_refused(account):
    account.note(account.old.live)
    without_old_files(account)
    with pytest.raises(OrderLogError, match="set logs_dir back"):
        account.start()
    assert not account.database.exists()


def test_another_journal_than_the_noted_one_is_not_taken_over(account, tmp_path):
    account.note(tmp_path / "elsewhere" / "orders.jsonl")
    with pytest.raises(OrderLogError, match=r"elsewhere/orders\.jsonl, and logs_dir leads to"):
        account.start()
    assert account.old.live.exists()


def test_a_note_that_cannot_be_read_is_not_passed_over(account):
    (account.old.state / "journal.json").write_bytes(b"{")
    with pytest.raises(OrderLogError, match="cannot be read"):
        account.start()
    assert account.old.live.exists()


def test_an_interrupted_import_without_the_old_files_is_refused_whatever_is_noted(account):
    class Full(SqliteJournal):
        def commit(self, commit):
            if self.head.seq:
                raise OrderLogError("the disk is full")
            super().commit(commit)

    importing = account.old.importer(page_records=20)
    journal = Full(account.database, identity=OURS)
    with pytest.raises(OrderLogError, match="full"):
        importing.open(journal)
    journal.close()
    without_old_files(account)
    with pytest.raises(OrderLogDamagedError, match="is gone"):
        account.start()


def test_a_damaged_journal_still_tells_what_cancels_need(account):
    account.old.finished[0].unlink()
    upgrade = account.upgrade()
    with pytest.raises(OrderLogDamagedError) as caught:
        upgrade.take_over(account.database)
    assert upgrade.readable(caught.value).standing


def test_a_process_of_the_old_version_that_writes_the_journal_is_not_disturbed(account):
    lock = Lease(path=account.old.logs / ".orders.jsonl.lock")
    lock.acquire()
    before = account.old.live.read_bytes()
    with pytest.raises(AccountInUseError, match="from another state folder"):
        account.start()
    lock.release()
    assert account.old.live.read_bytes() == before
    account.start()
    assert not account.old.live.exists()


def test_a_folder_that_takes_no_lock_is_refused(account):
    files = FaultyFiles()
    files.fail("make_folder", errno.EROFS)
    with pytest.raises(OrderLogError, match="takes no lock"):
        account.start(files)


def test_a_database_of_which_nothing_can_be_told_is_not_passed_over(account):
    class Lost(LocalFiles):
        def facts_at(self, path: Path) -> FileFacts | None:
            if path == account.database:
                raise OSError(errno.EIO, "Input/output error")
            return super().facts_at(path)

    without_old_files(account)
    with pytest.raises(OrderLogError, match="cannot read"):
        account.start(Lost())
