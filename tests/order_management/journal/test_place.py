"""A journal is ours alone, on a disk that may be full, and facts are known whatever becomes of it."""

import errno
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.journal_bench import JournalBench
from tests.support.order_story import TERMS, intended, now_in, order_id_of
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.order_log import scan
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import PreparedOrder

PREPARED = PreparedOrder(
    ref_id=RefId("ref"),
    terms=OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.00")),
    body=b"symbol=AAPL",
)
CANCELLED = now_in(OrderState.CANCELLED, order_id=order_id_of("first"))
RESERVE = ".orders.jsonl.reserve"


class OthersFiles(FaultyFiles):
    """As seen by another user."""

    def user(self):
        return super().user() + 1


def intent_of(name: str) -> OrderEvent:
    return intended(name, details={**TERMS, "body_sha256": PREPARED.digest})


def test_a_journal_of_another_user_is_refused(tmp_path):
    JournalBench(tmp_path).close()
    with pytest.raises(OrderLogError, match="belongs to another user"):
        JournalBench(tmp_path, files=OthersFiles())


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_journal_that_others_may_write_is_refused(tmp_path, mode):
    desk = JournalBench(tmp_path)
    desk.close()
    desk.path.chmod(mode)
    with pytest.raises(OrderLogError, match="others may write it"):
        desk.restart()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_in_which_others_may_put_another_file_is_refused(tmp_path, mode):
    desk = JournalBench(tmp_path)
    desk.close()
    desk.path.parent.chmod(mode)
    with pytest.raises(OrderLogError, match="others may write its folder, so run 'chmod go-w'"):
        desk.restart()


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o1777])
def test_a_folder_in_which_nobody_else_may_rename_our_file_will_do(tmp_path, mode):
    desk = JournalBench(tmp_path)
    desk.close()
    desk.path.parent.chmod(mode)
    desk.restart().close()


def test_the_folder_a_link_leads_to_is_the_one_that_counts(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "real").chmod(0o777)
    (tmp_path / "logs").symlink_to("real")
    with pytest.raises(OrderLogError, match="others may write its folder"):
        JournalBench(tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_every_file_of_a_rotated_journal_is_private(tmp_path, mode):
    desk = JournalBench(tmp_path, reserve_bytes=1000).tell(intended())
    desk.keeper.rotate()
    assert {path.stat().st_mode & 0o777 for path in desk.path.parent.iterdir()} == {0o600}
    desk.close()


# A disk that is full.


class FullDisk(FaultyFiles):
    """Takes nothing until ``reserve`` is gone."""

    def write(self, descriptor, data):
        if any(name.endswith(".reserve") for name in self.names(self.folder)) and self.full:
            raise OSError(self.number, os.strerror(self.number))
        return super().write(descriptor, data)

    folder: Path
    full = False
    number = errno.ENOSPC


@pytest.fixture
def full(tmp_path):
    files = FullDisk()
    files.folder = tmp_path / "logs"
    desk = JournalBench(tmp_path, files=files, reserve_bytes=5000).tell(intended())
    assert desk.path.with_name(RESERVE).stat().st_size == 5000
    files.full = True
    yield desk
    desk.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_on_a_full_disk_what_happened_is_written_with_the_space_kept_for_it(full, number):
    full.files.number = number
    full.tell(CANCELLED)
    assert not full.path.with_name(RESERVE).exists()
    assert scan(full.path.read_bytes()).records[-1].fact == CANCELLED


def test_on_a_full_disk_no_order_is_taken_even_after_the_space_was_given_back(full):
    full.tell(CANCELLED)
    before = full.path.read_bytes()
    with pytest.raises(OrderLogError, match="is full; no order is taken"):
        full.store.record_intent(intent_of("second"), PREPARED)
    assert full.path.read_bytes() == before


def test_an_intent_does_not_take_the_space_kept_for_facts(full):
    with pytest.raises(OrderLogError, match="No space left"):
        full.store.record_intent(intent_of("second"), PREPARED)
    assert full.path.with_name(RESERVE).exists()


def test_the_space_is_kept_again_after_a_start(full):
    full.tell(CANCELLED)
    full.files.full = False
    full.restart()
    assert full.path.with_name(RESERVE).stat().st_size == 5000


def test_an_error_of_another_kind_does_not_free_the_space(full):
    full.files.number = errno.EIO
    with pytest.raises(OrderLogError, match="cannot be written"):
        full.tell(intended("second"))
    full.store.record_fact(CANCELLED)
    assert full.path.with_name(RESERVE).exists()


# Whatever becomes of the journal, facts are known and nothing new is sent.


def replaced(path):
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


FAILURES = {
    "no space": lambda desk: desk.files.fail("write", errno.ENOSPC),
    "a write error": lambda desk: desk.files.fail("write", errno.EIO),
    "a failed flush": lambda desk: desk.files.fail("sync", errno.EIO),
    "read-only": lambda desk: desk.files.fail("write", errno.EROFS),
    "replaced": lambda desk: replaced(desk.path),
    "rotated away": lambda desk: desk.path.rename(desk.path.with_name("orders.jsonl.1")),
    "truncated": lambda desk: os.truncate(desk.path, 10),
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_a_fact_is_known_and_no_order_is_taken_once_the_journal_has_failed(tmp_path, fail):
    files = FaultyFiles()
    desk = JournalBench(tmp_path, files=files).tell(intended())
    fail(desk)
    desk.store.record_fact(replace(CANCELLED, event=EventKind.CANCEL_REQUESTED, status=OrderState.PENDING_CANCEL))
    desk.store.record_fact(CANCELLED)
    first = desk.book.get(ClientOrderId("first"))
    assert first is not None
    assert first.state is OrderState.CANCELLED
    files.heal()
    with pytest.raises(OrderLogError):
        desk.store.record_intent(intent_of("second"), PREPARED)
    assert desk.book.get(ClientOrderId("second")) is None


def test_an_order_store_can_be_told_to_take_facts_only(tmp_path):
    """A damaged journal is opened for its orders and for cancels; see `OrderLog.open`."""
    desk = JournalBench(tmp_path).tell(intended(), intended("second"), intended("third"))
    desk.close()
    lines = desk.path.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:2], b"rubbish\n", *lines[2:]])
    desk.path.write_bytes(damaged)
    desk._build()
    desk.open()
    refusal = desk.log.refusal
    assert refusal is not None
    desk.store.stop_entries(refusal)
    assert [order.client_order_id for order in desk.book.active()] == ["first"]
    desk.store.record_fact(CANCELLED)
    assert desk.book.active() == ()
    with pytest.raises(OrderLogError, match="only cancels are possible"):
        desk.store.record_intent(intent_of("fourth"), PREPARED)
    assert desk.path.read_bytes() == damaged
    desk.close()
