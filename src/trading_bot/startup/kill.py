"""Builds a kill: a connection of its own, latch and lock, and a reader of the journal that does not open it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pydantic import SecretStr

from trading_bot.auth.renewal_time import held_within
from trading_bot.auth.robinhood_auth import RobinhoodAuth
from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config
from trading_bot.error_handling.policies import READ_POLICY
from trading_bot.kill.broker import KillBroker
from trading_bot.kill.journal_process import JournalProcess
from trading_bot.kill.patience import PatientJournal
from trading_bot.kill.progress import ProgressListener, ignore_progress
from trading_bot.kill.records import KillFile
from trading_bot.kill.register import read_known_orders
from trading_bot.kill.switch import KillSwitch
from trading_bot.latch import Latch, SendLock
from trading_bot.order_management.exceptions import AuthenticationError, OrderNotSentError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.journal.side_files import SIDE_FOLDER
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.ports import SendPermit
from trading_bot.order_management.send_horizon import SendHorizon
from trading_bot.paper.quotes import QuoteFileError, QuoteSource
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.reads import Renew, Wire
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import BrokerSession, Transport, WireReply, WireRequest
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.kill_connection import KillConnection, NoConnection
from trading_bot.startup.live import LiveConnection, carrier_of, live_connection
from trading_bot.startup.paper import PAPER_LOGIN, PaperAccount, paper_account
from trading_bot.startup.shared_account import latch_to_kill, url_of
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.state_folder import StateFolder, account_key, account_suffix, journal_path

_MOST_LOGINS = 3
_REQUEST_TIMEOUT_S: Seconds = 5.0
"""Shorter than elsewhere: one hung request must not eat the time of the other orders."""

_READ_ONCE = replace(READ_POLICY, max_attempts=1)
"""The kill itself lists again and again, and does more useful things in between than waiting."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class KillWishes:
    """What whoever kills wants of it, beside the account; each is described at `KillSwitch`."""

    keeps_protective: bool = True
    is_interrupted: Callable[[], bool] = _never
    on_progress: ProgressListener = ignore_progress
    doubts: tuple[str, ...] = ()
    """What already keeps the verdict from being confirmed."""
    notes: list[str] = field(default_factory=list)
    """What the report has to say besides; the kill adds to it."""


def open_kill(
    config: Config,
    *,
    transport: Transport | None = None,
    quotes: QuoteSource | None = None,
    clock: Clock | None = None,
    surroundings: Surroundings | None = None,
    wishes: KillWishes | None = None,
) -> KillSwitch:
    """Build the kill of the configured account; nothing is opened, locked, removed or sent before `KillSwitch.run`.

    What prevents a connection is left for the report, because trading can be stopped without one.

    Raises:
        ConfigError: it cannot be told which account or which state folder is meant.
    """
    around, wishes = surroundings or default_surroundings(clock), wishes or KillWishes()
    mode, settings = config.trading.mode, config.order_management
    number = configured_account(config)
    key = account_key(mode, number)
    state = StateFolder(root=config.resolve_state_dir() / f"{mode}-{key}", files=around.files)
    journal = journal_path(config.logs_dir, mode, number)

    def broker() -> KillBroker:
        if mode is ExecutionMode.LIVE:
            return _live_broker(
                around, account_number=number, state=state, transport=transport, tolerate=wishes.notes.append
            )
        paper = transport or _paper_account(config, around, account_number=number, state=state, quotes=quotes).transport
        return _paper_broker(around, account_number=number, transport=paper)

    database = JournalProcess(database=state.database, account_key=key, log=journal, url=url_of(config))
    horizon = SendHorizon(times=settings, carrier=carrier_of(mode, transport))
    local = Latch(path=state.latch, clock=around.clock, new_id=around.new_id, files=around.files)
    latch, doubts = latch_to_kill(config, around, account_key=key, local=local)
    return KillSwitch(
        account=f"the {mode} account ...{account_suffix(number)}",
        latch=latch,
        send_lock=SendLock(path=state.send_lock, clock=around.clock),
        broker=_broker_or_none(broker),
        journal_reader=PatientJournal(
            lambda: read_known_orders(state=state, files=around.files, database=database), name=str(journal)
        ),
        side_file=KillFile(
            folder=state.root / SIDE_FOLDER, files=around.files, clock=around.clock, process_id=around.process_id
        ),
        clock=around.clock,
        send_horizon_s=horizon.after_last_write_s,
        arrives_within=horizon.after_intent,
        deadline_s=horizon.after_last_write_s + settings.cancel_deadline_s,
        keeps_protective=wishes.keeps_protective,
        doubts=(*wishes.doubts, *doubts),
        notes=lambda: tuple(dict.fromkeys(wishes.notes)),
        is_interrupted=wishes.is_interrupted,
        on_progress=wishes.on_progress,
    )


