"""The journal rotates without forgetting: a segment ends, the next one tells what still counts."""

import errno
import json
import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.journal_bench import JournalBench
from tests.support.order_story import booked, fill, intended, now_in, order_id_of, ref_of, told
from trading_bot.order_management.book.anomalies import anomaly_in_words
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.order_log import Integrity, scan
from trading_bot.order_management.journal.segments import finished_name, finished_number
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, Side

FIRST = ClientOrderId("first")
FILLED = now_in(OrderState.FILLED, filled_quantity=Decimal(10), order_id=order_id_of("first"))
FROZEN = OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="MSFT", reason="terms differ")
HALTED = OrderEvent(event=EventKind.TRADING_HALTED, reason="a unjournaled")
KILLED = OrderEvent(event=EventKind.KILL_IMPORTED, reason="killed", details={"file": "k1.jsonl"})
TWO_DAYS = timedelta(days=2)
WINDOW = timedelta(seconds=60)
ASKED = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.00"))


@pytest.fixture
def desk(tmp_path):
    """A journal with one filled order and one open one."""
    found = JournalBench(tmp_path)
    found.tell(intended(), booked(fill(1, 10)), FILLED, intended("second"), now_in(OrderState.CONFIRMED, "second"))
    yield found
    found.close()


def names(orders) -> list[str]:
    return [order.client_order_id for order in orders]


def test_the_live_file_keeps_its_name_and_the_finished_one_gets_day_and_number(desk):
    before = desk.path.read_bytes()
    assert desk.keeper.rotate() == "orders.2026-11-23.1.jsonl"
    assert desk.segments() == ["orders.2026-11-23.1.jsonl", "orders.jsonl"]
    assert desk.path.with_name("orders.2026-11-23.1.jsonl").read_bytes() == before
    desk.keeper.rotate()
    assert desk.segments()[:2] == ["orders.2026-11-23.1.jsonl", "orders.2026-11-23.2.jsonl"]


def test_the_chain_goes_on_from_the_last_record(desk):
    head = desk.log.head
    name = desk.keeper.rotate()
    found = scan(desk.path.read_bytes())
    assert found.ok
    assert found.link is not None
    assert (found.link.name, found.link.head, found.number) == (name, head, 2)
    assert (found.records[0].seq, found.records[0].prev) == (head.seq + 1, head.hash)
    assert found.head == desk.log.head
    assert desk.history.verify().ok


@pytest.mark.parametrize("restarted", [False, True])
def test_open_and_recent_orders_are_carried_and_the_book_answers_the_same(desk, restarted):
    desk.tell(FROZEN, HALTED, KILLED)
    before = OrderBook.replayed(desk.history.records())
    now = desk.clock.now()
    desk.keeper.rotate()
    book = desk.restart().book if restarted else desk.book
    assert book == before == desk.whole()
    for question in (OrderBook.orders, OrderBook.active, OrderBook.working, OrderBook.unresolved):
        assert question(book) == question(before)
    assert names(book.pending_on("AAPL", Side.BUY)) == ["second"]
    assert (book.frozen_symbols(), book.halt) == ({"MSFT": "terms differ"}, "a unjournaled")
    # The moment goes with what stands, so that a new segment makes no freeze younger.
    assert [replace(fact, occurred_at=None) for fact in book.standing_facts()] == [FROZEN, HALTED, KILLED]
    assert [freeze.since for freeze in book.freezes()] == [freeze.since for freeze in before.freezes()]
    assert all(freeze.since is not None for freeze in book.freezes())
    desk.tell(now_in(OrderState.CANCELLED, "second"))
    assert book.standing_for(ASKED, now=now, window=WINDOW).client_order_id == "first"


def test_orders_that_were_filled_in_another_order_than_placed_are_still_found_as_duplicates(tmp_path):
    desk = JournalBench(tmp_path).tell(intended("slow", quantity=Decimal(5)), intended(), FILLED)
    desk.clock.sleep(120)
    desk.tell(now_in(OrderState.FILLED, "slow", filled_quantity=Decimal(5)))
    desk.keeper.rotate()
    book = desk.restart().book
    asked = replace(ASKED, quantity=5)
    slow = book.standing_for(asked, now=desk.clock.now(), window=WINDOW)
    assert slow is not None
    assert slow.client_order_id == "slow"
    assert book.standing_for(ASKED, now=desk.clock.now(), window=WINDOW) is None
    first = book.standing_for(ASKED, now=desk.clock.now(), window=timedelta(seconds=200))
    assert first is not None
    assert first.client_order_id == "first"
    desk.close()


