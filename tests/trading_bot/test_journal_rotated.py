"""Those who read the journal from the outside see all of it, whatever was rotated meanwhile."""

import pytest

from tests.support.journal_bench import JournalBench
from tests.support.order_story import intended, now_in
from trading_bot.audit.check import verdict_on
from trading_bot.audit.tail import JournalTail
from trading_bot.order_management.models import OrderState


@pytest.fixture
def desk(tmp_path):
    found = JournalBench(tmp_path).tell(intended(), now_in(OrderState.CONFIRMED))
    yield found
    found.close()


def seqs(records) -> list[int]:
    return [record.seq for record in records]


def test_a_tail_begins_with_the_first_record_of_the_first_segment(desk):
    desk.keeper.rotate()
    desk.tell(intended("second"))
    desk.keeper.rotate()
    assert seqs(JournalTail(desk.path).read()) == list(range(1, desk.log.head.seq + 1))


@pytest.mark.parametrize("rotations", [1, 2])
def test_a_tail_misses_nothing_and_repeats_nothing_over_a_rotation(desk, rotations):
    tail = JournalTail(desk.path)
    assert seqs(tail.read()) == [1, 2, 3]
    for number in range(rotations):
        desk.tell(intended(f"more-{number}"))
        desk.keeper.rotate()
    desk.tell(intended("last"))
    assert seqs(tail.read()) == list(range(4, desk.log.head.seq + 1))
    desk.tell(now_in(OrderState.CONFIRMED, "last"))
    assert seqs(tail.read()) == [desk.log.head.seq]


def test_the_check_covers_every_segment(desk):
    desk.keeper.rotate()
    verdict = verdict_on(desk.path)
    assert (verdict.ok, verdict.records, verdict.head) == (True, desk.log.head.seq, desk.log.head.hash)
    desk.path.with_name("orders.2026-11-23.1.jsonl").unlink()
    verdict = verdict_on(desk.path)
    assert not verdict.ok
    assert verdict.problem is not None
    assert "is missing; put it back from a copy" in verdict.problem
