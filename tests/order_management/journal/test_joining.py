"""Which continuations belong to a journal's story, from bytes alone."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.order_story import MONDAY, Story, intended, now_in
from trading_bot.files import LocalFiles
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import ChainHead, chain_record, encode, head_at
from trading_bot.order_management.journal.joining import JoinedScan, continuations, join, put_away, read_joined
from trading_bot.order_management.journal.segments import Integrity
from trading_bot.order_management.models import OrderState

NAME = "j.continued-3"
CONTINUED = OrderEvent(event=EventKind.JOURNAL_CONTINUED, reason="moved")
STORY = Story(
    intended(),
    now_in(OrderState.CONFIRMED),
    now_in(OrderState.PENDING_CANCEL),
    CONTINUED,
    now_in(OrderState.CANCELLED),
)
LINES = [encode(record) for record in STORY.records]
WHOLE = b"".join(LINES)
FORGED = Story(intended(symbol="MSFT"), *(record.fact for record in STORY.records[1:])).records


def upto(number: int) -> bytes:
    return b"".join(LINES[:number])


def after(number: int) -> bytes:
    return b"".join(LINES[number:])


def chained(event: OrderEvent, head: ChainHead, *, session_id: str = "session-1") -> JournalRecord:
    return chain_record(event, head=head, ts=MONDAY, mono=Decimal(0), session_id=session_id)


def problem(joined: JoinedScan) -> str:
    assert joined.story.integrity is Integrity.DAMAGED
    assert joined.lines == ()
    return str(joined.story.problem)


@pytest.mark.parametrize("kept", [2, 3, 4])
def test_what_follows_from_the_live_file_is_part_of_the_story(kept):
    """The live file may hold none, some or most of what its continuation repeats."""
    joined = join(upto(kept), [(NAME, after(2))])
    assert joined.story.records == tuple(STORY.records)
    assert joined.story.integrity is Integrity.CLEAN
    assert (joined.names, joined.suspect) == ((NAME,), b"")


@pytest.mark.parametrize("kept", [2, 3, 4, 5])
def test_all_that_a_continuation_tells_is_written_anew_whatever_the_live_file_seems_to_have(kept):
    """After a flush that failed, what is read of a file need not be what is on the medium."""
    joined = join(upto(kept), [(NAME, after(2))])
    assert joined.story.good_bytes == len(upto(2))
    assert b"".join(joined.lines) == after(2)


def test_a_continuation_that_the_live_file_has_gone_on_from_adds_nothing():
    more = encode(chained(now_in(OrderState.CANCELLED, reason="again"), head_at(STORY.records[-1])))
    joined = join(WHOLE + more, [(NAME, after(2))])
    assert (joined.story.ok, joined.lines, joined.names) == (True, (), (NAME,))
    assert joined.story.good_bytes == len(WHOLE + more)


def test_without_a_continuation_the_live_file_is_the_story():
    joined = join(WHOLE, [])
    assert (joined.story.records, joined.lines, joined.names) == (tuple(STORY.records), (), ())


@pytest.mark.parametrize("piece", [b"", LINES[2][:40], b"\0" * 100], ids=["empty", "torn", "NULs"])
def test_a_continuation_that_was_never_begun_in_full_tells_nothing(piece):
    joined = join(upto(2), [(NAME, piece)])
    assert joined.story.records == tuple(STORY.records[:2])
    assert (joined.lines, joined.names) == ((), (NAME,))
    assert joined.story.good_bytes == len(upto(2))


def test_the_unfinished_end_of_a_continuation_is_told_and_nothing_of_it_is_believed():
    joined = join(upto(2), [(NAME, after(2)[:-10])])
    assert joined.story.records == tuple(STORY.records[:4])
    assert joined.story.integrity is Integrity.TORN
    assert joined.story.problem == f"{NAME}: the last line is unfinished"
    assert joined.lines == (LINES[2], LINES[3])


def test_an_unfinished_end_of_the_live_file_stands_in_nobodys_way():
    joined = join(upto(2) + LINES[2][:30], [(NAME, after(2))])
    assert joined.story.records == tuple(STORY.records)
    assert (joined.story.integrity, joined.story.problem) == (Integrity.TORN, "the last line is unfinished")
    assert (joined.story.good_bytes, joined.suspect, joined.suspect_seq) == (len(upto(2)), LINES[2][:30], 3)


def test_what_stays_suspect_is_only_what_the_continuation_does_not_repeat():
    joined = join(upto(3) + LINES[3][:30], [(NAME, after(2))])
    assert (joined.story.good_bytes, joined.suspect, joined.suspect_seq) == (len(upto(2)), LINES[3][:30], 4)


def test_of_two_unfinished_ends_the_live_files_is_told():
    joined = join(upto(2) + LINES[2][:30], [(NAME, after(2)[:-10])])
    assert (joined.story.integrity, joined.story.problem) == (Integrity.TORN, "the last line is unfinished")


# Damage.


@pytest.mark.parametrize(
    ("kept", "missing"), [(0, "records 1 to 2 are missing"), (1, "record 2 is missing")], ids=["empty", "cut"]
)
def test_records_between_the_two_that_are_missing_are_named(kept, missing):
    joined = join(upto(kept), [(NAME, after(2))])
    assert problem(joined) == f"{missing} between it and {NAME}"
    assert joined.story.records == tuple(STORY.records[:kept])


FORGERIES = {
    "a changed record": (after(2).replace(b"pending_cancel", b"partial_cancel", 1), "beside it is damaged: record 1"),
    "a record left out": (LINES[2] + LINES[4], "beside it is damaged: record 4 is bad"),
    "rubbish": (b"rubbish\nrubbish\n", "beside it is damaged"),
    "rubbish behind": (LINES[2] + b"rubbish\nrubbish\n", "beside it is damaged"),
    "another chain": (encode(FORGED[2]), "does not go on from its record 2"),
    "a journal of its own": (WHOLE, "does not go on from its record 0"),
}


@pytest.mark.parametrize(("piece", "said"), FORGERIES.values(), ids=FORGERIES)
def test_a_continuation_that_does_not_belong_to_the_chain_is_damage(piece, said):
    joined = join(upto(2), [(NAME, piece)])
    assert said in problem(joined)
    assert NAME in problem(joined)
    assert joined.story.records == tuple(STORY.records[:2])


def test_a_journal_of_its_own_continues_no_empty_one():
    assert problem(join(b"", [(NAME, WHOLE)])) == f"{NAME} does not go on from its record 0"


def test_a_damaged_live_file_keeps_its_own_sentence():
    joined = join(upto(1) + b"rubbish\n" + LINES[1], [(NAME, after(2))])
    assert "record 2 is bad" in problem(joined)
    assert joined.names == ()


def test_a_second_continuation_is_damage():
    """A start takes in the one that there is before another can be begun."""
    joined = join(upto(2), [(NAME, LINES[2]), ("j.continued-4", after(3))])
    assert joined.story.integrity is Integrity.DAMAGED
    assert joined.story.problem == "j.continued-4 is a second continuation beside it"


def test_nothing_is_read_behind_a_continuation_that_is_damage():
    joined = join(upto(2), [(NAME, b"rubbish\nrubbish\n"), ("j.continued-4", after(2))])
    assert joined.story.records == tuple(STORY.records[:2])


# A refused intent in the way.

REFUSED = chained(intended("refused"), head_at(STORY.records[2]))


def test_one_refused_intent_gives_way_to_what_its_writer_went_on_with():
    joined = join(upto(3) + encode(REFUSED), [(NAME, after(2))])
    assert joined.story.records == tuple(STORY.records)
    assert (joined.story.integrity, joined.story.good_bytes) == (Integrity.TORN, len(upto(2)))
    assert "an intent that was refused" in str(joined.story.problem)
    assert (joined.lines, joined.suspect, joined.suspect_seq) == (tuple(LINES[2:]), encode(REFUSED), 4)


def two_records() -> bytes:
    more = chained(now_in(OrderState.CANCELLED), head_at(REFUSED))
    return encode(REFUSED) + encode(more)


IN_THE_WAY = {
    "a fact": encode(chained(now_in(OrderState.FILLED, filled_quantity=Decimal(10)), head_at(STORY.records[2]))),
    "an intent with something behind it": two_records(),
    "an intent of another run": encode(chained(intended("refused"), head_at(STORY.records[2]), session_id="session-2")),
}


@pytest.mark.parametrize("behind", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_anything_else_in_the_way_is_damage(behind):
    """Somebody may have acted on it."""
    joined = join(upto(3) + behind, [(NAME, after(2))])
    assert problem(joined) == f"record 4 is another one in {NAME}"


def test_an_intent_gives_way_only_where_the_continuation_says_that_it_is_one():
    other = chained(now_in(OrderState.CANCELLED), head_at(STORY.records[2]))
    joined = join(upto(3) + encode(REFUSED), [(NAME, LINES[2] + encode(other))])
    assert problem(joined) == f"record 4 is another one in {NAME}"


# Files.


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "j"


def test_continuations_are_told_by_their_names_in_the_order_of_their_records(journal):
    for name in ("j.continued-10", "j.continued-9", "j.continued-0", "j.continued-x", "k.continued-1", "j.torn-2"):
        journal.with_name(name).touch()
    journal.with_name("j.taken-in-3").touch()
    assert continuations(journal, files=LocalFiles()) == ("j.continued-9", "j.continued-10")


def test_a_folder_that_is_not_there_has_none(journal):
    assert continuations(journal / "deep" / "j", files=LocalFiles()) == ()


def test_a_continuation_that_cannot_be_read_is_an_error(journal):
    journal.with_name(NAME).write_bytes(after(2))
    files = FaultyFiles()
    files.fail("read", 5)
    with pytest.raises(OSError, match="Input/output error"):
        read_joined(journal, upto(2), files=files)


def test_a_continuation_that_was_put_away_meanwhile_is_no_error(journal):
    class Vanishing(LocalFiles):
        def facts_at(self, path):
            return None if path.name == NAME else super().facts_at(path)

    journal.with_name(NAME).write_bytes(after(2))
    assert read_joined(journal, upto(2), files=Vanishing()).story.records == tuple(STORY.records[:2])


def test_what_is_put_away_is_kept_and_durable(journal):
    files = FaultyFiles()
    journal.with_name(NAME).write_bytes(after(2))
    put_away(journal, (NAME,), files=files)
    assert journal.with_name("j.taken-in-3").read_bytes() == after(2)
    assert not journal.with_name(NAME).exists()
    assert files.calls[-1] == "sync_folder"


def test_where_nothing_is_put_away_nothing_is_done(journal):
    files = FaultyFiles()
    put_away(journal, (), files=files)
    assert files.calls == []
