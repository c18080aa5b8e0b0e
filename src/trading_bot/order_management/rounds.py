"""What keeps orders and broker together over time: recovery after a stop, and what each synchronisation calls for."""

import threading
from collections.abc import Callable
from dataclasses import replace

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.book.tracked_order import SENDER_MAY_LIVE
from trading_bot.order_management.cancel.canceller import Canceller
from trading_bot.order_management.events import NO_DETAILS, EventKind, about
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.sync.external_orders import ExternalOrders
from trading_bot.order_management.sync.freshness import Freshness
from trading_bot.order_management.sync.positions import Holdings
from trading_bot.order_management.sync.round import SyncRound
from trading_bot.order_management.sync.synchronizer import SYNC_DEADLINE_S, Synchronizer

_FOLLOWED_FOR_S: Seconds = 10.0
"""How long a cancel that a synchronisation calls for is followed; the next round reads what became of it."""

_FOLLOWED_BY_AN_ORDER_S: Seconds = 2.0
"""The same for one that an order ran first: its price gets old meanwhile."""


def noop() -> None:
    """Do nothing first."""


class Upkeep:
    """Synchronises one round at a time, and cancels what turned up although it had been given up.

    ``before_sync`` runs before each round. With ``is_shared``, whoever left a submit without an end may live on
    another machine, and send it still.
    """

    def __init__(
        self,
        *,
        store: OrderStore,
        synchronizer: Synchronizer,
        canceller: Canceller,
        is_in_flight: Callable[[ClientOrderId], bool],
        clock: Clock,
        freshness: Freshness,
        external: ExternalOrders,
        holdings: Holdings | None = None,
        before_sync: Callable[[], object] = noop,
        is_shared: bool = False,
    ) -> None:
        self._store = store
        self._synchronizer = synchronizer
        self._canceller = canceller
        self._is_in_flight = is_in_flight
        self._clock = clock
        self._freshness = freshness
        self._external = external
        self._one_at_a_time = threading.Lock()
        self._has_recovered = False
        self._broker_problem: str | None = None
        self._holdings = holdings
        self._before_sync = before_sync
        self._is_shared = is_shared

    def synchronize(self, *, within_s: Seconds = SYNC_DEADLINE_S, patience_s: Seconds = SYNC_DEADLINE_S) -> SyncSummary:
        """Run one round, which reads for ``within_s`` at most, then fire the cancels it calls for.

        Somebody else's round is waited for up to ``patience_s``; what it finds counts for this one too.
        """
        deadline = self._clock.monotonic() + within_s
        done = self._alone(deadline, patience_s=min(within_s, patience_s), is_needed=lambda: True)
        if done is None:
            return self._synchronizer.nothing_read("another synchronisation is running; its result counts for this one")
        self._fire_cancels(done, within_s=_FOLLOWED_FOR_S)
        return done.summary

    def catch_up(self, *, within_s: Seconds, patience_s: Seconds | None = None) -> None:
        """Synchronise if the last complete round is too old for a new order.

        Whoever is at it already is waited for, up to ``patience_s``; by default as long as the round may take.
        """
        if not self._freshness.is_stale:
            return
        deadline = self._clock.monotonic() + within_s
        patience_s = within_s if patience_s is None else min(patience_s, within_s)
        done = self._alone(deadline, patience_s=patience_s, is_needed=lambda: self._freshness.is_stale)
        if done is not None:
            left = deadline - self._clock.monotonic()
            self._fire_cancels(done, within_s=max(0, min(left, _FOLLOWED_BY_AN_ORDER_S)))

    def _alone(self, deadline: Seconds, *, patience_s: Seconds, is_needed: Callable[[], bool]) -> SyncRound | None:
        """Run one round by the deadline if it is still needed once nobody else runs one; None if it is not, or late."""
        # The listeners are told once the lock is free: one of them may synchronise.
        with self._store.telling_later():
            if not self._one_at_a_time.acquire(timeout=patience_s):
                return None
            try:
                return self._round(deadline - self._clock.monotonic()) if is_needed() else None
            finally:
                self._one_at_a_time.release()

    def _round(self, within_s: Seconds) -> SyncRound:
        self._before_sync()
        done = self._synchronizer.run(within_s=within_s)
        if done.external is not None:
            self._external.note(done.external)
        if done.is_view:
            self._freshness.note(done.began, broker_time=done.broker_time)
        if self._holdings is not None:
            done = self._with_positions(done, self._holdings)
        self._broker_problem = None if done.summary.complete else done.summary.problem
        return done

    @staticmethod
    def _with_positions(done: SyncRound, holdings: Holdings) -> SyncRound:
        problem = holdings.watch(done)
        summary = replace(done.summary, differences=holdings.differing())
        if problem is not None and not holdings.are_known:
            summary = replace(summary, complete=False, problem=problem)
        return replace(done, summary=summary)

    @property
    def broker_problem(self) -> str | None:
        """Why the last round did not read the orders in full, if so."""
        return self._broker_problem

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
        with self._store.open_book() as book:
            for order in book.unresolved():
                if order.state is OrderState.PENDING_SUBMIT and not self._is_in_flight(order.client_order_id):
                    self._store.record_fact(
                        replace(
                            about(order.envelope, EventKind.ORDER_OUTCOME_UNKNOWN),
                            status=OrderState.UNKNOWN,
                            reason="the program ended before the broker had answered",
                            details={SENDER_MAY_LIVE: "true"} if self._is_shared else NO_DETAILS,
                        )
                    )

    def _fire_cancels(self, done: SyncRound, *, within_s: Seconds) -> None:
        if done.resurrected:
            self._canceller.cancel_external(done.resurrected, within_s=within_s)
        with self._store.open_book() as book:
            wanted = [order for order in book.working() if order.cancel_wanted]
        # A cancel that the broker shows is under way. One that it does not may be lost, and is asked for again.
        waiting = [order for order in wanted if order.client_order_id not in done.acknowledged]
        if waiting:
            self._canceller.cancel(waiting, within_s=within_s)
