"""The kill: trading off first, whatever else is broken, then every order of ours cancelled, then proof that it is.

Flat is claimed only for what two complete listings show that began after the last send could still have arrived, with
no intent unresolved. Everything else is reported as not confirmed, together with what may be live.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.error_handling.retry import growing_pauses
from trading_bot.kill.records import KillFile
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import KilledOrder, KillReport
from trading_bot.latch import LatchError
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderEnvelope, OrderId, OrderReport, OrderState, RefId
from trading_bot.order_management.order_book import TrackedOrder
from trading_bot.order_management.outcomes import CancelRefused, CancelReply, CancelTaken, Listing
from trading_bot.order_management.ports import SendLock, SendLockError

_LOCK_WAIT_S: Seconds = 2.0
_CANCELS_ON_RECORD_S: Seconds = 10.0
"""How long the first listing waits for them: only it can find the orders that are not on record."""

_FIRST_PAUSE_S: Seconds = 0.5
_LONGEST_PAUSE_S: Seconds = 2.0
_PROOFS_NEEDED = 2
_SLEPT = "the machine slept while the orders were listed"
_log = get_logger(__name__)


class KillBroker(Protocol):
    """The broker as a kill needs it: over a connection of its own, each call bounded in time."""

    def set_deadline(self, deadline: Seconds) -> None:
        """Let no later request wait beyond this point on the clock."""
        ...

    def list_open_orders(self) -> Listing:
        """Read all open orders of the account. Never raises; an incomplete listing says why."""
        ...

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Ask for each cancel, beginning in the order given, whatever happens to the others."""
        ...

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        """Read one order.

        Raises:
            OrderStatusError: it could not be read.
        """
        ...


class KillLatch(Protocol):
    """The account's armed latch, as far as a kill uses it."""

    def engage(self) -> None:
        """Stop new orders in every process.

        Raises:
            LatchError: other processes may still trade.
        """
        ...


@dataclass(slots=True, kw_only=True)
class _Course:
    """What one kill has found out so far."""

    deadline: Seconds
    latch_problem: str | None
    known: KnownOrders = field(default_factory=KnownOrders)
    lock_problem: str | None = None
    quiet_from: Seconds | None = None
    """When the last send has arrived or never will; None while somebody may still be sending."""
    orders: dict[OrderId, KilledOrder] = field(default_factory=dict)
    external: dict[OrderId, OrderReport] = field(default_factory=dict)
    seen: set[RefId | None] = field(default_factory=set)
    listed: frozenset[OrderId] = frozenset()
    listing_problem: str | None = None
    proofs: int = 0


