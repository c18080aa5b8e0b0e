import errno
import hashlib
import os
import threading
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.faulty_files import FaultyFiles
from tests.support.order_story import MONDAY, TERMS, Story, intended, now_in, told
from tests.support.order_story import order_id_of as broker_id
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import MAX_LINE_BYTES, MAX_TEXT, ChainHead
from trading_bot.order_management.journal.order_log import Integrity, JournalIdentity, OrderLog, scan
from trading_bot.order_management.models import ExecutionMode, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import PreparedOrder

PAPER = JournalIdentity(mode=ExecutionMode.PAPER, account_key="0123456789abcdef", account_suffix="0001")
OTHER_ACCOUNT = replace(PAPER, account_key="fedcba9876543210", account_suffix="0002")
LIVE = replace(PAPER, mode=ExecutionMode.LIVE)
PREPARED = PreparedOrder(
    ref_id=RefId("ref"),
    terms=OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.00")),
    body=b"symbol=AAPL",
)
NOTE = OrderEvent(event=EventKind.SESSION_STARTED)
UPDATES = (
    intended(),
    now_in(OrderState.CONFIRMED, order_id=broker_id("first")),
    now_in(OrderState.FILLED, filled_quantity=Decimal(10)),
    intended("second"),
)


@dataclass
class Process:
    number: int = 1

    def __call__(self) -> int:
        return self.number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "orders.jsonl"


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(MONDAY)


@pytest.fixture
def log(path, files, clock):
    """An open journal with one order in it."""
    journal = log_at(path, files=files, clock=clock)
    journal.open()
    journal.append(intended())
    yield journal
    files.heal()
    journal.close()


def log_at(path, *, identity=PAPER, files=None, clock=None, process=None) -> OrderLog:
    return OrderLog(
        path=path,
        identity=identity,
        session_id="session-1",
        files=files or FaultyFiles(),
        clock=clock or VirtualClock(MONDAY),
        process_id=process or Process(),
    )


def written(path: Path, *events) -> list[bytes]:
    """The lines of a closed journal that holds ``events`` after its first record."""
    journal = log_at(path)
    journal.open()
    for event in events:
        journal.append(event)
    journal.close()
    return path.read_bytes().splitlines(keepends=True)


def opened(path, **parts):
    """Open a journal, close it, and return what it was found to hold."""
    journal = log_at(path, **parts)
    try:
        return journal.open()
    finally:
        journal.close()


def kinds(found) -> list[EventKind]:
    return [record.fact.event for record in found.records]


def refuses(journal, match: str = ".", event: OrderEvent = NOTE) -> OrderLogError:
    with pytest.raises(OrderLogError, match=match) as caught:
        journal.append(event)
    return caught.value


def refuses_orders(journal, match: str = ".") -> OrderLogError:
    """No intent is taken; facts may go on in another file."""
    return refuses(journal, match, intended("another"))


# A journal that is well.


def test_a_new_journal_begins_with_whose_it_is(path):
    [line] = written(path)
    [record] = scan(line).records
    assert (record.seq, record.fact.event, record.fact.execution_mode) == (
        1,
        EventKind.JOURNAL_OPENED,
        ExecutionMode.PAPER,
    )
    assert record.fact.details == {"account_key": "0123456789abcdef", "account_suffix": "0001"}


def test_what_was_appended_is_there_after_a_restart(path):
    written(path, *UPDATES)
    found = opened(path)
    assert (found.integrity, found.ok, found.problem) == (Integrity.CLEAN, True, None)
    assert [record.fact for record in found.records[1:]] == list(UPDATES)
    assert [order.state for order in OrderBook.replayed(found.records)] == [
        OrderState.FILLED,
        OrderState.PENDING_SUBMIT,
    ]


def test_what_an_append_returns_is_what_is_on_disk(path, log):
    returned = [log.append(event) for event in UPDATES[1:]]
    assert list(scan(path.read_bytes()).records[2:]) == returned


