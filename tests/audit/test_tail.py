"""Reading a journal that somebody else is writing."""

import pytest

from tests.support.order_story import Story, intended
from trading_bot.audit.tail import JournalTail
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError


@pytest.fixture
def lines() -> bytes:
    return Story(intended("a"), intended("b"), intended("c")).lines()


def names(records) -> list[str]:
    return [record.fact.client_order_id for record in records]


def test_each_record_is_returned_once(tmp_path, lines):
    path = tmp_path / "orders.jsonl"
    first, second, third = lines.splitlines(keepends=True)
    path.write_bytes(first)
    tail = JournalTail(path)
    assert names(tail.read()) == ["a"]
    assert tail.read() == ()
    path.write_bytes(first + second + third)
    assert names(tail.read()) == ["b", "c"]


def test_a_line_that_is_still_being_written_waits_for_its_end(tmp_path, lines):
    path = tmp_path / "orders.jsonl"
    first, second, _ = lines.splitlines(keepends=True)
    path.write_bytes(first + second[:40])
    tail = JournalTail(path)
    assert names(tail.read()) == ["a"]
    path.write_bytes(first + second)
    assert names(tail.read()) == ["b"]


def test_a_line_that_does_not_follow_is_damage(tmp_path, lines):
    path = tmp_path / "orders.jsonl"
    first, _, third = lines.splitlines(keepends=True)
    path.write_bytes(first + third)
    with pytest.raises(OrderLogDamagedError, match=r"record 2 .* audit verify"):
        JournalTail(path).read()


def test_a_journal_that_became_shorter_is_reported(tmp_path, lines):
    path = tmp_path / "orders.jsonl"
    path.write_bytes(lines)
    tail = JournalTail(path)
    tail.read()
    path.write_bytes(lines.splitlines(keepends=True)[0])
    with pytest.raises(OrderLogError, match="became shorter"):
        tail.read()


def test_a_journal_that_cannot_be_read_is_reported(tmp_path):
    with pytest.raises(OrderLogError, match="cannot read the journal"):
        JournalTail(tmp_path / "missing.jsonl").read()


def test_what_a_failed_journal_was_continued_in_is_told_and_told_once(tmp_path, lines):
    path, beside = tmp_path / "orders.jsonl", tmp_path / "orders.jsonl.continued-2"
    first, second, third = lines.splitlines(keepends=True)
    path.write_bytes(first)
    tail = JournalTail(path)
    assert names(tail.read()) == ["a"]
    beside.write_bytes(second)
    assert names(tail.read()) == ["b"]
    assert tail.read() == ()
    path.write_bytes(first + second)
    assert tail.read() == ()
    beside.unlink()
    path.write_bytes(first + second + third)
    assert names(tail.read()) == ["c"]


def test_a_journal_that_cannot_be_continued_is_told_as_far_as_it_goes(tmp_path, lines):
    path = tmp_path / "orders.jsonl"
    first, _, third = lines.splitlines(keepends=True)
    path.write_bytes(first)
    (tmp_path / "orders.jsonl.continued-3").write_bytes(third)
    assert names(JournalTail(path).read()) == ["a"]
