"""What a transaction of the journal holds, what of it the journal may refuse, and what is kept aside."""

from decimal import Decimal

import pytest

from tests.support.manager_bench import MONDAY, BenchJournal, KeptAside
from tests.support.order_story import intended, told
from trading_bot.clock import VirtualClock
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import numbered
from trading_bot.order_management.journal.port import KeyTakenError, OrderKey, OrderKeyKind, Pointer
from trading_bot.order_management.journal.record_writer import Batch, RecordWriter, Staged

NAME = OrderKeyKind.CLIENT_ORDER_ID


class Bench:
    def __init__(self) -> None:
        self.journal = BenchJournal(VirtualClock(MONDAY))
        self.side = KeptAside()
        self.writer = RecordWriter(self.journal, side=self.side)
        self.writer.begin(self.journal.open().head)

    def staged(self, event: OrderEvent, seq: int, *names: str, is_intent: bool = False) -> Staged:
        record = numbered(event, seq=seq, ts=MONDAY, mono=Decimal(1), session_id="s1")
        return Staged(record=record, names=tuple((NAME, name) for name in names), is_intent=is_intent)

    def write(self, *staged: Staged, standing: tuple[Pointer, ...] = ()) -> list[EventKind]:
        sealed = self.writer.write(Batch(staged=staged, standing=standing, ended=()))
        return [one.record.fact.event for one in sealed]


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


def test_records_are_chained_behind_the_journals_head_and_name_their_orders():
    bench = Bench()
    assert bench.write(bench.staged(intended("a"), 2, "a"), bench.staged(told(EventKind.ORDER_UPDATED, "a"), 3)) == [
        EventKind.ORDER_INTENDED,
        EventKind.ORDER_UPDATED,
    ]
    bench.write(bench.staged(intended("b"), 4, "b"))
    assert [record.seq for record in bench.journal.records] == [2, 3, 4]
    assert bench.journal.storage.order_keys == {(NAME, "a"): 2, (NAME, "b"): 4}


def test_an_intent_whose_name_is_taken_leaves_a_refusal_and_what_stands_for_the_others():
    bench = Bench()
    bench.write(bench.staged(intended("a"), 2, "a"))
    kept, dropped = (Pointer(kind="order", key=f"{seq}", seq=seq) for seq in (3, 4))
    fact = bench.staged(told(EventKind.ORDER_UPDATED, "a"), 3)
    with pytest.raises(KeyTakenError):
        bench.write(fact, bench.staged(intended("b"), 4, "a", is_intent=True), standing=(kept, dropped))
    refused = bench.journal.records[-1]
    assert (refused.seq, refused.fact.event) == (4, EventKind.RECORD_REFUSED)
    assert refused.fact.details == {"refused": "order_intended", "client_order_id": "b"}
    assert bench.journal.storage.standing == {kept}
    assert bench.writer.failure is None


def test_a_fact_whose_name_is_taken_is_stored_without_it_and_that_is_logged(caplog):
    bench = Bench()
    bench.write(bench.staged(intended("a"), 2, "a"))
    assert bench.write(bench.staged(told(EventKind.ORDER_ADOPTED, "b"), 3, "a", "b")) == [EventKind.ORDER_ADOPTED]
    assert bench.journal.storage.order_keys == {(NAME, "a"): 2, (NAME, "b"): 3}
    (line,) = logged(caplog)
    assert (line["event"], line["client_order_id"]) == ("name_taken", "b")
    assert "a" in line["problem"]


def test_what_the_journal_does_not_take_is_kept_aside_and_so_is_all_that_follows():
    bench = Bench()
    bench.journal.broken = True
    with pytest.raises(OrderLogError, match="no space left"):
        bench.write(bench.staged(told(EventKind.ORDER_UPDATED), 2))
    bench.journal.broken = False
    with pytest.raises(OrderLogError, match="no space left"):
        bench.write(bench.staged(told(EventKind.ORDER_UPDATED), 3))
    assert [record.seq for record in bench.side.facts] == [2, 3]
    assert [bool(record.hash) for record in bench.side.facts] == [True, False]


def test_what_is_not_kept_aside_either_is_logged_by_kind_with_the_problem(caplog):
    bench = Bench()
    bench.journal.broken = bench.side.is_full = True
    with pytest.raises(OrderLogError):
        bench.write(bench.staged(told(EventKind.ORDER_UPDATED), 2))
    assert logged(caplog) == [
        {"event": "side_file_failed", "reason": "order_updated", "problem": "no space left on device"}
    ]


@pytest.mark.parametrize(("kind", "named"), [(NAME, "a"), (OrderKeyKind.REF_ID, None), (OrderKeyKind.ORDER_ID, None)])
def test_a_taken_name_is_a_client_order_id_only_if_it_is_of_that_kind(kind: OrderKeyKind, named: str | None):
    taken = KeyTakenError("the name is taken", taken=OrderKey(kind=kind, key="a", seq=2))
    assert (taken.client_order_id, taken.taken.key) == (named, "a")
