"""The parts of an order manager, joined: each built once, none of them knowing more than it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.retry import Jitter
from trading_bot.order_management.account_view import AccountView
from trading_bot.order_management.cancel.cancel_all import CancelEverything
from trading_bot.order_management.cancel.canceller import Canceller
from trading_bot.order_management.cancel.tracker import CancelTracker
from trading_bot.order_management.decisions import OperatorDecisions
from trading_bot.order_management.exceptions import OrderStatusError, TradingHaltedError
from trading_bot.order_management.freeze_decisions import FreezeDecisions
from trading_bot.order_management.models import ExecutionMode, OrderEnvelope, OrderTerms
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.ports import AccountGateway, BrokerGateway, SendLock, TradingLatch
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.rounds import Upkeep
from trading_bot.order_management.send_horizon import Carrier, SendHorizon
from trading_bot.order_management.submit.admission import Admission
from trading_bot.order_management.submit.exit import Exits
from trading_bot.order_management.submit.halts import TradingHalts
from trading_bot.order_management.submit.market_quotes import MarketCheck
from trading_bot.order_management.submit.placement import ManagerIdentity, Placement
from trading_bot.order_management.submit.protocol import SubmitProtocol, SubmitRules
from trading_bot.order_management.submit.recorder import OutcomeRecorder
from trading_bot.order_management.submit.replace import Replacement
from trading_bot.order_management.sync.external_orders import ExternalOrders
from trading_bot.order_management.sync.freshness import Freshness
from trading_bot.order_management.sync.positions import Holdings
from trading_bot.order_management.sync.synchronizer import OrderHorizon, Synchronizer
from trading_bot.order_management.ways_out import WaysOut

if TYPE_CHECKING:
    from trading_bot.config import OrderManagementConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What a manager is built on, as `OrderManager` takes it."""

    gateway: BrokerGateway
    account: AccountGateway | None
    store: OrderStore
    settings: "OrderManagementConfig"
    identity: ManagerIdentity
    latch: TradingLatch
    send_lock: SendLock
    clock: Clock
    new_id: Callable[[], str]
    session_end: Callable[[OrderEnvelope], datetime]
    jitter: Jitter
    before_sync: Callable[[], object]
    carrier: Carrier
    check_market: MarketCheck


