"""A latch, a lock and a broker's book, each of which can be broken in one way, and a kill put together from them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.jumpy_clock import JumpyClock
from tests.support.order_story import MONDAY, Story, intended, now_in
from trading_bot.clock import VirtualClock
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.kill.broker import KillLatch
from trading_bot.kill.progress import KillProgress
from trading_bot.kill.records import KillFile
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import KillReport
from trading_bot.kill.switch import KillSwitch
from trading_bot.latch import LatchError
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderId, OrderReport, OrderState, RefId, Side
from trading_bot.order_management.outcomes import CancelReply, CancelTaken, Listing, UnreadRow
from trading_bot.order_management.portfolio import Position, PositionListing, UnreadPosition
from trading_bot.order_management.ports import BrokerCapabilities, SendLock, SendLockError

HORIZON_S = 20.0
DEADLINE_S = 50.0


def our_ref(name: str) -> RefId:
    return RefId(f"{OUR_MARK}-{name}")


def open_order(name: str, **changes: Any) -> OrderReport:
    """A working buy of 10 AAPL at 100.00 that has our mark."""
    plain = OrderReport(
        order_id=OrderId(name),
        ref_id=our_ref(name),
        symbol="AAPL",
        side=Side.BUY,
        quantity=Decimal(10),
        limit_price=Decimal("100.00"),
        state=OrderState.CONFIRMED,
        broker_state="confirmed",
    )
    return replace(plain, **changes)


class FakeLatch:
    """Notes when it was engaged."""

    def __init__(self, journal: list[str]) -> None:
        self._journal = journal

    def engage(self) -> None:
        self._journal.append("engage")


class StuckLatch:
    """Its file will not go away."""

    def engage(self) -> None:
        raise LatchError("the armed file could not be removed; delete it by hand")


class FakeSendLock:
    """Somebody else keeps it until ``free_from`` on the clock; waiting passes the clock's time."""

    def __init__(self, journal: list[str], clock: VirtualClock) -> None:
        self._journal = journal
        self._clock = clock
        self.free_from: float = 0
        self.is_held = False

    def acquire(self, timeout_s: float) -> None:
        self._journal.append("lock")
        left = self.free_from - self._clock.monotonic()
        self._clock.sleep(min(max(left, 0), timeout_s))
        if self._clock.monotonic() < self.free_from:
            raise SendLockError("another process holds the send lock; nothing was written, try again")
        self.is_held = True

    def release(self) -> None:
        self.is_held = False


@dataclass
class BookBroker:
    """The broker's true book. A cancel works at once unless ``answers`` has another reply for the order."""

    journal: list[str]
    clock: VirtualClock
    capabilities: BrokerCapabilities = field(default_factory=BrokerCapabilities)
    orders: dict[OrderId, OrderReport] = field(default_factory=dict)
    answers: dict[OrderId, CancelReply] = field(default_factory=dict)
    unreadable: tuple[OrderId, ...] = ()
    hidden: set[OrderId] = field(default_factory=set)
    problem: str | None = None
    cannot_fetch: bool = False
    cannot_confirm: str | None = None
    forgets: set[OrderId] = field(default_factory=set)
    """Orders that no list shows, open or not."""
    held: tuple[Position, ...] = ()
    unread_held: tuple[UnreadPosition, ...] = ()
    rows: tuple[UnreadRow, ...] = ()
    """Rows of the list of open orders that cannot be read in full."""
    is_reachable: bool = True
    lists_ended: bool = False
    """Whether unreadable rows are listed after their orders have ended, too."""
    since_problem: str | None = None
    positions_problem: str | None = None
    call_takes_s: float = 0
    deadline: float | None = None
    asked: list[list[OrderId]] = field(default_factory=list)
    fetched: list[OrderId] = field(default_factory=list)
    listed_at: list[float] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)
    on_answer: Callable[[OrderId], None] = lambda order_id: None
    _later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def add(self, *reports: OrderReport) -> None:
        self.orders |= {report.order_id: report for report in reports}

    def at(self, seconds: float, happening: Callable[[], object]) -> None:
        """Let something happen before the first call from ``seconds`` on."""
        self._later.append((seconds, happening))

    def set_deadline(self, deadline: float) -> None:
        self.deadline = deadline

    def set_answer_listener(self, listener: Callable[[OrderId], None]) -> None:
        self.on_answer = listener

    def list_open_orders(self) -> Listing:
        self._called("list")
        self.listed_at.append(self.clock.monotonic())
        if self.problem is not None:
            return Listing(reports=(), complete=False, problem=self.problem)
        reports = tuple(
            report
            for order_id, report in self.orders.items()
            if report.state.is_working and order_id not in (*self.unreadable, *self.hidden, *self.forgets)
        )
        at_work = tuple(order_id for order_id in self.unreadable if self.orders[order_id].state.is_working)
        rows = tuple(row for row in self.rows if self.lists_ended or self._is_open(row))
        return Listing(
            reports=reports, complete=not (at_work or rows), has_all_pages=True, unreadable_ids=at_work, unread=rows
        )

    def list_orders_since(self, changed_after: datetime) -> Listing:
        self._called("list since")
        self.since.append(changed_after)
        if problem := self.since_problem or self.problem:
            return Listing(reports=(), complete=False, problem=problem)
        hidden = (*self.unreadable, *self.forgets)
        reports = tuple(
            report
            for order_id, report in self.orders.items()
            if order_id not in hidden and self._is_listed(report, changed_after)
        )
        return Listing(reports=reports, complete=True, has_all_pages=True, unreadable_ids=self.unreadable)

    def _is_listed(self, report: OrderReport, since: datetime) -> bool:
        return self.capabilities.lists_by_change or report.created_at is None or report.created_at >= since

    def confirm_account(self) -> None:
        self._called("account")
        if self.cannot_confirm is not None:
            raise OrderStatusError(self.cannot_confirm)

    def fetch_positions(self) -> PositionListing:
        self._called("positions")
        if self.positions_problem is not None:
            raise OrderStatusError(self.positions_problem)
        return PositionListing(positions=self.held, unread=self.unread_held)

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        self._called("cancel")
        self.asked.append(list(order_ids))
        replies = {order_id: self._cancel(order_id) for order_id in order_ids}
        for order_id in order_ids:
            self.on_answer(order_id)
        return replies

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        self._called("fetch")
        self.fetched.append(order_id)
        if self.cannot_fetch or order_id not in self.orders:
            raise OrderStatusError("it cannot be read; try again")
        return self.orders[order_id]

    def _cancel(self, order_id: OrderId) -> CancelReply:
        reply = self.answers.get(order_id, CancelTaken())
        if order_id not in self.answers and order_id in self.orders and self.orders[order_id].state.is_working:
            self.orders[order_id] = replace(self.orders[order_id], state=OrderState.CANCELLED)
        return reply

    def _is_open(self, row: UnreadRow) -> bool:
        known = None if row.order_id is None else self.orders.get(row.order_id)
        return known is None or known.state.is_working

    def _called(self, what: str) -> None:
        self.journal.append(what)
        self.clock.sleep(self.call_takes_s)
        due = [happening for at, happening in self._later if at <= self.clock.monotonic()]
        self._later = [(at, happening) for at, happening in self._later if at > self.clock.monotonic()]
        for happening in due:
            happening()


