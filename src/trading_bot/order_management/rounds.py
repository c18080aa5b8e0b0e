"""Recovery after a stop, and what each synchronisation calls for: what keeps our orders equal to the broker's."""

import threading
from collections.abc import Callable
from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.approvals import is_overdue
from trading_bot.order_management.cancel.canceller import CancelService
from trading_bot.order_management.context import InFlight, OrderContext
from trading_bot.order_management.event_details import DoubtDetails
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.exceptions import TradingHaltedError
from trading_bot.order_management.models import OrderState, OrderTerms
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.sync.external_orders import ExternalOrders
from trading_bot.order_management.sync.freshness import Freshness
from trading_bot.order_management.sync.positions import Holdings, Reading
from trading_bot.order_management.sync.round import SyncRound
from trading_bot.order_management.sync.synchronizer import SYNC_DEADLINE_S, Synchronizer
from trading_bot.values import replace

_FOLLOWED_FOR_S: Seconds = 10.0
"""How long a cancel that a synchronisation calls for is followed; the next round reads what became of it."""

_FOLLOWED_BY_AN_ORDER_S: Seconds = 2.0
"""The same for one that an order ran first: its price gets old meanwhile."""

_log = get_logger(__name__)


def noop() -> None:
    """Do nothing first."""


class SyncService:
    """Synchronises one round at a time, keeps what was read last, and cancels what turned up after it was given up."""

    def __init__(
        self, context: OrderContext, *, synchronizer: Synchronizer, cancel: CancelService, in_flight: InFlight
    ) -> None:
        self._store = context.store
        self._clock = context.clock
        self._before_sync = context.before_sync
        self._is_shared = context.identity.is_shared
        self._approval_wait_s = context.approval_wait_s
        self._cancels = cancel
        self._in_flight = in_flight
        self.synchronizer = synchronizer
        self.external = ExternalOrders(context.store)
        self.freshness = Freshness(clock=context.clock, poll_interval_s=context.settings.poll_interval_seconds)
        self.holdings = self._holdings(context)
        """None where there are no positions to read."""
        self._one_at_a_time = threading.Lock()
        self._has_recovered = False
        self._is_reconciled = False
        self._broker_problem: str | None = None

    def _holdings(self, context: OrderContext) -> Holdings | None:
        if context.account is None:
            return None
        return Holdings(
            context,
            account=context.account,
            synchronizer=self.synchronizer,
            external=self.external,
            freshness=self.freshness,
        )

    @property
    def is_reconciled(self) -> bool:
        """Whether the whole book has been compared with the broker since the start: before that, no entry is taken."""
        return self._is_reconciled

    def entries_stopped(self, symbol: str, instrument_id: str | None = None) -> str | None:
        """Return why nothing may be bought in one symbol, for what is not understood of it, or None."""
        reason = self.external.entries_stopped(symbol, instrument_id)
        if reason is None and self.holdings is not None:
            reason = self.holdings.entries_stopped(symbol, instrument_id)
        return reason

    def make_ready_to_sell(self, terms: OrderTerms, *, by: Seconds) -> None:
        """Read the positions anew where a sell of these terms cannot rest on what is known; see `Holdings`."""
        if self.holdings is not None:
            self.holdings.make_ready(terms.symbol, Decimal(terms.quantity), by=by)

    def synchronize(self, *, within_s: Seconds = SYNC_DEADLINE_S, patience_s: Seconds = SYNC_DEADLINE_S) -> SyncSummary:
        """Run one round, which reads for ``within_s`` at most, then fire the cancels it calls for.

        Somebody else's round is waited for up to ``patience_s``; what it finds counts for this one too.
        """
        deadline = self._clock.monotonic() + within_s
        done = self._alone(deadline, patience_s=min(within_s, patience_s), is_needed=lambda: True)
        if done is None:
            return self.synchronizer.nothing_read("another synchronisation is running; its result counts for this one")
        self._fire_cancels(done, within_s=_FOLLOWED_FOR_S)
        self._note_comparison(done.summary)
        return done.summary

    def _note_comparison(self, summary: SyncSummary) -> None:
        # Entries are taken from the first complete comparison after `recover` on.
        if summary.is_view and self._has_recovered:
            self._is_reconciled = True

    def catch_up(self, *, within_s: Seconds, patience_s: Seconds | None = None) -> None:
        """Synchronise if the last complete round is too old for a new order.

        Whoever is at it already is waited for, up to ``patience_s``; by default as long as the round may take.
        """
        if not self.freshness.is_stale:
            return
        deadline = self._clock.monotonic() + within_s
        patience_s = within_s if patience_s is None else min(patience_s, within_s)
        done = self._alone(deadline, patience_s=patience_s, is_needed=lambda: self.freshness.is_stale)
        if done is not None:
            left = deadline - self._clock.monotonic()
            self._fire_cancels(done, within_s=max(0, min(left, _FOLLOWED_BY_AN_ORDER_S)))

    def _alone(self, deadline: Seconds, *, patience_s: Seconds, is_needed: Callable[[], bool]) -> SyncRound | None:
        """Run one round by the deadline if it is still needed once nobody else runs one; None if it is not, or late."""
        # The listeners hear of it once the lock is free: one of them may synchronise.
        with self._store.telling_later(), self._store.one_commit(), self._store.at_work.on_behalf_of(None):
            if not self._one_at_a_time.acquire(timeout=patience_s):
                return None
            try:
                return self._round(deadline - self._clock.monotonic()) if is_needed() else None
            finally:
                self._one_at_a_time.release()

    def _round(self, within_s: Seconds) -> SyncRound:
        self._before_sync()
        by = self._clock.monotonic() + within_s
        ahead = self.holdings.read_ahead(by=by) if self.holdings is not None else None
        done = self.synchronizer.run(within_s=within_s)
        if done.external is not None:
            self.external.note(done.external)
        if done.is_view:
            self.freshness.note(done.began, broker_time=done.broker_time)
        if self.holdings is not None:
            done = self._with_positions(done, self.holdings, ahead)
        self._note_verdict(done.summary)
        return done

    def _note_verdict(self, summary: SyncSummary) -> None:
        """Log what the broker's lists were worth, once for as long as they are worth the same."""
        problem = None if summary.complete else summary.problem
        if problem != self._broker_problem:
            log = _log.info if problem is None else _log.warning
            log("orders_read", complete=summary.complete, open_orders=summary.open_orders, problem=problem)
        self._broker_problem = problem

    @staticmethod
    def _with_positions(done: SyncRound, holdings: Holdings, ahead: Callable[[], Reading] | None) -> SyncRound:
        problem = holdings.watch(done, ahead)
        summary = replace(done.summary, differences=holdings.differing())
        if problem is not None and not holdings.are_known:
            summary = replace(summary, complete=False, problem=problem)
        return replace(done, summary=summary)

    @property
    def broker_problem(self) -> str | None:
        """Why the last round did not read the orders in full, if so."""
        return self._broker_problem

    def recover(self) -> SyncSummary:
        """Doubt every submit that a stop interrupted, then compare the whole book with the broker anew.

        Raises:
            TradingHaltedError: the comparison was not complete.
        """
        self._forget_the_broker()
        self._doubt_interrupted_submits()
        self._has_recovered = True
        summary = self.synchronize()
        are_positions_known = self.holdings is None or self.holdings.are_known
        if not summary.is_view or not are_positions_known:
            raise TradingHaltedError(
                f"the orders could not be compared with the broker: {summary.problem}; cancels work, new orders wait "
                "for the next complete synchronisation",
                code="not_reconciled",
            )
        return summary

    def _forget_the_broker(self) -> None:
        """Rely on nothing that was read before: another process may have had the account since."""
        self._is_reconciled = False
        self.freshness.forget()
        self.external.forget()
        if self.holdings is not None:
            self.holdings.forget()

    def _doubt_interrupted_submits(self) -> None:
        with self._store.open_book() as book:
            for order in book.unresolved():
                if order.state is OrderState.PENDING_SUBMIT and order.client_order_id not in self._in_flight:
                    self._store.record_fact(
                        replace(
                            about(order.envelope, EventKind.ORDER_OUTCOME_UNKNOWN),
                            status=OrderState.UNKNOWN,
                            reason="the program ended before the broker had answered",
                            # On a shared account it may live on another machine, stopped, and send the order yet.
                            details=DoubtDetails(sender_may_live=self._is_shared).as_text(),
                        )
                    )

    def _fire_cancels(self, done: SyncRound, *, within_s: Seconds) -> None:
        with self._store.at_work.on_behalf_of(None):  # each cancel is that of the request that wanted it
            self._fire_wanted(done, within_s=within_s)

    def _fire_wanted(self, done: SyncRound, *, within_s: Seconds) -> None:
        if done.resurrected:
            self._cancels.cancel_external(done.resurrected, within_s=within_s)
        with self._store.open_book() as book:
            wanted = [order for order in book.working() if order.cancel_wanted]
        # A cancel that the broker shows is under way. One that it does not may be lost, and is asked for again.
        waiting = [order for order in wanted if order.client_order_id not in done.acknowledged]
        if waiting:
            self._cancels.cancel(waiting, within_s=within_s)
        self._end_unapproved(within_s=within_s)

    def _end_unapproved(self, *, within_s: Seconds) -> None:
        """Cancel the entries that the account's owner did not approve in time: their prices get old meanwhile."""
        with self._store.open_book() as book:
            now, wait_s = self._clock.now(), self._approval_wait_s
            overdue = [order for order in book.working() if is_overdue(order, now, wait_s)]
        if overdue:
            reason = f"its owner did not approve it within {self._approval_wait_s:g} s (agent.approval_wait_s)"
            self._cancels.cancel(overdue, within_s=within_s, reason=reason)
