"""The composition of an account's way to the agent interface: one transport for two hosts, and the kept login."""

from collections.abc import Callable
from dataclasses import dataclass

from trading_bot.agent.endpoint import AGENT_BASE_URL, GRANTS_BASE_URL
from trading_bot.agent.login.agent_login import AgentLogin
from trading_bot.agent.login.saved_login import LoginStore
from trading_bot.robinhood.session import BrokerSession, Transport
from trading_bot.startup.live import own_transport
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConnection:
    """A conversation with the agent interface's host, and the login whose tokens it uses."""

    http: BrokerSession
    grants: BrokerSession
    """A conversation with the host of the token endpoint; it never has a bearer."""
    login: AgentLogin


def agent_connection(
    around: Surroundings,
    *,
    state: StateFolder,
    transport: Transport | None = None,
    tolerate: Callable[[str], None] | None = None,
) -> AgentConnection:
    """Build the connection; nothing is read or sent before it is used, apart from the certificate authorities.

    ``transport`` replaces our own for both hosts. ``tolerate`` is told of a saved login that other users may open,
    which is refused otherwise.

    Raises:
        OrderNotSentError: the certificate authorities cannot be read.
    """
    way = transport or own_transport(around)
    http, grants = (
        BrokerSession(adapter=way, clock=around.clock, base_url=base_url, process_id=around.process_id)
        for base_url in (AGENT_BASE_URL, GRANTS_BASE_URL)
    )
    store = LoginStore(path=state.agent_session, account=state.root.name, files=around.files, tolerate=tolerate)
    login = AgentLogin(http=http, grants=grants, store=store, clock=around.clock, files=around.files)
    return AgentConnection(http=http, grants=grants, login=login)
