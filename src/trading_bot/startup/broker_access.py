"""The ways over the private wire to one account: the wire, the login on it, and how the login is renewed."""

from pydantic import SecretStr

from trading_bot.auth.borrowed_login import BorrowedLogin, LoggedInSession
from trading_bot.auth.renewal_time import RenewalInTime
from trading_bot.auth.robinhood_auth import RobinhoodAuth
from trading_bot.auth.token_store import TokenFileError, TokenStore
from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.models import ExecutionMode
from trading_bot.paper.quote_feed import LiveQuotedWire, QuoteFeed
from trading_bot.robinhood.session import BrokerSession, Transport
from trading_bot.startup.access import Destination, Login, WireAccess
from trading_bot.startup.first_request import FirstLogin, ResumingWire
from trading_bot.startup.live import budgeted, live_connection, live_session, token_store
from trading_bot.startup.paper import PAPER_LOGIN, PaperAccount, paper_transport
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key

_NO_LOGIN_FOR_A_KILL = (
    "the session given to create_bot stays in this process, so `trading-bot kill` in another one could cancel nothing "
    "at the broker; run `trading-bot login` once"
)
_LOGIN_TIMEOUT_S: Seconds = 16.0
_KILL_LOGIN_TIMEOUT_S: Seconds = 5.0
"""Shorter: one hung request must not eat the time of the cancels."""

_log = get_logger(__name__)


def live_access(
    around: Surroundings,
    *,
    account_number: str,
    state: StateFolder,
    username: SecretStr | None,
    transport: Transport | None,
) -> WireAccess:
    """Return the way to Robinhood over the saved session; ``transport`` replaces our own.

    Raises:
        OrderNotSentError: the certificate authorities cannot be read.
    """
    live = live_connection(around, account_number=account_number, state=state, username=username, transport=transport)
    login = Login(
        log_in=live.login.resume,
        problem=live.login.problem,
        hurry=live.login.hurry,
        requests_left=live.wire.requests_left,
    )
    return WireAccess(wire=live.wire, login=login, renew=RenewalInTime(live.login.renew, around.threads))


def borrowed_access(
    around: Surroundings, *, account_number: str, source: LoggedInSession, state: StateFolder
) -> WireAccess:
    """Return the way to Robinhood over our own connections, with the token of a session that ``source`` keeps.

    Raises:
        OrderNotSentError: the certificate authorities cannot be read.
    """
    session = live_session(around)
    borrowed, wire = BorrowedLogin(session=session, source=source), budgeted(session, around)
    # A kill uses a session that others may open too.
    saved = token_store(around, account_number=account_number, state=state, tolerate=lambda _problem: None)

    def log_in() -> None:
        borrowed.resume()
        if not _has_token(saved):
            _log.warning("no_login_for_a_kill", reason=_NO_LOGIN_FOR_A_KILL)

    login = Login(log_in=log_in, problem=borrowed.problem, requests_left=wire.requests_left)
    return WireAccess(wire=wire, login=login, renew=borrowed.renew)


def _has_token(store: TokenStore) -> bool:
    try:
        saved = store.load()
    except TokenFileError:
        return False
    return saved is not None and saved.access_token is not None


def paper_access(
    around: Surroundings,
    *,
    account_number: str,
    transport: Transport | None,
    paper: PaperAccount | None,
) -> WireAccess:
    """Return the way to the paper exchange, which takes the login that every paper account has.

    It is that of ``paper``, whose prices alone come from its feed if it has one. ``transport`` replaces it.

    Raises:
        TradingHaltedError: both are None.
    """
    session = _paper_session(around, transport=transport, paper=paper)
    auth = _paper_auth(session, around, account_number=account_number)
    feed = None if paper is None else paper.feed
    wire = LiveQuotedWire(paper=session, feed=feed) if isinstance(feed, QuoteFeed) else session
    return WireAccess(wire=wire, login=Login(log_in=auth.login), renew=auth.renew)


def live_access_of_kill(to: Destination) -> WireAccess:
    """Return the way to Robinhood over the saved session of anybody, which the first request takes up.

    Raises:
        OrderNotSentError: the certificate authorities cannot be read.
    """
    live = live_connection(
        to.around, account_number=to.number, state=to.state, transport=to.transport, tolerate=to.tolerate
    )
    wire = ResumingWire(live.wire, resume=live.login.resume)
    return WireAccess(wire=wire, login=Login(problem=live.login.problem), renew=live.login.renew)


def paper_access_of_kill(to: Destination) -> WireAccess:
    """Return the way to the paper exchange, which logs in once the exchange asks for that.

    Raises:
        TradingHaltedError: neither a transport nor an exchange leads to it.
    """
    session = _paper_session(to.around, transport=to.transport, paper=to.paper)
    auth = _paper_auth(session, to.around, account_number=to.number, timeout_s=_KILL_LOGIN_TIMEOUT_S)
    return WireAccess(wire=session, login=Login(), renew=FirstLogin(auth, to.around.clock).renew)


def _paper_session(around: Surroundings, *, transport: Transport | None, paper: PaperAccount | None) -> BrokerSession:
    return BrokerSession(adapter=paper_transport(transport, paper), clock=around.clock, process_id=around.process_id)


def _paper_auth(
    session: BrokerSession, around: Surroundings, *, account_number: str, timeout_s: Seconds = _LOGIN_TIMEOUT_S
) -> RobinhoodAuth:
    return RobinhoodAuth(
        session=session,
        username=SecretStr(PAPER_LOGIN),
        password=SecretStr(PAPER_LOGIN),
        clock=around.clock,
        device_token=account_key(ExecutionMode.PAPER, account_number),
        timeout_s=timeout_s,
        jitter=around.jitter,
    )
