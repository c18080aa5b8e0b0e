"""What an order costs, counted and not timed: hashes, serialisations and commits. `make bench` measures the rest."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from tests.support.fake_gateway import SubmitStep
from tests.support.journal_engines import OURS, SESSION, sealed
from tests.support.manager_bench import ManagerBench
from tests.support.order_story import MONDAY, intended
from trading_bot.clock import VirtualClock
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.journal.identity import first_record
from trading_bot.order_management.journal.port import Commit
from trading_bot.order_management.journal.sqlite import SqliteJournal

_JOURNAL = "order_management/journal/"
_SERIALISES = "_body"


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count what this thread's journal code hashes and serialises in the block."""
    count: Counter[str] = Counter()

    def note(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and getattr(called, "__name__", "") == "openssl_sha256":
            count["hashes"] += _JOURNAL in frame.f_code.co_filename
        elif event == "call" and frame.f_code.co_name == _SERIALISES:
            count["serialisations"] += _JOURNAL in frame.f_code.co_filename

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield count
    finally:
        sys.setprofile(before)


def test_an_order_makes_three_records_and_each_is_serialised_and_hashed_once():
    bench = ManagerBench()
    with counted() as count:
        bench.buy()
    assert bench.journal.kinds[-3:] == [
        EventKind.ORDER_INTENDED,
        EventKind.SUBMIT_ATTEMPTED,
        EventKind.ORDER_ACCEPTED,
    ]
    assert count == {"hashes": 3, "serialisations": 3}


def test_the_database_takes_a_record_as_it_is(tmp_path):
    """Sealing has made its text and its hash; storing it makes neither again."""
    journal = SqliteJournal(
        tmp_path / "journal.sqlite3",
        identity=OURS,
        first_record=lambda: first_record(OURS, clock=VirtualClock(MONDAY), session_id=SESSION),
    )
    journal.open()
    commit = Commit(records=sealed(journal.head, intended()))
    with counted() as count:
        journal.commit(commit)
    journal.close()
    assert count == {}


def test_the_intent_is_committed_before_its_bytes_leave_and_the_rest_after_the_reply():
    bench = ManagerBench()
    begun = len(bench.journal.commits)
    committed: list[int] = []

    def look() -> None:
        committed.append(len(bench.journal.commits) - begun)

    bench.gateway.submits.append(SubmitStep(meanwhile=look, after=look))
    bench.buy()
    assert committed == [1, 1]
    assert len(bench.journal.commits) - begun == 2


@pytest.mark.parametrize("orders", [1, 20])
def test_a_synchronisation_is_one_commit_however_many_orders_changed(orders):
    bench = ManagerBench()
    for number in range(orders):
        bench.buy(f"c{number}", symbol="SYM" + chr(65 + number))
        bench.gateway.orders[-1].fill()
    begun = len(bench.journal.commits)
    bench.sync()
    assert len(bench.journal.commits) - begun == 1
    assert bench.state("c0") == bench.state(f"c{orders - 1}") == "filled"