class ResumingWire:
    """A live wire that takes up the saved session before its first request; without one, nothing is sent."""

    def __init__(self, connection: LiveConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._has_resumed = False

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        """Send once, in the saved session."""
        try:
            self._resume()
        except AuthenticationError as error:
            return WireFailure(
                phase=SendPhase.BEGUN, first_byte_written=False, cause=str(error), kind=FailureKind.OTHER
            )
        return self._connection.wire.exchange(request, timeout_s=timeout_s, permit=permit)

    def _resume(self) -> None:
        with self._lock:
            if not self._has_resumed:
                self._connection.login.resume()
                self._has_resumed = True


class FirstLogin:
    """Renews a session by logging in, then by its refresh token. Logins are few: failed ones lock accounts."""

    def __init__(self, auth: RobinhoodAuth, clock: Clock) -> None:
        self._auth = auth
        self._clock = clock
        self._lock = threading.Lock()
        self._logins_left = _MOST_LOGINS
        self._is_logged_in = False

    def renew(self, within_s: Seconds) -> bool:
        """Whether there is a session to work with now, having waited no longer than this for another thread's login."""
        deadline = self._clock.monotonic() + within_s
        with held_within(self._lock, within_s) as is_our_turn:
            if not is_our_turn:
                return False
            if not self._is_logged_in:
                self._log_in(deadline - self._clock.monotonic())
                return self._is_logged_in
        return self._auth.renew(deadline - self._clock.monotonic())

    def _log_in(self, within_s: Seconds) -> None:
        if self._logins_left == 0 or within_s <= 0:
            return
        self._logins_left -= 1
        try:
            self._auth.login(within_s=within_s)
        except AuthenticationError:
            return
        self._is_logged_in = True


def _broker_or_none(build: Callable[[], KillBroker]) -> KillBroker:
    try:
        return build()
    except (QuoteFileError, OSError) as error:
        return NoConnection(f"the paper exchange cannot be used: {error}; repair it and kill again")
    except OrderNotSentError as error:
        return NoConnection(str(error))


def _live_broker(
    around: Surroundings,
    *,
    account_number: str,
    state: StateFolder,
    transport: Transport | None,
    tolerate: Callable[[str], None],
) -> KillBroker:
    # Whoever is logged in to the account: a kill must not depend on what the environment says.
    connection = live_connection(
        around, account_number=account_number, state=state, transport=transport, tolerate=tolerate
    )
    return _connected(
        around,
        wire=ResumingWire(connection),
        account_number=account_number,
        renew=connection.login.renew,
        symbols=SymbolTable(path=state.instruments, files=around.files),
    )


def _paper_broker(around: Surroundings, *, account_number: str, transport: Transport) -> KillBroker:
    session = BrokerSession(adapter=transport, clock=around.clock, process_id=around.process_id)
    auth = RobinhoodAuth(
        session=session,
        username=SecretStr(PAPER_LOGIN),
        password=SecretStr(PAPER_LOGIN),
        clock=around.clock,
        device_token=account_key(ExecutionMode.PAPER, account_number),
        timeout_s=_REQUEST_TIMEOUT_S,
        jitter=around.jitter,
    )
    return _connected(around, wire=session, account_number=account_number, renew=FirstLogin(auth, around.clock).renew)


def _connected(
    around: Surroundings, *, wire: Wire, account_number: str, renew: Renew, symbols: SymbolTable | None = None
) -> KillConnection:
    def gateway(*, asks_symbols: bool) -> RobinhoodGateway:
        return RobinhoodGateway(
            session=wire,
            clock=around.clock,
            account_number=account_number,
            renew=renew,
            read_policy=_READ_ONCE,
            read_timeout_s=_REQUEST_TIMEOUT_S,
            jitter=around.jitter,
            asks_symbols=asks_symbols,
            symbols=symbols,
        )

    # A cancel needs no symbol, and each look-up may hang.
    return KillConnection(gateway=gateway(asks_symbols=False), naming=gateway(asks_symbols=True))


def _paper_account(
    config: Config, around: Surroundings, *, account_number: str, state: StateFolder, quotes: QuoteSource | None
) -> PaperAccount:
    return paper_account(
        config,
        account_number=account_number,
        state=state,
        files=around.files,
        clock=around.clock,
        quotes=quotes,
        reference_for=lambda _ref_id: None,  # a kill places no order
    )
