"""An intent whose commit failed is not sent, whatever the disk made of it: also if a crash brings it back.

The intent goes to a side file as refused. Below, its commit fails at each call of the disk, the machine stops at each
step after that, and the next start takes the side file over.
"""

import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.commit_story import CommitStory, walk
from tests.support.crashed_journal import RecordedRun, files_in, journal_at, put, unflushed
from tests.support.order_story import MONDAY, TERMS, intended, told
from tests.support.side_book import StandingBook
from tests.support.sqlite_shim.vfs import Call, Fault, Way
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.side_import import SideImport
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.port import CommitUnknownError, Opened, OrderKeyKind
from trading_bot.order_management.journal.side_files import SideFile
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.outcomes import PreparedOrder
from trading_bot.startup.journal_parts import take_side_files

pytestmark = [pytest.mark.subprocess, pytest.mark.no_cover, pytest.mark.timeout(600)]

EARLIER = 10
"""Commits before the intent of the fourth order."""
NAME = ClientOrderId("order-3")
CLOCK = VirtualClock(MONDAY)
PREPARED = PreparedOrder(
    ref_id=RefId("ref"),
    terms=OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.00")),
    body=b"symbol=AAPL",
)
DETAILS = {**TERMS, "body_sha256": PREPARED.digest}


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
        side.write(intent.record)
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


# The same through the order layer's own store, which writes the side file itself.


def refused_by_the_store(folder: Path, fault: Fault) -> RecordedRun:
    """Let the commit of the second order's intent fail, and the facts after it, too."""
    run = RecordedRun(folder / "state").commit()
    side = SideFile(
        folder=folder / "side", session_id="session-1", files=LocalFiles(), clock=CLOCK, process_id=lambda: 1
    )
    store = OrderStore(journal=run.journal, clock=CLOCK, session_id="session-1", side_file=side)
    store.load(Opened(head=run.journal.head, standing=run.journal.read_standing()))
    store.record_intent(intended("order-0", details=DETAILS), PREPARED)
    run.shim.arm(fault)
    try:
        store.record_intent(intended(NAME, details=DETAILS), PREPARED)
    except OrderLogError as error:
        run.refused = error
    with store.open_book() as book:
        assert book.holds(NAME) == (run.refused is None), "an intent is folded only once it is committed"
    store.record_fact(told(EventKind.ORDER_ACCEPTED, "order-0", order_id="broker-0", status=OrderState.CONFIRMED))
    side.close()
    assert side.problem is None
    return run


def states_after_start(folder: Path) -> tuple[OrderState | None, ...]:
    """Start over what is left, twice, as the bot does: of the order that was refused, and of the one before it."""
    states = []
    for _ in range(2):
        with closing(journal_at(folder / "state")) as journal:
            store = OrderStore(journal=journal, clock=CLOCK, session_id="session-2")
            opened = journal.open()
            store.load(opened)
            take_side_files(SideImport(folder=folder / "side", files=LocalFiles(), clock=CLOCK), store, journal, opened)
            with store.open_book() as book:
                states.append(tuple(_state(book.get(ClientOrderId(name))) for name in (NAME, "order-0")))
    assert states[0] == states[1]
    return states[0]


def _state(order: TrackedOrder | None) -> OrderState | None:
    return None if order is None else order.state


@pytest.mark.parametrize(
    ("call", "way"), [(Call.SYNC, Way.FAIL), (Call.WRITE, Way.FULL), (Call.WRITE, Way.TEAR)], ids=str
)
def test_what_the_store_refused_is_not_sent_and_what_it_told_is_kept_after_any_crash(call, way, tmp_path):
    number, refused = 1, 0
    while True:
        run = refused_by_the_store(tmp_path / f"{number}", Fault(way=way, at=number, calls=frozenset({call})))
        if not run.is_hit():
            break
        refused += run.refused is not None
        allowed = {OrderState.PENDING_SUBMIT} if run.refused is None else {None, OrderState.NOT_SENT}
        with unflushed().as_default():
            for crash in run.crashes(random.Random(2), sample=1, behind=run.first_failed_step()):
                start = tmp_path / "start"
                shutil.rmtree(start, ignore_errors=True)
                put(crash.image, start / "state")
                shutil.copytree(run.folder.parent / "side", start / "side")
                intent, fact = states_after_start(start)
                assert intent in allowed
                assert fact is OrderState.CONFIRMED
        run.close()
        number += 1
    run.close()
    assert refused > 0
