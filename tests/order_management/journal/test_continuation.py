"""Once the journal's file has failed, facts go on beside it, no order is taken, and the next start takes them in."""

import errno
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.journal_bench import JournalBench, UnflushedFiles
from tests.support.mortal import DiedError, Disk, Life, MortalFiles
from tests.support.order_story import TERMS, booked, fill, intended, now_in, told
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.anchor import HeadAnchor
from trading_bot.order_management.journal.chain import MAX_TEXT
from trading_bot.order_management.journal.order_log import Integrity, scan
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import PreparedOrder

CONFIRMED = now_in(OrderState.CONFIRMED)
ASKED = told(EventKind.CANCEL_REQUESTED, status=OrderState.PENDING_CANCEL)
ANSWERED = told(EventKind.CANCEL_ANSWERED, details={"reply": "accepted"})
FILLED = booked(fill(1, 4))
CANCELLED = now_in(OrderState.CANCELLED, filled_quantity=Decimal(4))
HALTED = OrderEvent(event=EventKind.TRADING_HALTED, reason="the journal failed")
FACTS = (ASKED, ANSWERED, FILLED, CANCELLED, HALTED)
PREPARED = PreparedOrder(
    ref_id=RefId("ref"),
    terms=OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.00")),
    body=b"symbol=AAPL",
)
ROOM_FOR_EFFECTS = 60


