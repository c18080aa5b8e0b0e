"""A kill that another process left beside the journal."""

import threading
from pathlib import Path

from tests.support.fake_gateway import CancelStep
from tests.support.manager_bench import ManagerBench
from trading_bot.files import FileFacts, LocalFiles
from trading_bot.kill.intake import KillIntake
from trading_bot.kill.records import KillFile
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import ClientOrderId

WAITED_S = 10
"""Real seconds after which a test gives up on a thread."""


class Unreadable(LocalFiles):
    """Reads no file while ``is_broken``."""

    is_broken = True

    def facts_at(self, path: Path) -> FileFacts | None:
        if self.is_broken:
            raise OSError("the disk is gone")
        return super().facts_at(path)


def kill(bench: ManagerBench, folder: Path, *orders: str) -> None:
    leave(bench, folder, [ClientOrderId(name) for name in orders])


def leave(bench: ManagerBench, folder: Path, orders: list[ClientOrderId] | None) -> None:
    record = KillFile(folder=folder, files=LocalFiles(), clock=bench.clock, process_id=lambda: 7)
    record.begin(by="alice", reason="enough", orders=orders)
    assert record.problem is None


def intake(bench: ManagerBench, folder: Path, files: LocalFiles | None = None) -> KillIntake:
    made = KillIntake(folder=folder, files=files or LocalFiles(), store=bench.store)
    bench.before_sync[:] = [made.take_over]
    return made


def test_the_next_synchronisation_cancels_what_the_kill_named(tmp_path):
    bench = ManagerBench()
    bench.buy("c1")
    bench.buy("c2", symbol="MSFT")
    intake(bench, tmp_path)
    kill(bench, tmp_path, "c1")
    bench.sync()
    assert (bench.state("c1"), bench.state("c2")) == ("cancelled", "confirmed")
    assert "killed by alice: enough" in (bench.journal.facts(EventKind.KILL_IMPORTED)[0].reason or "")


def test_a_kill_is_one_request_named_by_its_file(tmp_path):
    bench = ManagerBench()
    bench.buy("c1")
    intake(bench, tmp_path)
    record = KillFile(folder=tmp_path, files=LocalFiles(), clock=bench.clock, process_id=lambda: 7)
    record.begin(by="alice", reason="enough", orders=[ClientOrderId("c1")])
    record.note("cancel_sent", {"order": "c1"})
    (file,) = tmp_path.iterdir()
    bench.sync()
    done = (EventKind.KILL_IMPORTED, EventKind.KILL_NOTED, EventKind.CANCEL_REQUESTED, EventKind.CANCEL_ANSWERED)
    facts = [fact for kind in done for fact in bench.journal.facts(kind)]
    assert {fact.event for fact in facts} >= set(done) - {EventKind.KILL_NOTED}
    assert {fact.correlation_id for fact in facts} == {file.name}


def test_a_kill_that_could_not_read_the_journal_has_everything_cancelled(tmp_path):
    bench = ManagerBench()
    bench.buy("c1")
    bench.buy("c2", symbol="MSFT")
    intake(bench, tmp_path)
    leave(bench, tmp_path, None)
    bench.sync()
    assert (bench.state("c1"), bench.state("c2")) == ("cancelled", "cancelled")


def test_a_cancel_that_came_to_nothing_is_asked_for_again_by_a_kill(tmp_path):
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(drops=True))
    bench.manager.cancel_order("c1")
    intake(bench, tmp_path)
    kill(bench, tmp_path, "c1")
    bench.sync()
    assert (bench.gateway.cancel_requests, bench.state("c1")) == (["broker-1"] * 2, "cancelled")


def test_a_kill_is_taken_over_once(tmp_path):
    bench = ManagerBench()
    intake(bench, tmp_path)
    kill(bench, tmp_path)
    bench.sync()
    bench.sync()
    assert len(bench.journal.facts(EventKind.KILL_IMPORTED)) == 1


def test_a_kill_that_the_journal_remembers_is_not_taken_over_again(tmp_path):
    bench = ManagerBench()
    intake(bench, tmp_path).take_over()
    kill(bench, tmp_path)
    bench.sync()
    bench.restart()
    intake(bench, tmp_path).remember(bench.journal.records)
    bench.manager.recover()
    assert len(bench.journal.facts(EventKind.KILL_IMPORTED)) == 1


def test_a_folder_that_cannot_be_read_stops_nothing_and_is_read_again(tmp_path):
    bench = ManagerBench()
    files = Unreadable()
    intake(bench, tmp_path, files)
    kill(bench, tmp_path)
    assert bench.sync().complete
    assert EventKind.KILL_IMPORTED not in bench.journal.kinds
    files.is_broken = False
    bench.sync()
    assert len(bench.journal.facts(EventKind.KILL_IMPORTED)) == 1


def test_a_kill_that_cannot_be_read_holds_up_no_other(tmp_path):
    """Somebody else's user may have left a file that only they may read."""
    bench = ManagerBench()
    bench.buy("c1")
    kill(bench, tmp_path)
    (theirs,) = tmp_path.iterdir()

    class NotTheirs(LocalFiles):
        def read(self, path: Path) -> bytes:
            if path == theirs:
                raise PermissionError(13, "Permission denied", str(path))
            return super().read(path)

    intake(bench, tmp_path, NotTheirs())
    bench.clock.sleep(1)
    kill(bench, tmp_path, "c1")
    bench.sync()
    assert bench.state("c1") == "cancelled"
    assert len(bench.journal.facts(EventKind.KILL_IMPORTED)) == 1


class Slow(LocalFiles):
    """Reads on when it is told to."""

    def __init__(self) -> None:
        self.reads, self.goes_on = threading.Event(), threading.Event()

    def read(self, path: Path) -> bytes:
        self.reads.set()
        assert self.goes_on.wait(WAITED_S)
        return super().read(path)


def test_nobody_waits_while_a_kill_is_read_from_a_slow_disk(tmp_path):
    bench = ManagerBench()
    bench.buy("c1")
    files = Slow()
    taken = KillIntake(folder=tmp_path, files=files, store=bench.store)
    kill(bench, tmp_path, "c1")
    reader = threading.Thread(target=taken.take_over, daemon=True)
    reader.start()
    assert files.reads.wait(WAITED_S)
    cancel = threading.Thread(target=lambda: bench.manager.cancel_order("c1"), daemon=True)
    cancel.start()
    cancel.join(WAITED_S)
    was_free = not cancel.is_alive()
    files.goes_on.set()
    reader.join(WAITED_S)
    assert was_free
    assert bench.gateway.order().state == "cancelled"
    assert len(bench.journal.facts(EventKind.KILL_IMPORTED)) == 1
