"""What has to be true of a journal of version 0.1 before a record of it is believed."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.journal_engines import OURS, MemoryEngine
from tests.support.order_story import MONDAY
from tests.support.v1_folder import LAST, RELEASE, V1Folder
from trading_bot.files import FileFacts, LocalFiles
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, decode_alone, seal
from trading_bot.order_management.journal.v1.names import V1Names
from trading_bot.order_management.journal.v1.on_record import V1Reader


@pytest.fixture
def released(tmp_path) -> V1Folder:
    return V1Folder(RELEASE, tmp_path / "old")


@pytest.fixture
def torn(tmp_path) -> V1Folder:
    return V1Folder(LAST, tmp_path / "torn")


def flip(path: Path, *, line: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"ts":"2026', b'"ts":"2027')
    path.write_bytes(b"".join(lines))


def without(path: Path, *, line: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[line]
    path.write_bytes(b"".join(lines))


def cut(path: Path, size: int) -> None:
    os.truncate(path, path.stat().st_size - size)


def note(old: V1Folder, **changes: object) -> None:
    old.anchor.write_text(json.dumps({**json.loads(old.anchor.read_text()), **changes}))


def continuation(old: V1Folder) -> Path:
    return next(old.logs.glob("*.continued-*"))


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def stray(old: V1Folder) -> None:
    (old.logs / "orders.2026-11-28.3.jsonl").write_bytes(old.finished[1].read_bytes())


def link_to_elsewhere(old: V1Folder) -> None:
    moved = old.root / "elsewhere.jsonl"
    old.live.rename(moved)
    old.live.symlink_to(moved)


def one_more_name(path: Path) -> None:
    path.with_name("second-name").hardlink_to(path)


def second_continuation(old: V1Folder) -> None:
    """Another writer that went on from the same record: two stories."""
    lines = continuation(old).read_bytes().splitlines(keepends=True)
    first = decode_alone(lines[0].rstrip())
    (old.logs / f"orders.jsonl.continued-{first.seq + 1}").write_bytes(b"".join(lines[1:]))


def without_beginning(old: V1Folder, *, lines: int) -> None:
    piece = continuation(old)
    kept = piece.read_bytes().splitlines(keepends=True)[lines:]
    piece.unlink()
    piece.with_name(f"orders.jsonl.continued-{decode_alone(kept[0].rstrip()).seq}").write_bytes(b"".join(kept))


def foreign_continuation(old: V1Folder) -> None:
    piece = continuation(old)
    other = V1Folder(LAST, old.root / "other").live.read_bytes().splitlines(keepends=True)
    piece.write_bytes(b"".join(other[17:20]))


def cut_off(old: V1Folder) -> None:
    continuation(old).unlink()
    note(old, seq=old.expected["head"]["seq"])


def resealed(event: OrderEvent, *, head: ChainHead, session_id: str = "session-1") -> bytes:
    return seal(event, head=head, ts=MONDAY, mono=Decimal(0), session_id=session_id).line


def two_stories(old: V1Folder) -> None:
    """The live file tells a fact where its continuation tells another record."""
    *kept, last = old.live.read_bytes().splitlines(keepends=True)
    record = decode_alone(last.rstrip())
    fact = OrderEvent(event=EventKind.SESSION_STOPPED)
    line = resealed(fact, head=ChainHead(seq=record.seq - 1, hash=record.prev))
    old.live.write_bytes(b"".join([*kept, line]))


def refused_by_another(old: V1Folder) -> None:
    """The intent behind the continuation's beginning was not written by whoever went on there: it may be acted on."""
    *kept, last = old.live.read_bytes().splitlines(keepends=True)
    record = decode_alone(last.rstrip())
    head = ChainHead(seq=record.seq - 1, hash=record.prev)
    line = resealed(record.fact, head=head, session_id="session-2")
    old.live.write_bytes(b"".join([*kept, line]))


def two_refused(old: V1Folder) -> None:
    record = decode_alone(old.live.read_bytes().splitlines()[-1])
    append(old.live, resealed(record.fact, head=ChainHead(seq=record.seq, hash=record.hash)))


def line_of_another(old: V1Folder) -> None:
    append(old.live, V1Folder(LAST, old.root / "another").live.read_bytes().splitlines(keepends=True)[3])


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def wrong_link(old: V1Folder) -> None:
    first, *others = old.live.read_bytes().splitlines(keepends=True)
    record = decode_alone(first.rstrip())
    fact = replace(record.fact, details={**record.fact.details, "previous_seq": "12"})
    line = resealed(fact, head=ChainHead(seq=record.seq - 1, hash=record.prev))
    old.live.write_bytes(b"".join([line, *others]))


