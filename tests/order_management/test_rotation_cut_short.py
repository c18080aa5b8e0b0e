"""A rotation that is cut short, by a signal or by the disk, neither damages the journal nor frees a used id."""

import errno

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.journal_bench import JournalBench, UnflushedFiles
from tests.support.order_story import intended, now_in, order_id_of, told
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.order_log import Integrity
from trading_bot.order_management.models import ClientOrderId, OrderState

OLD, OPEN = ClientOrderId("old"), ClientOrderId("open")
THREE_DAYS_S = 3 * 86_400
FEWEST_CALLS = 8
"""What stages, keeps, publishes, reopens and notes."""


class InterruptedFiles(UnflushedFiles):
    """Raises KeyboardInterrupt after the call with the number ``after`` of those that count."""

    def __init__(self) -> None:
        self.calls = 0
        self.after: int | None = None

    def _interrupt(self) -> None:
        if self.after is None:
            return
        self.calls += 1
        if self.calls == self.after:
            raise KeyboardInterrupt

    def write_new(self, path, data):
        super().write_new(path, data)
        self._interrupt()

    def link(self, path, second):
        super().link(path, second)
        self._interrupt()

    def rename(self, path, over):
        super().rename(path, over)
        self._interrupt()

    def sync_folder(self, path):
        super().sync_folder(path)
        self._interrupt()

    def open_append(self, path):
        descriptor = super().open_append(path)
        self._interrupt()
        return descriptor

    def close(self, descriptor):
        super().close(descriptor)
        self._interrupt()

    def replace(self, path, data):
        super().replace(path, data)
        self._interrupt()


class RenameFails(UnflushedFiles):
    """Cannot put another file in the journal's place."""

    broken = False

    def rename(self, path, over):
        if self.broken and over.name == "orders.jsonl":
            raise OSError(errno.EIO, "Input/output error")
        super().rename(path, over)


def desk_with_orders(folder, files) -> JournalBench:
    """A journal with an order that the next segment leaves out and one that it carries."""
    desk = JournalBench(folder, files=files)
    desk.tell(intended(OLD), now_in(OrderState.CANCELLED, OLD, order_id=order_id_of(OLD)))
    desk.clock.sleep(THREE_DAYS_S)
    return desk.tell(intended(OPEN), now_in(OrderState.CONFIRMED, OPEN, order_id=order_id_of(OPEN)))


def known(desk: JournalBench) -> list[bool]:
    return [desk.book.get(name) is not None for name in (OLD, OPEN)]


def has_ended_after(desk: JournalBench, files: InterruptedFiles, *, calls: int) -> bool:
    files.after = calls
    try:
        desk.keeper.rotate()
    except KeyboardInterrupt:
        return False
    finally:
        files.after = None
    return True


def test_an_interrupt_anywhere_in_a_rotation_leaves_a_whole_journal_that_knows_every_order(tmp_path):
    """A signal may end any call; a fact chained to the old head in the new file would be damage at the next start."""
    for calls in range(1, 50):
        files = InterruptedFiles()
        desk = desk_with_orders(tmp_path / str(calls), files)
        is_over = has_ended_after(desk, files, calls=calls)
        assert known(desk) == [True, True]
        desk.store.record_fact(now_in(OrderState.CANCELLED, OPEN))
        desk.store.record_fact(now_in(OrderState.CANCELLED, OLD))
        assert desk.restart().log.refusal is None
        assert known(desk) == [True, True]
        assert desk.history.verify().ok
        desk.close()
        if is_over:
            break
    assert is_over
    assert calls > FEWEST_CALLS


@pytest.mark.parametrize("step", ["_note", "follow", "leave_behind"])
def test_an_interrupt_after_the_swap_closes_the_journal_until_a_restart(tmp_path, monkeypatch, step):
    """Which orders the book and the index answer for is not settled yet, so no id may pass for unused."""
    desk = desk_with_orders(tmp_path, UnflushedFiles())

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    target = {"follow": desk.index, "leave_behind": desk.book, "_note": desk.log}[step]
    with monkeypatch.context() as patch:
        patch.setattr(target, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.keeper.rotate()
    assert desk.store.failure is not None
    assert "restart the bot" in str(desk.store.failure)
    assert known(desk) == [True, True]
    with pytest.raises(OrderLogError, match="was interrupted"):
        desk.store.record(intended("new"))
    desk.store.record_fact(now_in(OrderState.CANCELLED, OPEN))
    assert desk.restart().log.refusal is None
    assert known(desk) == [True, True]
    desk.tell(intended("new"))
    desk.close()


def test_a_cancel_wanted_after_a_rename_that_failed_is_known_at_the_next_start(tmp_path):
    """The old file has its name still and is the journal, so what happens goes on durably beside it."""
    files = RenameFails()
    desk = desk_with_orders(tmp_path, files)
    files.broken = True
    with pytest.raises(OrderLogError, match="cannot be written"):
        desk.keeper.rotate()
    files.broken = False
    with pytest.raises(OrderLogError):
        desk.store.record(intended("new"))
    desk.store.record_fact(told(EventKind.CANCEL_REQUESTED, OPEN))
    again = JournalBench(tmp_path, files=files)
    assert again.log.refusal is None
    assert [order.client_order_id for order in again.book.orders() if order.cancel_wanted] == [OPEN]
    assert again.history.verify().integrity is Integrity.CLEAN
    again.close()
    desk.close()


def test_nothing_goes_on_beside_a_journal_whose_new_segment_may_be_lost_again(tmp_path, monkeypatch):
    """A rename that was not flushed may come back after a power loss: neither file is the journal for certain."""
    files = FaultyFiles()
    desk = desk_with_orders(tmp_path, files)
    real = desk.log._swap.keep

    def keep(finished: str) -> None:
        real(finished)
        files.fail("sync_folder", errno.EIO)

    monkeypatch.setattr(desk.log._swap, "keep", keep)
    with pytest.raises(OrderLogError, match="cannot be written"):
        desk.keeper.rotate()
    files.heal()
    desk.store.record_fact(now_in(OrderState.CANCELLED, OPEN))
    assert not list(desk.path.parent.glob("*.continued-*"))
    assert desk.restart().log.refusal is None
    desk.close()
