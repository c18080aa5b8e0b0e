"""A journal whose end was cut off is found out, up to the last head that was noted outside of it."""

import errno
import json
from datetime import timedelta

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.journal_bench import JournalBench
from tests.support.order_story import intended, now_in, told
from trading_bot.files import LocalFiles
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.anchor import HeadAnchor
from trading_bot.order_management.journal.chain import ChainHead
from trading_bot.order_management.journal.order_log import Integrity
from trading_bot.order_management.models import OrderState

HEAD = ChainHead(seq=7, hash="a" * 64)


@pytest.fixture
def desk(tmp_path):
    found = JournalBench(tmp_path).tell(intended(), now_in(OrderState.CONFIRMED), intended("second"))
    yield found
    found.close()


def noted(desk) -> int:
    seq: int = json.loads(desk.anchor_path.read_bytes())["seq"]
    return seq


def cut(desk, lines: int, more: bytes = b"") -> None:
    desk.close()
    kept = desk.path.read_bytes().splitlines(keepends=True)[:lines]
    desk.path.write_bytes(b"".join(kept) + more)
    desk._build()


def test_a_head_is_read_as_it_was_noted(tmp_path):
    anchor = HeadAnchor(path=tmp_path / "state" / "anchor.json", files=LocalFiles())
    assert anchor.load() is None
    anchor.save(HEAD)
    assert HeadAnchor(path=tmp_path / "state" / "anchor.json", files=LocalFiles()).load() == HEAD
    assert (tmp_path / "state" / "anchor.json").stat().st_mode & 0o777 == 0o600


def test_the_same_head_is_written_once(tmp_path):
    files = FaultyFiles()
    anchor = HeadAnchor(path=tmp_path / "anchor.json", files=files)
    anchor.save(HEAD)
    anchor.save(HEAD)
    assert files.calls.count("replace") == 1


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"v":2,"seq":1,"hash":"a"}',
        b'{"v":1,"seq":"1","hash":"a"}',
        b'{"v":1,"seq":true,"hash":"a"}',
        b'{"v":1,"seq":1,"hash":null}',
        b"\xff",
    ],
    ids=ascii,
)
def test_a_note_that_makes_no_sense_is_never_taken_for_no_note(desk, note):
    desk.close()
    desk.anchor_path.write_bytes(note)
    desk._build()
    with pytest.raises(OrderLogError, match="audit verify"):
        desk.open()
    with pytest.raises(OrderLogError, match="cannot read"):
        desk.tell(intended("third"))


@pytest.mark.parametrize("lines", [0, 1, 3])
@pytest.mark.parametrize("more", [b"", b"half a li", b"\0" * 100])
def test_a_journal_shorter_than_its_noted_head_is_damage_and_left_untouched(desk, lines, more):
    cut(desk, lines, more)
    data = desk.path.read_bytes()
    found = desk.open()
    assert found.integrity is Integrity.DAMAGED
    assert found.problem == f"it ends at record {lines} although 4 were written: its end was cut off"
    with pytest.raises(OrderLogDamagedError, match="only cancels are possible"):
        desk.tell(intended("third"))
    assert desk.path.read_bytes() == data


def test_another_record_than_the_noted_one_is_damage(desk):
    other = JournalBench(desk.folder / "other", clock=desk.clock)
    other.tell(intended("x"), intended("y"), intended("z"), intended("w"))
    other.close()
    desk.close()
    desk.path.write_bytes(other.path.read_bytes())
    desk._build()
    assert "record 4 is not the one that was written" in desk.open().problem


def test_another_record_just_before_the_live_segment_is_damage(desk):
    desk.keeper.rotate()
    desk.close()
    HeadAnchor(path=desk.anchor_path, files=LocalFiles()).save(ChainHead(seq=4, hash="b" * 64))
    desk._build()
    assert "record 4 is not the one" in desk.open().problem


def test_a_head_noted_before_a_rotation_is_no_damage(desk):
    """A crash between a rotation and its note leaves the older one."""
    desk.close()
    older = desk.anchor_path.read_bytes()
    for _ in range(2):
        desk._build()
        desk.open()
        desk.keeper.rotate()
        desk.close()
    desk.anchor_path.write_bytes(older)
    desk._build()
    assert desk.open().ok


def test_a_torn_end_behind_the_noted_head_is_only_torn(desk):
    desk.close()
    with desk.path.open("ab") as file:
        file.write(b"half a line")
    desk._build()
    assert desk.open().integrity is Integrity.TORN
    assert noted(desk) == 5


def test_the_head_is_noted_at_opening_rotation_and_closing(tmp_path):
    desk = JournalBench(tmp_path)
    assert noted(desk) == 1
    desk.tell(intended())
    desk.keeper.rotate()
    assert noted(desk) == desk.log.head.seq
    desk.tell(told(EventKind.ANOMALY_FOUND, reason="odd"))
    desk.close()
    assert noted(desk) == desk.log.head.seq


def test_the_head_is_noted_every_few_seconds_while_orders_change(desk):
    before = noted(desk)
    desk.store.record(now_in(OrderState.PENDING_CANCEL))
    assert noted(desk) == before
    desk.clock.sleep(5)
    desk.store.record(now_in(OrderState.CANCELLED))
    assert noted(desk) == desk.log.head.seq
    desk.store.record(now_in(OrderState.CONFIRMED, "second"))
    assert noted(desk) == desk.log.head.seq - 1


def test_no_intent_waits_for_the_note(desk):
    before = noted(desk)
    desk.clock.sleep(60)
    desk.store.record(intended("third"))
    desk.store.record(told(EventKind.SUBMIT_ATTEMPTED, "third", attempt=1))
    assert noted(desk) == before


def test_the_note_never_runs_ahead_of_what_was_flushed(tmp_path):
    """A power loss may take what was not flushed; that is no cut."""
    files = FaultyFiles()
    desk = JournalBench(tmp_path, files=files).tell(intended())
    flushed = desk.log.head.seq
    desk.clock.sleep(60)
    desk.store.record(told(EventKind.CANCEL_ANSWERED))
    assert desk.log.head.seq == flushed + 1
    assert noted(desk) == flushed
    desk.close()


def test_a_note_that_cannot_be_written_stops_nothing(tmp_path):
    files = FaultyFiles()
    desk = JournalBench(tmp_path, files=files).tell(intended())
    files.fail("replace", errno.EROFS)
    desk.clock.sleep(60)
    desk.tell(now_in(OrderState.CONFIRMED))
    desk.keeper.rotate()
    files.heal()
    desk.clock.sleep(60)
    desk.tell(now_in(OrderState.PENDING_CANCEL))
    assert noted(desk) == desk.log.head.seq
    desk.close()


def test_a_journal_without_a_note_opens(desk):
    desk.close()
    desk.anchor_path.unlink()
    desk._build()
    assert desk.open().ok
    assert noted(desk) == 4


def test_a_cut_behind_the_last_note_goes_unseen(desk):
    """What this cannot do: said here so that nobody believes otherwise."""
    desk.clock.sleep(timedelta(days=0, seconds=1).total_seconds())
    desk.close()
    seq = noted(desk)
    note = desk.anchor_path.read_bytes()
    desk._build()
    desk.open()
    desk.store.record(now_in(OrderState.PENDING_CANCEL))
    cut(desk, seq)
    desk.anchor_path.write_bytes(note)
    assert desk.open().ok


def test_a_closed_journal_notes_nothing_more(desk):
    desk.log.append(told(EventKind.SUBMIT_ATTEMPTED, attempt=1))
    desk.close()
    desk.log.anchor_head()
    assert noted(desk) == desk.log.head.seq
