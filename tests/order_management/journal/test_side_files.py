"""Files beside the journal, for what cannot go into it."""

import errno
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.order_story import MONDAY, Story, booked, fill, intended, told
from trading_bot.clock import VirtualClock
from trading_bot.files import Descriptor, FileSystem, LocalFiles
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.journal.side_files import (
    SPACE_BYTES,
    SideFile,
    SideLine,
    SideName,
    line_in,
    read_side,
)

NAME = "20261123T150000.000000Z-session_1-4711.jsonl"


class Surroundings:
    def __init__(self, folder: Path, files: FileSystem) -> None:
        self.folder = folder
        self.files = files
        self.pid = 4711
        self.clock = VirtualClock(MONDAY)

    def side(self, *, space_bytes: int = 4096) -> SideFile:
        return SideFile(
            folder=self.folder,
            session_id="session-1",
            files=self.files,
            clock=self.clock,
            process_id=lambda: self.pid,
            space_bytes=space_bytes,
        )

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def around(tmp_path) -> Surroundings:
    return Surroundings(tmp_path / "state" / "side", FaultyFiles())


@pytest.fixture
def files(around) -> FaultyFiles:
    assert isinstance(around.files, FaultyFiles)
    return around.files


def facts() -> list[JournalRecord]:
    """An intent that was committed, and two facts that followed it."""
    return Story(intended(), booked(fill(1, 4)), booked(fill(2, 6))).records


def unasked(record: JournalRecord) -> JournalRecord:
    """A record that the journal was never asked to store: it has no hash."""
    return replace(record, prev="", hash="")


def lines(path: Path) -> list[SideLine]:
    content = read_side(path.read_bytes())
    assert content.problem is None
    return [line_in(record) for record in content.records]