def test_what_ended_long_ago_is_left_behind_and_still_known_by_every_name(desk):
    order = desk.book.get(FIRST)
    desk.clock.sleep(TWO_DAYS.total_seconds())
    desk.keeper.rotate()
    book = desk.restart().book
    assert names(book.orders()) == ["second"]
    assert book.get(FIRST) == book.by_ref_id(ref_of("first")) == book.by_order_id(order_id_of("first")) == order
    assert book.by_either_id(order_id_of("first")) == order
    assert book.get(ClientOrderId("third")) is None


def test_orders_that_later_figures_rest_on_are_carried_however_old(tmp_path):
    asked: list[tuple[str, ...]] = []

    def needed(orders, acceptances, since):
        asked.append(tuple(names(orders)))
        return {FIRST}

    desk = JournalBench(tmp_path, needed=needed)
    desk.tell(intended(), FILLED, intended("second"), now_in(OrderState.CANCELLED, "second"))
    desk.clock.sleep(TWO_DAYS.total_seconds())
    desk.keeper.rotate()
    assert names(desk.restart().book.orders()) == ["first"]
    assert asked == [("first", "second")]
    desk.close()


def test_more_is_said_of_an_old_order_only_after_it_was_told_anew(desk):
    """A segment has to be readable without those before it."""
    desk.clock.sleep(TWO_DAYS.total_seconds())
    desk.keeper.rotate()
    desk.restart()
    desk.store.record_fact(told(EventKind.ANOMALY_FOUND, reason="it turned up again"))
    desk.store.record(told(EventKind.ANOMALY_FOUND, reason="and again"))
    said = [
        record.fact.event for record in scan(desk.path.read_bytes()).records if record.fact.client_order_id == FIRST
    ]
    assert said == [EventKind.ORDER_CARRIED, EventKind.ANOMALY_FOUND, EventKind.ANOMALY_FOUND]
    assert {each.evidence for each in desk.restart().book.get(FIRST).anomalies} == {"it turned up again", "and again"}
    assert desk.whole().get(FIRST) == desk.book.get(FIRST)


def test_a_start_reads_the_live_segment_only(desk):
    desk.keeper.rotate()
    desk.close()
    read = []

    class Reading(FaultyFiles):
        def read(self, path):
            read.append(path.name)
            return super().read(path)

    JournalBench(desk.folder, files=Reading(), clock=desk.clock).close()
    assert read == ["orders.jsonl", "anchor.json"]


# When.


def test_a_segment_ends_at_its_size_and_what_was_carried_into_it_does_not_count(tmp_path):
    desk = JournalBench(tmp_path, max_bytes=4000)
    for number in range(40):
        desk.tell(intended(f"order-{number}"), now_in(OrderState.CONFIRMED, f"order-{number}"))
    finished = len(desk.segments()) - 1
    grown = [
        (desk.path.with_name(name).stat().st_size, scan(desk.path.with_name(name).read_bytes()).carried)
        for name in desk.segments()[:-1]
    ]
    assert 3 <= finished <= 10
    assert grown[-1][0] > 2 * 4000  # the carried orders alone are more than that
    assert names(desk.book.orders()) == names(desk.restart().book.orders())
    assert len(desk.segments()) - 1 == finished
    desk.close()


def test_a_segment_ends_with_the_day_in_utc(tmp_path):
    desk = JournalBench(tmp_path).tell(intended())
    desk.clock.sleep(timedelta(hours=8, minutes=59).total_seconds())  # it was 15:00
    desk.tell(now_in(OrderState.CONFIRMED))
    assert desk.segments() == ["orders.jsonl"]
    desk.clock.sleep(120)
    desk.tell(now_in(OrderState.PENDING_CANCEL))
    assert desk.segments() == ["orders.2026-11-24.1.jsonl", "orders.jsonl"]
    desk.close()


def test_a_day_without_a_record_makes_no_segment(desk):
    desk.keeper.rotate()
    desk.clock.sleep(TWO_DAYS.total_seconds())
    desk.restart()
    desk.keeper.tend()
    assert len(desk.segments()) == 2


@pytest.mark.parametrize("kind", [EventKind.ORDER_INTENDED, EventKind.SUBMIT_ATTEMPTED])
def test_nothing_is_rotated_between_an_intent_and_its_answer(tmp_path, kind):
    desk = JournalBench(tmp_path, max_bytes=1)
    desk.tell(intended())
    if kind is EventKind.SUBMIT_ATTEMPTED:
        desk.tell(told(kind, attempt=1))
    assert desk.segments() == ["orders.jsonl"]
    desk.tell(now_in(OrderState.CONFIRMED))
    assert len(desk.segments()) == 2
    desk.close()


