"""What keeps orders and broker together over time: recovery after a stop, and what each synchronisation calls for."""

import threading
from collections.abc import Callable
from dataclasses import replace

from trading_bot.clock import Seconds
from trading_bot.order_management.cancellation import Canceller
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.freshness import Freshness
from trading_bot.order_management.holdings import Holdings
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.synchronization import SYNC_DEADLINE_S, Synchronizer, SyncRound

_FOLLOWED_FOR_S: Seconds = 10.0
"""How long a cancel that a synchronisation calls for is followed; the next round reads what became of it."""


def nothing() -> None:
    """Do nothing first."""


class Upkeep:
    """Synchronises one round at a time, and cancels what turned up although it had been given up.

    ``before_sync`` runs before each round.
    """

    def __init__(
        self,
        *,
        ledger: OrderLedger,
        synchronizer: Synchronizer,
        canceller: Canceller,
        is_in_flight: Callable[[ClientOrderId], bool],
        freshness: Freshness,
        holdings: Holdings | None = None,
        before_sync: Callable[[], object] = nothing,
    ) -> None:
        self._ledger = ledger
        self._synchronizer = synchronizer
        self._canceller = canceller
        self._is_in_flight = is_in_flight
        self._freshness = freshness
        self._one_at_a_time = threading.Lock()
        self._has_recovered = False
        self._holdings = holdings
        self._before_sync = before_sync

    def synchronize(self, *, within_s: Seconds = SYNC_DEADLINE_S) -> SyncSummary:
        """Run one round, which reads for ``within_s`` at most, then fire the cancels it calls for."""
        # The listeners are told once the lock is free: one of them may synchronise.
        with self._ledger.telling_later(), self._one_at_a_time:
            done = self._round(within_s)
        self._fire_cancels(done)
        return done.summary

    def catch_up(self, *, within_s: Seconds) -> None:
        """Synchronise if the last complete round is too old for a new order; whoever is at it already is waited for."""
        if not self._freshness.is_stale:
            return
        done: SyncRound | None = None
        with self._ledger.telling_later():
            if not self._one_at_a_time.acquire(timeout=within_s):
                return
            try:
                if self._freshness.is_stale:
                    done = self._round(within_s)
            finally:
                self._one_at_a_time.release()
        if done is not None:
            self._fire_cancels(done)

    def _round(self, within_s: Seconds) -> SyncRound:
        self._before_sync()
        done = self._synchronizer.run(within_s=within_s)
        problem = self._holdings.watch(done) if self._holdings is not None else None
        if problem is not None and not (self._holdings is not None and self._holdings.are_known):
            done = replace(done, summary=replace(done.summary, complete=False, problem=problem))
        if done.summary.complete:
            self._freshness.note(done.began)
        return done

    @property
    def has_recovered(self) -> bool:
        """Whether every submit that an earlier stop interrupted is known to be in doubt."""
        return self._has_recovered

    def recover(self) -> SyncSummary:
        """Doubt every submit that a stop interrupted, then compare the whole book with the broker."""
        self._doubt_interrupted_submits()
        self._has_recovered = True
        return self.synchronize()

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

    def _fire_cancels(self, done: SyncRound) -> None:
        if done.revenants:
            self._canceller.cancel_external(done.revenants, within_s=_FOLLOWED_FOR_S)
        with self._ledger.open_book() as book:
            wanted = [order for order in book.working() if order.cancel_wanted]
        # A cancel that shows at the broker is under way. One that was lost or dropped is asked for again.
        waiting = [
            order
            for order in wanted
            if order.state is not OrderState.PENDING_CANCEL or order.client_order_id in done.unheeded
        ]
        if waiting:
            self._canceller.cancel(waiting, within_s=_FOLLOWED_FOR_S)