def test_it_is_private_named_for_its_process_and_has_its_space_at_once(around):
    side = around.side(space_bytes=SPACE_BYTES)
    assert side.open()
    assert side.path == around.folder / NAME
    assert stat.S_IMODE(side.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(around.folder.stat().st_mode) == 0o700
    assert side.path.stat().st_size == SPACE_BYTES
    assert side.path.stat().st_blocks * 512 >= SPACE_BYTES


def test_opening_it_twice_changes_nothing(around):
    side = around.side()
    assert side.open()
    assert side.open()
    assert around.names() == [NAME]


def test_an_unused_file_is_removed(around):
    side = around.side()
    side.open()
    side.close()
    assert around.names() == []


def test_a_file_that_was_never_opened_closes_quietly(around):
    around.side().close()
    assert not around.folder.exists()


def test_a_fact_keeps_its_time_its_session_and_all_that_it_says(around):
    record = facts()[1]
    side = around.side()
    side.open()
    side.write(unasked(record))
    side.close()
    (line,) = lines(around.folder / NAME)
    assert (line.fact, line.ts, line.mono, line.session_id) == (
        record.fact,
        record.ts,
        record.mono,
        record.session_id,
    )
    assert line.stored_as is None


def test_a_record_of_a_failed_commit_keeps_the_place_that_it_was_to_have(around):
    record = facts()[1]
    side = around.side()
    side.write(record)
    (line,) = lines(around.folder / NAME)
    assert line.stored_as is not None
    assert (line.stored_as.seq, line.stored_as.hash) == (record.seq, record.hash)
    assert line.fact == record.fact


def test_each_line_is_flushed_before_the_next(around, files):
    side = around.side()
    side.open()
    files.calls.clear()
    for record in facts():
        side.write(record)
    assert files.calls == ["sync"] * 3
    assert side.problem is None


def test_facts_fit_on_a_full_disk(around, files):
    side = around.side(space_bytes=SPACE_BYTES)
    side.open()
    files.fail("create", errno.ENOSPC)
    for record in facts():
        side.write(record)
    assert side.problem is None
    assert side.path is not None
    assert side.path.stat().st_size == SPACE_BYTES
    assert len(lines(side.path)) == 3


def test_what_does_not_fit_makes_the_file_longer(around):
    side = around.side(space_bytes=100)
    side.open()
    for record in facts():
        side.write(record)
    assert len(lines(around.folder / NAME)) == 3


def test_a_disk_without_the_space_takes_lines_all_the_same_once_it_can(around, files):
    side = around.side()
    files.fail("create", errno.ENOSPC)
    assert not side.open()
    assert "No space left" in (side.problem or "")
    assert around.names() == []
    files.heal()
    side.write(facts()[1])
    assert side.problem is None
    assert len(lines(around.folder / NAME)) == 1


@pytest.mark.parametrize("fault", ["sync", "write_at"])
def test_a_line_that_failed_goes_into_another_file(around, files, fault):
    side = around.side()
    side.open()
    side.write(facts()[1])
    files.fail_once(fault, errno.EIO)
    side.write(facts()[2])
    assert side.problem is None
    assert side.path == around.folder / NAME.replace("4711", "4711-2")
    assert lines(side.path)[0].fact == facts()[2].fact
    assert lines(around.folder / NAME)[0].fact == facts()[1].fact


def test_a_line_that_is_written_in_part_goes_into_another_file(around, files):
    side = around.side()
    side.open()
    side.write(facts()[1])
    files.takes_only_once = 9
    side.write(facts()[2])
    assert side.problem is None
    assert [line.fact for line in lines(around.folder / NAME.replace("4711", "4711-2"))] == [facts()[2].fact]
    content = read_side((around.folder / NAME).read_bytes())
    assert (len(content.records), content.is_torn) == (1, True)


def test_a_disk_that_takes_nothing_is_reported_and_stops_no_caller(around, files):
    side = around.side()
    side.open()
    files.fail("write_at", errno.EIO)
    side.write(facts()[1])
    assert "Input/output error" in (side.problem or "")
    files.heal()
    side.write(facts()[2])
    assert side.problem is None


def test_a_first_line_that_failed_is_kept_for_the_next_start_to_look_at(around, files):
    side = around.side()
    side.open()
    files.fail_once("sync", errno.EIO)
    side.write(facts()[1])
    assert around.names() == sorted([NAME, NAME.replace("4711", "4711-2")])


def test_a_line_that_is_too_long_is_reported(around):
    record = facts()[1]
    long = replace(record, fact=replace(record.fact, details={str(n): "x" * 2048 for n in range(40)}))
    side = around.side()
    side.write(long)
    assert "longer than" in (side.problem or "")


def test_an_interrupted_write_stays_the_last_of_its_file(around):
    class Interrupted(FaultyFiles):
        is_on = True

        def sync(self, descriptor: Descriptor) -> None:
            if self.is_on and self.calls.count("sync") == 2:
                self.is_on = False
                raise KeyboardInterrupt
            super().sync(descriptor)

    around.files = Interrupted()
    side = around.side()
    side.write(facts()[1])
    with pytest.raises(KeyboardInterrupt):
        side.write(facts()[2])
    side.write(facts()[2])
    assert side.path == around.folder / NAME.replace("4711", "4711-2")
    assert side.problem is None


def test_a_forked_child_writes_nothing_and_removes_nothing(around):
    side = around.side()
    side.open()
    around.pid = 4712
    assert not side.open()
    side.write(facts()[1])
    side.close()
    assert around.names() == [NAME]
    assert not (around.folder / NAME).read_bytes().strip(b"\0")


def test_an_unused_file_that_cannot_be_removed_is_left(around, files):
    side = around.side()
    side.open()
    files.fail("read", errno.EIO)
    side.close()
    assert around.names() == [NAME]


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, str]]]:
    return [(record.levelname, record.msg) for record in caplog.records if isinstance(record.msg, dict)]


def test_a_line_that_is_not_on_disk_is_logged_with_its_file_and_why(around, files, caplog):
    side = around.side()
    side.open()
    files.fail("sync", errno.EIO)
    side.write(facts()[1])
    (level, told), *_ = logged(caplog)
    assert (level, told["event"], told["path"]) == ("ERROR", "side_file_failed", str(around.folder / NAME))
    assert "Input/output error" in told["problem"]


def test_what_a_forked_child_may_not_do_is_logged(around, caplog):
    side = around.side()
    around.pid = 4712
    side.write(facts()[1])
    assert [(level, told["event"]) for level, told in logged(caplog)] == [("ERROR", "side_file_refused")]


