"""The composition of one account: its parts, each built once, and the bot they make."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from pydantic import SecretStr

from trading_bot import control_address
from trading_bot.account.account_data import AccountData
from trading_bot.auth.robinhood_auth import RobinhoodAuth
from trading_bot.bot import JournalVerdict, Lifecycle, TradingBot
from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.control_socket import ControlServer
from trading_bot.desk import Desk
from trading_bot.exchange_day import ExchangeDays
from trading_bot.latch import Latch, LatchError, SendLock
from trading_bot.lease import AccountInUseError, Lease, LeaseLostError, this_process
from trading_bot.logging.setup import get_logger
from trading_bot.logging.trade_logger import StructuredTradeLogger
from trading_bot.order_facts import LedgerOrders
from trading_bot.order_management.exceptions import OrderError, TradingHaltedError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.manager import ManagerIdentity, OrderManager
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.order_book import OrderBook
from trading_bot.order_management.order_log import JournalIdentity, OrderLog, scan
from trading_bot.order_management.poller import Poller
from trading_bot.paper.quotes import QuoteSource
from trading_bot.paper.state import ExchangeStateError
from trading_bot.risk_breaker import RiskBreaker
from trading_bot.risk_watch import RiskWatch
from trading_bot.robinhood.session import BrokerSession, Transport
from trading_bot.safety_checks import SafetyChecks
from trading_bot.startup_paper import PAPER_LOGIN, PaperAccount, paper_account
from trading_bot.state_folder import StateFolder, account_key, account_suffix, journal_name
from trading_bot.surroundings import Surroundings

_TRADES_FILE = "trades.jsonl"
_POLLER_PATIENCE_S: Seconds = 30.0
_START_FAILURES = (OrderError, LatchError, AccountInUseError, LeaseLostError, ExchangeStateError, OSError)
_log = get_logger(__name__)


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
    ) -> None:
        self._config = config
        self._around = around
        self._settings = config.order_management
        mode = config.trading.mode
        self._state = StateFolder(
            root=config.resolve_state_dir() / f"{mode}-{account_key(mode, account_number)}", files=around.files
        )
        self._journal_path = config.logs_dir / journal_name(mode, account_number)
        self._session_id = around.new_id()
        self._book = OrderBook()
        self._log = self._order_log(mode, account_number)
        self._ledger = OrderLedger(journal=self._log, book=self._book, clock=around.clock, session_id=self._session_id)
        self._hours = config.trading.market_hours
        self._paper = None if transport else self._paper_account(account_number, quotes)
        self._session = BrokerSession(adapter=_carrier(transport, self._paper), clock=around.clock)
        self._auth = RobinhoodAuth(
            session=self._session,
            username=SecretStr(PAPER_LOGIN),
            password=SecretStr(PAPER_LOGIN),
            clock=around.clock,
            device_token=account_key(mode, account_number),
            jitter=around.jitter,
        )
        self._gateway = RobinhoodGateway(
            session=self._session,
            clock=around.clock,
            account_number=account_number,
            renew=self._auth.renew,
            read_timeout_s=self._settings.request_timeout_s,
            jitter=around.jitter,
            order_form_version=self._settings.order_form_version,
        )
        self._latch = Latch(path=self._state.latch, clock=around.clock, files=around.files)
        self._lease = Lease(path=self._state.lease, files=around.files)
        self._identity = ManagerIdentity(mode=mode, account_key=account_key(mode, account_number))
        self._manager = self._order_manager(self._identity)
        self._account = AccountData(
            gateway=self._gateway, clock=around.clock, ttl_s=config.risk_management.account_cache_ttl_s
        )

    @property
    def control_socket(self) -> Path:
        """Where the account's holder takes the requests of other commands."""
        return self._state.control_socket

    def bot(self, *, background_sync: bool) -> TradingBot:
        """Join the parts."""
        bot = TradingBot(
            config=self._config,
            manager=self._manager,
            safety=self._safety_checks(),
            account=self._account,
            trades=StructuredTradeLogger(
                path=self._config.logs_dir / _TRADES_FILE,
                clock=self._around.clock,
                session_id=self._session_id,
                on_problem=lambda problem: _log.error("trade_record_failed", problem=problem),
                files=self._around.files,
            ),
            record_event=self._ledger.record_fact,
            verify=self._verify,
            journal_path=self._journal_path,
            lifecycle=self._lifecycle(lambda: Desk(bot, holder=this_process()), background_sync=background_sync),
            clock=self._around.clock,
        )
        return bot

    def _lifecycle(self, desk: Callable[[], Desk], *, background_sync: bool) -> Lifecycle:
        control = ControlServer(path=self._state.control_socket, clock=self._around.clock)
        poller = Poller(
            self._manager.synchronize_open_orders,
            interval_s=self._settings.poll_interval_seconds,
            latch=self._latch,
        )
        steps: dict[str, Callable[[], object]] = {
            "account lease": self._lease.acquire,
            "journal": self._open_journal,
            "paper exchange": self._open_paper,
            "latch": self._latch.initialise_paper,
            "login": self._auth.login,
            "account": self._account.account,
            "reconciliation": self._reconcile,
        }
        if background_sync:
            if control_address.IS_AVAILABLE:
                steps["control socket"] = lambda: control.start(desk())
            steps["poller"] = poller.start
        return Lifecycle(
            opening=steps,
            intake=(control.stop,),
            closing=(lambda: poller.stop(timeout_s=_POLLER_PATIENCE_S), self._log.close, self._lease.release),
            start_failures=_START_FAILURES,
        )

    def _reconcile(self) -> None:
        try:
            self._manager.recover()
        except TradingHaltedError as error:
            # Cancels must work now; orders wait for the first complete synchronisation.
            _log.warning("reconciliation_incomplete", reason=str(error))

    def _open_paper(self) -> None:
        if self._paper is not None:
            self._paper.store.open()

    def _open_journal(self) -> None:
        self._state.check_journal(self._journal_path)
        found = self._log.open()
        if self._log.refusal is not None:
            raise self._log.refusal
        with self._ledger.open_book() as book:
            for record in found.records:
                book.apply(record)
        self._state.remember_journal(self._journal_path)

    def _verify(self) -> JournalVerdict:
        try:
            found = scan(self._around.files.read(self._journal_path))
        except OSError as error:
            return JournalVerdict(ok=False, records=0, problem=f"it cannot be read: {error.strerror}")
        return JournalVerdict(ok=found.ok, records=len(found.records), problem=found.problem)

    def _order_log(self, mode: ExecutionMode, account_number: str) -> OrderLog:
        return OrderLog(
            path=self._journal_path,
            identity=JournalIdentity(
                mode=mode,
                account_key=account_key(mode, account_number),
                account_suffix=account_suffix(account_number),
            ),
            session_id=self._session_id,
            files=self._around.files,
            clock=self._around.clock,
            process_id=self._around.process_id,
        )

    def _order_manager(self, identity: ManagerIdentity) -> OrderManager:
        return OrderManager(
            gateway=self._gateway,
            ledger=self._ledger,
            settings=self._settings,
            identity=identity,
            latch=self._latch,
            send_lock=SendLock(path=self._state.send_lock, clock=self._around.clock),
            clock=self._around.clock,
            new_id=self._around.new_id,
            session_end=lambda order: self._hours.close_after(order.created_at, extended_hours=order.extended_hours),
            jitter=self._around.jitter,
        )

    def _safety_checks(self) -> SafetyChecks:
        clock, limits, orders = self._around.clock, self._config.risk_management, LedgerOrders(self._ledger)
        key = self._identity.account_key
        breaker = RiskBreaker(path=self._state.risk, account_key=key, clock=clock, files=self._around.files)
        risk = RiskWatch(limits=limits, orders=orders, breaker=breaker, days=ExchangeDays(clock))
        self._ledger.subscribe(risk.on_order_change)
        return SafetyChecks(
            limits=limits,
            hours=self._hours,
            account=self._account,
            orders=orders,
            risk=risk,
            clock=clock,
            queue_for_open=self._config.trading.queue_for_open,
        )

    def _paper_account(self, account_number: str, quotes: QuoteSource | None) -> PaperAccount:
        return paper_account(
            self._config,
            account_number=account_number,
            state=self._state,
            files=self._around.files,
            clock=self._around.clock,
            quotes=quotes,
            reference_for=self._reference_price,
        )

    def _reference_price(self, ref_id: str) -> Decimal | None:
        with self._ledger.open_book() as book:
            order = book.by_ref_id(ref_id)
        return order.envelope.reference_price if order is not None else None


def _carrier(transport: Transport | None, paper: PaperAccount | None) -> Transport:
    if transport is not None:
        return transport
    if paper is None:
        raise TradingHaltedError("no way to the broker was given; pass a transport", code="no_transport")
    return paper.transport
