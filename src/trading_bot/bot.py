"""The bot: check a trade, decide, hand it to the order manager, and record what became of it."""

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from trading_bot._version import __version__
from trading_bot.account.account_data import AccountData
from trading_bot.account.market_data import MarketData
from trading_bot.bot_exits import Leaving
from trading_bot.bot_lifecycle import JournalVerdict, Lifecycle, StartError, StopWish
from trading_bot.bot_limits import AccountLimits
from trading_bot.bot_positions import BotPositions
from trading_bot.bot_reads import BotReads
from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config, OnStop
from trading_bot.event_feeds import EventFeeds
from trading_bot.logging.setup import get_logger
from trading_bot.logging.structured_logger import StructuredTradeLogger
from trading_bot.order_management.events import CHANGES_THE_ACCOUNT, EventKind, OrderEvent
from trading_bot.order_management.exceptions import (
    OrderCancellationError,
    OrderError,
    TradeRefusedError,
    TradingHaltedError,
)
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import LIMIT, OrderEnvelope, OrderRequest, OrderTerms, Pricing, Side
from trading_bot.order_management.order_store import OrderChange
from trading_bot.order_management.results import CancelResult, SyncSummary
from trading_bot.order_management.submit.review_check import ReviewCheck
from trading_bot.protection.asked import Brackets, Given
from trading_bot.protection.service import Protection
from trading_bot.safety_checks import SafetyChecks
from trading_bot.trade_records import trade_record
from trading_bot.trades import (
    TradePreview,
    TradeRequest,
    TradeResult,
    TradeStatus,
    duplicate_trade,
    failed_trade,
    reviewed,
    submitted_trade,
)

__all__ = [
    "JournalVerdict",
    "Lifecycle",
    "StartError",
    "TradePreview",
    "TradeRequest",
    "TradeResult",
    "TradeStatus",
    "TradingBot",
]

_log = get_logger(__name__)


