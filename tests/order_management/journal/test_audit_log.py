"""The audit log: the bytes of every committed record, one a line, made from what the database holds."""

import errno
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.order_story import MONDAY, intended, told
from tests.support.stored_records import StoredRecords
from trading_bot.files import LocalFiles
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.audit_files import log_end, log_files, logged_records
from trading_bot.order_management.journal.audit_log import AT_A_START, CATCH_UP, AuditLog
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, SealedRecord
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.log_comparison import LogMatch, compare_with_database
from trading_bot.order_management.models import ExecutionMode

FULL_AT = 2_000
"""About four records."""


class Stuck(LocalFiles):
    """Renames nothing while told so."""

    is_stuck = True

    def rename(self, path, over):
        if self.is_stuck:
            raise OSError(errno.EROFS, "Read-only file system")
        super().rename(path, over)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "orders.jsonl"


@pytest.fixture
def database() -> StoredRecords:
    return StoredRecords()


def log_at(path: Path, database: StoredRecords, *, files: LocalFiles | None = None, max_bytes: int = 10**6) -> AuditLog:
    """The log as a new holder of the account has it."""
    log = AuditLog(path=path, max_bytes=max_bytes, files=files or LocalFiles())
    log.compare(database)
    return log


def lines(records: Sequence[SealedRecord]) -> bytes:
    return b"".join(sealed.line for sealed in records)


def content(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in log_files(path))


def test_a_committed_record_is_one_line_with_the_bytes_that_its_hash_covers(path, database):
    log = log_at(path, database)
    log.append(database.commit(intended("a"), intended("b")))
    log.append(database.commit(intended("c")))
    assert path.read_bytes() == lines(database.records)
    assert path.stat().st_mode & 0o077 == 0
    assert log.problem is None


def test_records_that_come_in_another_order_are_each_written_once(path, database):
    """Two threads commit one after the other and may report in the other order."""
    log = log_at(path, database)
    first, second = database.commit(intended("a")), database.commit(intended("b"))
    log.append(second)
    log.append(first)
    assert path.read_bytes() == lines(database.records)


def test_a_new_holder_writes_what_the_log_lacks(path, database):
    log_at(path, database).append(database.commit(intended("a")))
    database.commit(intended("b"), intended("c"))
    log = log_at(path, database)
    assert path.read_bytes() == lines(database.records)
    log.append(database.commit(intended("d")))
    assert path.read_bytes() == lines(database.records)


def test_a_log_that_is_gone_is_made_again_from_the_database(path, database):
    log = log_at(path, database)
    log.append(database.commit(intended("a")))
    path.unlink()
    log.append(database.commit(intended("b")))
    assert path.read_bytes() == lines(database.records)


def test_a_log_that_was_emptied_by_somebody_is_filled_again(path, database):
    log = log_at(path, database)
    log.append(database.commit(intended("a")))
    path.write_bytes(b"")
    log.append(database.commit(intended("b")))
    assert path.read_bytes() == lines(database.records)


def test_no_start_waits_for_a_log_that_lacks_very_much(path, database):
    database.commit(*(intended(f"order-{number}") for number in range(AT_A_START + 2 * CATCH_UP)))
    log = log_at(path, database)
    assert content(path) == lines(database.records[:AT_A_START])
    log.append(database.commit(intended("last")))
    assert content(path) == lines(database.records[: AT_A_START + CATCH_UP])
    log.append(database.commit(intended("very last")))
    log.append(database.commit(intended("no more")))
    assert content(path) == lines(database.records)


def test_nothing_is_written_before_the_log_was_compared(path, database):
    """What a start commits before that is read from the database then."""
    log = AuditLog(path=path, max_bytes=10**6, files=LocalFiles())
    log.append(database.commit(intended("a")))
    assert not path.exists()
    assert log.compare(database) is None
    assert path.read_bytes() == lines(database.records)


