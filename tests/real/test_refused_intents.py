"""An intent whose commit failed is not sent, whatever the disk made of it: also if a crash brings it back.

The intent goes to a side file as refused. Below, its commit fails at each call of the disk, the machine stops at each
step after that, and the next start takes the side file over.
"""

import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commit_story import CommitStory, walk
from tests.support.crashed_journal import RecordedRun, files_in, journal_at, put, unflushed
from tests.support.order_story import MONDAY
from tests.support.side_book import StandingBook
from tests.support.sqlite_shim.vfs import Call, Fault, Way
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.side_import import SideImport
from trading_bot.order_management.journal.port import CommitUnknownError, OrderKeyKind
from trading_bot.order_management.journal.side_files import SideFile
from trading_bot.order_management.models import ClientOrderId, OrderState

pytestmark = [pytest.mark.subprocess, pytest.mark.timeout(600)]

EARLIER = 10
"""Commits before the intent of the fourth order."""
NAME = ClientOrderId("order-3")
CLOCK = VirtualClock(MONDAY)


def refused_run(folder: Path, fault: Fault) -> RecordedRun:
    """Let the commit of an intent fail, and write it to a side file as the order layer does."""
    run = RecordedRun(folder / "state").commit(EARLIER)
    run.shim.arm(fault)
    run.commit()
    if run.refused is not None:
        side = SideFile(
            folder=folder / "side", session_id="session-1", files=LocalFiles(), clock=CLOCK, process_id=lambda: 1
        )
        (intent,) = run.story.commits[-1].records
        side.write(intent.record, is_refused=True)
        side.close()
        assert side.problem is None
    return run


def refused_runs(folder: Path) -> Iterator[RecordedRun]:
    for calls, way in ((Call.SYNC, Way.FAIL), (Call.WRITE, Way.FULL), (Call.WRITE, Way.TEAR)):
        number, is_hit = 1, True
        while is_hit:
            run = refused_run(folder / f"{calls}-{way}-{number}", Fault(way=way, at=number, calls=frozenset({calls})))
            is_hit, number = run.is_hit(), number + 1
            if is_hit:
                yield run
            run.close()


def state_after_start(folder: Path) -> OrderState | None:
    """Start over what is left, twice: the second one must change nothing."""
    states = []
    for _ in range(2):
        with closing(journal_at(folder / "state")) as journal:
            assert journal.open().problem is None
            book = StandingBook(sealed.record for sealed in walk(journal))
            taking = SideImport(folder=folder / "side", files=LocalFiles(), clock=CLOCK)
            assert taking.take_over(journal, book, kills=()) == ()
            again = StandingBook(sealed.record for sealed in walk(journal))
            order = again.order(NAME)
            states.append(order.state if order is not None else None)
            is_named = journal.find_order(OrderKeyKind.CLIENT_ORDER_ID, NAME) is not None
            assert is_named == (order is not None)
    assert states[0] == states[1]
    return states[0]


def test_an_intent_that_was_refused_is_gone_or_known_as_not_sent_after_any_crash(tmp_path):
    outcomes: set[OrderState | None] = set()
    unknown = 0
    for run in refused_runs(tmp_path):
        unknown += isinstance(run.refused, CommitUnknownError)
        behind = run.first_failed_step()
        with unflushed().as_default():
            images = [crash.image for crash in run.crashes(random.Random(1), sample=2, behind=behind)]
            images += [files_in(run.folder)]
            for image in images:
                start = tmp_path / "start"
                shutil.rmtree(start, ignore_errors=True)
                put(image, start / "state")
                shutil.copytree(run.folder.parent / "side", start / "side")
                outcomes.add(state_after_start(start))
    assert outcomes == {None, OrderState.NOT_SENT}
    assert unknown > 0


def test_an_intent_whose_commit_was_acknowledged_is_never_taken_for_refused(tmp_path):
    run = refused_run(tmp_path, Fault(way=Way.FAIL, at=1000))
    assert run.refused is None
    run.close()
    assert state_after_start(tmp_path) is OrderState.PENDING_SUBMIT
    assert CommitStory.of(EARLIER + 1).commits == run.story.commits
