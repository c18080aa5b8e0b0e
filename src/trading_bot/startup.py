"""The composition root: the only place that builds concrete parts and joins them."""

import os
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from trading_bot.account.account_data import AccountData
from trading_bot.auth.robinhood_auth import RobinhoodAuth
from trading_bot.bot import JournalVerdict, Lifecycle, TradingBot
from trading_bot.clock import Clock, Seconds, SystemClock
from trading_bot.config import Config, PaperConfig
from trading_bot.error_handling.retry import Jitter
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.latch import Latch, LatchError, SendLock
from trading_bot.lease import AccountInUseError, Lease, LeaseLostError
from trading_bot.logging.setup import get_logger
from trading_bot.logging.trade_logger import StructuredTradeLogger
from trading_bot.market_hours import NYSE_CLOSE, NYSE_OPEN, NYSE_ZONE, MarketHours
from trading_bot.order_management.exceptions import OrderError, TradingHaltedError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.manager import ManagerIdentity, OrderManager
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.order_book import OrderBook
from trading_bot.order_management.order_log import JournalIdentity, OrderLog, scan
from trading_bot.order_management.poller import Poller
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.quotes import QuoteSource, ReplayQuotes, SeededWalkQuotes
from trading_bot.paper.state import ExchangeState
from trading_bot.paper.store import MemoryStore
from trading_bot.paper.transport import PaperTransport
from trading_bot.robinhood.session import BrokerSession, Transport
from trading_bot.safety_checks import SafetyChecks
from trading_bot.state_folder import StateFolder, account_key, account_suffix, journal_name

PAPER_ACCOUNT = "PAPER0001"
"""The account number on paper where the configuration names none."""

_PAPER_LOGIN = "paper"
_TRADES_FILE = "trades.jsonl"
_POLLER_PATIENCE_S: Seconds = 30.0
_START_FAILURES = (OrderError, LatchError, AccountInUseError, LeaseLostError, OSError)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The effects a bot runs on; every one may be replaced."""

    clock: Clock
    files: FileSystem
    new_id: Callable[[], str]
    jitter: Jitter
    process_id: Callable[[], int]


def create_bot(
    config: Config,
    *,
    transport: Transport | None = None,
    clock: Clock | None = None,
    quotes: QuoteSource | None = None,
    surroundings: Surroundings | None = None,
    background_sync: bool = True,
) -> TradingBot:
    """Build a bot from a configuration; nothing is opened, locked or sent before `TradingBot.start`.

    ``transport`` carries the broker's HTTP requests; without one, paper mode answers them from a paper exchange that
    takes its quotes from ``quotes``, else from ``paper.quotes_file``, else from a seeded walk. Without
    ``background_sync`` the caller synchronises by itself, as a replay on a virtual clock does.

    Raises:
        TradingHaltedError: live mode, which this version does not trade in.
        QuoteFileError: the quotes file cannot be used.
    """
    if config.trading.mode is not ExecutionMode.PAPER:
        raise TradingHaltedError(
            'live trading is locked in this version; set trading.mode to "paper"', code="live_mode_locked"
        )
    around = surroundings or default_surroundings(clock)
    account_number = config.account_number.get_secret_value() if config.account_number else PAPER_ACCOUNT
    parts = _Composition(config, around, account_number=account_number, transport=transport, quotes=quotes)
    return parts.bot(background_sync=background_sync)


def default_surroundings(clock: Clock | None = None) -> Surroundings:
    """Return the machine's own clock, files, environment and randomness."""
    return Surroundings(
        clock=clock or SystemClock(),
        files=LocalFiles(),
        new_id=lambda: uuid.uuid4().hex,
        jitter=lambda bound: random.uniform(0, bound),  # noqa: S311 - spreads retries, guards nothing
        process_id=os.getpid,
    )


class _Composition:
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
        self._session = BrokerSession(
            adapter=transport or self._paper_transport(account_number, quotes), clock=around.clock
        )
        self._auth = RobinhoodAuth(
            session=self._session,
            username=SecretStr(_PAPER_LOGIN),
            password=SecretStr(_PAPER_LOGIN),
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
        self._manager = self._order_manager(ManagerIdentity(mode=mode, account_key=account_key(mode, account_number)))
        self._account = AccountData(
            gateway=self._gateway, clock=around.clock, ttl_s=config.risk_management.account_cache_ttl_s
        )

    def bot(self, *, background_sync: bool) -> TradingBot:
        """Join the parts."""
        return TradingBot(
            config=self._config,
            manager=self._manager,
            safety=SafetyChecks(
                limits=self._config.risk_management,
                hours=self._hours,
                account=self._account,
                clock=self._around.clock,
                queue_for_open=self._config.trading.queue_for_open,
            ),
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
            lifecycle=self._lifecycle(background_sync=background_sync),
            clock=self._around.clock,
        )

    def _lifecycle(self, *, background_sync: bool) -> Lifecycle:
        poller = Poller(self._manager.synchronize_open_orders, interval_s=self._settings.poll_interval_seconds)
        steps: dict[str, Callable[[], object]] = {
            "account lease": self._lease.acquire,
            "journal": self._open_journal,
            "latch": self._latch.initialise_paper,
            "login": self._auth.login,
            "account": self._account.account,
            "reconciliation": self._manager.recover,
        }
        if background_sync:
            steps["poller"] = poller.start
        return Lifecycle(
            opening=steps,
            closing=(lambda: poller.stop(timeout_s=_POLLER_PATIENCE_S), self._log.close, self._lease.release),
            start_failures=_START_FAILURES,
        )

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

    def _paper_transport(self, account_number: str, quotes: QuoteSource | None) -> PaperTransport:
        paper = self._config.paper
        exchange = PaperExchange(
            quotes=quotes or _paper_quotes(paper), calendar=_exchange_hours(self._config), seed=paper.seed
        )
        store = MemoryStore(
            ExchangeState.opening(account_number=account_number, cash=paper.starting_cash, now=self._around.clock.now())
        )
        return PaperTransport(
            exchange=exchange, store=store, clock=self._around.clock, reference_for=self._reference_price
        )

    def _reference_price(self, ref_id: str) -> Decimal | None:
        with self._ledger.open_book() as book:
            order = book.by_ref_id(ref_id)
        return order.envelope.reference_price if order is not None else None


def _paper_quotes(paper: PaperConfig) -> QuoteSource:
    return ReplayQuotes.from_file(paper.quotes_file) if paper.quotes_file else SeededWalkQuotes(paper.seed)


def _exchange_hours(config: Config) -> MarketHours:
    # The exchange trades its own session, however narrow the hours are in which this bot sends orders.
    return MarketHours(
        calendar=config.trading.effective_calendar,
        start_time=NYSE_OPEN,
        end_time=NYSE_CLOSE,
        timezone=ZoneInfo(NYSE_ZONE),
    )