def test_a_log_beside_a_damaged_database_is_left_as_it_is(path, database):
    log_at(path, database).append(database.commit(intended("a"), intended("b")))
    kept = path.read_bytes()
    del database.records[1:]
    log = AuditLog(path=path, max_bytes=10**6, files=LocalFiles())
    assert "was restored from a copy, or cut" in (log.compare(database) or "")
    log.append(database.commit(intended("other"), intended("more")))
    assert path.read_bytes() == kept


def test_a_last_line_that_was_cut_short_is_written_anew(path, database):
    log_at(path, database).append(database.commit(intended("a"), intended("b")))
    path.write_bytes(path.read_bytes()[:-20])
    log_at(path, database).append(database.commit(intended("c")))
    assert path.read_bytes() == lines(database.records)


@pytest.mark.parametrize("end", [b'{"v":1}\n', b"x" * 200_000, b"rubbish", b"\0{rubbish"])
def test_a_log_with_a_damaged_end_is_kept_aside_and_made_again(path, database, end, caplog):
    log_at(path, database).append(database.commit(intended("a")))
    path.write_bytes(path.read_bytes() + end)
    damaged = path.read_bytes()
    log = log_at(path, database)
    log.append(database.commit(intended("b")))
    assert path.read_bytes() == lines(database.records)
    assert path.with_name(f"orders.jsonl.damaged-{len(damaged)}").read_bytes() == damaged
    assert "audit_log_set_aside" in caplog.text


@pytest.mark.parametrize("rubbish", [bytes(range(256)), b"rubbish", b"rubbish\n"])
def test_a_start_says_that_a_log_of_rubbish_tells_nothing_and_makes_it_again(path, database, rubbish, caplog):
    """It refuses nothing: the log is made from the database."""
    database.commit(intended("a"))
    path.parent.mkdir()
    path.write_bytes(rubbish)
    log = AuditLog(path=path, max_bytes=10**6, files=LocalFiles())
    assert log.compare(database) is None
    assert compare_with_database(path, database).match is LogMatch.AGREES
    assert "audit_log_set_aside" in caplog.text
    assert [kept.read_bytes() for kept in path.parent.glob("*.damaged-*")] == [rubbish]
    assert path.read_bytes() == lines(database.records)


@pytest.mark.parametrize("end", [b"{", b'{"v":1,"seq":9', b'{"v":1,"se\0\0', b"\0\0"])
def test_what_a_crash_leaves_of_a_line_is_cut_off_without_a_word(path, database, end, caplog):
    log_at(path, database).append(database.commit(intended("a")))
    path.write_bytes(path.read_bytes() + end)
    log_at(path, database)
    assert path.read_bytes() == lines(database.records)
    assert "audit_log" not in caplog.text


def test_that_a_damaged_end_was_kept_aside_is_logged_with_where(path, database, caplog):
    log_at(path, database).append(database.commit(intended("a")))
    path.write_bytes(path.read_bytes() + b'{"v":1}\n')
    size = path.stat().st_size
    log_at(path, database)
    (line,) = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert (line["event"], line["kept_in"]) == ("audit_log_set_aside", f"{path}.damaged-{size}")
    assert line["problem"] == "it does not end in a hash"


def test_a_start_takes_ten_thousand_records_at_most_and_every_later_commit_a_thousand():
    assert (AT_A_START, CATCH_UP) == (10_000, 1_000)