# When it cannot be.


BEFORE_THE_RENAME = [("write_new", errno.ENOSPC), ("link", errno.EPERM)]


class LinkFaults(FaultyFiles):
    """Also fails the operations of a rotation."""

    def link(self, path, second):
        self._called("link")
        super().link(path, second)

    def rename(self, path, over):
        self._called("rename")
        super().rename(path, over)


class FaultyRunner(JournalBench):
    """On a disk that can be told to fail."""

    files: LinkFaults


def with_faults(tmp_path) -> FaultyRunner:
    return FaultyRunner(tmp_path, files=LinkFaults()).tell(intended(), now_in(OrderState.CONFIRMED))


@pytest.mark.parametrize(("operation", "number"), BEFORE_THE_RENAME)
def test_a_rotation_that_fails_leaves_the_old_segment_going(tmp_path, operation, number):
    desk = with_faults(tmp_path)
    desk.files.fail(operation, number)
    with pytest.raises(OrderLogError, match=r"could not be rotated.*repair the disk"):
        desk.keeper.rotate()
    assert desk.log.refusal is None
    desk.tell(intended("second"))
    desk.files.heal()
    assert desk.keeper.rotate() == "orders.2026-11-23.1.jsonl"
    assert desk.restart().book == desk.whole()
    desk.close()


def test_a_rotation_that_failed_is_left_alone_for_a_while(tmp_path):
    desk = FaultyRunner(tmp_path, files=LinkFaults(), max_bytes=1)
    desk.files.fail("link", errno.EPERM)
    desk.tell(intended(), now_in(OrderState.CONFIRMED), now_in(OrderState.PENDING_CANCEL))
    assert desk.files.calls.count("link") == 1
    desk.files.heal()
    desk.clock.sleep(300)
    desk.tell(now_in(OrderState.CANCELLED))
    assert len(desk.segments()) == 2
    desk.close()


@pytest.mark.parametrize("operation", ["rename", "open_append", "close"])
def test_from_the_rename_on_a_failure_closes_the_journal(tmp_path, operation):
    """Which file is the journal is then for the next start to find out."""
    desk = with_faults(tmp_path)
    desk.files.fail(operation, errno.EIO)
    with pytest.raises(OrderLogError, match="cannot be written"):
        desk.keeper.rotate()
    desk.files.heal()
    with pytest.raises(OrderLogError):
        desk.tell(intended("second"))
    assert JournalBench(tmp_path).book == desk.book


def test_a_segment_that_would_not_tell_the_same_does_not_take_the_journals_place(desk):
    def refuse(records):
        assert records[0].fact.event is EventKind.JOURNAL_OPENED
        raise OrderLogError("not the same")

    with pytest.raises(OrderLogError, match="not the same"):
        desk.log.rotate([], confirm=refuse)
    assert desk.segments() == ["orders.jsonl"]
    desk.tell(intended("third"))


def test_the_keeper_reads_a_segment_back_before_it_counts(desk, monkeypatch):
    broken = desk.book.get(FIRST)
    desk.book._orders[FIRST] = replace(broken, filled_at=broken.filled_at.replace(microsecond=7), executions=())
    desk.book._orders[FIRST] = replace(desk.book._orders[FIRST], anomalies=frozenset({anomaly_in_words("x" * 5000)}))
    with pytest.raises(OrderLogError, match="would not tell the same"):
        desk.keeper.rotate()
    assert desk.segments() == ["orders.jsonl"]


@pytest.mark.parametrize("broken", ["write", "sync"])
def test_a_journal_that_failed_is_not_rotated(tmp_path, broken):
    desk = with_faults(tmp_path)
    desk.files.fail(broken, errno.EIO)
    desk.store.record_fact(now_in(OrderState.PENDING_CANCEL))
    desk.files.heal()
    desk.keeper.tend()
    with pytest.raises(OrderLogError):
        desk.keeper.rotate()
    assert desk.segments() == ["orders.jsonl"]


def test_a_flush_that_fails_before_a_rotation_closes_the_journal(tmp_path):
    desk = with_faults(tmp_path)
    desk.files.fail("sync", errno.EIO)
    with pytest.raises(OrderLogError, match="cannot be written"):
        desk.keeper.rotate()
    assert desk.log.refusal is not None


def test_a_forked_process_may_not_rotate(tmp_path):
    pid = [1]
    desk = JournalBench(tmp_path, process_id=lambda: pid[0]).tell(intended())
    pid[0] = 2
    with pytest.raises(OrderLogError, match="forked process"):
        desk.keeper.rotate()


