"""A journal that hangs holds up neither the first cancel nor the verdict."""

import threading
from pathlib import Path

import pytest

from tests.support.kill_fakes import KillBench, open_order
from tests.support.order_story import Story, intended, now_in, order_id_of, ref_of
from trading_bot.kill.patience import LongRead, PatientJournal
from trading_bot.kill.register import KnownOrders
from trading_bot.order_management.models import OrderState

BRIEFLY_S = 0.05
BOUND_S = 10


class HungJournal:
    """Answers only once it is let go."""

    def __init__(self, known: KnownOrders) -> None:
        self.known = known
        self.goes_on = threading.Event()
        self.reads = 0

    def __call__(self) -> KnownOrders:
        self.reads += 1
        self.goes_on.wait(BOUND_S)
        return self.known


@pytest.fixture
def hung() -> HungJournal:
    story = Story(intended("first"), now_in(OrderState.CONFIRMED, "first", order_id=order_id_of("first")))
    return HungJournal(KnownOrders(orders=story.book.orders()))


def patient(read, within_s: float = BRIEFLY_S) -> PatientJournal:
    return PatientJournal(read, name="/logs/orders.jsonl", within_s=within_s)


def test_a_journal_that_answers_is_read_afresh_each_time(hung: HungJournal):
    hung.goes_on.set()
    journal = patient(hung, BOUND_S)
    assert journal() == hung.known
    assert journal() == hung.known
    assert hung.reads == 2


def test_a_journal_that_hangs_is_given_up_for_now_and_says_so(hung: HungJournal):
    journal = patient(hung)
    known = journal()
    hung.goes_on.set()
    assert known.is_late
    assert known.to_cancel() is None
    assert (known.problem or "").startswith("the journal /logs/orders.jsonl could not be read within")


def test_its_late_answer_is_taken_and_no_second_read_is_begun_meanwhile(hung: HungJournal):
    journal = patient(hung)
    journal()
    assert "has not been read" in (journal().problem or "")
    assert hung.reads == 1
    late = journal._late
    assert late is not None
    hung.goes_on.set()
    late.outcome(BOUND_S)
    assert journal() == hung.known
    assert hung.reads == 1
    assert journal() == hung.known
    assert hung.reads == 2, "from then on it is read afresh"


def test_a_read_that_fails_unforeseen_is_told_and_ends_nothing():
    def fails() -> KnownOrders:
        raise MemoryError("too long")

    known = patient(fails, BOUND_S)()
    assert not known.is_late
    assert "fails: too long" in (known.problem or "")


def test_a_long_read_gives_back_what_was_raised():
    error = ValueError("no")

    def fails() -> None:
        raise error

    reading = LongRead(fails)
    assert reading.outcome(BOUND_S) is error
    assert reading.is_done


def test_a_kill_cancels_without_the_journal_and_takes_it_up_when_it_comes(tmp_path: Path, hung: HungJournal):
    bench = KillBench(folder=tmp_path / "kills")
    bench.broker.add(open_order("a"), open_order(order_id_of("first"), ref_id=None))
    bench.knows_ours = False
    bench.known = KnownOrders(problem="it hangs", is_late=True)
    bench.broker.at(3, lambda: setattr(bench, "known", hung.known))
    report = bench.kill()
    assert bench.broker.asked == [["a"], [order_id_of("first")]]
    assert {order.client_order_id for order in report.orders} == {None, "first"}
    assert ref_of("first") not in {order.ref_id for order in report.unjournaled}