class TestRotation:
    def test_a_full_file_is_named_after_its_last_day_and_its_first_record_and_kept(self, path, database):
        log = log_at(path, database, max_bytes=FULL_AT)
        for number in range(12):
            log.append(database.commit(intended(f"order-{number}")))
        names = [file.name for file in log_files(path)]
        assert names[0] == "orders.2026-11-23.1.jsonl"
        assert len(names) > 2
        assert names[-1] == "orders.jsonl"
        assert content(path) == lines(database.records)

    def test_one_long_commit_goes_into_as_many_files_as_many_short_ones(self, path, database):
        log = log_at(path, database, max_bytes=FULL_AT)
        log.append(database.commit(*(intended(f"order-{number}") for number in range(12))))
        assert len(log_files(path)) > 2
        assert content(path) == lines(database.records)

    def test_a_new_day_begins_a_new_file(self, path, database):
        log = log_at(path, database)
        log.append(database.commit(intended("a")))
        database.now = MONDAY + timedelta(days=1)
        log.append(database.commit(intended("b")))
        database.now = MONDAY + timedelta(days=3)
        log.append(database.commit(intended("c")))
        assert [file.name for file in log_files(path)] == [
            "orders.2026-11-23.1.jsonl",
            "orders.2026-11-24.2.jsonl",
            "orders.jsonl",
        ]
        assert path.read_bytes() == lines(database.records[2:])

    def test_a_clock_that_is_set_back_begins_no_file(self, path, database):
        log = log_at(path, database)
        log.append(database.commit(intended("a")))
        database.now = MONDAY - timedelta(days=1)
        log.append(database.commit(intended("b")))
        assert log_files(path) == (path,)

    def test_a_holder_that_finds_only_finished_files_goes_on_behind_them(self, path, database):
        log_at(path, database).append(database.commit(intended("a"), intended("b")))
        path.rename(path.with_name("orders.2026-11-23.1.jsonl"))
        log_at(path, database).append(database.commit(intended("c")))
        assert path.read_bytes() == lines(database.records[2:])

    def test_a_file_that_cannot_be_renamed_grows_and_says_so(self, path, database):
        files = Stuck()
        log = log_at(path, database, max_bytes=FULL_AT, files=files)
        for number in range(8):
            log.append(database.commit(intended(f"order-{number}")))
        log.append(database.commit(intended("a"), intended("b")))
        assert path.read_bytes() == lines(database.records)
        assert "cannot be renamed, so it grows" in (log.problem or "")
        files.is_stuck = False
        log.append(database.commit(intended("later")))
        assert log.problem is None
        assert path.read_bytes() == lines(database.records[-1:])

    def test_an_earlier_file_is_never_overwritten(self, path, database):
        log = log_at(path, database)
        log.append(database.commit(intended("a")))
        first = path.with_name("orders.2026-11-23.1.jsonl")
        first.write_bytes(b"")
        database.now = MONDAY + timedelta(days=1)
        log.append(database.commit(intended("b")))
        assert "has its name already" in (log.problem or "")
        assert first.read_bytes() == b""
        assert path.read_bytes() == lines(database.records)

    @pytest.mark.parametrize("first_line", [b"rubbish\n", b""])
    def test_a_file_whose_first_line_is_damaged_is_named_after_its_last_record(self, path, database, first_line):
        log_at(path, database).append(database.commit(intended("a"), intended("b")))
        path.write_bytes(first_line + database.records[1].line)
        database.now = MONDAY + timedelta(days=1)
        log_at(path, database).append(database.commit(intended("c")))
        assert [file.name for file in log_files(path)] == ["orders.2026-11-23.2.jsonl", "orders.jsonl"]


class TestFailing:
    def test_a_full_disk_stops_nothing_and_the_log_is_completed_later(self, path, database):
        files = FaultyFiles()
        log = log_at(path, database, files=files)
        log.append(database.commit(intended("a")))
        files.fail("write", errno.ENOSPC)
        log.append(database.commit(intended("b")))
        assert "No space left" in (log.problem or "")
        files.heal()
        log.append(database.commit(intended("c")))
        assert path.read_bytes() == lines(database.records)
        assert log.problem is None

    def test_a_line_that_was_taken_in_part_is_written_whole_the_next_time(self, path, database):
        files = FaultyFiles()
        files.takes_only = 20
        log = log_at(path, database, files=files)
        log.append(database.commit(intended("a")))
        assert "bytes were taken" in (log.problem or "")
        files.heal()
        log.append(database.commit(intended("b")))
        assert path.read_bytes() == lines(database.records)

    def test_a_record_that_does_not_follow_is_not_written(self, path, database):
        log = log_at(path, database)
        log.append(database.commit(intended("a")))
        other = StoredRecords()
        other.commit(intended("x"))
        log.append(other.commit(intended("y")))
        assert path.read_bytes() == lines(database.records)
        assert "does not follow" in (log.problem or "")


