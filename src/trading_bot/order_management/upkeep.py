"""What keeps orders and broker together over time: recovery after a stop, and what each synchronisation calls for."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trading_bot.logging.setup import get_logger
from trading_bot.order_management.cancellation import Canceller, CancelListener
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.exceptions import OrderCancellationError
from trading_bot.order_management.holdings import Holdings
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.models import ClientOrderId, OrderReport, OrderState
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.results import CancelResult, CancelVerdict, SyncSummary
from trading_bot.order_management.synchronization import Synchronizer
from trading_bot.order_management.tracked_order import TrackedOrder

_LOST = frozenset({CancelVerdict.CANCEL_NOT_SENT, CancelVerdict.UNKNOWN})
_log = get_logger(__name__)


def nothing() -> None:
    """Do nothing first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRound:
    """What a cancel of everything came to; ``problem`` says why there may be more orders than it saw."""

    results: tuple[CancelResult, ...]
    problem: str | None = None


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


class Upkeep:
    """Synchronises one round at a time, and cancels what turned up although it had been given up.

    ``before_sync`` runs before each round.
    """

    def __init__(
        self,
        *,
        gateway: BrokerGateway,
        ledger: OrderLedger,
        synchronizer: Synchronizer,
        canceller: Canceller,
        is_in_flight: Callable[[ClientOrderId], bool],
        holdings: Holdings | None = None,
        before_sync: Callable[[], object] = nothing,
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._synchronizer = synchronizer
        self._canceller = canceller
        self._is_in_flight = is_in_flight
        self._one_at_a_time = threading.Lock()
        self._has_recovered = False
        self._holdings = holdings
        self._before_sync = before_sync
        self._to_repeat: frozenset[ClientOrderId] = frozenset()

    def synchronize(self) -> SyncSummary:
        """Run one round, then fire the cancels it calls for."""
        # The listeners are told once the lock is free: one of them may synchronise.
        with self._ledger.telling_later(), self._one_at_a_time:
            self._before_sync()
            done = self._synchronizer.run()
            problem = self._holdings.watch(done) if self._holdings is not None else None
        if done.revenants:
            self._canceller.cancel_external(done.revenants)
        self._fire_latched_cancels()
        if problem is None or (self._holdings is not None and self._holdings.are_known):
            return done.summary
        return replace(done.summary, complete=False, problem=problem)

    @property
    def has_recovered(self) -> bool:
        """Whether every submit that an earlier stop interrupted is known to be in doubt."""
        return self._has_recovered

    def recover(self) -> SyncSummary:
        """Doubt every submit that a stop interrupted, then compare the whole book with the broker."""
        self._doubt_interrupted_submits()
        if not self._has_recovered:
            self._to_repeat = self._cancels_in_doubt()
        self._has_recovered = True
        return self.synchronize()

    def cancel_all(self, *, include_external: bool, on_result: CancelListener) -> CancelRound:
        """Cancel every order of ours that has not ended, and the account's other orders where asked for.

        Our own come from the book, so that no listing can hold them up. The broker's listing adds what bears our mark
        and is not at work on record; where it fails, the book has to do.
        """
        with self._ledger.open_book() as book:
            ours = book.active()
        found = self._canceller.cancel([order for order in ours if not order.state.is_unresolved], on_result)
        results = found + self._cancel_unresolved([order for order in ours if order.state.is_unresolved], on_result)
        listing = self._gateway.list_open_orders()
        more = [report for report in listing.reports if self._is_left(report, results, include_external)]
        results += self._canceller.cancel_external(more, on_result) if more else ()
        if listing.complete:
            return CancelRound(results=results)
        _log.warning("open_orders_not_all_listed", problem=listing.problem)
        return CancelRound(results=results, problem=listing.problem if include_external else None)

    def _cancel_unresolved(self, orders: Sequence[TrackedOrder], on_result: CancelListener) -> tuple[CancelResult, ...]:
        if not orders:
            return ()
        # Latched first, so that whoever finds them cancels them; then they are looked for at once.
        self._canceller.cancel(orders)
        self.synchronize()
        with self._ledger.open_book() as book:
            latest = [book.get(order.client_order_id) or order for order in orders]
        return self._canceller.cancel(latest, on_result)

    def _is_left(self, report: OrderReport, results: Sequence[CancelResult], include_external: bool) -> bool:
        with self._ledger.open_book() as book:
            known = (book.by_ref_id(report.ref_id) if report.ref_id else None) or book.by_order_id(report.order_id)
        # By the broker's id: it may hold a second order that bears the ref_id of one already cancelled.
        if report.order_id in {result.order_id for result in results}:
            return False
        return known is not None or include_external or bears_our_mark(report.ref_id)

    def _cancels_in_doubt(self) -> frozenset[ClientOrderId]:
        with self._ledger.open_book() as book:
            return frozenset(
                order.client_order_id for order in book.working() if order.state is OrderState.PENDING_CANCEL
            )

    def _doubt_interrupted_submits(self) -> None:
        with self._ledger.open_book() as book:
            for order in book.unresolved():
                if order.state is OrderState.PENDING_SUBMIT and not self._is_in_flight(order.client_order_id):
                    self._ledger.record_fact(
                        replace(
                            about(order.envelope, EventKind.ORDER_OUTCOME_UNKNOWN),
                            status=OrderState.UNKNOWN,
                            reason="the program ended before the broker had answered",
                        )
                    )

    def _fire_latched_cancels(self) -> None:
        with self._ledger.open_book() as book:
            latched = [
                order
                for order in book.working()
                if order.client_order_id in self._to_repeat
                or (order.cancel_wanted and order.state is not OrderState.PENDING_CANCEL)
            ]
        if not latched:
            return
        # A request that may have been lost is repeated until it has arrived; from then on, reads tell.
        results = self._canceller.cancel(latched)
        lost = {result.client_order_id for result in results if result.verdict in _LOST}
        fired = frozenset(order.client_order_id for order in latched)
        self._to_repeat = (self._to_repeat - fired) | {name for name in fired if name in lost}