class KillSwitch:
    """Kills one account. Needs no network to stop trading, and no journal, lease, free disk or running bot.

    ``account`` names it in words.

    ``send_horizon_s`` is the longest an order can be under way: its intent's life plus the request's time-out.
    ``journal_reader`` reads the orders on record afresh and does not raise.
    """

    def __init__(
        self,
        *,
        account: str,
        latch: KillLatch,
        send_lock: SendLock,
        broker: KillBroker,
        journal_reader: Callable[[], KnownOrders],
        side_file: KillFile,
        clock: Clock,
        send_horizon_s: Seconds,
        deadline_s: Seconds,
        lock_wait_s: Seconds = _LOCK_WAIT_S,
    ) -> None:
        if deadline_s <= send_horizon_s:
            raise ValueError(f"a kill of {deadline_s} s ends before it can prove anything; allow > {send_horizon_s} s")
        self._account = account
        self._latch = latch
        self._send_lock = send_lock
        self._broker = broker
        self._journal_reader = journal_reader
        self._side_file = side_file
        self._clock = clock
        self._send_horizon_s = send_horizon_s
        self._deadline_s = deadline_s
        self._lock_wait_s = lock_wait_s

    def run(self, by: str, reason: str) -> KillReport:
        """Kill, and return what is proven by the deadline. Repeating it is harmless and verifies again.

        ``by`` names who decided it. The account stays killed until a person arms it.
        """
        course = _Course(deadline=self._clock.monotonic() + self._deadline_s, latch_problem=self._engage())
        _log.warning("kill_engaged", reason=f"{by}: {reason}", problem=course.latch_problem)
        self._broker.set_deadline(course.deadline)
        self._await_senders(course, self._lock_wait_s)
        course.known = self._journal_reader()
        self._side_file.begin(by=by, reason=reason, orders=course.known.to_cancel)
        self._register(course)
        self._cancel_on_record(course)
        self._clear(course)
        report = self._report(course, by=by, reason=reason)
        _log.warning("kill_ended", message=report.headline, problem="; ".join(report.problems) or None)
        return report

    def _engage(self) -> str | None:
        try:
            self._latch.engage()
        except LatchError as error:
            return str(error)
        return None

    def _await_senders(self, course: _Course, patience_s: Seconds) -> None:
        """Wait until whoever looked at the latch before the kill has written its bytes: later senders see the kill."""
        try:
            self._send_lock.acquire(patience_s)
        except SendLockError as error:
            course.lock_problem = f"an order may still be going out: {error}; stop the process that keeps it"
            return
        self._send_lock.release()
        course.lock_problem = None
        course.quiet_from = self._clock.monotonic() + self._send_horizon_s

    def _register(self, course: _Course) -> None:
        for tracked in course.known.working:
            if tracked.envelope.order_id is not None:
                course.orders[tracked.envelope.order_id] = _on_record(tracked, tracked.envelope.order_id)

    def _cancel_on_record(self, course: _Course) -> None:
        """Ask before anything is read: a cancel needs no more than the id."""
        self._broker.set_deadline(min(course.deadline, self._clock.monotonic() + _CANCELS_ON_RECORD_S))
        self._cancel(course)
        self._broker.set_deadline(course.deadline)

    def _clear(self, course: _Course) -> None:
        for pause in growing_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            self._round(course)
            if course.proofs >= _PROOFS_NEEDED and self._have_ended(course):
                return
            if self._clock.monotonic() + pause >= course.deadline:
                self._read_ends(course)
                return
            self._clock.sleep(pause)

    def _round(self, course: _Course) -> None:
        if course.quiet_from is None:
            self._await_senders(course, 0)
        began = Moment.of(self._clock)
        listing = self._broker.list_open_orders()
        if began.slept_since(self._clock):
            listing = replace(listing, complete=False, problem=listing.problem or _SLEPT)
        self._take_in(course, listing)
        if course.listed:
            course.proofs = 0
        elif listing.complete and course.quiet_from is not None and began.mono >= course.quiet_from:
            course.proofs += 1
        self._cancel(course)

    def _take_in(self, course: _Course, listing: Listing) -> None:
        course.listing_problem = None if listing.complete else (listing.problem or "the listing was not complete")
        if listing.complete:
            course.external.clear()
        for report in listing.reports:
            self._sort_in(course, report)
        for order_id in listing.unreadable_ids:
            if order_id not in course.external:  # it may be ours, so its id is tried
                course.orders.setdefault(order_id, KilledOrder(order_id=order_id))
        shown = {*listing.unreadable_ids, *(report.order_id for report in listing.reports)}
        course.listed = frozenset(shown & course.orders.keys())
        if listing.complete:
            _forget_states_of_unlisted(course)

    def _sort_in(self, course: _Course, report: OrderReport) -> None:
        tracked = course.known.find(order_id=report.order_id, ref_id=report.ref_id)
        known = course.orders.get(report.order_id)
        if known is None and tracked is None and not bears_our_mark(report.ref_id):
            course.external[report.order_id] = report
            return
        if known is None:
            known = KilledOrder(
                order_id=report.order_id,
                client_order_id=tracked.client_order_id if tracked is not None else None,
                symbol=tracked.envelope.symbol if tracked is not None else None,
            )
        course.seen.add(report.ref_id)
        course.orders[report.order_id] = _as_reported(known, report)

    def _cancel(self, course: _Course) -> None:
        wanted = [
            order for order in course.orders.values() if _needs_cancel(order, is_listed=order.order_id in course.listed)
        ]
        if not wanted:
            return
        wanted.sort(key=lambda order: order.exposure, reverse=True)
        replies = self._broker.cancel_all_equity_orders([order.order_id for order in wanted])
        for order_id, reply in replies.items():
            course.orders[order_id] = replace(course.orders[order_id], reply=reply)
        answers = {order_id: type(reply).__name__ for order_id, reply in replies.items()}
        self._side_file.note("cancels_asked", {"answers": answers})

    def _have_ended(self, course: _Course) -> bool:
        """Read each order by its id too, because a listing may hide one that is still at work."""
        self._read_ends(course)
        hidden = [order for order in course.orders.values() if _is_at_work(order)]
        for order in hidden:
            course.orders[order.order_id] = replace(order, reply=None)  # to be cancelled again
            course.proofs = 0
        return not hidden

    def _read_ends(self, course: _Course) -> None:
        for order in tuple(course.orders.values()):
            if order.is_proven_ended:
                continue
            with suppress(OrderStatusError):
                report = self._broker.fetch_order_status(order.order_id)
                course.orders[order.order_id] = _as_reported(order, report)

    def _report(self, course: _Course, *, by: str, reason: str) -> KillReport:
        latest = self._journal_reader()
        unresolved = tuple(order.envelope for order in latest.unresolved if order.envelope.ref_id not in course.seen)
        problems = tuple(_problems(course, latest.problem, unresolved))
        self._side_file.note("kill_ended", {"flat": not problems, "problems": problems})
        return KillReport(
            account=self._account,
            by=by,
            reason=reason,
            problems=problems,
            latch_engaged=course.latch_problem is None and course.known.elsewhere is None,
            orders=tuple(course.orders.values()),
            unresolved=unresolved,
            external=tuple(course.external.values()),
            side_file=self._side_file.path,
            side_file_problem=self._side_file.problem,
        )


