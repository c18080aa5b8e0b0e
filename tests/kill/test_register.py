"""The orders a kill knows from a journal of version 0.1 that no start has taken over yet."""

import errno
import json
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.order_story import Story, intended, now_in, order_id_of, ref_of
from trading_bot.files import LocalFiles
from trading_bot.kill.journal_process import JournalProcess
from trading_bot.kill.register import KnownOrders, read_known_orders
from trading_bot.order_management.journal.chain import encode, head_at, seal
from trading_bot.order_management.models import OrderId, OrderState, RefId
from trading_bot.state_folder import StateFolder

STORY = Story(
    intended("open"),
    now_in(OrderState.CONFIRMED, "open", order_id=order_id_of("open")),
    intended("doubt"),
    intended("done"),
    now_in(OrderState.FILLED, "done", order_id=order_id_of("done")),
)
LINES = [encode(record) for record in STORY.records]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b"".join(LINES))
    return path


def read(journal: Path, files: LocalFiles | None = None) -> KnownOrders:
    state = StateFolder(root=journal.parent / "state", files=LocalFiles())
    return read_known_orders(state=state, files=files or LocalFiles(), database=unbegun(journal, state))


def unbegun(journal: Path, state: StateFolder) -> JournalProcess:
    """A database that is not there, and must not be asked for."""
    return JournalProcess(database=state.database, account_key="0", log=journal, program=("/nowhere/python",))


def test_the_journal_tells_what_is_working_and_what_is_in_doubt(journal: Path):
    known = read(journal)
    assert known.problem is None
    assert [order.client_order_id for order in known.orders] == ["open", "doubt", "done"]
    assert [order.client_order_id for order in known.working] == ["open"]
    assert [order.client_order_id for order in known.unresolved] == ["doubt"]


def test_an_order_is_found_by_either_name_of_the_broker(journal: Path):
    known = read(journal)
    unjournaled, unnamed = OrderId("x"), RefId("x")
    assert known.find(order_id=order_id_of("done"), ref_id=None) == known.orders[2]
    assert known.find(order_id=unjournaled, ref_id=ref_of("doubt")) == known.orders[1]
    assert known.find(order_id=unjournaled, ref_id=unnamed) is None
    assert known.find(order_id=unjournaled, ref_id=None) is None


def test_an_account_that_never_had_a_journal_has_no_orders(tmp_path: Path):
    assert read(tmp_path / "orders.jsonl") == KnownOrders()


def test_a_journal_that_is_gone_is_a_problem(journal: Path):
    StateFolder(root=journal.parent / "state", files=LocalFiles()).remember_journal(journal)
    journal.unlink()
    known = read(journal)
    assert known.orders == ()
    assert "is gone; put it back" in (known.problem or "")


def test_an_unfinished_last_line_is_nobodys_order(journal: Path):
    journal.write_bytes(b"".join(LINES[:2]) + LINES[2][:-5])
    known = read(journal)
    assert [order.client_order_id for order in known.orders] == ["open"]
    assert known.problem is None


def test_a_damaged_journal_is_believed_up_to_the_damage(journal: Path):
    journal.write_bytes(b"".join(LINES[:2]) + b"rubbish\n" + b"".join(LINES[3:]))
    known = read(journal)
    assert [order.client_order_id for order in known.orders] == ["open"]
    assert "is damaged (orders.jsonl: record 3 is bad" in (known.problem or "")


def test_an_impossible_story_is_believed_up_to_its_break(journal: Path):
    (first,) = Story(intended("first")).records
    again = seal(intended("first"), head=head_at(first), ts=first.ts, mono=first.mono, session_id=first.session_id)
    journal.write_bytes(encode(first) + again.line)
    known = read(journal)
    assert [order.client_order_id for order in known.orders] == ["first"]
    assert "cannot be true" in (known.problem or "")


def test_a_disk_that_does_not_read_is_a_problem(journal: Path):
    files = FaultyFiles()
    files.fail("read_part", errno.EIO)
    known = read(journal, files)
    assert known.orders == ()
    assert "Input/output error" in (known.problem or "")


# The journal's end, noted outside of it.


@pytest.fixture
def state(journal: Path) -> StateFolder:
    return StateFolder(root=journal.parent / "state", files=LocalFiles())


def note_the_end(state: StateFolder) -> None:
    end = STORY.records[-1]
    state.anchor.parent.mkdir()
    state.anchor.write_text(json.dumps({"v": 1, "seq": end.seq, "hash": end.hash}))


def test_a_journal_that_is_as_long_as_its_noted_end_is_believed(journal: Path, state: StateFolder):
    note_the_end(state)
    assert read(journal).problem is None


