"""Verifying a journal against its head as it was noted outside of it."""

import pytest

from tests.support.journal_bench import JournalBench
from tests.support.order_story import intended, now_in
from trading_bot.audit.check import ChainVerdict, verdict_on
from trading_bot.order_management.journal.anchor import HeadAnchor
from trading_bot.order_management.models import OrderState


@pytest.fixture
def desk(tmp_path):
    """A journal that was closed, so its head is noted."""
    found = JournalBench(tmp_path).tell(intended("a"), intended("b"))
    found.close()
    return found


def verdict(desk: JournalBench) -> ChainVerdict:
    return verdict_on(desk.path, anchor=desk.anchor_path)


def test_an_end_that_was_cut_off_is_found(desk):
    """What is left of such a journal is a chain without a fault; only the note outside knows that there was more."""
    assert verdict(desk).ok
    desk.path.write_bytes(b"".join(desk.path.read_bytes().splitlines(keepends=True)[:-1]))
    found = verdict(desk)
    assert (found.ok, found.records) == (False, 2)
    assert found.problem == "it ends at record 2 although 3 were written: its end was cut off"
    assert not desk.history.verify(HeadAnchor(path=desk.anchor_path, files=desk.files)).ok


def test_a_journal_that_was_exchanged_is_found(desk, tmp_path):
    other = JournalBench(tmp_path / "other").tell(intended("x"), intended("y"))
    other.close()
    desk.path.write_bytes(other.path.read_bytes())
    assert "the journal was exchanged" in str(verdict(desk).problem)


def test_a_journal_that_is_gone_is_found(desk):
    desk.path.unlink()
    assert "it ends at record 0 although 3 were written" in str(verdict(desk).problem)


def test_no_note_is_no_error_and_none_is_made(desk):
    """Another user, or a copy of the journal elsewhere, has no state folder."""
    desk.anchor_path.unlink()
    desk.anchor_path.parent.rmdir()
    assert verdict(desk).ok
    assert not desk.anchor_path.parent.exists()


def test_a_note_that_cannot_be_read_is_told(desk):
    desk.anchor_path.write_bytes(b"{")
    found = verdict(desk)
    assert (found.ok, found.records) == (False, 3)
    assert "its records follow from each other" in str(found.problem)
    assert "anchor.json" in str(found.problem)


def test_a_note_older_than_the_live_segment_is_no_alarm(desk):
    noted = desk.anchor_path.read_bytes()
    desk.restart()
    desk.tell(now_in(OrderState.CONFIRMED, "a"))
    desk.keeper.rotate()
    desk.tell(now_in(OrderState.CONFIRMED, "b"))
    desk.close()
    desk.anchor_path.write_bytes(noted)
    assert verdict(desk).ok


def test_the_note_is_read_before_the_journal(desk, monkeypatch):
    """A bot at work appends and then notes: a journal that was read first would seem to be cut off."""
    desk.restart()
    anchor = HeadAnchor(path=desk.anchor_path, files=desk.files)
    real = desk.history._verified

    def while_a_bot_goes_on(anchored):
        found = real(anchored)
        desk.store.record(intended(f"order-{desk.log.head.seq}"))
        desk.log.anchor_head()
        return found

    monkeypatch.setattr(desk.history, "_verified", while_a_bot_goes_on)
    assert [desk.history.verify(anchor).ok for _ in range(3)] == [True] * 3
    desk.close()