def _forget_states_of_unlisted(course: _Course) -> None:
    for order_id in course.orders.keys() - course.listed:
        order = course.orders[order_id]
        if not order.is_proven_ended:
            course.orders[order_id] = replace(order, state=None)


def _on_record(tracked: TrackedOrder, order_id: OrderId) -> KilledOrder:
    envelope = tracked.envelope
    return KilledOrder(
        order_id=order_id,
        client_order_id=envelope.client_order_id,
        symbol=envelope.symbol,
        side=envelope.side,
        quantity=Decimal(envelope.quantity),
        limit_price=envelope.limit_price,
        filled_quantity=envelope.filled_quantity,
        state=envelope.state,
    )


def _as_reported(known: KilledOrder, report: OrderReport) -> KilledOrder:
    return replace(
        known,
        symbol=known.symbol or report.symbol,
        side=report.side,
        quantity=report.quantity,
        limit_price=report.limit_price,
        filled_quantity=report.cumulative_quantity,
        state=report.state,
    )


def _needs_cancel(order: KilledOrder, *, is_listed: bool) -> bool:
    if order.is_proven_ended:
        return False
    if isinstance(order.reply, CancelTaken):
        return is_listed and order.state is not OrderState.PENDING_CANCEL
    return is_listed or not isinstance(order.reply, CancelRefused)


def _is_at_work(order: KilledOrder) -> bool:
    return order.state is not None and order.state.is_working


def _problems(course: _Course, journal_problem: str | None, unresolved: Sequence[OrderEnvelope]) -> Iterator[str]:
    # What trading may still be on for comes first.
    yield from filter(None, (course.known.elsewhere, course.latch_problem, course.lock_problem, journal_problem))
    if unresolved:
        names = ", ".join(intent.client_order_id for intent in unresolved)
        yield f"nobody knows whether the broker has {names}; look for them in the broker's app"
    if course.proofs < _PROOFS_NEEDED:
        yield course.listing_problem or _unproven(course)


def _unproven(course: _Course) -> str:
    at_work = sum(_is_at_work(order) for order in course.orders.values())
    if at_work:
        return f"the broker still works {at_work} of our orders; cancel them in its app"
    return "there was no time for two complete listings without an order of ours; kill again to verify"