def test_opening_a_clean_journal_changes_nothing(path):
    lines = written(path, *UPDATES)
    opened(path)
    assert path.read_bytes() == b"".join(lines)


def test_a_restart_continues_the_chain(path):
    written(path, intended())
    written(path, intended("second"))
    found = opened(path)
    assert [record.seq for record in found.records] == [1, 2, 3]
    assert kinds(found) == [EventKind.JOURNAL_OPENED, EventKind.ORDER_INTENDED, EventKind.ORDER_INTENDED]


def test_the_head_is_the_last_record(path, log):
    record = log.append(NOTE)
    assert log.head == ChainHead(seq=3, hash=record.hash) == scan(path.read_bytes()).head


def test_an_empty_journal_has_the_genesis_head():
    found = scan(b"")
    assert (found.head, found.integrity, found.records) == (ChainHead.genesis(), Integrity.CLEAN, ())


def test_records_carry_the_times_and_the_session_of_their_writer(log, clock):
    clock.sleep(0.25)
    record = log.append(NOTE)
    assert (record.ts, record.mono, record.session_id) == (clock.now(), Decimal("0.250000"), "session-1")


def test_a_callers_decimal_context_does_not_stop_the_journal(log, clock):
    clock.sleep(123.456789)
    with localcontext(Context(prec=2)):
        assert log.append(NOTE).mono == Decimal("123.456789")


