"""The order manager: decide, write ahead, submit, and keep every order in sight until it has provably ended."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.clock import Clock
from trading_bot.error_handling.retry import Jitter, no_jitter
from trading_bot.order_management.admission import Admission
from trading_bot.order_management.calculator import parse_time_in_force
from trading_bot.order_management.cancellation import Canceller, CancelListener, ignore_result
from trading_bot.order_management.exceptions import (
    OrderCancellationError,
    OrderNotFoundError,
    TradingHaltedError,
)
from trading_bot.order_management.ledger import OrderLedger, OrderListener
from trading_bot.order_management.models import (
    OrderEnvelope,
    OrderRequest,
    OrderStatus,
    OrderTerms,
    Side,
    TimeInForce,
)
from trading_bot.order_management.order_book import TrackedOrder
from trading_bot.order_management.placement import Approval, ManagerIdentity, Placed, Placement, approve_all
from trading_bot.order_management.ports import BrokerGateway, SendLock, TradingLatch
from trading_bot.order_management.results import CancelResult, CancelVerdict, SyncSummary
from trading_bot.order_management.settlement import OutcomeRecorder
from trading_bot.order_management.submission import SubmitProtocol, SubmitRules
from trading_bot.order_management.synchronization import OrderHorizon, Synchronizer
from trading_bot.order_management.upkeep import Upkeep

if TYPE_CHECKING:
    from trading_bot.config import OrderManagementConfig

__all__ = ["ManagerIdentity", "OrderManager"]

_NOT_RECONCILED = "the orders have not been compared with the broker yet; start the bot or wait for the first sync"
_ACCEPTABLE_ENDS = frozenset({CancelVerdict.PENDING, CancelVerdict.LATCHED})


class OrderManager:
    """Places, cancels and follows the limit orders of one account. Every method may be called from any thread."""

    def __init__(
        self,
        *,
        gateway: BrokerGateway,
        ledger: OrderLedger,
        settings: "OrderManagementConfig",
        identity: ManagerIdentity,
        latch: TradingLatch,
        send_lock: SendLock,
        clock: Clock,
        new_id: Callable[[], str],
        session_end: Callable[[OrderEnvelope], datetime],
        jitter: Jitter = no_jitter,
    ) -> None:
        self._ledger = ledger
        self._latch = latch
        self._halt: str | None = _NOT_RECONCILED
        self._cancelling_all = threading.Lock()
        self._admission = Admission(
            ledger=ledger, settings=settings, clock=clock, halted_because=lambda: self.halted_because
        )
        synchronizer = Synchronizer(
            gateway=gateway,
            ledger=ledger,
            clock=clock,
            horizon=OrderHorizon(submit_deadline_s=settings.submit_deadline_s, session_end=session_end),
            is_in_flight=self._admission.is_in_flight,
        )
        self._outcomes = OutcomeRecorder(ledger=ledger, synchronizer=synchronizer, clock=clock)
        self._canceller = Canceller(
            gateway=gateway,
            ledger=ledger,
            synchronizer=synchronizer,
            clock=clock,
            deadline_s=settings.cancel_deadline_s,
            jitter=jitter,
        )
        self._synchronizer = synchronizer
        self._upkeep = Upkeep(
            gateway=gateway,
            ledger=ledger,
            synchronizer=synchronizer,
            canceller=self._canceller,
            is_in_flight=self._admission.is_in_flight,
        )
        protocol = SubmitProtocol(
            gateway=gateway,
            ledger=ledger,
            lock=send_lock,
            latch=latch,
            rules=SubmitRules.of(settings),
            clock=clock,
            jitter=jitter,
        )
        self._placement = Placement(
            gateway=gateway,
            ledger=ledger,
            settings=settings,
            identity=identity,
            admission=self._admission,
            protocol=protocol,
            outcomes=self._outcomes,
            canceller=self._canceller,
            new_id=new_id,
        )

    def subscribe(self, listener: OrderListener) -> None:
        """Call ``listener`` with every later `OrderChange`, fills and ends included."""
        self._ledger.subscribe(listener)

    @property
    def halted_because(self) -> str | None:
        """Why no order would be taken now, or None."""
        if self._ledger.failure is not None:
            return str(self._ledger.failure)
        if self._cancelling_all.locked():
            return "a cancel-all is running; wait until it has ended"
        with self._ledger.open_book() as book:
            on_record = book.halt
        return self._halt or on_record or self._outcomes.halted_because or self._latch.reason_not_armed()

    def place_limit_buy(
        self,
        symbol: str,
        quantity: int,
        reference_price: Decimal,
        *,
        strategy_name: str | None = None,
        time_in_force: TimeInForce | str = TimeInForce.GFD,
        extended_hours: bool = False,
        client_order_id: str | None = None,
    ) -> OrderEnvelope:
        """Buy ``quantity`` whole shares at a limit computed from ``reference_price`` in dollars.

        Raises:
            OrderError: one of `place_limit_order`'s.
        """
        request = OrderRequest(
            symbol=symbol,
            side=Side.BUY,
            quantity=quantity,
            reference_price=reference_price,
            time_in_force=parse_time_in_force(time_in_force, symbol=symbol),
            extended_hours=extended_hours,
            client_order_id=client_order_id,
        )
        return self.place_limit_order(request, strategy_name=strategy_name)

    def place_limit_sell(
        self,
        symbol: str,
        quantity: int,
        reference_price: Decimal,
        *,
        strategy_name: str | None = None,
        time_in_force: TimeInForce | str = TimeInForce.GFD,
        extended_hours: bool = False,
        client_order_id: str | None = None,
    ) -> OrderEnvelope:
        """Sell ``quantity`` whole shares at a limit computed from ``reference_price`` in dollars.

        Raises:
            OrderError: one of `place_limit_order`'s.
        """
        request = OrderRequest(
            symbol=symbol,
            side=Side.SELL,
            quantity=quantity,
            reference_price=reference_price,
            time_in_force=parse_time_in_force(time_in_force, symbol=symbol),
            extended_hours=extended_hours,
            client_order_id=client_order_id,
        )
        return self.place_limit_order(request, strategy_name=strategy_name)

    def place_limit_order(
        self, request: OrderRequest, *, strategy_name: str | None = None, approve: Approval = approve_all
    ) -> OrderEnvelope:
        """Submit one order, at most once, and return its envelope.

        ``approve`` may refuse a new order by raising; approvals and intents alternate, so that two orders which exceed
        a limit only together cannot both pass.

        The same client order id again returns the same envelope and sends nothing; so does an equal order that is
        pending or was filled within the duplicate window, with ``duplicate_of`` set.

        Raises:
            OrderValidationError: the request is wrong, or the client order id stands for another order.
            UnsupportedOrderTypeError: not a US equity.
            TradingHaltedError: not armed, killed, halted, or not yet reconciled.
            DuplicateOrderError: too many orders are pending on this symbol and side.
            OrderRejectedError: the broker refused.
            OrderNotSentError: provably nothing was sent.
            OrderOutcomeUnknownError: it may be live; it is being reconciled.
            OrderLogError: the intent could not be made durable, so nothing was sent.
        """
        return self.place(request, strategy_name=strategy_name, approve=approve).envelope

    def place(
        self, request: OrderRequest, *, strategy_name: str | None = None, approve: Approval = approve_all
    ) -> Placed:
        """Do the same as `place_limit_order`, and say whether this very call submitted the order.

        Raises:
            OrderError: as there.
        """
        return self._placement.place(request, strategy_name=strategy_name, approve=approve)

    def preview(self, request: OrderRequest, *, strategy_name: str | None = None) -> OrderTerms:
        """Return the terms that `place_limit_order` would send; nothing is sent or reserved.

        Raises:
            OrderValidationError, UnsupportedOrderTypeError: as there.
        """
        return self._placement.preview(request, strategy_name=strategy_name)

    def standing_order(self, request: OrderRequest, *, strategy_name: str | None = None) -> OrderEnvelope | None:
        """Return the order that already stands for this request, if one does; `place_limit_order` has the last word.

        Raises:
            OrderValidationError, UnsupportedOrderTypeError: as there.
        """
        terms = self.preview(request, strategy_name=strategy_name)
        return self._admission.standing(request.client_order_id, terms)

    def refuse_unless_open_to(self, terms: OrderTerms) -> None:
        """Refuse where `place_limit_order` would take no order of these terms now; nothing is reserved.

        Raises:
            TradingHaltedError, DuplicateOrderError: as there.
        """
        self._admission.refuse_unless_open_to(terms)

    def get_order_status(self, order_id: str) -> OrderStatus:
        """Read an order by either id, from the broker where it holds the order.

        Raises:
            OrderNotFoundError: no order of that id is in the journal, or the broker does not know it.
            OrderStatusError: the broker could not be read.
        """
        order = self._find(order_id)
        broker_id = order.envelope.order_id
        if broker_id is None or order.state.is_terminal:
            return order.status()
        return self._synchronizer.refresh(order, broker_id).status()

    def open_orders(self) -> tuple[OrderEnvelope, ...]:
        """Return the orders that have not provably ended, oldest first."""
        with self._ledger.open_book() as book:
            return tuple(order.envelope for order in book.active())

    def orders(self) -> tuple[OrderEnvelope, ...]:
        """Return every order of the journal, oldest first."""
        with self._ledger.open_book() as book:
            return tuple(order.envelope for order in book.orders())

    def cancel_order(self, order_id: str) -> CancelResult:
        """Cancel by either id and return what was proven by the cancel deadline.

        Raises:
            OrderNotFoundError: no order of that id is in the journal.
            OrderCancellationError: the order is still live, or may be.
        """
        (result,) = self._canceller.cancel((self._find(order_id),))
        if result.is_proven_closed or result.verdict in _ACCEPTABLE_ENDS:
            return result
        raise OrderCancellationError(
            f"{result.symbol} order {order_id} is not cancelled ({result.verdict}: {result.reason}); "
            "it may still fill: read its status and cancel again",
            results=(result,),
            order_id=order_id,
        )

    def cancel_all_open_orders(
        self, *, include_external: bool = False, on_result: CancelListener = ignore_result
    ) -> tuple[CancelResult, ...]:
        """Cancel every order of ours that is not terminal; orders placed elsewhere only where asked for.

        New orders are refused while it runs. ``on_result`` is told of each order's end as soon as it is known.

        Raises:
            OrderCancellationError: at least one order is not proven to have ended; it carries every result.
        """
        with self._alone():
            results = self._upkeep.cancel_all(include_external=include_external, on_result=on_result)
        if open_still := [result for result in results if not result.is_proven_closed]:
            raise OrderCancellationError(
                f"{len(open_still)} of {len(results)} orders are not proven cancelled; read them and cancel again",
                results=results,
            )
        return results

    def cancel_all(self, *, include_external: bool = False) -> tuple[CancelResult, ...]:
        """Do the same as `cancel_all_open_orders`."""
        return self.cancel_all_open_orders(include_external=include_external)

    def synchronize_open_orders(self) -> SyncSummary:
        """Book what the broker says of every open and unresolved order; fills and ends reach the listeners."""
        summary = self._upkeep.synchronize()
        self._take_orders_if(summary)
        return summary

    def recover(self) -> SyncSummary:
        """Compare the replayed book with the broker; orders are taken only once a comparison was complete.

        Raises:
            TradingHaltedError: this one was not; a later `synchronize_open_orders` that is will do.
        """
        summary = self._upkeep.recover()
        self._take_orders_if(summary)
        if not summary.complete:
            raise TradingHaltedError(
                f"the orders could not be compared with the broker: {summary.problem}; cancels work, new orders wait "
                "for the next complete synchronisation",
                code="not_reconciled",
            )
        return summary

    def _take_orders_if(self, summary: SyncSummary) -> None:
        if summary.complete and self._upkeep.has_recovered:
            self._halt = None

    def _find(self, identifier: str) -> TrackedOrder:
        with self._ledger.open_book() as book:
            order = book.by_either_id(identifier)
        if order is None:
            raise OrderNotFoundError(
                f"no order {ascii(identifier)[:80]} is in the journal; list the orders to see the ids",
                order_id=identifier,
            )
        return order

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._cancelling_all.acquire(blocking=False):
            raise TradingHaltedError("a cancel-all is running already; wait for its result", code="cancel_all_running")
        try:
            yield
        finally:
            self._cancelling_all.release()
