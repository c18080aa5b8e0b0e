"""Builds the login to the agent interface, which trades, locks and records nothing."""

from trading_bot.agent.account import ACCOUNTS
from trading_bot.agent.account_choice import account_problem
from trading_bot.agent.account_rows import AgentAccounts
from trading_bot.agent.calls import ToolReads
from trading_bot.agent.drift import ToolDrift
from trading_bot.agent.gateway import AgentGateway
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.agent.login.sign_in import BrowserPerson, BrowserSignIn
from trading_bot.agent.login.sign_out import Revoked, revoke
from trading_bot.agent.login.standing import LoginStanding
from trading_bot.agent.rate import PacedWire
from trading_bot.auth.renewal_time import RenewalInTime
from trading_bot.config import Config, ConfigError
from trading_bot.robinhood.session import Transport
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.startup.account_door import AccountDoor
from trading_bot.startup.account_latch import trades_by_agent
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.agent_access import AgentConnection, agent_connection
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.state_folder import StateFolder, account_key

__all__ = ["AgentDoor", "BrowserPerson", "Revoked", "open_agent_door"]


class AgentDoor(AccountDoor):
    """Login, logout and a look at one account over the agent interface. Its repr shows no secret."""

    def __init__(
        self, connection: AgentConnection, *, around: Surroundings, account_number: str, symbols: SymbolTable
    ) -> None:
        self._connection = connection
        self._login = connection.login
        self._new_id = around.new_id
        self._number = account_number
        self._session = AgentSession(connection.http, around.clock)
        renew = RenewalInTime(connection.login.renew)
        paced = PacedWire(wire=self._session, clock=around.clock)
        self._reads = ToolReads(wire=paced, clock=around.clock, renew=renew, jitter=around.jitter)
        gateway = AgentGateway(
            wire=paced,
            clock=around.clock,
            account_number=account_number,
            renew=renew,
            jitter=around.jitter,
            symbols=symbols,
            broker_clock=self._session.broker_clock,
        )
        super().__init__(gateway=gateway, clock=around.clock)

    def log_in(self, person: BrowserPerson) -> None:
        """Log a person in by a browser and save the login.

        Raises:
            AuthenticationError: nobody was logged in, or it could not be saved; the message says what to do.
        """
        way = self._connection
        self._login.prepare()
        sign_in = BrowserSignIn(http=way.http, grants=way.grants, clock=self._clock, new_id=self._new_id)
        self._login.adopt(sign_in.tokens(person))

    def log_out(self) -> Revoked:
        """Forget the saved login, then end it at the broker if that is offered; say whether that was done.

        Raises:
            AuthenticationError: the saved login cannot be trusted or replaced.
        """
        forgotten = self._login.forget()
        if forgotten is None:
            return Revoked.NONE_HERE
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

    def tools(self) -> ToolDrift:
        """Compare the tools that the server has with those that are called, and return what that showed."""
        drift = ToolDrift(lister=self._session, clock=self._clock)
        drift.look()
        return drift


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