class TradingBot(BotReads, BotPositions):
    """One account's trading, from signal to record. Build it with `trading_bot.create_bot`."""

    def __init__(
        self,
        *,
        config: Config,
        manager: OrderManager,
        safety: SafetyChecks,
        account: AccountData,
        market: MarketData,
        trades: StructuredTradeLogger,
        record_event: Callable[[OrderEvent], object],
        verify: Callable[[], JournalVerdict],
        journal_name: str,
        audit_log: Path,
        lifecycle: Lifecycle,
        clock: Clock,
        events: EventFeeds,
        protection: Callable[[Leaving], Protection],
        review: ReviewCheck | None = None,
    ) -> None:
        super().__init__(manager=manager, safety=safety, account=account, market=market, clock=clock)
        self.config = config
        self.journal_name, self.audit_log = journal_name, audit_log
        self.verify_journal = verify
        self._trades = trades
        self.leaving = Leaving(manager=manager, gather=self._safety.gather, trades=trades, mode=config.trading.mode)
        self.limits = AccountLimits(config=config, manager=manager, safety=safety, trades=trades)
        self.protection = protection(self.leaving)
        self._review = review
        self._record_event = record_event
        self._lifecycle = lifecycle
        self.is_asked_to_stop = StopWish()
        """Whether ``trading-bot stop`` was given; see `StopWish`."""
        self._running = False
        self._stopping = threading.RLock()
        self._is_ending = False
        manager.subscribe(self._on_order_change)
        manager.halt_entries_while(self._ending)
        self.events = events
        self.subscribe, self.wait_for_listeners = events.subscribe, events.settle

    @property
    def manager(self) -> OrderManager:
        """The order manager, for callers who want orders without the bot's own checks."""
        return self._manager

    @property
    def is_running(self) -> bool:
        """Whether `start` has succeeded and `stop` has not been called."""
        return self._running

    def start(self) -> None:
        """Run the start-up sequence; orders are taken once it has succeeded. A second call changes nothing.

        Raises:
            StartError: naming the step that failed. What was opened before it is closed again.
        """
        if self._running:
            return
        for step, run in self._lifecycle.opening.items():
            try:
                run()
            except self._lifecycle.start_failures as error:
                with suppress(*self._lifecycle.start_failures):
                    self._close()
                raise StartError(step, error) from error
        details = {"version": __version__, "gateway": str(self.config.interface)}
        self._record_event(OrderEvent(event=EventKind.SESSION_STARTED, details=details))
        self._running = True

    def stop(self) -> tuple[CancelResult, ...]:
        """Stop cleanly: open orders are left or cancelled as ``on_stop`` says. Return the results of those cancels.

        While another thread stops the bot, this waits for it; called by a listener, it returns, because the other one
        waits for the listener.
        """
        if not self._stopping.acquire(blocking=not self.events.is_calling):
            return ()
        try:
            return self._stop()
        finally:
            self._stopping.release()

    def _stop(self) -> tuple[CancelResult, ...]:
        if not self._running:
            self._close()
            return ()
        self._running, self._is_ending = False, True
        results: tuple[CancelResult, ...] = ()
        try:
            self._end_intake()
            if self.config.order_management.on_stop is OnStop.CANCEL:
                results = self._cancel_quietly()
            self._record_event(OrderEvent(event=EventKind.SESSION_STOPPED))
        finally:
            self._close()
            self._is_ending = False
        return results

    def execute_trade(
        self,
        symbol: str,
        action: str,
        shares: int,
        price: Decimal,
        reason: str,
        strategy_name: str = "manual",
        order_type: str = LIMIT,
        *,
        time_in_force: str = "gfd",
        extended_hours: bool = False,
        client_order_id: str | None = None,
        pricing: str | None = None,
        correlation_id: str | None = None,
        stop: Given = None,
        target: Given = None,
        trail: Given = None,
    ) -> TradeResult:
        """Check and submit one trade, and record it whatever becomes of it. Never raises an `OrderError`.

        ``price`` is the reference price in dollars a share, from which the limit is computed; ``shares`` is a whole
        number. Other types are taken as `OrderRequest` does. ``correlation_id`` names the request: see `OrderRequest`.
        ``stop``, ``target`` and ``trail`` protect what a buy buys, as it fills; see `protect`.
        """
        return self.trade(
            TradeRequest(
                symbol=symbol,
                action=action,
                shares=shares,
                price=price,
                reason=reason,
                strategy_name=strategy_name,
                order_type=order_type,
                time_in_force=time_in_force,
                extended_hours=extended_hours,
                client_order_id=client_order_id,
                pricing=pricing,
                correlation_id=correlation_id,
                stop=stop,
                target=target,
                trail=trail,
            )
        )

    def trade(self, trade: TradeRequest) -> TradeResult:
        """Do the same as `execute_trade` with a trade that is one value already."""
        result = self._executed(trade)
        self._trades.record(trade_record(result, trade, mode=self.config.trading.mode))
        return result

    def preview_trade(self, request: OrderRequest, *, strategy_name: str = "manual") -> TradePreview:
        """Check and price a trade as `execute_trade` would; nothing is sent, recorded or reserved.

        It is over within ``intent_ttl_s``: what could not be read by then is named.

        Raises:
            OrderValidationError, UnsupportedOrderTypeError: the request has no terms to show.
        """
        request = request if request.strategy_name is not None else replace(request, strategy_name=strategy_name)
        by = self.clock.monotonic() + self.config.order_management.intent_ttl_s
        self._safety.read_ahead(request.side)  # first, because it has a short time of its own
        priced = self._manager.price_preview(request, by=by)
        terms = priced.terms
        refusal = self._refusal(request, terms, by=by)
        review = reviewed(self._review, terms, by=by)
        if refusal is None:
            try:
                self._manager.refuse_unless_open_to(terms, by=by)
                if self._review is not None and review is not None and terms.side is Side.BUY:
                    self._review.refuse(terms, review.objection)
            except OrderError as error:
                refusal = failed_trade(error)
        return TradePreview(terms=terms, refusal=refusal, step=priced, review=review)

    def cancel_all_open_orders(self, *, correlation_id: str | None = None) -> tuple[CancelResult, ...]:
        """Cancel every open order of ours; see `OrderManager.cancel_all_open_orders`."""
        return self._manager.cancel_all_open_orders(correlation_id=correlation_id)

    def cancel_order(self, order_id: str, *, correlation_id: str | None = None) -> CancelResult:
        """Cancel one order by either id; see `OrderManager.cancel_order`."""
        return self._manager.cancel_order(order_id, correlation_id=correlation_id)

    def replace_order(
        self,
        order_id: str,
        *,
        reference_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        quantity: int | None = None,
        pricing: Pricing | None = None,
        client_order_id: str | None = None,
        correlation_id: str | None = None,
    ) -> OrderEnvelope:
        """Replace one order, the new one checked as any trade is; see `OrderManager.replace`."""
        return self._manager.replace(
            order_id,
            reference_price=reference_price,
            stop_price=stop_price,
            quantity=quantity,
            pricing=pricing,
            client_order_id=client_order_id,
            correlation_id=correlation_id,
            gather=self._safety.gather,
        )

    def synchronize_open_orders(self) -> SyncSummary:
        """Book what the broker says of every open order; end entries unfilled too long; follow the plans."""
        summary = self._manager.synchronize_open_orders()
        self._manager.end_unfilled(gather=self._safety.gather)
        self.protection.follow()
        return summary

    def _executed(self, trade: TradeRequest) -> TradeResult:
        correlation_id = None
        try:
            with self._manager.request(trade.correlation_id) as correlation_id:
                result = self._submitted(trade.order(), trade.brackets())
        except OrderError as error:
            result = failed_trade(error)
        return replace(result, correlation_id=correlation_id)

    def _refusal(self, request: OrderRequest, terms: OrderTerms, *, by: Seconds) -> TradeResult | None:
        if (standing := self._manager.standing_order(request, by=by)) is not None:
            return duplicate_trade(standing)
        try:
            self._safety.gather(terms, by, None)(terms)
        except TradeRefusedError as error:
            return failed_trade(error)
        return None

    def _submitted(self, request: OrderRequest, brackets: Brackets | None) -> TradeResult:
        if (standing := self._manager.standing_order(request)) is not None:
            return duplicate_trade(standing)
        self._safety.read_ahead(request.side)
        with self.protection.entering(request, brackets) as entry:
            placed = self._manager.place(entry, gather=self._safety.gather)
        envelope = placed.envelope
        if not placed.is_new:
            return duplicate_trade(envelope)
        if envelope.order_id is not None and not envelope.state.is_terminal:
            self._safety.register_pending_order(envelope.symbol, envelope.side, envelope.order_id)
        return submitted_trade(placed)

    def _on_order_change(self, change: OrderChange) -> None:
        if change.event.event not in CHANGES_THE_ACCOUNT:
            return
        self._outdate_account()
        if change.order.state.is_terminal:
            self._safety.clear_pending_order(change.order.envelope.symbol, change.order.envelope.side)

    def _ending(self) -> str | None:
        return "the bot is stopping, and nobody would follow the order; start it again" if self._is_ending else None

    def _cancel_quietly(self) -> tuple[CancelResult, ...]:
        try:
            return self._manager.cancel_all_open_orders()
        except OrderCancellationError as error:
            return error.results
        except TradingHaltedError as error:
            _log.warning("cancel_on_stop_left_out", reason=str(error))
            return ()

    def _end_intake(self) -> None:
        for end in self._lifecycle.intake:
            end()

    def _close(self) -> None:
        # One that fails keeps none of the others from closing; what it raised is raised after them.
        with ExitStack() as stack:
            for close in reversed((*self._lifecycle.intake, *self._lifecycle.closing)):
                stack.callback(close)
