"""The order manager: decide, write ahead, submit, and keep every order in sight until it has provably ended."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.retry import Jitter, no_jitter
from trading_bot.order_management.book.approvals import APPROVAL_WAIT_S
from trading_bot.order_management.broker_review import ReviewEntry, review_nothing
from trading_bot.order_management.cancel.cancel_all import CancelListeners, ProgressListener, raise_unless_closed
from trading_bot.order_management.cancel.canceller import CancelListener, ignore_result, raise_unless_under_way
from trading_bot.order_management.context import ManagerIdentity, OrderContext, order_on_record
from trading_bot.order_management.correlation import usable_correlation_id
from trading_bot.order_management.decisions.operator_decisions import OperatorDecisions
from trading_bot.order_management.limit_orders import LimitOrders
from trading_bot.order_management.models import (
    ClientOrderId,
    OrderEnvelope,
    OrderRequest,
    OrderStatus,
    OrderTerms,
    Pricing,
)
from trading_bot.order_management.order_store import OrderListener, OrderStore
from trading_bot.order_management.orders_on_record import OrdersOnRecord
from trading_bot.order_management.ports import AccountGateway, BrokerGateway, MarketCheck, SendLock, TradingLatch
from trading_bot.order_management.results import CancelResult, SyncSummary
from trading_bot.order_management.rounds import noop
from trading_bot.order_management.send_horizon import Carrier, slowest_carrier
from trading_bot.order_management.submit.exit_service import ExitService
from trading_bot.order_management.submit.market_quotes import allow_at_any_market
from trading_bot.order_management.submit.placement import Approval, Gather, Placed, already, approve_all
from trading_bot.order_management.submit.pricing import PricePreview
from trading_bot.order_management.submit.replace import Change
from trading_bot.order_management.sync.account_view import AccountView
from trading_bot.order_management.sync.outstanding import latest_status
from trading_bot.order_management.wiring import Services
from trading_bot.reads_together import Begin, in_turn

if TYPE_CHECKING:
    from trading_bot.config import OrderManagementConfig

__all__ = ["ManagerIdentity", "OrderManager"]


class OrderManager(LimitOrders, OrdersOnRecord):
    """Places, cancels and follows the limit orders of one account. Every method may be called from any thread.

    With an ``account`` to read positions from, sells are bounded by what is held, and held shares can be sold while
    entries are halted. ``before_sync`` runs before each synchronisation, ``before_booking`` before it books the open
    orders, ``check_market`` and ``review`` before each entry, ``hurry`` as a request begins. ``begin`` starts reads
    side by side. An entry that awaits approval for ``approval_wait_s`` is cancelled. No ``carrier``: the slowest one.
    """

    def __init__(
        self,
        *,
        gateway: BrokerGateway,
        store: OrderStore,
        settings: "OrderManagementConfig",
        identity: ManagerIdentity,
        latch: TradingLatch,
        send_lock: SendLock,
        clock: Clock,
        new_id: Callable[[], str],
        session_end: Callable[[OrderEnvelope], datetime],
        jitter: Jitter = no_jitter,
        account: AccountGateway | None = None,
        before_sync: Callable[[], object] = noop,
        before_booking: Callable[[], object] = noop,
        begin: Begin = in_turn,
        carrier: Carrier | None = None,
        check_market: MarketCheck = allow_at_any_market,
        review: ReviewEntry = review_nothing,
        approval_wait_s: Seconds = APPROVAL_WAIT_S,
        hurry: Callable[[], object] = noop,
    ) -> None:
        super().__init__(store)
        self._context = OrderContext(
            gateway=gateway,
            account=account,
            store=store,
            settings=settings,
            identity=identity,
            latch=latch,
            send_lock=send_lock,
            clock=clock,
            new_id=new_id,
            session_end=session_end,
            jitter=jitter,
            before_sync=before_sync,
            before_booking=before_booking,
            begin=begin,
            carrier=carrier or slowest_carrier(identity.mode),
            check_market=check_market,
            review=review,
            approval_wait_s=approval_wait_s,
            hurry=hurry,
        )
        self._services = Services(self._context)

    def subscribe(self, listener: OrderListener) -> None:
        """Call ``listener`` with every later `OrderChange`, fills and ends included; those of one order in order."""
        self._store.subscribe(listener)

    @property
    def halted_because(self) -> str | None:
        """Why no order would be taken now, or None."""
        return self._services.halts.reason()

    def halt_entries_while(self, unfollowed: Callable[[], str | None]) -> None:
        """Take no entry while ``unfollowed`` says why nobody follows the open orders; exits go on."""
        self._services.halts.halt_entries_while(unfollowed)

    @property
    def unsettled_symbols(self) -> frozenset[str]:
        """The symbols of which the broker's latest positions show another quantity than our fills explain."""
        holdings = self._services.sync.holdings
        return holdings.unsettled if holdings is not None else frozenset()

    @property
    def broker_problem(self) -> str | None:
        """Why the last look at the broker did not read the orders in full, if so."""
        return self._services.sync.broker_problem

    @property
    def decisions(self) -> OperatorDecisions:
        """What a named person may decide: resolve, adopt, release, accept a position."""
        return self._services.decisions

    @property
    def view(self) -> AccountView:
        """What can be looked at of the account beside our own orders."""
        return self._services.view

    @property
    def ways_out(self) -> ExitService:
        """Exits, and what stops the way in."""
        return self._services.exits

    def request(self, correlation_id: str | None = None) -> AbstractContextManager[str]:
        """Let all that this thread asks of the manager in the block be one request, and enter with its id.

        Every call does so by itself; this joins several. Without an id of the caller's, one is made, or that of the
        request around it is kept.

        Raises:
            OrderValidationError: the id is not 1 to 64 printable characters.
        """
        return self._context.request(correlation_id)

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
        self,
        request: OrderRequest,
        *,
        strategy_name: str | None = None,
        approve: Approval = approve_all,
        gather: Gather | None = None,
    ) -> Placed:
        """Do the same, and say whether this very call submitted it; ``gather`` reads first what the rules need."""
        return self._services.submit.place(_by(request, strategy_name), gather=gather or already(approve))

    def preview(self, request: OrderRequest, *, strategy_name: str | None = None) -> OrderTerms:
        """Return the terms that `place_limit_order` would send; nothing is sent or reserved.

        Raises:
            OrderValidationError, UnsupportedOrderTypeError: as there.
        """
        return self.price_preview(request, strategy_name=strategy_name).terms

    def price_preview(
        self, request: OrderRequest, *, strategy_name: str | None = None, by: Seconds | None = None
    ) -> PricePreview:
        """Do the same as `preview`, and say which price step the limit was rounded to.

        ``by`` is a point on the clock by which reading is over; without one it is ``intent_ttl_s`` from now.

        Raises:
            OrderValidationError, UnsupportedOrderTypeError: as there.
        """
        return self._services.submit.preview(_by(request, strategy_name), by=by)

    def standing_order(
        self, request: OrderRequest, *, strategy_name: str | None = None, by: Seconds | None = None
    ) -> OrderEnvelope | None:
        """Return the order that already stands for this request, if one does; `place_limit_order` has the last word.

        ``by`` is as for `price_preview`.

        Raises:
            OrderValidationError, UnsupportedOrderTypeError: as there.
        """
        return self._services.submit.standing(_by(request, strategy_name), by=by)

    def refuse_unless_open_to(self, terms: OrderTerms, *, by: Seconds | None = None) -> None:
        """Refuse where `place_limit_order` would take no order of these terms now; nothing is reserved.

        ``by`` is as for `price_preview`.

        Raises:
            TradingHaltedError, DuplicateOrderError: as there.
        """
        self._services.submit.refuse_unless_open_to(terms, by=by)

    def get_order_status(self, order_id: str) -> OrderStatus:
        """Read an order by either id, from the broker where it holds the order or has not listed all its executions.

        It is over within ``request_timeout_s``.

        Raises:
            OrderNotFoundError: no order of that id is in the journal, or the broker does not know it.
            OrderStatusError: the broker could not be read.
        """
        by = self._context.clock.monotonic() + self._context.settings.request_timeout_s
        refresh = partial(self._services.sync.synchronizer.refresh, by=by)
        return latest_status(order_on_record(self._store, order_id), refresh=refresh)

    def replace(
        self,
        order_id: str,
        *,
        reference_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        quantity: int | None = None,
        pricing: Pricing | None = None,
        client_order_id: str | None = None,
        correlation_id: str | None = None,
        approve: Approval = approve_all,
        gather: Gather | None = None,
    ) -> OrderEnvelope:
        """Cancel an order by either id and, once the broker shows its end, place what it left unfilled.

        ``quantity`` is the whole new order (by default the old one's), of which what has filled is taken off; where
        nothing is left, the old order's envelope is returned and none is sent. A cancel that comes in meanwhile wins.
        The new order is checked before the old one is cancelled, with the old one's own reservation given back.

        Without a ``reference_price`` it is the middle of the market. Of a stop, ``stop_price`` is the new stop, by
        default the old one, and ``reference_price`` the new limit itself, by default as far below the stop as before.

        Raises:
            TradeRefusedError: the middle of the market is needed, and cannot be read (``no_usable_quote``).
            OrderCancellationError: the old order may still be live, so no new one was sent.
            OrderError: one of `place_limit_order`'s; once the message says that the old order is cancelled, it is.
        """
        change = Change(
            reference_price=reference_price,
            stop_price=stop_price,
            quantity=quantity,
            pricing=pricing,
            client_order_id=client_order_id,
        )
        order = order_on_record(self._store, order_id)
        with self.request(correlation_id):
            return self._services.replacing.replace(order, change, gather=gather or already(approve))

    def cancel_order(self, order_id: str, *, correlation_id: str | None = None) -> CancelResult:
        """Cancel by either id and return what was proven by the cancel deadline.

        Raises:
            OrderNotFoundError: no order of that id is in the journal.
            OrderCancellationError: the order is still live, or may be.
        """
        order = order_on_record(self._store, order_id)
        with self.request(usable_correlation_id(correlation_id)):
            self._services.replacing.stop((order.client_order_id,))
            (result,) = self._services.cancel.cancel((order,))
        raise_unless_under_way(result, order_id)
        return result

    def cancel_all_open_orders(
        self,
        *,
        include_external: bool = False,
        include_stops: bool = False,
        on_result: CancelListener = ignore_result,
        on_progress: ProgressListener = ignore_result,
        correlation_id: str | None = None,
    ) -> tuple[CancelResult, ...]:
        """Cancel every order of ours that is not terminal; stops, and orders placed elsewhere, only where asked for.

        No entry is taken while it runs. ``on_result`` is called with each order's result as soon as it is known,
        ``on_progress`` where there are so many that the broker's rate makes them wait.

        Raises:
            OrderCancellationError: at least one order is not proven to have ended; it carries every result.
        """
        with self.request(usable_correlation_id(correlation_id)), self._services.cancel_all.alone():
            self._services.replacing.stop()
            tell = CancelListeners(on_result=on_result, on_progress=on_progress)
            done = self._services.cancel_all.run(
                include_external=include_external, include_stops=include_stops, tell=tell
            )
        raise_unless_closed(done)
        return done.results

    def cancel_all(
        self, *, include_external: bool = False, correlation_id: str | None = None
    ) -> tuple[CancelResult, ...]:
        """Do the same as `cancel_all_open_orders`."""
        return self.cancel_all_open_orders(include_external=include_external, correlation_id=correlation_id)

    def end_unfilled(self, *, gather: Gather) -> tuple[ClientOrderId, ...]:
        """End the entries whose time-out has passed, as ``unfilled_action`` says, and return their ids."""
        return self._services.unfilled.end(gather=gather)

    def synchronize_open_orders(self) -> SyncSummary:
        """Book what the broker says of every open and unresolved order; fills and ends reach the listeners."""
        return self._services.sync.synchronize()

    def recover(self) -> SyncSummary:
        """Compare the replayed book with the broker anew; orders are taken only once its open orders were all listed.

        A row, an order or a symbol that cannot be read holds up nothing but itself.

        Raises:
            TradingHaltedError: they were not, or the positions were not; a later `synchronize_open_orders` will do.
        """
        return self._services.sync.recover()


def _by(request: OrderRequest, strategy_name: str | None) -> OrderRequest:
    return request if strategy_name is None else replace(request, strategy_name=strategy_name)