def test_a_file_that_is_not_there_has_no_end(tmp_path):
    assert (log_end(tmp_path / "none").last, log_end(tmp_path / "none").size) == (None, 0)


class TestComparison:
    def test_no_log_is_no_damage(self, path, database):
        database.commit(intended("a"))
        found = compare_with_database(path, database)
        assert (found.match, found.is_damage, found.problem) == (LogMatch.NO_LOG, False, None)

    def test_a_log_that_ends_with_the_database_agrees(self, path, database):
        log = log_at(path, database)
        log.append(database.commit(intended("a")))
        found = compare_with_database(path, database)
        assert (found.match, found.log) == (LogMatch.AGREES, database.read_head())

    def test_a_log_that_lacks_the_last_records_is_behind(self, path, database):
        log = log_at(path, database)
        log.append(database.commit(intended("a")))
        database.commit(intended("b"))
        found = compare_with_database(path, database)
        assert (found.match, found.is_damage) == (LogMatch.BEHIND, False)

    def test_a_restored_database_must_not_be_traded_on(self, path, database):
        """It is whole in itself: only the log knows that there was more."""
        log_at(path, database).append(database.commit(intended("a"), intended("b")))
        del database.records[1:]
        found = compare_with_database(path, database)
        assert (found.match, found.is_damage) == (LogMatch.AHEAD, True)
        assert "ends at record 1, although record 2 is in the audit log" in (found.problem or "")

    def test_a_database_that_went_on_after_it_was_restored_differs(self, path, database):
        log_at(path, database).append(database.commit(intended("a"), intended("b")))
        del database.records[1:]
        database.commit(intended("other"), intended("more"))
        found = compare_with_database(path, database)
        assert (found.match, found.is_damage) == (LogMatch.DIFFERS, True)
        assert "record 2 of the journal's database is another one" in (found.problem or "")

    def test_a_log_whose_end_is_damaged_says_nothing_of_the_database(self, path, database):
        log_at(path, database).append(database.commit(intended("a")))
        path.write_bytes(path.read_bytes().replace(b"AAPL", b"MSFT"))
        found = compare_with_database(path, database)
        assert (found.match, found.is_damage) == (LogMatch.UNREADABLE, False)
        assert "audit verify" in (found.problem or "")

    @pytest.mark.parametrize(("kept", "match"), [(1, LogMatch.AHEAD), (3, LogMatch.UNREADABLE)])
    def test_the_last_good_line_of_a_damaged_end_still_tells_of_a_restored_database(self, path, database, kept, match):
        log_at(path, database).append(database.commit(intended("a"), intended("b"), intended("last")))
        path.write_bytes(path.read_bytes().replace(b"last", b"lost"))
        del database.records[kept:]
        found = compare_with_database(path, database)
        assert found.match is match
        assert found.is_damage is (match is LogMatch.AHEAD)
        assert found.problem is not None

    def test_a_log_that_cannot_be_read_says_nothing_of_the_database(self, path, database):
        path.with_name("orders.2026-11-23.1.jsonl").mkdir(parents=True)
        found = compare_with_database(path, database)
        assert (found.match, found.is_damage) == (LogMatch.UNREADABLE, False)
        assert "Is a directory; check its folder and disk" in (found.problem or "")

    def test_a_folder_that_is_none_says_nothing_of_the_database(self, path, database):
        path.parent.write_bytes(b"")
        found = compare_with_database(path, database)
        assert (found.match, found.log) == (LogMatch.UNREADABLE, ChainHead.genesis())
        assert f"cannot read the audit log {path.parent}: Not a directory" in (found.problem or "")

    def test_an_empty_live_file_ends_where_the_finished_one_does(self, path, database):
        log_at(path, database).append(database.commit(intended("a")))
        path.rename(path.with_name("orders.2026-11-23.1.jsonl"))
        path.touch()
        assert compare_with_database(path, database).match is LogMatch.AGREES

    def test_a_line_that_is_being_written_is_not_the_end(self, path, database):
        log = log_at(path, database)
        log.append(database.commit(intended("a"), intended("b")))
        path.write_bytes(path.read_bytes()[:-5])
        assert compare_with_database(path, database).log == ChainHead(
            seq=1, hash=replace(database.records[0].record).hash
        )


