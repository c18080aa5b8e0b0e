"""The official agent interface, as an `Interface`."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from trading_bot.agent.drift import LOOK_WITHIN_S, ToolDrift
from trading_bot.agent.endpoint import AGENT_BASE_URL
from trading_bot.agent.gateway import AgentGateway
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.agent.prices_only import asks_agent_for_prices
from trading_bot.agent.rate import PacedWire
from trading_bot.agent.tool_call import AgentWire
from trading_bot.auth.borrowed_login import LoggedInSession
from trading_bot.auth.renewal_time import RenewalInTime
from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.ports import Gateway
from trading_bot.paper.agent_endpoint import PAPER_AGENT_TOKEN
from trading_bot.robinhood.prices_only import PricesOnly
from trading_bot.robinhood.reads import Renew, Wire
from trading_bot.robinhood.session import BrokerSession, Transport
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.startup.access import BrokerAccess, Destination, Login, Reading
from trading_bot.startup.agent_access import AgentConnection, agent_connection
from trading_bot.startup.agent_feed import AgentFeed, LiveQuotedTools
from trading_bot.startup.first_request import ResumingWire
from trading_bot.startup.live import own_transport
from trading_bot.startup.paper import MakeFeed, paper_transport
from trading_bot.startup.price_access import considerate, login_folder
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder

_log = get_logger(__name__)

_NO_ACCOUNT = ""
"""No tool that reads prices asks for one."""

_NOBODY = "nobody"


_KILL_REPLY_S: Seconds = 10.0
"""How long a kill waits for one reply at least: a first call opens the session, and up to 5.5 s were seen for both."""


def _never() -> bool:
    return False


class AgentInterface:
    """Builds ways to an account over the agent interface; see `Interface`."""

    def way(self, to: Destination) -> BrokerAccess:
        """Return the way of a bot, over the saved login or to the paper exchange."""
        if not to.is_live:
            return _paper_way(to)
        connection = _live(to)
        kept = connection.login
        renew = RenewalInTime(kept.renew, to.around.threads)
        parts = _Parts.over(to, connection.http)
        paced = PacedWire(wire=parts.session, clock=to.around.clock)

        def log_in() -> None:
            kept.log_in()
            parts.compare_tools(once_more=lambda: connection.http.bearer_is_refused and renew(LOOK_WITHIN_S))

        login = Login(
            log_in=log_in,
            problem=kept.problem,
            care=kept.care,
            hurry=kept.hurry,
            requests_left=paced.requests_left,
            halts_entries=parts.drift.problem,
        )
        return parts.access(to, paced, login=login, renew=renew)

    def way_of_kill(self, to: Destination) -> BrokerAccess:
        """Return the way of a kill, whose first request takes up the saved login."""
        if not to.is_live:
            return _paper_way(to, is_logged_in=True)
        connection = _live(to)
        parts = _Parts.over(to, ResumingWire(connection.http, resume=connection.login.resume))
        paced = PacedWire(wire=parts.session, clock=to.around.clock)
        login = Login(problem=connection.login.problem)
        access = parts.access(to, paced, login=login, renew=connection.login.renew)

        def gateway(reading: Reading) -> Gateway:
            return access.gateway(replace(reading, timeout_s=max(reading.timeout_s, _KILL_REPLY_S)))

        return replace(access, gateway=gateway)

    def way_to_prices(
        self, config: Config, around: Surroundings, *, transport: Transport | None = None
    ) -> BrokerAccess:
        """Return a way to prices; what it is read over can do nothing else."""
        to, connection, renew = _to_prices(config, around, transport)
        parts = _Parts.over(to, connection.http)
        paced = PacedWire(wire=parts.session, clock=around.clock)
        return parts.access(to, paced, login=Login(log_in=connection.login.resume), renew=renew)

    def feed(self, config: Config, around: Surroundings, *, session: LoggedInSession | None = None) -> MakeFeed:
        """Return what makes a feed on the saved login; no ``session`` opens this interface."""
        del session
        to, connection, renew = _to_prices(config, around, None)
        wire = PacedWire(wire=_Parts.over(to, connection.http).session, clock=around.clock)
        return lambda market: AgentFeed(
            wire=wire, log_in=connection.login.resume, renew=renew, market=market, clock=around.clock
        )


def _to_prices(
    config: Config, around: Surroundings, transport: Transport | None
) -> tuple[Destination, AgentConnection, Renew]:
    """Return a conversation that reads prices alone, on the login that was saved last, and how that is renewed."""
    saved = login_folder(config, around, saved=lambda state: state.agent_session)
    # Without one, the login is looked for in a folder that no account has, and refused as there is none.
    state = saved or StateFolder(root=config.resolve_state_dir() / _NOBODY, files=around.files)
    way = PricesOnly(transport or own_transport(around), allows=asks_agent_for_prices)
    to = Destination(config=config, around=around, number=_NO_ACCOUNT, state=state, transport=way)
    connection = _live(to)
    return to, connection, considerate(connection.login, session=connection.http, state=state, files=around.files)


def _live(to: Destination) -> AgentConnection:
    return agent_connection(to.around, state=to.state, transport=to.transport, tolerate=to.tolerate)


def _paper_way(to: Destination, *, is_logged_in: bool = False) -> BrokerAccess:
    """Return the way to the paper exchange, whose one token is good for ever."""
    http = BrokerSession(
        adapter=paper_transport(to.transport, to.paper),
        clock=to.around.clock,
        base_url=AGENT_BASE_URL,
        process_id=to.around.process_id,
    )

    parts = _Parts.over(to, http)

    def renew(_within_s: Seconds = 0) -> bool:
        http.set_bearer(PAPER_AGENT_TOKEN)
        return True

    def log_in() -> None:
        renew()
        parts.compare_tools()

    if is_logged_in:
        renew()
    login = Login(log_in=log_in, halts_entries=parts.drift.problem)
    feed = None if to.paper is None else to.paper.feed
    wire = LiveQuotedTools(paper=parts.session, feed=feed) if isinstance(feed, AgentFeed) else parts.session
    return parts.access(to, wire, login=login, renew=renew)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What all gateways of one way share: the session, and its look at the tools."""

    session: AgentSession
    drift: ToolDrift

    @classmethod
    def over(cls, to: Destination, http: Wire) -> "_Parts":
        """Build them over a conversation with the host of the interface."""
        session = AgentSession(http, to.around.clock)
        return cls(session=session, drift=ToolDrift(lister=session, clock=to.around.clock))

    def compare_tools(self, *, once_more: Callable[[], bool] = _never) -> None:
        """Look whether the server has the tools that we call, again if it could not be told; say what it lacks."""
        if not self.drift.look() and once_more():
            self.drift.look()
        if (problem := self.drift.problem()) is not None:
            _log.error("interface_changed", problem=problem)
        for remark in self.drift.found.remarks:
            _log.warning("interface_differs", problem=remark)

    def access(self, to: Destination, wire: AgentWire, *, login: Login, renew: Renew) -> BrokerAccess:
        """Return the way to the account, whose gateways call over ``wire``."""
        symbols = SymbolTable(path=to.state.instruments, files=to.around.files)

        def gateway(reading: Reading) -> AgentGateway:
            return AgentGateway(
                wire=wire,
                clock=to.around.clock,
                account_number=to.number,
                renew=renew,
                read_policy=reading.policy,
                read_timeout_s=reading.timeout_s,
                jitter=to.around.jitter,
                symbols=symbols,
                broker_clock=self.session.broker_clock,
                threads=to.around.threads,
            )

        return BrokerAccess(login=login, renew=renew, gateway=gateway)
