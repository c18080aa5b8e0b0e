"""What keeps orders and broker together over time: recovery after a stop, and what each synchronisation calls for."""

import threading
from collections.abc import Callable
from dataclasses import replace

from trading_bot.order_management.cancellation import Canceller, CancelListener
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.results import CancelResult, SyncSummary
from trading_bot.order_management.synchronization import Synchronizer


class Upkeep:
    """Synchronises one round at a time, and cancels what turned up although it had been given up."""

    def __init__(
        self,
        *,
        gateway: BrokerGateway,
        ledger: OrderLedger,
        synchronizer: Synchronizer,
        canceller: Canceller,
        is_in_flight: Callable[[ClientOrderId], bool],
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._synchronizer = synchronizer
        self._canceller = canceller
        self._is_in_flight = is_in_flight
        self._one_at_a_time = threading.Lock()
        self._has_recovered = False

    def synchronize(self) -> SyncSummary:
        """Run one round, then fire the cancels it calls for."""
        with self._one_at_a_time:
            done = self._synchronizer.run()
        if done.revenants:
            self._canceller.cancel_external(done.revenants)
        self._fire_latched_cancels()
        return done.summary

    @property
    def has_recovered(self) -> bool:
        """Whether every submit that an earlier stop interrupted is known to be in doubt."""
        return self._has_recovered

    def recover(self) -> SyncSummary:
        """Doubt every submit that a stop interrupted, then compare the whole book with the broker."""
        self._doubt_interrupted_submits()
        self._has_recovered = True
        return self.synchronize()

    def cancel_all(self, *, include_external: bool, on_result: CancelListener) -> tuple[CancelResult, ...]:
        """Cancel every order of ours that has not ended, and the account's other orders where asked for."""
        with self._ledger.open_book() as book:
            ours = book.active()
        results = self._canceller.cancel(ours, on_result)
        if not include_external:
            return results
        listing = self._gateway.list_open_orders()
        with self._ledger.open_book() as book:
            external = [report for report in listing.reports if book.by_order_id(report.order_id) is None]
        return results + self._canceller.cancel_external(external, on_result)

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
                if order.cancel_wanted and order.state is not OrderState.PENDING_CANCEL
            ]
        if latched:
            self._canceller.cancel(latched)