def test_the_journal_is_private_to_its_owner(path):
    before = os.umask(0)
    try:
        written(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_threads_share_one_gapless_chain(path, log):
    def write(name: str) -> None:
        for number in range(10):
            log.append(intended(f"{name}-{number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = scan(path.read_bytes())
    assert found.ok
    assert len(found.records) == 82


nasty = st.text(max_size=30) | st.sampled_from(
    ["\n", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x1b[2J", "\0", '\n{"event":"trading_resumed"}', '","hash":"']
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(nasty, nasty, nasty), min_size=1, max_size=5))
def test_so_many_appends_make_so_many_lines_whatever_stands_in_them(tmp_path, texts):
    path = tmp_path / "orders.jsonl"
    path.unlink(missing_ok=True)
    events = [
        OrderEvent(event=EventKind.ANOMALY_FOUND, symbol=symbol, reason=reason, details={"body": body})
        for symbol, reason, body in texts
    ]
    lines = written(path, *events)
    assert path.read_bytes().count(b"\n") == len(events) + 1
    assert len(lines) == len(path.read_text().splitlines()) == len(events) + 1
    assert [record.fact for record in opened(path).records[1:]] == events


# Durability.

FLUSHED = {
    EventKind.JOURNAL_OPENED: True,
    EventKind.SESSION_STARTED: True,
    EventKind.SESSION_STOPPED: False,
    EventKind.TAIL_RECOVERED: True,
    EventKind.JOURNAL_CONTINUED: True,
    EventKind.ORDER_INTENDED: True,
    EventKind.SUBMIT_ATTEMPTED: False,
    EventKind.ORDER_ACCEPTED: True,
    EventKind.ORDER_REJECTED: True,
    EventKind.ORDER_NOT_SENT: True,
    EventKind.ORDER_OUTCOME_UNKNOWN: True,
    EventKind.ORDER_ADOPTED: True,
    EventKind.ABSENCE_NOTED: True,
    EventKind.ORDER_PRESUMED_ABSENT: True,
    EventKind.ORDER_NEVER_ACCEPTED: True,
    EventKind.ORDER_RESOLVED: True,
    EventKind.ORDER_UPDATED: True,
    EventKind.EXECUTION_BOOKED: True,
    EventKind.EXECUTION_BUSTED: True,
    EventKind.CANCEL_REQUESTED: True,
    EventKind.CANCEL_ANSWERED: False,
    EventKind.ANOMALY_FOUND: True,
    EventKind.SYMBOL_FROZEN: True,
    EventKind.SYMBOL_RELEASED: True,
    EventKind.EXIT_BEGUN: True,
    EventKind.EXIT_LEG_PLACED: True,
    EventKind.EXIT_ENDED: True,
    EventKind.SNAPSHOT_TAKEN: False,
    EventKind.POSITION_ACCEPTED: True,
    EventKind.POSITION_DIFFERED: True,
    EventKind.POSITION_AGREED: True,
    EventKind.INSTRUMENT_NAMED: True,
    EventKind.TRADING_HALTED: True,
    EventKind.TRADING_RESUMED: True,
    EventKind.ORDER_CARRIED: True,
    EventKind.KILL_IMPORTED: True,
    EventKind.KILL_NOTED: True,
    EventKind.JOURNAL_IMPORTED: True,
}


@pytest.mark.parametrize("kind", EventKind)
def test_what_somebody_acts_on_survives_a_power_loss(path, files, log, kind):
    """A new kind of event fails here until it is decided."""
    log.append(OrderEvent(event=kind))
    assert (files.durable_size == path.stat().st_size) is FLUSHED[kind]


def test_of_what_nobody_acts_on_only_so_much_waits_for_a_flush(path, files, log):
    for _ in range(257):
        log.append(OrderEvent(event=EventKind.SNAPSHOT_TAKEN))
    assert files.durable_size == path.stat().st_size


def test_closing_flushes_what_nobody_acts_on(path, files, log):
    log.append(OrderEvent(event=EventKind.SESSION_STOPPED))
    log.close()
    assert files.durable_size == path.stat().st_size


def test_a_new_journals_name_is_made_durable(path, files):
    opened(path, files=files)
    assert files.calls.index("sync_folder") > files.calls.index("sync")


def test_it_works_on_the_machines_own_files(path):
    journal = log_at(path, files=LocalFiles())
    journal.open()
    journal.append(intended())
    journal.close()
    assert opened(path).ok


# The end of a journal, unfinished.


def test_wherever_its_last_line_is_torn_the_records_before_it_stay(path):
    *kept, last = written(path, intended(), now_in(OrderState.CONFIRMED))
    for length in range(1, len(last)):
        found = scan(b"".join(kept) + last[:length])
        assert (found.integrity, len(found.records)) == (Integrity.TORN, 2)
        assert found.good_bytes == sum(map(len, kept))
        assert found.problem


def test_wherever_it_was_torn_the_end_is_set_aside_and_writing_goes_on(path):
    *kept, last = written(path, intended(), now_in(OrderState.CONFIRMED))
    aside = path.with_name("orders.jsonl.torn-3")
    for length in range(1, len(last)):
        path.write_bytes(b"".join(kept) + last[:length])
        aside.unlink(missing_ok=True)
        assert opened(path).integrity is Integrity.TORN
        assert aside.read_bytes() == last[:length]
        found = scan(path.read_bytes())
        assert found.ok
        assert kinds(found)[1:] == [EventKind.ORDER_INTENDED, EventKind.TAIL_RECOVERED]
        assert found.records[-1].fact.details == {"bytes": str(length), "kept_in": aside.name}


def test_recovering_twice_is_recovering_once(path):
    *kept, last = written(path, intended())
    path.write_bytes(b"".join(kept) + last[:20])
    opened(path)
    recovered = path.read_bytes()
    assert opened(path).ok
    assert path.read_bytes() == recovered


@pytest.mark.parametrize(
    "tail",
    [
        b"\0",
        b"\0" * 4096,
        b"\n",
        b"\n\n",
        b"half\0\0\0",
        b"rubbish\n",
        b"rubbish\n\0\0",
        b"{}\n",
        b'{"v":1}\n',
        b"\r\n",
    ],
    ids=ascii,
)
def test_a_broken_end_is_set_aside(path, tail):
    whole = b"".join(written(path, intended()))
    path.write_bytes(whole + tail)
    assert opened(path).integrity is Integrity.TORN
    assert path.read_bytes().startswith(whole)
    assert path.with_name("orders.jsonl.torn-3").read_bytes() == tail
    assert scan(path.read_bytes()).ok


def test_a_last_line_without_its_newline_was_not_finished(path):
    whole = b"".join(written(path, intended()))
    found = scan(whole[:-1])
    assert (found.integrity, len(found.records)) == (Integrity.TORN, 1)


def test_what_was_set_aside_once_is_never_overwritten(path):
    """A crash between setting aside and cutting off leaves both; the first copy is the evidence."""
    whole = b"".join(written(path, intended()))
    aside = path.with_name("orders.jsonl.torn-3")
    aside.write_bytes(b"evidence")
    path.write_bytes(whole + b"half")
    opened(path)
    assert aside.read_bytes() == b"evidence"
    assert scan(path.read_bytes()).ok


def test_the_cut_is_durable_before_anything_is_written_behind_it(path, files):
    whole = b"".join(written(path, intended()))
    path.write_bytes(whole + b"half")
    opened(path, files=files)
    cut = files.calls.index("truncate")
    assert files.calls.index("write_new") < cut
    assert files.calls[cut + 1] == "sync"


@pytest.mark.parametrize("operation", ["write_new", "truncate", "sync"])
def test_an_end_that_cannot_be_set_aside_keeps_the_journal_closed(path, files, operation):
    whole = b"".join(written(path, intended()))
    path.write_bytes(whole + b"half")
    files.fail(operation, errno.EIO)
    journal = log_at(path, files=files)
    with pytest.raises(OrderLogError, match=r"torn end .* repair the disk"):
        journal.open()
    files.heal()
    refuses(journal, "torn end")
    journal.close()


def test_a_journal_whose_first_line_was_torn_opens_again_and_again(path):
    [first] = written(path)
    path.write_bytes(first[:40])
    opened(path)
    found = opened(path)
    assert found.ok
    assert found.records[0].fact.event is EventKind.JOURNAL_OPENED


# A journal that was tampered with.


def of_a_newer_program(line: bytes) -> bytes:
    """The same record in a later schema, with a right hash."""
    body, _ = line.replace(b'{"v":1,', b'{"v":2,').rsplit(b',"hash":"', 1)
    return body + b',"hash":"' + hashlib.sha256(body + b"}").hexdigest().encode() + b'"}\n'


def edited(lines):
    return [lines[0], lines[1].replace(b'"100.00"', b'"999.00"'), *lines[2:]]


DAMAGE = {
    "an edited record": edited,
    "a deleted record": lambda lines: [lines[0], *lines[2:]],
    "the first record deleted": lambda lines: lines[1:],
    "swapped records": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "the last two swapped": lambda lines: [*lines[:-2], lines[-1], lines[-2]],
    "a record twice": lambda lines: [*lines[:2], lines[1], *lines[2:]],
    "another journal's record": lambda lines: [*lines[:2], Story(intended("x")).lines(), *lines[2:]],
    "two records on one line": lambda lines: [lines[0], lines[1].rstrip(), *lines[2:]],
    "a record of a newer program": lambda lines: [*lines[:2], of_a_newer_program(lines[2]), *lines[3:]],
    "a blank line": lambda lines: [*lines[:2], b"\n", *lines[2:]],
    "carriage returns": lambda lines: [line.replace(b"\n", b"\r\n") for line in lines],
    "NULs in the middle": lambda lines: [*lines[:2], b"\0" * len(lines[2]), *lines[3:]],
    "half a line in the middle": lambda lines: [*lines[:2], lines[2][:30] + b"\n", *lines[3:]],
    "a byte-order mark": lambda lines: [b"\xef\xbb\xbf", *lines],
    "lines of rubbish": lambda _: [b"\x1f\x8b\x08\n", b"\xfe\xfe\n", b"\x02"],
    "an endless line": lambda lines: [*lines[:2], b"x" * 1_000_000 + b"\n", *lines[2:]],
    "another language": lambda lines: [line.decode().encode("utf-16") for line in lines],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_before_the_end_is_reported_and_the_file_left_untouched(path, damage):
    lines = written(path, *UPDATES)
    data = b"".join(damage(lines))
    path.write_bytes(data)
    journal = log_at(path)
    found = journal.open()
    assert (found.integrity, found.ok) == (Integrity.DAMAGED, False)
    assert found.problem
    error = refuses(journal, "only cancels are possible .* audit verify")
    assert isinstance(error, OrderLogDamagedError)
    with pytest.raises(OrderLogDamagedError):
        journal.append_intent(intended("third", details={**TERMS, "body_sha256": PREPARED.digest}), PREPARED)
    journal.close()
    assert path.read_bytes() == data
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_newer_program_is_named_as_the_reason(path):
    lines = written(path, *UPDATES)
    path.write_bytes(b"".join(map(of_a_newer_program, lines)))
    assert "schema version 2; this program reads version 1" in str(opened(path).problem)


def test_what_stands_before_the_damage_can_be_read(path):
    lines = written(path, *UPDATES)
    path.write_bytes(b"".join([*lines[:2], b"rubbish\n", *lines[2:]]))
    found = opened(path)
    assert [record.fact for record in found.records[1:]] == [UPDATES[0]]
    assert found.good_bytes == len(lines[0]) + len(lines[1])
    assert "record 3 is bad" in str(found.problem)


WHOLE_BUT_LAST = {
    "the record before the last deleted": lambda lines: [*lines[:-2], lines[-1]],
    "the last record twice": lambda lines: [*lines, lines[-1]],
    "another journal's record at the end": lambda lines: [*lines, Story(intended("x")).lines()],
    "a last record of a newer program": lambda lines: [*lines[:-1], of_a_newer_program(lines[-1])],
    "a hole of NULs before the last record": lambda lines: [*lines[:-1], b"\0" * 512 + lines[-1]],
}


@pytest.mark.parametrize("damage", WHOLE_BUT_LAST.values(), ids=WHOLE_BUT_LAST)
def test_a_whole_last_record_that_does_not_follow_is_damage_and_no_torn_write(path, damage):
    """A crash while writing leaves no line with a right hash; a gap in the chain is somebody's doing."""
    path.write_bytes(b"".join(damage(written(path, *UPDATES))))
    assert opened(path).integrity is Integrity.DAMAGED


def test_rubbish_longer_than_any_record_is_damage_and_no_torn_write(path):
    written(path, *UPDATES)
    path.write_bytes(b"\xfe" * (MAX_LINE_BYTES + 1))
    assert opened(path).integrity is Integrity.DAMAGED


# A journal of somebody else.


@pytest.mark.parametrize("theirs", [OTHER_ACCOUNT, LIVE], ids=["another account", "another mode"])
def test_the_journal_of_another_account_or_mode_is_refused_and_left_untouched(path, theirs):
    lines = written(path, intended())
    journal = log_at(path, identity=theirs)
    with pytest.raises(OrderLogError, match=r"another account or mode .*ending in 0001.* point logs_dir"):
        journal.open()
    refuses(journal, "another account or mode")
    journal.close()
    assert path.read_bytes() == b"".join(lines)


def test_the_same_account_in_other_letters_is_told_that_case_counts(path):
    written(path, intended())
    ours = replace(OTHER_ACCOUNT, spellings={PAPER.account_key: "capital letters"})
    with pytest.raises(OrderLogError, match=r"which has capital letters; case counts, so write it like that"):
        log_at(path, identity=ours).open()


def test_a_chain_that_does_not_say_whose_it_is_is_refused(path):
    path.parent.mkdir()
    path.write_bytes(Story(intended(), now_in(OrderState.CONFIRMED)).lines())
    with pytest.raises(OrderLogError, match="another account or mode"):
        opened(path)


# Disks that fail.


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_after_a_failed_write_nothing_more_is_taken_until_a_restart(path, files, log, number):
    before = path.read_bytes()
    files.fail("write", number)
    error = refuses_orders(log, "cannot be written.*until the bot is restarted on a healthy disk")
    assert isinstance(error.__cause__, OSError)
    files.heal()
    attempts = files.calls.count("write")
    assert refuses_orders(log) is error is log.refusal
    assert files.calls.count("write") == attempts
    assert path.read_bytes() == before
    assert opened(path).ok


def test_a_failed_flush_is_never_tried_again(files, log):
    """The kernel may have dropped the pages and report the next flush as a success."""
    files.fail("sync", errno.EIO)
    refuses_orders(log, "cannot be written")
    files.heal()
    flushes = files.calls.count("sync")
    refuses_orders(log, "cannot be written")
    log.close()
    assert files.calls.count("sync") == flushes


@pytest.mark.parametrize("taken", [0, 1, 100])
def test_a_write_that_takes_only_a_part_is_cut_back(path, files, log, taken):
    before = path.read_bytes()
    files.takes_only = taken
    refuses_orders(log, f"only {taken} of")
    files.heal()
    refuses_orders(log, f"only {taken} of")
    assert path.read_bytes() == before


def test_a_part_that_cannot_be_cut_back_is_found_at_the_next_start(path, files, log):
    files.takes_only = 50
    files.fail("truncate", errno.EIO)
    refuses_orders(log, "cannot be written")
    assert opened(path).integrity is Integrity.TORN
    assert scan(path.read_bytes()).ok


def test_a_failed_append_does_not_move_the_head(files, log):
    head = log.head
    files.fail("sync", errno.EIO)
    refuses_orders(log)
    assert log.head == head


def test_a_record_that_is_too_long_is_refused_and_never_half_written(path, log):
    before = path.read_bytes()
    many = {str(number): "x" * MAX_TEXT for number in range(40)}
    with pytest.raises(OrderLogError, match="longer than"):
        log.append(OrderEvent(event=EventKind.ANOMALY_FOUND, details=many))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("operation", "number"),
    [
        ("make_folder", errno.EROFS),
        ("make_folder", errno.EACCES),
        ("open_append", errno.EACCES),
        ("open_append", errno.EMFILE),
        ("facts_at", errno.EACCES),
        ("read", errno.EIO),
        ("write", errno.ENOSPC),
        ("sync", errno.EIO),
        ("sync_folder", errno.EIO),
    ],
    ids=str,
)
def test_a_journal_that_cannot_be_begun_is_an_error_that_says_why(path, files, operation, number):
    files.fail(operation, number)
    journal = log_at(path, files=files)
    with pytest.raises(OrderLogError, match=os.strerror(number)) as caught:
        journal.open()
    files.heal()
    assert refuses(journal) is caught.value
    journal.close()


# A file that changes underneath.


def replaced(path):
    data = path.read_bytes()
    path.rename(path.with_name("rotated"))
    path.write_bytes(data)


def linked_elsewhere(path):
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


UNDERNEATH = {
    "replaced by a copy": (replaced, "moved or replaced"),
    "moved away": (lambda path: path.rename(path.with_name("rotated")), "moved or replaced"),
    "deleted": (Path.unlink, "moved or replaced"),
    "a link in its place": (linked_elsewhere, "moved or replaced"),
    "given a second name": (lambda path: os.link(path, path.with_name("second")), "not a plain file with one name"),
    "emptied": (lambda path: os.truncate(path, 0), "0 bytes where"),
    "shortened by a byte": (lambda path: os.truncate(path, path.stat().st_size - 1), "bytes where"),
    "lengthened by somebody": (lambda path: path.write_bytes(path.read_bytes() + b"x"), "bytes where"),
}


@pytest.mark.parametrize(("change", "problem"), UNDERNEATH.values(), ids=UNDERNEATH)
def test_a_file_that_was_changed_underneath_takes_nothing_more(path, log, change, problem):
    change(path)
    refuses_orders(log, problem)
    refuses_orders(log, problem)


def test_a_file_that_shrinks_while_it_is_read_takes_nothing(path, files):
    lines = written(path, *UPDATES)
    files.reads_only = len(lines[0]) + len(lines[1])
    journal = log_at(path, files=files)
    journal.open()
    refuses_orders(journal, "bytes where")
    journal.close()


def with_a_second_name(path):
    written(path)
    os.link(path, path.with_name("second"))


@pytest.mark.parametrize(
    ("put", "problem"),
    [
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to("elsewhere"), "symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), "symbolic links"),
        (with_a_second_name, "not a plain file with one name"),
    ],
    ids=["a folder", "a dangling link", "a link to an endless file", "a second name of another file"],
)
def test_only_a_plain_file_with_one_name_is_a_journal(path, put, problem):
    path.parent.mkdir()
    put(path)
    with pytest.raises(OrderLogError, match=problem):
        opened(path)
    assert not path.with_name("elsewhere").exists()


# Who may write, and when.


def test_a_forked_process_may_not_write(path):
    process = Process()
    journal = log_at(path, process=process)
    journal.open()
    before = path.read_bytes()
    process.number = 2
    refuses(journal, "forked process")
    assert path.read_bytes() == before
    process.number = 1
    assert journal.append(NOTE).seq == 2
    journal.close()


def test_nothing_is_written_before_opening_and_after_closing(path):
    journal = log_at(path)
    refuses(journal, "call open")
    journal.open()
    journal.close()
    before = path.read_bytes()
    refuses(journal, "is closed")
    assert path.read_bytes() == before


def test_closing_twice_closes_once(files, path):
    journal = log_at(path, files=files)
    journal.open()
    journal.close()
    journal.close()
    assert files.calls.count("close") == 1


def test_a_file_is_closed_even_where_its_last_flush_fails(files, path):
    journal = log_at(path, files=files)
    journal.open()
    files.fail("sync", errno.EIO)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        journal.close()
    assert files.calls[-1] == "close"


# The proof that an intent is on disk.


def intent_event(**changes) -> OrderEvent:
    return intended("second", details={**TERMS, "body_sha256": PREPARED.digest}, **changes)


def test_the_proof_of_an_intent_names_its_record_and_binds_its_bytes(path, files, log):
    record, proof = log.append_intent(intent_event(), PREPARED)
    assert (proof.client_order_id, proof.ref_id, proof.terms) == ("second", PREPARED.ref_id, PREPARED.terms)
    assert (proof.body, proof.body_digest, proof.journal_seq) == (PREPARED.body, PREPARED.digest, record.seq)
    assert scan(path.read_bytes()).records[-1] == record
    assert files.durable_size == path.stat().st_size


def test_there_is_no_proof_for_other_bytes_than_the_recorded_ones(log):
    with pytest.raises(ValueError, match="not the ones in the journal"):
        log.append_intent(intent_event(), replace(PREPARED, body=b"symbol=MSFT"))


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_there_is_no_proof_of_an_intent_that_is_not_durable(files, log, operation):
    files.fail(operation, errno.ENOSPC)
    with pytest.raises(OrderLogError):
        log.append_intent(intent_event(), PREPARED)


@pytest.mark.parametrize(
    "event",
    [told(EventKind.ORDER_UPDATED, "second"), replace(intent_event(), client_order_id=None)],
    ids=["another event", "an intent without a name"],
)
def test_only_an_intent_has_a_proof(path, log, event):
    before = path.read_bytes()
    with pytest.raises(OrderLogError, match="record it as one"):
        log.append_intent(event, PREPARED)
    assert path.read_bytes() == before