def test_an_unused_file_that_stays_is_logged(around, files, caplog):
    side = around.side()
    side.open()
    files.fail("read", errno.EIO)
    side.close()
    assert [(level, told["event"]) for level, told in logged(caplog)] == [("WARNING", "side_file_not_removed")]


def test_the_space_of_a_file_is_a_quarter_of_a_mebibyte():
    assert SPACE_BYTES == 1024 * 1024 / 4


# Reading.


def whole(around: Surroundings) -> bytes:
    side = around.side()
    for record in facts():
        side.write(record)
    side.close()
    return (around.folder / NAME).read_bytes()


def test_an_empty_file_and_one_of_space_alone_hold_nothing():
    assert read_side(b"").records == read_side(b"\0" * 100).records == ()
    assert read_side(b"\0" * 100).problem is None


def test_every_cut_within_a_line_is_a_torn_end(around):
    data = whole(around)
    ends = [place + 1 for place, byte in enumerate(data) if byte == ord("\n")]
    for size in range(len(data)):
        content = read_side(data[:size] + b"\0" * 50)
        assert len(content.records) == sum(end <= size for end in ends)
        assert (content.problem is None, content.is_torn) == ((True, False) if size in (0, *ends) else (False, True))


def test_every_changed_byte_is_found(around):
    data = whole(around)
    ends = [place + 1 for place, byte in enumerate(data) if byte == ord("\n")]
    for place in range(0, len(data), 7):
        content = read_side(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert content.problem is not None
        assert len(content.records) <= sum(end <= place for end in ends)
        assert content.is_torn == (place >= ends[-2])


def test_an_empty_first_line_is_a_bad_line(around):
    assert "line 1 is bad" in (read_side(b"\n" + whole(around)).problem or "")


def test_a_line_less_is_damage(around):
    first, second, third = whole(around).splitlines(keepends=True)
    assert not read_side(first + third).is_torn
    assert len(read_side(first + third).records) == 1
    assert read_side(second + third).records == ()


def test_the_line_of_another_file_is_damage(around):
    first, *_ = whole(around).splitlines(keepends=True)
    assert read_side(first + first).problem == "line 2 is bad: it is numbered 1 and does not follow record 1"


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "20261123T150000.000000Z-4711.jsonl",
        f"{NAME}.torn",
        f".{NAME}.new",
        NAME.replace("session_1", "a/b"),
    ],
)
def test_other_names_are_no_side_files(name):
    assert SideName.read(name) is None


def test_names_sort_by_time_and_number():
    names = [SideName.read(NAME.replace("4711", end)) for end in ("4711-10", "4711", "4711-2")]
    later = SideName.read(NAME.replace("T15", "T16"))
    assert all(name is not None for name in (*names, later))
    assert [name.number for name in sorted(name for name in (later, *names) if name)] == [1, 2, 10, 1]
    assert later is not None
    assert later.began == datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert str(later) == NAME.replace("T15", "T16")


# The machine's own files.


def test_a_new_file_takes_its_space_and_is_written_in_place(tmp_path):
    files = LocalFiles()
    path = tmp_path / "file"
    descriptor = files.create(path, 100)
    assert path.stat().st_size == 100
    assert files.write_at(descriptor, b"two", 3) == 3
    assert files.write_at(descriptor, b"one", 0) == 3
    files.close(descriptor)
    assert path.read_bytes() == b"onetwo" + bytes(94)
    with pytest.raises(FileExistsError):
        files.create(path, 1)
    assert files.read_part(path, offset=2, size=3) == b"etw"
    assert files.read_part(path, offset=100, size=3) == b""


def test_a_new_file_that_cannot_be_made_whole_is_not_left(tmp_path):
    class Failing(LocalFiles):
        def sync(self, descriptor: Descriptor) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(OSError, match="Input/output"):
        Failing().create(tmp_path / "file", 10)
    assert list(tmp_path.iterdir()) == []


def test_a_kind_of_fact_that_is_no_order_s_own_is_kept_too(around):
    record = Story(intended(), told(EventKind.ANOMALY_FOUND, reason="odd")).records[1]
    around.side().write(record)
    assert lines(around.folder / NAME)[0].fact.reason == "odd"
