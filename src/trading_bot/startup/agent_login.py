"""Builds the login to the agent interface, which trades, locks and records nothing."""

from datetime import timedelta

from trading_bot.agent.account import ACCOUNTS, AgentAccount
from trading_bot.agent.account_choice import account_problem
from trading_bot.agent.account_rows import AgentAccounts
from trading_bot.agent.calls import ToolReads
from trading_bot.agent.endpoint import SERVER_METADATA_PATH
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.agent.login.sign_in import BrowserPerson, BrowserSignIn
from trading_bot.agent.login.sign_out import Revoked, revoke
from trading_bot.agent.login.standing import LoginStanding
from trading_bot.auth.renewal_time import RenewalInTime
from trading_bot.clock import Seconds
from trading_bot.config import Config, ConfigError
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.robinhood.broker_clock import BrokerClock
from trading_bot.robinhood.session import Transport, WireReply, WireRequest
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.startup.account_latch import trades_by_agent
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.agent_access import AgentConnection, agent_connection
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.state_folder import StateFolder, account_key

__all__ = ["AgentDoor", "BrowserPerson", "Revoked", "open_agent_door"]

_CLOCK_TIMEOUT_S: Seconds = 5.0


class AgentDoor:
    """Login, logout and a look at one account over the agent interface. Its repr shows no secret."""

    def __init__(
        self, connection: AgentConnection, *, around: Surroundings, account_number: str, symbols: SymbolTable
    ) -> None:
        self._connection = connection
        self._login = connection.login
        self._around = around
        self._number = account_number
        self._reads = ToolReads(
            wire=AgentSession(connection.http, around.clock),
            clock=around.clock,
            renew=RenewalInTime(connection.login.renew),
            jitter=around.jitter,
        )
        self._account = AgentAccount(
            reads=self._reads, clock=around.clock, account_number=account_number, names=symbols
        )

    def log_in(self, person: BrowserPerson) -> None:
        """Log a person in by a browser and save the login.

        Raises:
            AuthenticationError: nobody was logged in, or it could not be saved; the message says what to do.
        """
        around = self._around
        sign_in = BrowserSignIn(
            http=self._connection.http, grants=self._connection.grants, clock=around.clock, new_id=around.new_id
        )
        self._login.adopt(sign_in.tokens(person))

    def log_out(self) -> Revoked:
        """Forget the saved login, then end it at the broker if that is offered; say whether that was done.

        Raises:
            AuthenticationError: the saved login cannot be trusted or replaced.
        """
        forgotten = self._login.forget()
        if forgotten is None:
            return Revoked.YES
        return revoke(forgotten, http=self._connection.http, grants=self._connection.grants)

    def resume(self) -> None:
        """Take up the saved login; nothing is sent.

        Raises:
            AuthenticationError: there is none, or it cannot be trusted.
        """
        self._login.resume()

    def standing(self) -> LoginStanding | None:
        """Say how long the login is good for; None where nobody is logged in."""
        return self._login.standing()

    def account_problem(self) -> str | None:
        """Ask the broker which account an agent may trade, and say why that is not the configured one, if so.

        Raises:
            OrderStatusError: it cannot be read.
        """
        return account_problem(AgentAccounts(self._reads.data(ACCOUNTS, {})).for_agents, self._number)

    def read_account(self) -> AccountSnapshot:
        """Read the balances; tokens that the server refuses are renewed once.

        Raises:
            OrderStatusError: they cannot be read.
        """
        return self._account.fetch_account()

    def clock_is_off_by(self) -> timedelta | None:
        """Return how far our clock is ahead of the server's; None where it does not tell the time."""
        heard = BrokerClock(self._around.clock)
        request = WireRequest(method="GET", path=SERVER_METADATA_PATH, authenticated=False)
        reply = self._connection.http.exchange(request, timeout_s=_CLOCK_TIMEOUT_S)
        if isinstance(reply, WireReply):
            heard.hear(reply)
        theirs = heard.now()
        return None if theirs is None else self._around.clock.now() - theirs

    def not_understood(self) -> tuple[str, ...]:
        """Read the positions too, and return what of all that was read could not be understood.

        Raises:
            OrderStatusError: the positions cannot be read.
        """
        self._account.fetch_positions()
        return self._account.not_understood


def open_agent_door(
    config: Config, *, transport: Transport | None = None, surroundings: Surroundings | None = None
) -> AgentDoor:
    """Build the way to the configured live account; nothing is sent before one of its methods is called.

    Raises:
        ConfigError: the configuration is not for a live account over the agent interface, or names no account.
        OrderNotSentError: no certificate authorities to trust.
    """
    if not trades_by_agent(config):
        raise ConfigError(['gateway is not "agent" in live mode; set trading.mode and gateway in the config file.'])
    around, number = surroundings or default_surroundings(), configured_account(config)
    mode = config.trading.mode
    state = StateFolder(root=config.resolve_state_dir() / f"{mode}-{account_key(mode, number)}", files=around.files)
    connection = agent_connection(around, state=state, transport=transport)
    symbols = SymbolTable(path=state.instruments, files=around.files)
    return AgentDoor(connection, around=around, account_number=number, symbols=symbols)