DAMAGE: dict[str, tuple[Callable[[V1Folder], object], str]] = {
    "a changed digit in the first segment": (lambda old: flip(old.finished[0], line=4), "record 5 is bad"),
    "a changed digit in its first record": (lambda old: flip(old.finished[0], line=0), "does not begin with a record"),
    "a changed digit in a later segment": (lambda old: flip(old.finished[1], line=3), "is bad"),
    "a changed digit in the live file": (lambda old: flip(old.live, line=2), "is bad"),
    "a changed digit in the live file's first record": (lambda old: flip(old.live, line=0), "does not begin with"),
    "a changed digit in a continuation": (lambda old: flip(continuation(old), line=0), "is bad"),
    "a line less in a segment": (lambda old: without(old.finished[0], line=7), "is bad"),
    "a line less in the live file": (lambda old: without(old.live, line=7), "is bad"),
    "a segment without its last line": (
        lambda old: without(old.finished[0], line=-1),
        "does not end where its successor says",
    ),
    "a segment with a torn end": (lambda old: cut(old.finished[1], 9), "does not end where its successor says"),
    "a segment less": (lambda old: old.finished[1].unlink(), "its segment 2, .* is missing beside it"),
    "the first segment less": (lambda old: old.finished[0].unlink(), "its segment 1, .* is missing beside it"),
    "two segments exchanged": (lambda old: swap(*old.finished), "is not segment 2, as its successor says"),
    "a finished segment in the live file's place": (
        lambda old: old.live.write_bytes(old.finished[1].read_bytes()),
        "is no part of it|does not go on",
    ),
    "a segment that nothing names": (stray, "lies beside it and is no part of it"),
    "an end that was cut off": (cut_off, "its end was cut off"),
    "another record at the noted head": (lambda old: note(old, hash="0" * 64), "the journal was exchanged"),
    "a continuation that begins later": (
        lambda old: without_beginning(old, lines=3),
        "are missing between it and",
    ),
    "a continuation that begins behind a refused intent": (
        lambda old: without_beginning(old, lines=2),
        "does not go on from its record",
    ),
    "a second continuation": (second_continuation, "is a second continuation beside it"),
    "a continuation of another journal": (foreign_continuation, "does not go on from its record"),
    "a segment with more behind its end": (
        lambda old: append(old.finished[0], b"{"),
        "does not end where its successor says",
    ),
    "an intent of another writer behind a continuation": (refused_by_another, "is another one in"),
    "two intents behind a continuation": (two_refused, "is another one in"),
    "a whole line of another journal at the end": (line_of_another, "is bad"),
    "two files that tell different stories": (two_stories, "is another one in"),
    "a first record that contradicts itself": (wrong_link, "contradicts itself"),
    "an endless line": (lambda old: old.live.write_bytes(old.live.read_bytes() + b"x" * 70_000), "is too long"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_journal_is_left_as_it_is(released, name):
    damage, problem = DAMAGE[name]
    damage(released)
    before, engine = released.bytes(), MemoryEngine()
    with pytest.raises(OrderLogDamagedError, match=problem):
        released.start(engine.journal(begins=False))
    assert released.bytes() == before
    assert engine.storage.records == {}


class MeasuredFiles(LocalFiles):
    def __init__(self) -> None:
        self.taken = 0

    def read_part(self, path: Path, *, offset: int, size: int) -> bytes:
        part = super().read_part(path, offset=offset, size=size)
        self.taken += len(part)
        return part


def test_a_line_without_an_end_is_not_read_to_its_end(released):
    """It may be a gigabyte long."""
    files = MeasuredFiles()
    released.old(files).verify()
    before, files.taken = files.taken, 0
    released.live.write_bytes(released.live.read_bytes() + b"x" * 8 * 1024 * 1024)
    with pytest.raises(OrderLogDamagedError, match="is too long"):
        released.old(files).verify()
    assert files.taken < before + 3 * 1024 * 1024


REFUSED: dict[str, tuple[Callable[[V1Folder], object], str]] = {
    "a file that others may write": (lambda old: old.live.chmod(0o666), "others may write it"),
    "a segment that others may write": (lambda old: old.finished[0].chmod(0o620), "others may write it"),
    "a folder that others may write": (lambda old: old.logs.chmod(0o777), "chmod go-w"),
    "a link in the live file's place": (link_to_elsewhere, "not a plain file with one name"),
    "a second name": (lambda old: one_more_name(old.live), "not a plain file with one name"),
    "a noted head that is no JSON": (lambda old: old.anchor.write_bytes(b"{"), "how far the journal was written"),
    "a noted head of a later form": (lambda old: note(old, v=2), "how far the journal was written"),
    "a noted head without a number": (lambda old: note(old, seq="12"), "how far the journal was written"),
    "a noted head without a hash": (lambda old: note(old, hash=None), "how far the journal was written"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_journal_that_is_not_ours_alone_is_left_as_it_is(released, name):
    damage, problem = REFUSED[name]
    damage(released)
    before, engine = released.bytes(), MemoryEngine()
    with pytest.raises(OrderLogError, match=problem):
        released.start(engine.journal(begins=False))
    assert released.bytes() == before
    assert engine.storage.records == {}


def test_a_folder_of_another_user_is_refused(released):
    class Other(FaultyFiles):
        def user(self) -> int:
            return 4711

    with pytest.raises(OrderLogError, match="belongs to another user"):
        released.old(Other()).verify()


def test_a_folder_of_somebody_else_is_refused(released):
    class Elsewhere(LocalFiles):
        def facts_at(self, path: Path) -> FileFacts | None:
            facts = super().facts_at(path)
            return replace(facts, owner=4711) if facts and path == released.logs.resolve() else facts

    with pytest.raises(OrderLogError, match="its folder belongs to another user"):
        released.old(Elsewhere()).verify()


@pytest.mark.parametrize("operation", ["facts_at", "read"])
def test_a_journal_that_cannot_be_read_is_not_taken_for_none(released, operation):
    files = FaultyFiles()
    files.fail(operation, 5)
    with pytest.raises(OrderLogError, match="cannot read"):
        released.start(MemoryEngine().journal(begins=False), files=files)


# What a crash leaves is no damage.


def started(old: V1Folder) -> MemoryEngine:
    engine = MemoryEngine()
    old.start(engine.journal(begins=False))
    return engine


def head(engine: MemoryEngine) -> int:
    """The last record that was taken over."""
    return engine.storage.head.seq - 1


def test_a_torn_end_is_kept_in_the_old_file_alone(torn):
    engine = started(torn)
    assert head(engine) == torn.expected["head"]["seq"]
    assert (torn.logs / "orders.jsonl.v1").read_bytes().endswith(b'{"v":1,"seq":')
    last = json.loads(engine.storage.records[engine.storage.head.seq][0])
    assert last["details"]["left_bytes"] == "13"


def test_a_newline_behind_a_torn_end_makes_no_line_of_it(torn):
    append(torn.live, b"\n")
    assert V1Reader(torn.old(), identity=OURS).read_head().seq == torn.expected["head"]["seq"]
    assert head(started(torn)) == torn.expected["head"]["seq"]


def test_a_name_with_digits_of_another_script_is_no_file_of_the_journal(torn):
    for name in ("orders.jsonl.continued-7\u0660", "orders.2026-11-2\u0668.3.jsonl", "orders.jsonl.torn-\u0661"):
        (torn.logs / name).write_bytes(b"")
    names = V1Names(journal=torn.live)
    assert names.continuations(LocalFiles()) == ()
    assert set(names.beside(LocalFiles())) == set(names.finished(LocalFiles())) == set(torn.finished[:2])


def test_nuls_behind_the_end_are_what_a_power_loss_leaves(torn):
    with torn.live.open("ab") as file:
        file.write(b"\0" * 5000)
    assert head(started(torn)) == torn.expected["head"]["seq"]


def test_a_refused_intent_is_not_taken_over(released):
    kept = released.live.read_bytes()
    assert b'"client_order_id":"refused"' in kept
    engine = started(released)
    assert all(b'"client_order_id":"refused"' not in body for body, _ in engine.storage.records.values())
    last = json.loads(engine.storage.records[engine.storage.head.seq][0])
    assert int(last["details"]["left_bytes"]) == len(kept.splitlines(keepends=True)[-1])


def test_a_rotation_that_did_not_end_left_a_second_name(torn):
    second = torn.logs / "orders.2026-11-27.3.jsonl"
    second.hardlink_to(torn.live)
    (torn.logs / ".orders.jsonl.next").write_bytes(b"half a segment")
    assert head(started(torn)) == torn.expected["head"]["seq"]
    assert second.with_name(f"{second.name}.v1").exists()
    assert not second.exists()


def test_a_continuation_that_was_taken_in_already_is_read_once(released):
    """A crash between the two steps of 0.1: its lines are in the live file, and its name is still there."""
    piece = continuation(released)
    lines = released.live.read_bytes().splitlines(keepends=True)
    told = piece.read_bytes().splitlines(keepends=True)
    first = decode_alone(told[0].rstrip()).seq
    kept = [line for line in lines if decode_alone(line.rstrip()).seq < first]
    released.live.write_bytes(b"".join([*kept, *told]))
    assert head(started(released)) == released.expected["head"]["seq"]


def test_a_continuation_that_was_taken_in_and_gone_on_from_is_read_once(released):
    piece = continuation(released)
    told = piece.read_bytes().splitlines(keepends=True)
    first = decode_alone(told[0].rstrip()).seq
    lines = released.live.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if decode_alone(line.rstrip()).seq < first]
    released.live.write_bytes(b"".join([*kept, *told]))
    piece.write_bytes(b"".join(told[:2]))
    assert head(started(released)) == released.expected["head"]["seq"]


def test_a_continuation_without_a_whole_line_says_nothing(torn):
    torn.live.write_bytes(torn.live.read_bytes().rpartition(b"\n")[0] + b"\n")
    (torn.logs / "orders.jsonl.continued-70").write_bytes(b'{"v":1,"s')
    assert head(started(torn)) == torn.expected["head"]["seq"]


def test_a_journal_that_nobody_noted_is_read_to_its_end(released):
    released.anchor.unlink()
    assert head(started(released)) == released.expected["head"]["seq"]


def test_a_head_noted_before_the_first_record_says_nothing(released):
    note(released, seq=0, hash="0" * 64)
    assert head(started(released)) == released.expected["head"]["seq"]


class LittleAtOnce(LocalFiles):
    def read_part(self, path: Path, *, offset: int, size: int) -> bytes:
        return super().read_part(path, offset=offset, size=min(size, 97))


def test_lines_that_come_in_parts_are_whole_lines(released, torn):
    assert list(released.old(LittleAtOnce()).records(released.old(LittleAtOnce()).verify())) == list(
        released.old().records(released.old().verify())
    )
    assert torn.old(LittleAtOnce()).verify().head.seq == torn.expected["head"]["seq"]


def test_a_journal_that_changes_while_it_is_taken_over_is_not_taken_over(released):
    old = released.old()
    whole = old.verify()
    flip(released.finished[0], line=4)
    with pytest.raises(OrderLogDamagedError, match="was changed while it was read"):
        list(old.records(whole))
    released.finished[0].unlink()
    with pytest.raises(OrderLogError, match="cannot read"):
        list(old.records(whole))


def test_a_journal_whose_lines_change_places_while_it_is_taken_over_is_not_taken_over(released):
    old = released.old()
    whole = old.verify()
    lines = released.finished[0].read_bytes().splitlines(keepends=True)
    lines[3:5] = reversed(lines[3:5])
    released.finished[0].write_bytes(b"".join(lines))
    with pytest.raises(OrderLogDamagedError, match="does not follow record"):
        list(old.records(whole))


def test_a_journal_that_becomes_shorter_while_it_is_taken_over_is_not_taken_over(released):
    old = released.old()
    whole = old.verify()
    without(released.finished[1], line=-1)
    with pytest.raises(OrderLogDamagedError, match="has become shorter"):
        list(old.records(whole))


# What is left for cancels.


def orders_in(old: V1Folder) -> set[str]:
    return {str(record.fact.client_order_id) for record in old.old().readable()}


def test_the_live_file_and_its_continuation_can_be_read_for_cancels(released):
    released.finished[0].unlink()
    records = released.old().readable()
    assert records[-1].seq == released.expected["head"]["seq"]
    assert "refused" not in orders_in(released)
    assert {"killed", "unknown"} <= orders_in(released)


def test_a_damaged_live_file_is_read_up_to_the_damage(released):
    flip(released.live, line=12)
    assert len(released.old().readable()) == 12


def test_a_damaged_continuation_is_left_out(released):
    flip(continuation(released), line=0)
    assert len(released.old().readable()) == len(released.live.read_bytes().splitlines())


def test_a_continuation_that_does_not_follow_is_left_out(released):
    foreign_continuation(released)
    assert len(released.old().readable()) == len(released.live.read_bytes().splitlines())


def test_an_intent_is_no_beginning_of_a_journal(released):
    for path in (*released.logs.iterdir(), released.anchor):
        path.unlink()
    released.live.write_bytes(V1Folder(RELEASE, released.root / "copy").live.read_bytes().splitlines()[3] + b"\n")
    with pytest.raises(OrderLogDamagedError, match="does not begin a file"):
        released.old().verify()