class ManagerParts:
    """The parts; each is built on the ones before it."""

    def __init__(self, base: Surface) -> None:
        self._base = base
        self.external = ExternalOrders(instrument_of=self._instrument_of)
        self.freshness = Freshness(clock=base.clock, poll_interval_s=base.settings.poll_interval_seconds)
        self.admission = self._admission()
        self.synchronizer = self._synchronizer()
        self.holdings = self._holdings()
        self.outcomes = OutcomeRecorder(store=base.store, synchronizer=self.synchronizer, clock=base.clock)
        self.halts = TradingHalts(store=base.store, outcomes=self.outcomes, latch=base.latch, clock=base.clock)
        self.canceller = self._canceller()
        self.upkeep = self._upkeep()
        self.everything = self._everything()
        self.placement = self._placement()
        self.replacement = self._replacement()
        self.view = AccountView(external=self.external, holdings=self.holdings, store=base.store)
        self.decisions = self._decisions()
        self.ways_out = WaysOut(
            exits=self._exits(),
            store=base.store,
            canceller=self.canceller,
            halts=self.halts,
            holdings=self.holdings,
        )

    def forget_the_broker(self) -> None:
        """Rely on nothing that was read before: another process may have had the account since."""
        self.halts.begin_start()
        self.freshness.forget()
        self.external.forget()
        if self.holdings is not None:
            self.holdings.forget()

    def synchronize(self) -> SyncSummary:
        """Run one synchronisation; entries are taken from the first complete one after `recover` on."""
        summary = self.upkeep.synchronize()
        self._take_entries_if(summary)
        return summary

    def recover(self) -> SyncSummary:
        """Compare the whole book with the broker anew.

        Raises:
            TradingHaltedError: the comparison was not complete.
        """
        self.forget_the_broker()
        summary = self.upkeep.recover()
        self._take_entries_if(summary)
        if not summary.is_view or not self.positions_are_known:
            raise TradingHaltedError(
                f"the orders could not be compared with the broker: {summary.problem}; cancels work, new orders wait "
                "for the next complete synchronisation",
                code="not_reconciled",
            )
        return summary

    def _take_entries_if(self, summary: SyncSummary) -> None:
        if summary.is_view and self.upkeep.has_recovered:
            self.halts.end_start()

    def _admission(self) -> Admission:
        base = self._base
        return Admission(
            store=base.store,
            settings=base.settings,
            clock=base.clock,
            halted_because=lambda symbol, leaving: self.halts.reason(symbol=symbol, leaving=leaving),
            stale_because=self.freshness.stale_because,
            arming=base.latch.arming,
            holdings=lambda: self.holdings,
            entries_stopped=self.entries_stopped,
        )

    @property
    def positions_are_known(self) -> bool:
        """Whether the positions were read in this session, where there are any to read."""
        return self.holdings is None or self.holdings.are_known

    def entries_stopped(self, symbol: str, instrument_id: str | None = None) -> str | None:
        """Return why nothing may be bought in one symbol, for what is not understood of it, or None."""
        reason = self.external.entries_stopped(symbol, instrument_id)
        if reason is None and self.holdings is not None:
            reason = self.holdings.entries_stopped(symbol, instrument_id)
        return reason

    def _instrument_of(self, symbol: str) -> str | None:
        with self._base.store.open_book() as book:
            return book.positions.instrument_of(symbol)

    def _synchronizer(self) -> Synchronizer:
        base = self._base
        return Synchronizer(
            gateway=base.gateway,
            store=base.store,
            clock=base.clock,
            horizon=OrderHorizon(
                sending=SendHorizon(times=base.settings, carrier=base.carrier), session_end=base.session_end
            ),
            is_in_flight=self.admission.is_in_flight,
            pinned_account=self._read_pinned_account,
        )

    def _read_pinned_account(self, deadline: Seconds) -> None:
        if self._base.account is not None:
            self._base.account.by(deadline).fetch_account()

    def _holdings(self) -> Holdings | None:
        base = self._base
        if base.account is None:
            return None
        return Holdings(
            account=base.account,
            store=base.store,
            synchronizer=self.synchronizer,
            clock=base.clock,
            external=self.external,
            could_short=base.identity.mode is ExecutionMode.LIVE,
            view_age_s=self.freshness.age_s,
        )

    def _canceller(self) -> Canceller:
        base = self._base
        tracker = CancelTracker(
            gateway=base.gateway, store=base.store, synchronizer=self.synchronizer, clock=base.clock
        )
        return Canceller(
            store=base.store,
            tracker=tracker,
            deadline_s=base.settings.cancel_deadline_s,
        )

    def _upkeep(self) -> Upkeep:
        base = self._base
        return Upkeep(
            store=base.store,
            synchronizer=self.synchronizer,
            canceller=self.canceller,
            is_in_flight=self.admission.is_in_flight,
            clock=base.clock,
            freshness=self.freshness,
            external=self.external,
            holdings=self.holdings,
            before_sync=base.before_sync,
            is_shared=base.identity.is_shared,
        )

    def _everything(self) -> CancelEverything:
        base = self._base
        return CancelEverything(
            gateway=base.gateway,
            store=base.store,
            canceller=self.canceller,
            synchronize=lambda within_s: self.upkeep.synchronize(within_s=within_s, patience_s=0),
            clock=base.clock,
            deadline_s=base.settings.cancel_deadline_s,
        )

    def _placement(self) -> Placement:
        base = self._base
        protocol = SubmitProtocol(
            gateway=base.gateway,
            store=base.store,
            lock=base.send_lock,
            latch=base.latch,
            rules=SubmitRules.of(base.settings),
            clock=base.clock,
            jitter=base.jitter,
        )
        return Placement(
            gateway=base.gateway,
            store=base.store,
            settings=base.settings,
            identity=base.identity,
            admission=self.admission,
            protocol=protocol,
            outcomes=self.outcomes,
            canceller=self.canceller,
            catch_up=lambda within_s, patience_s: self.upkeep.catch_up(within_s=within_s, patience_s=patience_s),
            ready_to_sell=self._ready_to_sell,
            check_market=base.check_market,
            clock=base.clock,
            new_id=base.new_id,
        )

    def _ready_to_sell(self, terms: OrderTerms, deadline: Seconds) -> None:
        if self.holdings is not None:
            self.holdings.make_ready(terms.symbol, Decimal(terms.quantity), by=deadline)

    def _replacement(self) -> Replacement:
        base = self._base
        return Replacement(
            store=base.store,
            canceller=self.canceller,
            placement=self.placement,
            admission=self.admission,
            clock=base.clock,
            price_ttl_s=base.settings.intent_ttl_s,
        )

    def _decisions(self) -> OperatorDecisions:
        base = self._base
        return OperatorDecisions(
            gateway=base.gateway,
            store=base.store,
            synchronizer=self.synchronizer,
            holdings=self.holdings,
            mode=base.identity.mode,
            is_in_flight=self.admission.is_in_flight,
            freezes=FreezeDecisions(store=base.store, clock=base.clock),
        )

    def _exits(self) -> Exits:
        base = self._base
        return Exits(
            store=base.store,
            placement=self.placement,
            admission=self.admission,
            canceller=self.canceller,
            synchronizer=self.synchronizer,
            quote=self._quote,
            stop_replacing=self.replacement.stop,
            clock=base.clock,
            new_id=base.new_id,
            catch_up=lambda within_s, patience_s: self.upkeep.catch_up(within_s=within_s, patience_s=patience_s),
            ready_to_sell=self._ready_to_sell,
            rules=base.settings,
        )

    def _quote(self, symbol: str, by: Seconds) -> Quote | None:
        if self._base.account is None:
            return None
        try:
            return self._base.account.by(by).fetch_quotes((symbol,)).get(symbol)
        except OrderStatusError:
            return None