@dataclass
class KillBench:
    """A kill whose parts can be broken one by one; ``journal`` has the calls in their order."""

    folder: Path
    known: KnownOrders = field(default_factory=KnownOrders)
    files: FileSystem = field(default_factory=LocalFiles)
    latch: KillLatch | None = None
    lock: SendLock | None = None
    lock_wait_s: float = 2
    knows_ours: bool = True
    """Whether the journal has every order with our mark, as ended; else they are those of another copy of the bot."""
    keeps_protective: bool = True
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_interrupted: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.journal: list[str] = []
        self.progress: list[KillProgress] = []
        self.clock = JumpyClock(MONDAY)
        self.broker = BookBroker(self.journal, self.clock)
        self.own_lock = FakeSendLock(self.journal, self.clock)

    def switch(self, *, deadline_s: float = DEADLINE_S) -> KillSwitch:
        return KillSwitch(
            account="the paper account ...0001",
            latch=self.latch or FakeLatch(self.journal),
            send_lock=self.lock or self.own_lock,
            broker=self.broker,
            journal_reader=self._read_journal,
            side_file=KillFile(folder=self.folder, files=self.files, clock=self.clock, process_id=lambda: 4711),
            clock=self.clock,
            send_horizon_s=HORIZON_S,
            arrives_within=timedelta(seconds=HORIZON_S),
            deadline_s=deadline_s,
            lock_wait_s=self.lock_wait_s,
            keeps_protective=self.keeps_protective,
            doubts=self.doubts,
            notes=lambda: self.notes,
            is_interrupted=self.is_interrupted,
            on_progress=self.progress.append,
        )

    def kill(self) -> KillReport:
        return self.switch().run("ann", "a test")

    def _read_journal(self) -> KnownOrders:
        self.journal.append("read journal")
        return (
            replace(self.known, orders=(*self.known.orders, *self._ended_on_record()))
            if self.knows_ours
            else self.known
        )

    def _ended_on_record(self) -> tuple[TrackedOrder, ...]:
        story = Story()
        shown = [(report.ref_id, report.order_id) for report in self.broker.orders.values()]
        rows = [(row.ref_id, row.order_id) for row in self.broker.rows]
        for ref_id, order_id in dict.fromkeys((*shown, *rows)):
            is_known = order_id is None or self.known.find(order_id=order_id, ref_id=ref_id) is not None
            if is_known or ref_id is None or not ref_id.startswith(OUR_MARK):
                continue
            name = f"known-{order_id}"
            story.tell(replace(intended(name), ref_id=ref_id), now_in(OrderState.CONFIRMED, name, order_id=order_id))
            story.tell(now_in(OrderState.CANCELLED, name))
        return story.book.orders()
