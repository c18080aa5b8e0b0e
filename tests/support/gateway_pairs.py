"""A gateway over each broker there is, set up alike, so that one suite can hold all to the same contract."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal

from pydantic import SecretStr

from tests.support.agent_server import AgentAdapter, AgentServer
from tests.support.agent_server.plain_login import PlainLogin
from tests.support.loopback_broker.bench import authority, bench
from tests.support.loopback_broker.book import LoopbackBook
from tests.support.loopback_broker.server import LoopbackServer
from tests.support.paper_market import ACCOUNT, MONDAY, PaperBench, opening_state, quote_line, recorded
from trading_bot.agent.endpoint import AGENT_BASE_URL
from trading_bot.agent.gateway import AgentGateway
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.auth.token_grants import read_tokens, refresh_request
from trading_bot.clock import Clock, SystemClock, VirtualClock
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ClientOrderId, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import DurableIntent
from trading_bot.order_management.ports import Gateway, SendPermit
from trading_bot.paper.agent_endpoint import PAPER_AGENT_TOKEN
from trading_bot.robinhood.session import BrokerSession, WireReply
from trading_bot.testing import ScriptedBroker

PAGE_SIZE = 2
HELD_SHARES = 50
TERMS = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("90.00"))


@dataclass(kw_only=True)
class GatewayPair:
    """``revoke`` ends the session at the broker's side; ``pass_time`` lets a marketable order fill."""

    gateway: Gateway
    clock: Clock
    pass_time: Callable[[], None]
    revoke: Callable[[], None]

    def intent(self, number: int = 1, **changes) -> DurableIntent:
        terms = replace(TERMS, **changes)
        order = self.gateway.prepare_order(terms, RefId(f"00000000-0000-4000-8000-{number:012d}"))
        return DurableIntent(
            client_order_id=ClientOrderId(f"c{number}"),
            ref_id=order.ref_id,
            terms=order.terms,
            body=order.body,
            body_digest=order.digest,
            journal_seq=number,
        )

    def submit(self, intent: DurableIntent | None = None, *, permit: SendPermit | None = None):
        intent = intent or self.intent()
        buys = intent.terms.side is Side.BUY
        send = self.gateway.submit_limit_buy if buys else self.gateway.submit_limit_sell
        return send(intent, permit=permit or nullcontext(), timeout_s=5)


@contextmanager
def paper_pair() -> Iterator[GatewayPair]:
    market = _paper_market()
    session = BrokerSession(adapter=market.transport, clock=market.clock)
    refresh = market.send("POST", "/oauth2/token/", data=LOGIN).json()
    session.set_bearer(refresh["access_token"])
    yield GatewayPair(
        gateway=_gateway(session, market.clock, refresh["refresh_token"]),
        clock=market.clock,
        pass_time=lambda: market.wait(1),
        revoke=lambda: session.set_bearer("revoked"),
    )


@contextmanager
def paper_agent_pair() -> Iterator[GatewayPair]:
    market = _paper_market()
    session = BrokerSession(adapter=market.transport, clock=market.clock, base_url=AGENT_BASE_URL)
    session.set_bearer(PAPER_AGENT_TOKEN)

    def renew(_within_s: float) -> bool:
        session.set_bearer(PAPER_AGENT_TOKEN)
        return True

    yield GatewayPair(
        gateway=AgentGateway(
            wire=AgentSession(session, market.clock), clock=market.clock, account_number=ACCOUNT, renew=renew
        ),
        clock=market.clock,
        pass_time=lambda: market.wait(1),
        revoke=lambda: session.set_bearer("revoked"),
    )


@contextmanager
def loopback_pair() -> Iterator[GatewayPair]:
    book = LoopbackBook(account_number=ACCOUNT, shares=HELD_SHARES, page_size=PAGE_SIZE)
    clock = SystemClock()
    with bench(LoopbackServer(authority().certify().server_context(), book)) as desk:
        desk.session.set_bearer("first")
        yield GatewayPair(
            gateway=_gateway(desk.session, clock, "first-refresh"),
            clock=clock,
            pass_time=lambda: None,
            revoke=book.revoke_all,
        )


@contextmanager
def scripted_pair() -> Iterator[GatewayPair]:
    clock = VirtualClock(MONDAY)
    broker = ScriptedBroker(clock)
    broker.hold("AAPL", HELD_SHARES)
    broker.quote("AAPL", bid="99.98", ask="100.00")
    broker.history("AAPL", "99.90", "100.10", "100.00")
    broker.does_not_trade("ZZZZZQ")

    def fill_what_crosses() -> None:
        for order in broker.open_orders:
            if order.side is Side.BUY and order.limit_price >= Decimal(100):
                broker.fill(order)

    yield GatewayPair(gateway=broker, clock=clock, pass_time=fill_what_crosses, revoke=lambda: None)


@contextmanager
def agent_pair() -> Iterator[GatewayPair]:
    clock = VirtualClock(MONDAY)
    server = AgentServer(clock)
    server.book.hold("AAPL", HELD_SHARES)
    server.book.quote("AAPL", bid="99.98", ask="100.00", last="99.98")
    server.account.closes["AAPL"] = [Decimal("99.90"), Decimal("100.10"), Decimal("100.00")]
    server.orders.page_size = server.account.page_size = PAGE_SIZE
    server.vary(7)
    adapter = AgentAdapter(server)
    session = BrokerSession(adapter=adapter, clock=clock, base_url=AGENT_BASE_URL)
    session.set_bearer(server.grants.first_access)
    login = PlainLogin(session, BrokerSession(adapter=adapter, clock=clock), server.grants.first_refresh)
    agent_session = AgentSession(session, clock)
    gateway = AgentGateway(
        wire=agent_session,
        broker_clock=agent_session.broker_clock,
        clock=clock,
        account_number=server.book.account_number,
        renew=login.renew,
    )
    yield GatewayPair(gateway=gateway, clock=clock, pass_time=lambda: None, revoke=server.grants.expire_access)
    assert server.complaints == []


LOGIN = {"grant_type": "password", "username": "paper", "password": "paper"}
WITH_SESSION = {"paper": paper_pair, "loopback": loopback_pair, "agent": agent_pair, "paper agent": paper_agent_pair}
PAIRS = {**WITH_SESSION, "scripted": scripted_pair}
LOOKS_SYMBOLS_UP = {"paper", "loopback", "scripted"}
"""Where an order is prepared from the broker's own data of its symbol; elsewhere the broker looks it up itself."""


def _paper_market() -> PaperBench:
    return PaperBench(
        quotes=recorded(quote_line(-3600, "99.98", "100.00"), quote_line(-1200, "99.98", "100.00")),
        state=opening_state(shares=HELD_SHARES),
        page_size=PAGE_SIZE,
    )


def _gateway(session: BrokerSession, clock: Clock, refresh_token: str) -> RobinhoodGateway:
    def renew(_within_s: float) -> bool:
        request = refresh_request(SecretStr(refresh_token), SecretStr("device"))
        result = session.exchange(request, timeout_s=5)
        if not isinstance(result, WireReply) or result.status != 200:
            return False
        session.set_bearer(read_tokens(result).access.get_secret_value())
        return True

    return RobinhoodGateway(session=session, clock=clock, account_number=ACCOUNT, renew=renew)
