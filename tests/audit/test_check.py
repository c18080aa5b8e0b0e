"""Verifying a journal from the outside."""

import pytest

from tests.support.order_story import Story, intended
from trading_bot.audit.check import verdict_on
from trading_bot.order_management.exceptions import OrderLogError


@pytest.fixture
def story() -> Story:
    return Story(intended("a"), intended("b"))


def test_a_whole_chain_is_good_and_its_head_is_told(tmp_path, story):
    (tmp_path / "j").write_bytes(story.lines())
    verdict = verdict_on(tmp_path / "j")
    last = story.records[-1]
    assert (verdict.ok, verdict.records, verdict.problem) == (True, 2, None)
    assert (verdict.head, verdict.last_at) == (last.hash, last.ts)


def test_a_changed_record_is_named(tmp_path, story):
    (tmp_path / "j").write_bytes(story.lines().replace(b"AAPL", b"MSFT", 1))
    verdict = verdict_on(tmp_path / "j")
    assert (verdict.ok, verdict.records) == (False, 0)
    assert "record 1 is bad" in str(verdict.problem)


def test_an_unfinished_end_may_only_be_a_bot_at_work(tmp_path, story):
    (tmp_path / "j").write_bytes(story.lines()[:-10])
    verdict = verdict_on(tmp_path / "j")
    assert (verdict.ok, verdict.records) == (False, 1)
    assert "may be writing it just now" in str(verdict.problem)


def test_a_journal_that_was_never_begun_has_no_bad_record(tmp_path):
    verdict = verdict_on(tmp_path / "none")
    assert (verdict.ok, verdict.records, verdict.last_at) == (True, 0, None)


def test_a_journal_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(OrderLogError, match="cannot read the journal"):
        verdict_on(tmp_path)


def test_what_a_failed_journal_was_continued_in_is_part_of_the_chain(tmp_path, story):
    first, second = story.lines().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(first)
    (tmp_path / "j.continued-2").write_bytes(second)
    verdict = verdict_on(tmp_path / "j")
    assert (verdict.ok, verdict.records, verdict.head) == (True, 2, story.records[-1].hash)


def test_a_continuation_without_the_record_before_it_is_named(tmp_path, story):
    _, second = story.lines().splitlines(keepends=True)
    (tmp_path / "j.continued-2").write_bytes(second)
    verdict = verdict_on(tmp_path / "j")
    assert not verdict.ok
    assert verdict.problem == "record 1 is missing between it and j.continued-2"
