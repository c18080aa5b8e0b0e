"""Cancelling everything: ask, list, and ask again, until nothing of ours is open or the time is over.

Our own orders come from the book, so that no listing can hold them up. The broker's listing adds what has our mark
and is not at work on record, and shows what is open again; where it fails, the book has to do.

Stops of ours stay, because they protect positions, unless they are asked for too.

Entries are cancelled before exits, and of each the largest exposure first. The broker takes no more than so many
cancels a second, so the time that a cancel of everything may take grows with the count, and is told once that is known.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeAlias, TypeVar

from trading_bot.clock import Moment, Seconds
from trading_bot.error_handling.retry import growing_pauses
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.cancel.canceller import CancelListener, CancelService, ignore_result
from trading_bot.order_management.cancel.step import CHANGED_SINCE
from trading_bot.order_management.cancel.tracker import END_VERDICTS
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.exceptions import OrderCancellationError, OrderLogError, TradingHaltedError
from trading_bot.order_management.models import EXACT, ClientOrderId, OrderId, OrderReport, OrderState, Side
from trading_bot.order_management.outcomes import Listing, UnreadRow
from trading_bot.order_management.results import CancelResult, CancelVerdict
from trading_bot.order_management.sync.foreign import Row

_FOLLOWED_FOR_S: Seconds = 5.0
"""How long a round follows its cancels before it lists again: one that hangs must not keep the rest from being seen."""

_ASKED_TOGETHER = 50
"""Of so many orders the cancels are asked for before the ends of any are read, so that something is heard: a caller
elsewhere takes a long silence for a death. Chosen: a quarter of a minute at four a second."""

_UNBOUNDED = Decimal("Infinity")
_FIRST_PAUSE_S: Seconds = 0.5
_LONGEST_PAUSE_S: Seconds = 2.0
_SLEPT = "the machine slept meanwhile"
_log = get_logger(__name__)

_T = TypeVar("_T")
_Name: TypeAlias = ClientOrderId | OrderId


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRound:
    """What a cancel of everything came to; ``problem`` says why there may be more orders than it saw."""

    results: tuple[CancelResult, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelProgress:
    """How far a cancel of everything is: of ``asked`` of so ``many`` orders the cancels were asked for."""

    asked: int
    many: int
    within_s: Seconds
    """The time by which all is over."""


ProgressListener: TypeAlias = Callable[[CancelProgress], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelListeners:
    """Who hears of a cancel of everything while it runs: of each order's result, and of how far it is."""

    on_result: CancelListener = ignore_result
    on_progress: ProgressListener = ignore_result


def raise_unless_closed(done: CancelRound) -> None:
    """Raise `OrderCancellationError`, with every result, unless all orders are proven to have ended."""
    if open_still := [result for result in done.results if not result.is_proven_closed]:
        raise OrderCancellationError(
            f"{len(open_still)} of {len(done.results)} orders are not proven cancelled; read them and cancel again",
            results=done.results,
        )
    if done.problem is not None:
        raise OrderCancellationError(
            f"the account's open orders could not all be listed ({done.problem}), so others may be live; cancel again",
            results=done.results,
        )


@dataclass(slots=True, kw_only=True)
class CancelAllRun:
    """One cancel of everything under way."""

    began: datetime
    deadline: Seconds
    include_external: bool
    include_stops: bool
    tell: CancelListeners
    results: dict[_Name, CancelResult] = field(default_factory=dict)
    foreign: dict[OrderId, Row] = field(default_factory=dict)
    """What the listings added to the book, by the broker's id."""
    problem: str | None = None
    deadline_for_few: Seconds = field(init=False)
    asked: dict[str, bool] = field(default_factory=dict)
    """The orders, by our names and the broker's, of which this very call has asked for the cancel; see `Asked`."""

    def __post_init__(self) -> None:
        """Note by when it would be over if there were only a few orders."""
        self.deadline_for_few = self.deadline

    def note(self, result: CancelResult) -> None:
        """Keep the latest result of an order; its end is reported once, and at once."""
        name = self._name(result)
        before = self.results.get(name)
        if before is not None and result.client_order_id is None:
            result = replace(result, client_order_id=before.client_order_id)
        self.results[name] = result
        if result.is_proven_closed and not (before is not None and before.is_proven_closed):
            self.tell.on_result(result)

    def _name(self, result: CancelResult) -> _Name:
        if result.client_order_id is not None:
            return result.client_order_id
        same = (name for name, known in self.results.items() if known.order_id == result.order_id)
        return next(same, OrderId(str(result.order_id)))

    def note_asked(self, names: Iterable[_Name]) -> None:
        """Keep that the cancels of these orders were asked for, and if a request may have arrived."""
        for name in names:
            result = self.results.get(name)
            self.asked[name] = result is None or result.verdict is not CancelVerdict.CANCEL_NOT_SENT

    def unproven(self) -> Iterator[_Name]:
        """Name the orders that may still be live."""
        return (name for name, result in self.results.items() if not result.is_proven_closed)

    def closed_ids(self) -> frozenset[OrderId | None]:
        """Return the broker's ids of the orders that a report has shown to have ended."""
        return frozenset(result.order_id for result in self.results.values() if result.is_proven_closed)