# What a crash leaves.


def test_a_second_name_left_by_a_crash_is_taken_away(desk):
    desk.close()
    second = desk.path.with_name("orders.2026-11-23.1.jsonl")
    os.link(desk.path, second)
    desk.path.with_name(".orders.jsonl.next").write_bytes(b"half")
    desk.restart()
    assert desk.segments() == ["orders.jsonl"]
    assert not desk.path.with_name(".orders.jsonl.next").exists()
    assert desk.path.stat().st_nlink == 1


def test_a_second_name_of_somebody_elses_making_is_left_and_refused(desk):
    desk.close()
    os.link(desk.path, desk.path.with_name("orders.copy.jsonl"))
    with pytest.raises(OrderLogError, match="not a plain file with one name"):
        desk.restart()
    assert desk.path.with_name("orders.copy.jsonl").exists()


# What is missing.


def rotated_twice(desk: JournalBench) -> JournalBench:
    desk.keeper.rotate()
    desk.tell(intended("third"))
    desk.keeper.rotate()
    desk.close()
    return desk


@pytest.mark.parametrize("number", [1, 2])
def test_a_segment_that_is_gone_is_damage(desk, number):
    rotated_twice(desk)
    desk.path.with_name(f"orders.2026-11-23.{number}.jsonl").rename(desk.folder / "elsewhere")
    desk._build()
    found = desk.open()
    assert (found.integrity, found.problem) == (Integrity.DAMAGED, f"segment {number} of 3 is missing beside it")
    with pytest.raises(OrderLogDamagedError, match="only cancels"):
        desk.tell(intended("fourth"))
    verdict = desk.history.verify()
    assert not verdict.ok
    assert "is missing; put it back" in verdict.problem


@pytest.mark.parametrize("content", ["first", "empty"])
def test_an_older_file_in_the_journals_place_is_damage(desk, content):
    rotated_twice(desk)
    desk.anchor_path.unlink()
    older = desk.path.with_name("orders.2026-11-23.1.jsonl").read_bytes() if content == "first" else b""
    desk.path.write_bytes(older)
    desk._build()
    found = desk.open()
    assert found.integrity is Integrity.DAMAGED
    assert "older than its own finished segment" in found.problem


def test_a_finished_segment_that_was_changed_is_found_by_the_walk(desk):
    rotated_twice(desk)
    segment = desk.path.with_name("orders.2026-11-23.1.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"100.00"', b'"999.00"', 1))
    verdict = desk.history.verify()
    assert (verdict.ok, verdict.integrity) == (False, Integrity.DAMAGED)
    assert "segment orders.2026-11-23.1.jsonl of the journal is damaged (record 2 is bad" in verdict.problem


def test_a_finished_segment_without_its_end_is_found_by_the_walk(desk):
    rotated_twice(desk)
    segment = desk.path.with_name("orders.2026-11-23.2.jsonl")
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-1]))
    assert "not the one that its successor names" in desk.history.verify().problem


def test_the_walk_counts_everything_and_names_the_head(desk):
    rotated_twice(desk)
    verdict = desk.history.verify()
    assert (verdict.ok, verdict.segments, verdict.records) == (True, 3, len(desk.history.records()))
    assert verdict.head == scan(desk.path.read_bytes()).head
    assert [record.seq for record in desk.history.records()] == list(range(1, verdict.records + 1))
    assert desk.history.records(after=6)[0].seq == 7


FORGED_LINKS = [
    {"previous_segment": "../orders.jsonl"},
    {"previous_seq": "1"},
    {"previous_hash": "0" * 64},
    {"segment": "1"},
    {"segment": "two"},
]


@pytest.mark.parametrize("change", FORGED_LINKS, ids=str)
def test_a_first_record_that_contradicts_itself_begins_no_segment(desk, change):
    desk.keeper.rotate()
    import hashlib

    first = json.loads(desk.path.read_bytes().splitlines()[0])
    del first["hash"]
    first["details"].update(change)
    body = json.dumps(first, separators=(",", ":")).encode()
    line = body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'
    assert scan(line).integrity is Integrity.DAMAGED


@pytest.mark.parametrize(
    "name",
    ["orders.jsonl", "orders.2026-11-23.0.jsonl", "orders.2026-11-23.jsonl", "orders.2026-1-2.1.jsonl", "x.1.jsonl"],
)
def test_only_the_names_of_finished_segments_are_taken_for_such(desk, name):
    assert finished_number(desk.path, name) is None
    assert finished_number(desk.path, finished_name(desk.path, day=desk.clock.now().date(), number=12)) == 12