class SickFile(FaultyFiles):
    """Fails operations on one file of the disk, of which the rest is well."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    sick: Path | None = None
    failing = ""
    takes_it_first = False
    sick_flushes = 0

    def write(self, descriptor, data):
        if self.failing == "write" and self._is_sick(descriptor):
            if self.takes_it_first:
                super().write(descriptor, data)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.written.append(data)
        is_half = self.failing == "half" and self._is_sick(descriptor)
        return super().write(descriptor, data[:50] if is_half else data)

    def sync(self, descriptor):
        is_sick = self._is_sick(descriptor)
        self.sick_flushes += is_sick
        if self.failing == "sync" and is_sick:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)

    def truncate(self, descriptor, size):
        if self.failing == "half" and self._is_sick(descriptor):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().truncate(descriptor, size)

    def _is_sick(self, descriptor) -> bool:
        return self.sick is not None and self.sick.exists() and self.facts(descriptor) == self.facts_at(self.sick)


class SickRunner(JournalBench):
    """A journal on such a disk."""

    files: SickFile

    def fail(self, operation: str) -> None:
        self.files.sick, self.files.failing = self.path, operation

    def heal(self) -> None:
        self.files.failing = ""


@pytest.fixture
def desk(tmp_path) -> SickRunner:
    """A journal with one open order, which knows of a fact that has not been flushed yet."""
    found = SickRunner(tmp_path, files=SickFile())
    found.tell(intended(), told(EventKind.SUBMIT_ATTEMPTED, attempt=1), CONFIRMED)
    return found.tell(told(EventKind.CANCEL_ANSWERED, details={"reply": "too late"}))


def intent_of(name: str) -> OrderEvent:
    return intended(name, details={**TERMS, "body_sha256": PREPARED.digest})


def beside(desk: JournalBench) -> list[str]:
    """The files beside the journal that begin with its name."""
    return sorted(path.name for path in desk.path.parent.iterdir() if path.name.startswith("orders.jsonl."))


def kinds(desk: JournalBench) -> list[EventKind]:
    return [record.fact.event for record in scan(desk.path.read_bytes()).records]


def facts(desk: JournalBench) -> tuple[OrderEvent, ...]:
    return tuple(record.fact for record in scan(desk.path.read_bytes()).records)


def state(desk: JournalBench) -> OrderState | None:
    order = desk.book.get(ClientOrderId("first"))
    return order.state if order is not None else None


def takes_orders(desk: JournalBench) -> bool:
    try:
        desk.store.record_intent(intent_of("another"), PREPARED)
    except OrderLogError:
        return False
    return True


def move_away(desk):
    desk.path.rename(desk.path.with_name("away"))


def put_back(desk):
    desk.path.with_name("away").rename(desk.path)


def give_a_second_name(desk):
    os.link(desk.path, desk.path.with_name("second"))


def take_second_name(desk):
    desk.path.with_name("second").unlink()


def exchange_for_a_copy(desk):
    data = desk.path.read_bytes()
    desk.path.unlink()
    desk.path.write_bytes(data)


def write_takes_it_and_fails(desk):
    desk.files.takes_it_first = True
    desk.fail("write")


def cut_unflushed(desk):
    os.truncate(desk.path, desk.path.stat().st_size - 1)


FAILURES = {
    "moved away and put back": (move_away, put_back),
    "given a second name for a while": (give_a_second_name, take_second_name),
    "exchanged for a copy": (exchange_for_a_copy, lambda desk: None),
    "a write that fails": (lambda desk: desk.fail("write"), SickRunner.heal),
    "a write that fails after it was made": (write_takes_it_and_fails, SickRunner.heal),
    "a write of a part that cannot be cut back": (lambda desk: desk.fail("half"), SickRunner.heal),
    "a flush that fails": (lambda desk: desk.fail("sync"), SickRunner.heal),
    "cut within what was not flushed": (cut_unflushed, lambda desk: None),
}
failures = pytest.mark.parametrize(("fail", "repair"), FAILURES.values(), ids=FAILURES)


@failures
def test_what_happens_after_the_file_failed_is_on_record_at_the_next_start_and_orders_are_taken(desk, fail, repair):
    fail(desk)
    desk.tell(*FACTS)
    before = desk.book
    repair(desk)
    desk.restart()
    assert (desk.log.refusal, desk.store.failure) == (None, None)
    assert desk.book == before == desk.whole()
    told_of = [fact for fact in facts(desk) if fact.event is not EventKind.JOURNAL_CONTINUED]
    assert [fact for fact in told_of if fact in FACTS] == list(FACTS)
    assert kinds(desk).count(EventKind.JOURNAL_CONTINUED) == 1
    assert desk.history.verify().ok
    assert takes_orders(desk)
    assert desk.restart().history.verify().ok


@failures
def test_no_order_is_taken_until_the_next_start(desk, fail, repair):
    fail(desk)
    assert not takes_orders(desk)
    desk.tell(*FACTS)
    repair(desk)
    assert not takes_orders(desk)
    with pytest.raises(OrderLogError, match="until the bot is restarted"):
        desk.log.append(intended("another"))
    assert "cannot be written" in str(desk.store.failure)
    assert desk.book.get(ClientOrderId("another")) is None


@failures
def test_the_failed_file_gets_nothing_more(desk, fail, repair):
    fail(desk)
    desk.tell(ASKED)
    repair(desk)
    left = desk.path.read_bytes()
    desk.files.sick, desk.files.sick_flushes = desk.path, 0
    desk.tell(FILLED, CANCELLED)
    assert desk.path.read_bytes() == left
    desk.close()
    assert desk.path.read_bytes() == left
    assert desk.files.sick_flushes == 0


def test_a_failure_is_enough_to_stop_orders_even_where_the_fact_itself_was_written(desk):
    move_away(desk)
    desk.store.record_fact(ASKED)
    assert desk.store.failure is desk.log.refusal is not None


def test_a_continuation_goes_on_in_the_chain_and_says_why(desk):
    """It begins with what the file may not hold: all since the last flush, and the fact whose write failed."""
    flushed, head = desk.log.head.seq - 1, desk.log.head
    move_away(desk)
    desk.tell(ASKED, CANCELLED)
    assert beside(desk) == [f"orders.jsonl.continued-{flushed + 1}"]
    path = desk.path.with_name(beside(desk)[0])
    found = scan(path.read_bytes(), begins_anywhere=True)
    assert found.ok
    assert [record.seq for record in found.records] == list(range(head.seq, head.seq + 4))
    assert (found.records[0].hash, found.records[1].prev) == (head.hash, head.hash)
    unflushed, asked, continued, cancelled = (record.fact for record in found.records)
    assert unflushed.event is EventKind.CANCEL_ANSWERED
    assert (asked, cancelled) == (ASKED, CANCELLED)
    assert continued.event is EventKind.JOURNAL_CONTINUED
    assert continued.reason == "the file was moved or replaced by somebody else"
    assert continued.details == {
        "continues": "orders.jsonl",
        "previous_seq": str(flushed),
        "previous_hash": found.records[0].prev,
    }
    assert desk.log.head == found.head
    assert path.stat().st_mode & 0o777 == 0o600


def test_each_fact_is_flushed_before_its_append_returns(desk):
    move_away(desk)
    desk.tell(ASKED)
    for event in (FILLED, ANSWERED):
        desk.log.append(event)
        assert desk.files.durable_size == desk.path.with_name(beside(desk)[0]).stat().st_size


def test_the_operator_is_told_once(desk, caplog):
    move_away(desk)
    desk.store.record_facts(FACTS)
    assert caplog.text.count("'journal_continued'") == 1
    assert "moved or replaced" in caplog.text
    assert "continued-5" in caplog.text
    assert "journal_write_failed" not in caplog.text


def test_a_continuation_that_was_taken_in_is_kept_and_not_read_again(desk):
    move_away(desk)
    desk.tell(*FACTS)
    data = desk.path.with_name("orders.jsonl.continued-5").read_bytes()
    put_back(desk)
    desk.restart()
    assert beside(desk) == ["orders.jsonl.taken-in-5"]
    assert desk.path.with_name("orders.jsonl.taken-in-5").read_bytes() == data
    assert desk.path.read_bytes().endswith(data)
    size = desk.path.stat().st_size
    desk.restart()
    assert desk.path.stat().st_size == size


def test_a_continuation_that_is_there_although_it_was_taken_in_changes_nothing(desk):
    """A crash between the two leaves that, and so does somebody who puts a copy back."""
    move_away(desk)
    desk.tell(*FACTS)
    put_back(desk)
    desk.restart()
    desk.tell(now_in(OrderState.CANCELLED, reason="read again"))
    before = desk.path.read_bytes()
    desk.path.with_name("orders.jsonl.taken-in-5").rename(desk.path.with_name("orders.jsonl.continued-5"))
    assert desk.history.verify().ok
    desk.restart()
    assert desk.log.refusal is None
    assert desk.path.read_bytes() == before
    assert beside(desk) == ["orders.jsonl.taken-in-5"]


# Intents.


@pytest.mark.parametrize("failing", ["sync", "half"])
def test_an_intent_that_was_refused_is_set_aside_where_the_file_holds_it_all_the_same(desk, failing):
    """It has no proof, so nothing was sent, and its name is free again."""
    desk.fail(failing)
    assert not takes_orders(desk)
    left = desk.path.read_bytes()
    desk.tell(*FACTS)
    desk.heal()
    desk.restart()
    assert desk.log.refusal is None
    assert desk.book.get(ClientOrderId("another")) is None
    (aside,) = (name for name in beside(desk) if "torn" in name)
    assert aside == "orders.jsonl.torn-6"
    torn = desk.path.with_name(aside).read_bytes()
    assert left.endswith(torn)
    assert b'"another"' in torn or failing == "half"
    assert facts(desk)[-1].event is EventKind.TAIL_RECOVERED
    assert facts(desk)[-1].details == {"bytes": str(len(torn)), "kept_in": aside}
    assert desk.history.verify().ok
    assert takes_orders(desk)


def test_a_fact_that_equals_an_earlier_one_is_a_fact_of_its_own(desk):
    answered = facts(desk)[-1]
    desk.fail("write")
    assert not takes_orders(desk)
    desk.tell(answered)
    desk.heal()
    desk.restart()
    assert facts(desk).count(answered) == 2


def test_an_intent_that_nothing_followed_is_an_intent(desk):
    desk.fail("sync")
    assert not takes_orders(desk)
    desk.heal()
    desk.restart()
    another = desk.book.get(ClientOrderId("another"))
    assert another is not None
    assert another.state.is_unresolved


# Power, signals, forks.


def test_what_was_never_flushed_is_told_again(desk):
    """After a flush that failed, the next reading from the medium may show the file as it was at the one before."""
    desk.fail("sync")
    durable = desk.files.durable_size
    desk.tell(*FACTS)
    before = desk.book
    os.truncate(desk.path, durable)
    desk.heal()
    desk.restart()
    assert desk.log.refusal is None
    assert desk.book == before
    assert [record.seq for record in desk.history.records()] == list(range(1, desk.log.head.seq + 1))


def test_what_a_failed_flush_may_have_lost_is_written_anew(desk):
    """The file reads as if it were whole, and a later flush says that it is."""
    desk.fail("sync")
    desk.tell(*FACTS)
    desk.close()
    desk.heal()
    data = desk.path.with_name("orders.jsonl.continued-5").read_bytes()
    began = len(desk.files.written)
    desk._build()
    desk.open()
    assert b"".join(desk.files.written[began:]) == data


class SignalledFiles(SickFile):
    """A signal arrives while the journal is flushed."""

    is_signalled = False

    def sync(self, descriptor):
        if self.is_signalled:
            self.is_signalled = False
            raise KeyboardInterrupt
        super().sync(descriptor)


@pytest.mark.parametrize("later", [(CANCELLED,), (FILLED, CANCELLED)], ids=["another fact", "the same fact again"])
def test_a_fact_that_a_signal_interrupted_is_on_record_once(tmp_path, later):
    files = SignalledFiles()
    desk = JournalBench(tmp_path, files=files).tell(intended(), CONFIRMED)
    files.is_signalled = True
    with pytest.raises(KeyboardInterrupt):
        desk.log.append(FILLED)
    for event in later:
        desk.log.append(event)
    desk.restart()
    assert desk.log.refusal is None
    assert (facts(desk)[3], facts(desk)[5:]) == (FILLED, (CANCELLED,))
    assert kinds(desk)[4] is EventKind.JOURNAL_CONTINUED
    desk.close()


def test_a_signal_while_the_continuation_is_written_ends_it(tmp_path):
    """A line of which the head knows nothing must stay the last one."""
    files = SignalledFiles()
    desk = JournalBench(tmp_path, files=files).tell(intended(), CONFIRMED)
    move_away(desk)
    desk.tell(ASKED)
    files.is_signalled = True
    with pytest.raises(KeyboardInterrupt):
        desk.log.append(FILLED)
    with pytest.raises(OrderLogError, match="cannot be written"):
        desk.log.append(CANCELLED)
    put_back(desk)
    desk.restart()
    assert desk.log.refusal is None
    assert facts(desk)[-1] == FILLED
    desk.close()


def test_a_forked_process_goes_on_nowhere(tmp_path):
    pid = [1]
    desk = JournalBench(tmp_path, process_id=lambda: pid[0]).tell(intended(), CONFIRMED)
    move_away(desk)
    pid[0] = 2
    with pytest.raises(OrderLogError):
        desk.log.append(ASKED)
    assert beside(desk) == []
    pid[0] = 1
    desk.tell(ASKED)
    written = desk.path.with_name(beside(desk)[0]).read_bytes()
    pid[0] = 2
    with pytest.raises(OrderLogError):
        desk.log.append(CANCELLED)
    assert desk.path.with_name(beside(desk)[0]).read_bytes() == written


def test_a_closed_journal_goes_on_nowhere(desk):
    move_away(desk)
    desk.tell(ASKED)
    desk.close()
    with pytest.raises(OrderLogError, match="is closed"):
        desk.log.append(CANCELLED)
    assert desk.files.calls.count("close") == 2


def at_every_effect(folders, prepare, act):
    """Let a process die at each of its effects in turn; yield what it left, and whether it came through."""
    for effects in range(1, ROOM_FOR_EFFECTS):
        folder = folders.mktemp(f"effect-{effects}-")
        life = Life()
        files = MortalFiles(life, Disk())
        desk = JournalBench(folder, files=files, opened=False)
        prepare(desk)
        life.die_in(effects)
        try:
            act(desk)
        except DiedError:
            yield desk, False
        else:
            yield desk, True
            return
    pytest.fail("more effects than expected; raise the bound")


def test_a_death_at_any_effect_of_going_on_loses_no_fact_whose_append_returned(tmp_path_factory):
    returned: list[OrderEvent] = []

    def prepare(desk):
        returned.clear()
        desk.open()
        desk.tell(intended(), CONFIRMED, ANSWERED)
        move_away(desk)

    def act(desk):
        for event in FACTS:
            desk.log.append(event)
            returned.append(event)

    deaths = 0
    for desk, came_through in at_every_effect(tmp_path_factory, prepare, act):
        put_back(desk)
        again = JournalBench(desk.folder)
        assert again.log.refusal is None
        found = facts(again)
        assert found[:4] == (found[0], intended(), CONFIRMED, ANSWERED)
        assert [fact for fact in found[4:] if fact in FACTS][: len(returned)] == returned
        assert again.history.verify().ok
        assert takes_orders(again)
        again.close()
        deaths += not came_through
    assert deaths > 10


@pytest.mark.parametrize("end", ["", "an intent", "a torn line"])
def test_a_death_at_any_effect_of_taking_in_loses_nothing(tmp_path_factory, end):
    def prepare(desk):
        sick = SickFile()
        first = SickRunner(desk.folder, files=sick).tell(intended(), CONFIRMED, ANSWERED)
        if end:
            first.fail("sync" if end == "an intent" else "half")
            assert not takes_orders(first)
        else:
            move_away(first)
        first.tell(*FACTS)
        first.close()
        if not end:
            put_back(first)

    deaths = 0
    for desk, came_through in at_every_effect(tmp_path_factory, prepare, JournalBench.open):
        again = JournalBench(desk.folder)
        assert again.log.refusal is None
        assert [fact for fact in facts(again) if fact in FACTS] == [ANSWERED, *FACTS]
        assert kinds(again).count(EventKind.JOURNAL_CONTINUED) == 1
        assert again.history.verify().ok
        assert again.book.get(ClientOrderId("another")) is None
        assert not any("continued" in name for name in beside(again))
        assert takes_orders(again)
        again.close()
        deaths += not came_through
    assert deaths > 10


# Where no continuation can be made.


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC], ids=errno.errorcode.get)
def test_without_a_continuation_facts_are_known_in_memory_and_nothing_is_left_behind(desk, number, caplog):
    move_away(desk)
    desk.files.fail("write_new", number)
    desk.store.record_facts(FACTS)
    assert state(desk) is OrderState.CANCELLED
    assert not takes_orders(desk)
    desk.files.heal()
    desk.store.record_fact(replace(CANCELLED, reason="again"))
    assert beside(desk) == []
    assert caplog.text.count("'journal_continuation_failed'") == 1
    put_back(desk)
    desk.restart()
    assert (state(desk), takes_orders(desk)) == (OrderState.CONFIRMED, True)


class HalfMade(SickFile):
    """Creates a file and has no space for what is in it."""

    def write_new(self, path, data):
        super().write_new(path, data[:70])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_continuation_that_was_made_in_part_is_taken_away(tmp_path):
    desk = JournalBench(tmp_path, files=HalfMade()).tell(intended(), CONFIRMED)
    move_away(desk)
    with pytest.raises(OrderLogError):
        desk.log.append(ASKED)
    assert beside(desk) == []


def test_a_continuation_that_does_not_read_as_it_was_written_takes_nothing(desk):
    move_away(desk)
    desk.files.reads_only = 100
    with pytest.raises(OrderLogError):
        desk.log.append(ASKED)
    desk.files.reads_only = None
    with pytest.raises(OrderLogError):
        desk.log.append(ASKED)


def test_a_continuation_that_changes_underneath_takes_nothing_more(desk):
    move_away(desk)
    desk.tell(ASKED)
    path = desk.path.with_name("orders.jsonl.continued-5")
    os.link(path, path.with_name("second"))
    before = path.read_bytes()
    desk.store.record_fact(FILLED)
    path.with_name("second").unlink()
    desk.store.record_fact(CANCELLED)
    assert path.read_bytes() == before
    assert state(desk) is OrderState.CANCELLED
    put_back(desk)
    desk.restart()
    assert (state(desk), desk.log.refusal) == (OrderState.PENDING_CANCEL, None)


@pytest.mark.parametrize("target", ["elsewhere", "."], ids=["a dangling link", "a link to a folder"])
def test_nothing_is_written_through_a_link_in_the_place_of_a_continuation(desk, target):
    desk.path.with_name("orders.jsonl.continued-5").symlink_to(target)
    move_away(desk)
    desk.store.record_fact(ASKED)
    assert not desk.path.with_name("elsewhere").exists()
    assert desk.path.with_name("orders.jsonl.continued-5").is_symlink()
    assert state(desk) is OrderState.PENDING_CANCEL


def test_a_file_that_is_there_already_is_not_written_to(desk):
    other = desk.path.with_name("orders.jsonl.continued-5")
    other.write_bytes(b"somebody's")
    move_away(desk)
    desk.store.record_fact(ASKED)
    assert other.read_bytes() == b"somebody's"


def test_a_fact_that_is_too_long_ends_nothing(desk):
    move_away(desk)
    desk.tell(ASKED)
    many = {str(number): "x" * MAX_TEXT for number in range(40)}
    with pytest.raises(OrderLogError):
        desk.log.append(OrderEvent(event=EventKind.ANOMALY_FOUND, details=many))
    desk.tell(CANCELLED)
    put_back(desk)
    assert state(desk.restart()) is OrderState.CANCELLED


def test_a_journal_that_never_opened_goes_on_nowhere(tmp_path):
    files = FaultyFiles()
    files.fail("write", errno.EIO)
    desk = JournalBench(tmp_path, files=files, opened=False)
    with pytest.raises(OrderLogError):
        desk.open()
    files.heal()
    with pytest.raises(OrderLogError):
        desk.log.append(HALTED)
    assert beside(desk) == []


# What does not fit together.


def test_a_journal_that_was_cut_is_damaged_and_names_what_is_missing(desk):
    whole = desk.path.read_bytes()
    os.truncate(desk.path, len(b"".join(whole.splitlines(keepends=True)[:2])))
    desk.tell(*FACTS)
    desk.close()
    cut = desk.path.read_bytes()
    desk._build()
    found = desk.open()
    assert found.integrity is Integrity.DAMAGED
    assert found.problem == "records 3 to 4 are missing between it and orders.jsonl.continued-5"
    with pytest.raises(OrderLogDamagedError, match="only cancels are possible"):
        desk.log.append(CANCELLED)
    desk.close()
    assert desk.path.read_bytes() == cut
    assert beside(desk) == ["orders.jsonl.continued-5"]
    desk.path.write_bytes(whole)
    desk.restart()
    assert (desk.log.refusal, state(desk)) == (None, OrderState.CANCELLED)


@pytest.mark.parametrize("lost", ["its end", "all of it"])
def test_a_continuation_that_lost_records_is_found_by_the_noted_head(desk, lost):
    move_away(desk)
    desk.tell(*FACTS)
    desk.close()
    put_back(desk)
    path = desk.path.with_name("orders.jsonl.continued-5")
    if lost == "its end":
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    else:
        path.unlink()
    desk._build()
    found = desk.open()
    assert found.integrity is Integrity.DAMAGED
    assert "although 11 were written: its end was cut off" in str(found.problem)


def test_the_head_of_a_continuation_is_noted_while_it_is_written(desk):
    move_away(desk)
    desk.tell(*FACTS)
    desk.clock.sleep(10)
    desk.tell(replace(CANCELLED, reason="again"))
    desk.log.anchor_head()
    desk.path.with_name("orders.jsonl.continued-5").unlink()
    put_back(desk)
    desk._build()
    assert desk.open().integrity is Integrity.DAMAGED


def test_no_head_is_noted_that_was_not_flushed(desk):
    flushed = desk.log.head.seq - 1
    desk.fail("sync")
    assert not takes_orders(desk)
    desk.close()
    noted = HeadAnchor(path=desk.anchor_path, files=desk.files).load()
    assert noted is not None
    assert noted.seq == flushed


def with_a_second_name(path: Path) -> None:
    os.link(path, path.with_name("second"))


def behind_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def writable_by_others(path: Path) -> None:
    path.chmod(0o622)


@pytest.mark.parametrize("change", [with_a_second_name, behind_a_link, writable_by_others])
def test_only_a_plain_file_of_ours_continues_a_journal(desk, change):
    move_away(desk)
    desk.tell(*FACTS)
    desk.close()
    put_back(desk)
    before = desk.path.read_bytes()
    change(desk.path.with_name("orders.jsonl.continued-5"))
    desk._build()
    with pytest.raises(OrderLogError, match=r"orders\.jsonl\.continued-5: it "):
        desk.open()
    with pytest.raises(OrderLogError, match=r"continued-5"):
        desk.history.verify()
    assert desk.path.read_bytes() == before


def test_a_rotation_that_failed_at_its_rename_is_not_continued(tmp_path):
    """Which of two files is the journal is then for the next start to find out, and so is where its end is."""

    class NoRename(UnflushedFiles):
        def rename(self, path, over):
            super().rename(path, over)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    desk = JournalBench(tmp_path, files=NoRename()).tell(intended(), CONFIRMED)
    with pytest.raises(OrderLogError):
        desk.keeper.rotate()
    desk.store.record_fact(CANCELLED)
    assert beside(desk) == []
    again = JournalBench(tmp_path)
    assert (again.log.refusal, state(again)) == (None, OrderState.CONFIRMED)
    again.close()


def test_a_later_segment_can_be_continued_as_well(desk):
    desk.keeper.rotate()
    desk.fail("sync")
    desk.tell(*FACTS)
    assert desk.history.verify().ok
    desk.heal()
    desk.restart()
    assert (desk.log.refusal, state(desk)) == (None, OrderState.CANCELLED)
    desk.keeper.rotate()
    assert desk.history.verify().ok
    assert desk.whole() == desk.book


def test_a_folder_that_cannot_be_read_is_an_error_and_no_journal_without_continuations(desk):
    desk.files.fail("facts_at", errno.EIO)
    for question in (desk.history.continued, desk.history.verify):
        with pytest.raises(OrderLogError, match="Input/output error; check the folder"):
            question()