def test_a_journal_cut_off_before_its_noted_end_is_a_problem(journal: Path, state: StateFolder):
    note_the_end(state)
    journal.write_bytes(b"".join(LINES[:2]))
    known = read(journal)
    assert [order.client_order_id for order in known.orders] == ["open"]
    assert "cut off" in (known.problem or "")
    assert known.to_cancel() is None


def test_an_end_told_in_a_continuation_reaches_the_noted_one(journal: Path, state: StateFolder):
    note_the_end(state)
    continued(journal, LINES[4:])
    assert read(journal).problem is None


def test_a_note_that_cannot_be_read_is_a_problem_that_hides_no_order(journal: Path, state: StateFolder):
    state.anchor.parent.mkdir(parents=True, exist_ok=True)
    state.anchor.write_bytes(b"rubbish")
    known = read(journal)
    assert [order.client_order_id for order in known.orders] == ["open", "doubt", "done"]
    assert "cannot read" in (known.problem or "")


# What a failed journal was continued in.


def continued(journal: Path, lines: list[bytes]) -> Path:
    """A journal whose last lines stand in a continuation."""
    journal.write_bytes(b"".join(LINES[: -len(lines)]))
    beside = journal.with_name(f"{journal.name}.continued-{len(LINES) - len(lines) + 1}")
    beside.write_bytes(b"".join(lines))
    return beside


def test_an_end_that_is_told_in_a_continuation_is_known(journal: Path):
    continued(journal, LINES[4:])
    known = read(journal)
    assert known.problem is None
    assert [order.client_order_id for order in known.unresolved] == ["doubt"]
    assert known.find(order_id=order_id_of("done"), ref_id=None) == known.orders[2]
    assert known.orders[2].state is OrderState.FILLED


def test_a_continuation_that_does_not_go_on_from_the_journal_is_a_problem(journal: Path):
    continued(journal, LINES[4:])
    journal.write_bytes(b"".join(LINES[:2]))
    known = read(journal)
    assert [order.client_order_id for order in known.orders] == ["open"]
    assert "records 3 to 4 are missing between it and orders.jsonl.continued-5" in (known.problem or "")


def test_a_continuation_behind_a_link_is_a_problem(journal: Path):
    beside = continued(journal, LINES[4:])
    beside.rename(journal.with_name("elsewhere"))
    beside.symlink_to("elsewhere")
    assert "continued-5 is not a plain file" in (read(journal).problem or "")


def test_reading_a_continuation_changes_nothing(journal: Path):
    continued(journal, LINES[4:])
    before = {path.name: path.read_bytes() for path in journal.parent.iterdir()}
    read(journal)
    assert {path.name: path.read_bytes() for path in journal.parent.iterdir()} == before


# Whether the bot that writes the journal keeps its state where the kill looked.


def state_at(journal: Path) -> StateFolder:
    return StateFolder(root=journal.parent / "state", files=LocalFiles())


def test_a_state_folder_that_knows_the_journal_is_the_bots(journal: Path):
    state_at(journal).remember_journal(journal)
    assert read(journal).elsewhere is None


@pytest.mark.parametrize("left_by_others", [(), ("armed",), ("armed.initialised", "send.lock", "kills")])
def test_a_state_folder_that_never_knew_a_journal_with_records_may_not_be_the_bots(journal: Path, left_by_others):
    """An arming or an earlier kill from the same wrong environment leaves its files there and proves nothing."""
    state_at(journal).root.mkdir()
    for name in left_by_others:
        (state_at(journal).root / name).touch()
    known = read(journal)
    assert str(state_at(journal).root) in (known.elsewhere or "")
    assert "set state_dir" in (known.elsewhere or "")
    assert [order.client_order_id for order in known.working] == ["open"]
    assert known.problem is None


def test_a_journal_without_a_record_was_written_by_nobody(journal: Path):
    journal.write_bytes(b"")
    assert read(journal).elsewhere is None


def test_a_journal_that_cannot_be_looked_at_may_have_records(journal: Path):
    files = FaultyFiles()
    files.fail("read_part", errno.EACCES)
    known = read(journal, files)
    assert known.problem is not None
    assert known.elsewhere is not None


def test_a_note_that_cannot_be_looked_at_is_a_problem_of_its_own(journal: Path):
    files = FaultyFiles()
    files.fail("facts_at", errno.EIO)
    state = StateFolder(root=journal.parent / "state", files=files)
    known = read_known_orders(state=state, files=LocalFiles(), database=unbegun(journal, state))
    assert "restore it from a copy" in (known.problem or "")
    assert known.elsewhere is None