class TestReading:
    """The records of a log, by nothing but its files."""

    def test_all_of_a_whole_log_are_read_across_its_files(self, path, database):
        log = log_at(path, database, max_bytes=FULL_AT)
        updated = told(EventKind.ORDER_UPDATED, "of-no-intent-here")
        log.append(database.commit(updated, *(intended(f"order-{number}") for number in range(12))))
        assert len(log_files(path)) > 2
        assert list(logged_records(path)) == [sealed.record for sealed in database.records]

    def test_of_one_whose_oldest_file_is_gone_those_of_orders_that_began_later(self, path, database):
        log = log_at(path, database)
        log.append(database.commit(intended("old")))
        database.now = MONDAY + timedelta(days=1)
        old, new = told(EventKind.ORDER_UPDATED, "old"), told(EventKind.ORDER_UPDATED, "new")
        log.append(database.commit(old, intended("new"), new, OrderEvent(event=EventKind.SESSION_STARTED)))
        log_files(path)[0].unlink()
        assert [record.seq for record in logged_records(path)] == [3, 4, 5]

    def test_a_line_less_ends_the_reading(self, path, database):
        log_at(path, database).append(database.commit(intended("a"), intended("b"), intended("c")))
        path.write_bytes(database.records[0].line + database.records[2].line)
        with pytest.raises(BadRecordError, match="record 3 does not follow record 1"):
            list(logged_records(path))

    def test_a_file_that_cannot_be_read_is_named_with_what_to_check(self, path):
        finished = path.with_name("orders.2026-11-23.1.jsonl")
        finished.mkdir(parents=True)
        with pytest.raises(OrderLogError, match=f"cannot read the audit log {finished}: .* check its folder and disk"):
            list(logged_records(path))


class TestWhoseLog:
    """It is named by the account's last digits alone, so two accounts may have one name."""

    def compared(self, path: Path, database: StoredRecords, *, key: str) -> str | None:
        ours = JournalIdentity(mode=ExecutionMode.PAPER, account_key=key, account_suffix="0001")
        return AuditLog(path=path, max_bytes=10**6, files=LocalFiles(), identity=ours).compare(database)

    def begun(self, path: Path) -> StoredRecords:
        """A log of three records, and another database that has only two."""
        database = StoredRecords()
        opened = OrderEvent(event=EventKind.JOURNAL_OPENED, details={"account_key": "theirs"})
        log_at(path, database).append(database.commit(opened, intended("a"), intended("b")))
        other = StoredRecords()
        other.commit(intended("x"), intended("y"))
        return other

    def test_one_that_begins_as_another_accounts_is_refused_by_name_and_not_called_damaged(self, path):
        with pytest.raises(OrderLogError, match=r"belongs to another account whose number ends alike; .* logs_dir"):
            self.compared(path, self.begun(path), key="ours")

    def test_one_that_begins_as_this_accounts_and_does_not_fit_is_damage(self, path):
        assert "is in the audit log" in (self.compared(path, self.begun(path), key="theirs") or "")

    def test_so_is_one_whose_beginning_says_nothing(self, path):
        database = self.begun(path)
        path.write_bytes(b"rubbish" + path.read_bytes())
        assert "is in the audit log" in (self.compared(path, database, key="ours") or "")
