"""Builds the way to real prices: a session that can read prices and nothing else, on a login that is there already.

No account number is needed. The login is a session that the caller lends, else the one that ``trading-bot login`` saved
last for any live account of the state folder. It is renewed here only while no bot runs on that account: a renewal uses
the refresh token up, and where the new one could not be saved, the bot would need a person.
"""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from trading_bot.auth.borrowed_login import BorrowedLogin, LoggedInSession
from trading_bot.auth.live_login import LiveLogin
from trading_bot.auth.login_budget import LoginBudget
from trading_bot.auth.renewal_time import RenewalInTime
from trading_bot.auth.token_store import TokenStore
from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.files import FileSystem
from trading_bot.lease import Lease
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.robinhood.prices_only import PricesOnly
from trading_bot.robinhood.reads import Renew
from trading_bot.robinhood.session import BrokerSession, Transport
from trading_bot.startup.access import Login, WireAccess
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.live import budgeted, live_session, own_transport
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key

NO_LOGIN = (
    "nobody is logged in, so real prices cannot be read; run `trading-bot login` with the settings of a live account "
    "whose state_dir is the same one, or set paper.quotes to generated"
)


def price_access(
    config: Config,
    around: Surroundings,
    *,
    session: LoggedInSession | None = None,
    transport: Transport | None = None,
) -> WireAccess:
    """Return the way to prices; nothing is read or sent before it is used.

    Raises:
        OrderNotSentError: no certificate authorities to trust.
    """
    broker = live_session(around, transport=PricesOnly(transport or own_transport(around)))
    wire = budgeted(broker, around)
    if session is not None:
        borrowed = BorrowedLogin(session=broker, source=session)
        return WireAccess(wire=wire, login=Login(log_in=borrowed.resume), renew=borrowed.renew)
    state = login_folder(config, around, saved=lambda state: state.session)
    if state is None:
        return WireAccess(wire=wire, login=Login(log_in=_nobody), renew=lambda _within_s: False)
    login = LiveLogin(
        session=broker,
        store=TokenStore(path=state.session, username=None, account_number=None, files=around.files),
        budget=LoginBudget(path=state.failed_logins, clock=around.clock, files=around.files),
        clock=around.clock,
        files=around.files,
        new_device_token=lambda: str(uuid.UUID(around.new_id())),
    )
    renew = considerate(login, session=broker, state=state, files=around.files)
    return WireAccess(wire=wire, login=Login(log_in=login.resume), renew=renew)


class KeptLogin(Protocol):
    """A login that is saved between runs, over whichever interface."""

    def resume(self) -> object:
        """Take it up.

        Raises:
            AuthenticationError: there is none, or it cannot be trusted.
        """
        ...

    def renew(self, within_s: Seconds, /) -> bool:
        """Replace what the broker refuses; whether there is a session to work with now."""
        ...


def considerate(login: KeptLogin, *, session: BrokerSession, state: StateFolder, files: FileSystem) -> Renew:
    """Leave the renewal to a bot that runs on the account, and take up what it has saved."""
    renew = RenewalInTime(login.renew)

    def renewed(within_s: Seconds) -> bool:
        if not _is_held(state, files):
            return renew(within_s)
        try:
            login.resume()
        except AuthenticationError:
            return False
        return not session.bearer_is_refused

    return renewed


def _is_held(state: StateFolder, files: FileSystem) -> bool:
    try:
        return state.lease.exists() and Lease(path=state.lease, files=files).is_taken()
    except OSError:
        return True  # nobody can tell


def _nobody() -> None:
    raise AuthenticationError(NO_LOGIN)


def login_folder(config: Config, around: Surroundings, *, saved: Callable[[StateFolder], Path]) -> StateFolder | None:
    """Return the folder of the live account that is meant, or on paper of the one whose login was ``saved`` last."""
    root, mode = config.resolve_state_dir(), config.trading.mode
    if mode is ExecutionMode.LIVE:
        return StateFolder(root=root / f"{mode}-{account_key(mode, configured_account(config))}", files=around.files)
    found = (StateFolder(root=each, files=around.files) for each in root.glob(f"{ExecutionMode.LIVE}-*"))
    there = [state for state in found if saved(state).is_file()]
    return max(there, key=lambda state: saved(state).stat().st_mtime, default=None)
