"""Builds the parts of one account, each once, and the bot that they make."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path

from trading_bot.account.account_data import AccountData
from trading_bot.account.market_data import MarketData, Turn, at_once
from trading_bot.auth.borrowed_login import LoggedInSession
from trading_bot.bot import Lifecycle, TradingBot
from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.control import address as control_address
from trading_bot.control.server import ControlServer
from trading_bot.event_feeds import EventFeeds
from trading_bot.halt_watch import Condition, HaltWatch
from trading_bot.latch import SendLock
from trading_bot.lease import OwnersSendLock, this_process
from trading_bot.limit_alerts import LimitAlerts
from trading_bot.operations import Operations
from trading_bot.order_management.broker_books import BrokerBooks
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.poller import Poller
from trading_bot.order_management.ports import Gateway
from trading_bot.order_management.rounds import noop
from trading_bot.order_management.send_horizon import SendHorizon
from trading_bot.order_management.submit.market_quotes import MarketCollar, allow_at_any_market
from trading_bot.paper.quotes import QuoteSource
from trading_bot.reads_together import Begin, SideBySide, in_turn
from trading_bot.risk.order_facts import RecordedOrders
from trading_bot.robinhood.rate_budget import Purpose, RateBudget
from trading_bot.robinhood.session import Transport
from trading_bot.safety_checks import SafetyChecks
from trading_bot.startup.access import Destination, Login, Reading
from trading_bot.startup.beside import Beside, beside_a_bot
from trading_bot.startup.companions import Companions
from trading_bot.startup.first_look import START_FAILURES, FirstLook
from trading_bot.startup.interface_change import tell_of_change
from trading_bot.startup.interfaces import interface_of, price_interface_of
from trading_bot.startup.journal import JournalParts
from trading_bot.startup.live import carrier_of
from trading_bot.startup.ownership import ownership_of
from trading_bot.startup.paper import PaperAccount, paper_account
from trading_bot.startup.protecting import protection_of
from trading_bot.startup.results import tie_outs
from trading_bot.startup.reviewing import review_check, review_of_entries
from trading_bot.startup.safety import SafetyParts, safety_checks
from trading_bot.startup.surroundings import Surroundings
from trading_bot.startup.trade_log import trade_log

_POLLER_PATIENCE_S: Seconds = 30.0


class AccountParts:
    """The parts of one bot, each built once."""

    def __init__(
        self,
        config: Config,
        around: Surroundings,
        *,
        account_number: str,
        transport: Transport | None,
        quotes: QuoteSource | None,
        session: LoggedInSession | None = None,
        gateway: Gateway | None = None,
        journal: JournalParts | None = None,
    ) -> None:
        self._config = config
        self._around = around
        self._settings = config.order_management
        mode = config.trading.mode
        self._is_live = mode is ExecutionMode.LIVE
        self._carrier = carrier_of(mode, transport)
        horizon = SendHorizon(times=self._settings, carrier=self._carrier)
        self._own = ownership_of(
            config,
            around,
            account_number=account_number,
            send_horizon_s=horizon.after_last_write_s,
            parts=journal,
        )
        self._state = self._own.state
        self._store = self._own.journal.store
        self._events = EventFeeds()
        self._store.subscribe(self._events.on_change)
        self._store.on_fact(self._events.on_fact)
        self._hours = config.trading.market_hours
        self._session = session
        is_elsewhere = transport is not None or gateway is not None or self._is_live
        self._paper = None if is_elsewhere else self._paper_account(account_number, quotes)
        self._login, self._gateway = self._way_to_broker(account_number, transport, gateway)
        self._collar = self._market_collar() if self._is_live else None
        self._review = review_check(config, self._gateway, around.clock)
        # On paper nobody is waited for, and a replay repeats exactly.
        self._begin: Begin = SideBySide(around.threads) if self._is_live else in_turn
        self._orders = RecordedOrders(self._store)
        self._account = AccountData(
            gateway=self._gateway,
            clock=around.clock,
            ttl_s=config.risk_management.account_cache_ttl_s,
            orders=self._orders.changed,
        )
        self._first_look = FirstLook(account=self._account, begin=self._begin)
        self._manager = self._order_manager()
        self._manager.halt_entries_while(self._login.halts_entries)

    @property
    def control_socket(self) -> Path:
        """Where the account's holder takes the requests of other commands."""
        return self._state.control_socket

    def on_record(self) -> AbstractContextManager[OrderStore]:
        """Open the account's journal and nothing else, for answers that need no broker; see `Ownership.on_record`."""
        return self._own.on_record()

    def bot(self, *, background_sync: bool) -> TradingBot:
        """Join the parts."""
        safety = safety_checks(
            SafetyParts(
                config=self._config,
                around=self._around,
                own=self._own,
                account=self._account,
                gateway=self._gateway,
                manager=self._manager,
                orders=self._orders,
            )
        )
        bot = TradingBot(
            config=self._config,
            manager=self._manager,
            safety=safety,
            account=self._account,
            market=MarketData(gateway=self._gateway, clock=self._around.clock, turn=self._strategys_turn()),
            trades=trade_log(self._config, self._around, session_id=self._own.session_id),
            record_event=self._store.record_fact,
            verify=self._own.journal.verify,
            journal_name=self._own.journal.name,
            audit_log=self._own.log,
            lifecycle=self._lifecycle(
                lambda: Operations(bot, holder=this_process()),
                safety,
                self._companions(lambda: bot, safety),
                background_sync=background_sync,
            ),
            clock=self._around.clock,
            events=self._events,
            protection=protection_of(
                self._config, self._around, own=self._own, gateway=self._gateway, manager=self._manager
            ),
            review=self._review,
        )
        bot.tie_outs = tie_outs(bot, self._store, self._around)
        bot.books = self._gateway if isinstance(self._gateway, BrokerBooks) else None
        return bot

    def _companions(self, bot: Callable[[], TradingBot], safety: SafetyChecks) -> Companions:
        return beside_a_bot(
            lambda: Beside(
                bot=bot(),
                around=self._around,
                state=self._state,
                store=self._store,
                safety=safety,
                gateway=self._gateway,
                login=self._login,
                poller=self._poller,
                paper=self._paper,
            ),
            patience_s=_POLLER_PATIENCE_S,
        )

    def _strategys_turn(self) -> Turn:
        # On paper nobody is asked, unless for real prices, and waiting would move a replay's clock.
        if not self._is_live and (self._paper is None or self._paper.feed is None):
            return at_once
        budget = RateBudget(clock=self._around.clock)
        return lambda within_s: budget.take(Purpose.MARKET, within_s=within_s)

    def _lifecycle(
        self,
        operations: Callable[[], Operations],
        safety: SafetyChecks,
        companions: Companions,
        *,
        background_sync: bool,
    ) -> Lifecycle:
        control = ControlServer(path=self._state.control_socket, clock=self._around.clock)
        halts, alerts = self._halt_watch(safety), self._limit_alerts(safety)
        every_s = self._settings.poll_interval_seconds
        poller = self._poller = Poller(lambda: self._follow(halts, alerts), interval_s=every_s, latch=self._own.latch)
        renewals = self._renewals(safety)
        steps: dict[str, Callable[[], object]] = {
            "account lease": self._own.lease.acquire,
            "interface": lambda: tell_of_change(self._config.interface, state=self._state, files=self._around.files),
            "journal": self._own.open_journal,
        }
        if background_sync:
            steps["listeners"] = companions.listen
        if not self._is_live:
            opened = noop if self._paper is None else self._paper.open
            steps |= {"paper exchange": opened, "latch": self._own.latch.initialise_paper}
        steps |= {
            "login": lambda: halts.log_in(self._login.log_in),
            "account": lambda: self._first_look.take(self._manager.recover),
            "reconciliation": self._first_look.conclude,
        }
        if background_sync:
            if control_address.IS_AVAILABLE:
                steps["control socket"] = lambda: control.start(operations())
            self._manager.halt_entries_while(poller.problem)
            steps |= {name: each.start for name, each in renewals.items()} | {"poller": poller.start}
            steps["companions"] = companions.start
        return Lifecycle(
            opening=steps,
            intake=(control.stop,),
            closing=(
                companions.stop,
                lambda: [each.stop(timeout_s=_POLLER_PATIENCE_S) for each in (poller, *renewals.values())],
                self._events.settle,
                self._events.end_feeds,
                control.let_watchers_go,
                noop if self._paper is None else self._paper.close,
                self._own.journal.close,
                self._own.close_latch,
                self._own.lease.release,
            ),
            start_failures=START_FAILURES,
        )

    def _follow(self, halts: HaltWatch, alerts: LimitAlerts) -> None:
        self._synchronise(halts)
        alerts.look()

    def _synchronise(self, halts: HaltWatch) -> None:
        try:
            self._manager.synchronize_open_orders()
        finally:
            halts.look()

    def _renewals(self, safety: SafetyChecks) -> Mapping[str, Poller]:
        # Each has a thread of its own: a read that hangs keeps neither fills nor halts nor the other waiting.
        account = Poller(safety.renew, interval_s=self._settings.poll_interval_seconds)
        collar = self._collar
        quotes = {} if collar is None else {"quotes": Poller(collar.renew, interval_s=collar.renew_every_s)}
        return {"balances": account, **quotes}

    def _halt_watch(self, safety: SafetyChecks) -> HaltWatch:
        looks = {
            Condition.NOT_ARMED: lambda: self._own.latch.look().not_armed,
            Condition.JOURNAL_FAILED: lambda: self._manager.journal_problem,
            Condition.LOGIN_NEEDED: self._login.problem,
            Condition.INTERFACE_CHANGED: self._login.halts_entries,
            Condition.LIMIT_REACHED: lambda: safety.state().halted_because,
        }
        return HaltWatch(looks, events=self._events, clock=self._around.clock)

    def _limit_alerts(self, safety: SafetyChecks) -> LimitAlerts:
        thresholds = self._config.risk_management.warn_at_pct
        return LimitAlerts(
            limits=safety.limits_now, thresholds=thresholds, events=self._events, clock=self._around.clock
        )

    def _order_manager(self) -> OrderManager:
        return OrderManager(
            gateway=self._gateway,
            store=self._store,
            settings=self._settings,
            identity=self._own.identity,
            latch=self._own.latch,
            send_lock=OwnersSendLock(
                SendLock(path=self._state.send_lock, clock=self._around.clock), check_owner=self._own.lease.ensure_owner
            ),
            clock=self._around.clock,
            new_id=self._around.new_id,
            session_end=lambda order: self._hours.close_after(order.created_at, extended_hours=order.extended_hours),
            jitter=self._around.jitter,
            account=self._gateway,
            before_sync=self._own.kills.take_over,
            before_booking=self._first_look.confirm,
            begin=self._begin,
            carrier=self._carrier,
            check_market=allow_at_any_market if self._collar is None else self._collar.begin,
            review=review_of_entries(self._config, self._review),
            approval_wait_s=self._config.agent.approval_wait_s,
            hurry=self._login.hurry,
        )

    def _market_collar(self) -> MarketCollar:
        return MarketCollar(
            account=self._gateway,
            rules=self._settings.collar.rules,
            is_regular=lambda: self._hours.is_open(self._around.clock.now()),
            clock=self._around.clock,
            threads=self._around.threads,
        )

    def _way_to_broker(
        self, account_number: str, transport: Transport | None, gateway: Gateway | None
    ) -> tuple[Login, Gateway]:
        """Return how to log in, and the gateway; one of the caller's own is always logged in."""
        if gateway is not None:
            return Login(), gateway
        access = interface_of(self._config).way(
            Destination(
                config=self._config,
                around=self._around,
                number=account_number,
                state=self._state,
                transport=transport,
                session=self._session,
                paper=self._paper,
            )
        )
        return access.login, access.gateway(Reading(timeout_s=self._settings.request_timeout_s))

    def _paper_account(self, account_number: str, quotes: QuoteSource | None) -> PaperAccount:
        is_real = quotes is None and self._config.paper.has_live_quotes
        return paper_account(
            self._config,
            account_number=account_number,
            state=self._state,
            files=self._around.files,
            clock=self._around.clock,
            quotes=quotes,
            reference_for=self._reference_price,
            is_durable=self._around.is_durable,
            feed_of=price_interface_of(self._config).feed(self._config, self._around, session=self._session)
            if is_real
            else None,
        )

    def _reference_price(self, ref_id: str) -> Decimal | None:
        with self._store.open_book() as book:
            order = book.by_ref_id(ref_id)
        return order.envelope.reference_price if order is not None else None