class Synchronizes(Protocol):
    """The part of synchronising that a cancel of everything needs."""

    def synchronize(self, *, within_s: Seconds, patience_s: Seconds) -> object:
        """Read the broker once, within these seconds; return at once if somebody else is at it for longer than that."""
        ...


class CancelEverything:
    """Cancels every order of ours that has not ended, and the account's other orders where asked for.

    ``sync`` looks for orders in doubt; one that it finds is cancelled then and there, because the wish is on record.
    """

    def __init__(self, context: OrderContext, *, cancel: CancelService, sync: Synchronizes) -> None:
        self._gateway = context.gateway
        self._store = context.store
        self._cancels = cancel
        self._sync = sync
        self._clock = context.clock
        self._deadline_s = context.settings.cancel_deadline_s
        self._running = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Whether somebody is cancelling everything right now: no entry is taken meanwhile."""
        return self._running.locked()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep entries out meanwhile, and any other cancel of everything.

        Raises:
            TradingHaltedError: one is running.
        """
        if not self._running.acquire(blocking=False):
            raise TradingHaltedError("a cancel-all is running already; wait for its result", code="cancel_all_running")
        try:
            yield
        finally:
            self._running.release()

    def run(self, *, include_external: bool, include_stops: bool, tell: CancelListeners) -> CancelRound:
        """Go round after round and return every order's result, proven or not.

        All is over by the cancel deadline, and later by what the broker's rate asks for where there are many orders.
        """
        run = CancelAllRun(
            began=self._clock.now(),
            deadline=self._clock.monotonic() + self._deadline_s,
            include_external=include_external,
            include_stops=include_stops,
            tell=tell,
        )
        pauses = growing_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while not self._round(run) and self._clock.monotonic() + (pause := next(pauses)) < run.deadline:
            self._clock.sleep(pause)
        for name in tuple(run.unproven()):
            tell.on_result(run.results[name])
        return CancelRound(results=tuple(run.results.values()), problem=run.problem)

    def _round(self, run: CancelAllRun) -> bool:
        """Cancel what is known, then what a listing adds; whether nothing is left that more time could end."""
        self._cancel_ours(run)
        listing = self._listed(run)
        closed = run.closed_ids()
        rows: tuple[Row, ...] = (*listing.reports, *listing.unread)
        more = {row.order_id: row for row in rows if row.order_id is not None and self._is_left(row, run)}
        self._cancel_foreign(more, run)
        self._read_odd_ends(run)
        # A list may lag behind an end that was read by the order's id; what is new to us calls for another list.
        is_new = any(order_id not in closed for order_id in more)
        return not is_new and not any(self._may_still_end(name, run) for name in run.unproven())

    def _cancel_ours(self, run: CancelAllRun) -> None:
        with self._store.open_book() as book:
            named = (book.get(ClientOrderId(name)) for name in run.unproven() if name not in run.foreign)
            meant = (order for order in book.active() if run.include_stops or not order.envelope.is_stop)
            orders = dict.fromkeys(order.client_order_id for order in (*named, *meant) if order is not None)
            ours = [order for order in map(book.get, orders) if order is not None]
        in_doubt = [order for order in ours if order.state.is_unresolved]
        self._cancel([order for order in ours if not order.state.is_unresolved], run)
        if in_doubt:
            # Marked first, so that whoever finds them cancels them; then they are looked for at once.
            self._cancels.cancel([order for order in in_doubt if not order.cancel_wanted])
            self._sync.synchronize(within_s=self._share_of(run, 0), patience_s=0)
            self._cancel(self._latest(in_doubt), run)

    def _cancel(self, orders: list[TrackedOrder], run: CancelAllRun) -> None:
        for part, within_s in self._in_parts(sorted(orders, key=_urgency), run):
            asked = dict(run.asked)
            self._cancels.cancel(part, run.note, within_s=within_s, asked=asked)
            run.note_asked(order.client_order_id for order in part if order.state.is_working)

    def _in_parts(self, every: list[_T], run: CancelAllRun) -> Iterator[tuple[list[_T], Seconds]]:
        """Yield what is asked for together, the most urgent first, and how long that may take; tell how far it is."""
        many, can = len(every), self._gateway.capabilities
        run.deadline = max(run.deadline, run.deadline_for_few + can.asking_s(many))
        for start in range(0, many, _ASKED_TOGETHER):
            if many > can.cancels_at_once:
                run.tell.on_progress(CancelProgress(asked=start, many=many, within_s=self._left_s(run)))
            part, later = every[start : start + _ASKED_TOGETHER], every[start + _ASKED_TOGETHER :]
            yield part, self._share_of(run, len(part), later=len(later))

    def _cancel_foreign(self, more: dict[OrderId, Row], run: CancelAllRun) -> None:
        run.foreign |= more
        closed = run.closed_ids()
        pending = {name: row for name, row in run.foreign.items() if name in more or name not in closed}
        asked = {name: arrived for name, arrived in run.asked.items() if name not in more}
        for rows, within_s in self._in_parts(sorted(pending.values(), key=_urgency_of_row), run):
            self._cancels.cancel_external(rows, run.note, within_s=within_s, asked=asked)
        run.note_asked(pending)

    def _read_odd_ends(self, run: CancelAllRun) -> None:
        """Take the end of an order whose row cannot be read in full from the one word of it that can."""
        odd = {name for name in run.unproven() if isinstance(run.foreign.get(OrderId(name)), UnreadRow)}
        if not odd:
            return
        made = (run.foreign[OrderId(name)].created_at for name in odd)
        since = self._gateway.capabilities.list_from(
            run.began - CHANGED_SINCE, created=(at for at in made if at is not None)
        )
        listing = self._gateway.by(run.deadline).list_orders_since(since)
        for row in listing.unread:
            if row.order_id in odd and row.state is not None and row.state in END_VERDICTS:
                result = run.results[row.order_id]
                filled = row.cumulative_quantity or result.filled_quantity
                end = replace(result, verdict=END_VERDICTS[row.state], state=row.state, filled_quantity=filled)
                run.note(end)

    def _listed(self, run: CancelAllRun) -> Listing:
        began = Moment.of(self._clock)
        listing = self._gateway.by(run.deadline).list_open_orders()
        if began.slept_since(self._clock):
            listing = replace(listing, complete=False, problem=listing.problem or _SLEPT)
        if not listing.complete:
            _log.warning("open_orders_not_all_listed", problem=listing.problem)
        nameless = next((row.problem for row in listing.unread if row.order_id is None), None)
        problem = listing.problem or nameless or (None if listing.has_all_pages else "it is not whole")
        # A journal that takes nothing may not know every order of ours: then only a whole list shows that none is left.
        matters = run.include_external or self._store.failure is not None
        run.problem = problem if matters else None
        return listing

    def _is_left(self, row: Row, run: CancelAllRun) -> bool:
        # By the broker's id: it may hold a second order that has the ref_id of one already cancelled.
        if row.order_id in {result.order_id for result in run.results.values() if not result.is_proven_closed}:
            return False
        on_record = self._on_record(str(row.order_id))
        if on_record is None and not bears_our_mark(row.ref_id):
            return run.include_external
        is_stop = row.is_protective if isinstance(row, OrderReport) else False
        return run.include_stops or not (is_stop or (on_record is not None and on_record.envelope.is_stop))

    def _on_record(self, order_id: str) -> TrackedOrder | None:
        try:
            with self._store.open_book() as book:
                return book.by_order_id(order_id)
        except OrderLogError as error:
            # What cannot be looked up must not hold up the rest.
            _log.error("order_not_looked_up", problem=str(error), order_id=order_id)
            return None

    def _may_still_end(self, name: _Name, run: CancelAllRun) -> bool:
        # An order presumed absent ends with its session, which no cancel waits for.
        return run.results[name].state is not OrderState.PRESUMED_ABSENT

    def _latest(self, orders: list[TrackedOrder]) -> list[TrackedOrder]:
        with self._store.open_book() as book:
            return [book.get(order.client_order_id) or order for order in orders]

    def _left_s(self, run: CancelAllRun) -> Seconds:
        return max(run.deadline - self._clock.monotonic(), 0)

    def _share_of(self, run: CancelAllRun, count: int, *, later: int = 0) -> Seconds:
        """Return how long a part of a round may take that asks for so many cancels, and leaves time for later ones."""
        can = self._gateway.capabilities
        left_s = max(self._left_s(run) - can.seconds_a_cancel * later, 0)
        return min(_FOLLOWED_FOR_S + can.asking_s(count), left_s)


def _urgency(order: TrackedOrder) -> tuple[bool, Decimal]:
    envelope = order.envelope
    return envelope.side is Side.SELL, -EXACT.multiply(envelope.limit_price, order.remaining_quantity)


def _urgency_of_row(row: Row) -> tuple[bool, Decimal]:
    """Sort by this: what does not say how much it may trade comes first."""
    if row.limit_price is None or row.quantity is None:
        return row.side is Side.SELL, -_UNBOUNDED
    left = row.quantity - (row.cumulative_quantity or Decimal(0))
    return row.side is Side.SELL, -EXACT.multiply(row.limit_price, left)
