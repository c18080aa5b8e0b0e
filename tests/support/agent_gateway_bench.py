"""Our gateway over the stand-in of the agent server, in one process, on a clock that only waiting moves."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.support.agent_server import AgentAdapter, AgentServer
from tests.support.agent_server.plain_login import PlainLogin
from tests.support.paper_market import MONDAY
from trading_bot.agent.endpoint import AGENT_BASE_URL
from trading_bot.agent.gateway import AgentGateway
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.agent.tool_call import AgentWire
from trading_bot.clock import VirtualClock
from trading_bot.order_management.models import ClientOrderId, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import DurableIntent, Listing, SubmitOutcome
from trading_bot.robinhood.session import BrokerSession
from trading_bot.values import replace

TERMS = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("90.00"))
REF = RefId("11111111-2222-4333-8444-555555555555")


class AgentGatewayBench:
    """A gateway with a login, and the server that it speaks with. 50 AAPL are held; their market is 99.98 to 100.00.

    ``over`` puts a wire between both.
    """

    def __init__(
        self,
        arrange: Callable[[AgentServer], object] = lambda server: None,
        *,
        clock: VirtualClock | None = None,
        over: Callable[[AgentWire, VirtualClock], AgentWire] = lambda wire, clock: wire,
    ) -> None:
        self.clock = clock or VirtualClock(MONDAY)
        self.server = AgentServer(self.clock)
        self.server.book.quote("AAPL", bid="99.98", ask="100.00")
        self.server.book.hold("AAPL", 50)
        arrange(self.server)
        adapter = AgentAdapter(self.server)
        self.http = BrokerSession(adapter=adapter, clock=self.clock, base_url=AGENT_BASE_URL)
        self.http.set_bearer(self.server.grants.first_access)
        grants = BrokerSession(adapter=adapter, clock=self.clock)
        session = AgentSession(self.http, self.clock)
        self.gateway = AgentGateway(
            wire=over(session, self.clock),
            broker_clock=session.broker_clock,
            clock=self.clock,
            account_number=self.server.book.account_number,
            renew=PlainLogin(self.http, grants, self.server.grants.first_refresh).renew,
        )

    def intent(self, ref_id: RefId = REF, **changes: Any) -> DurableIntent:
        terms = replace(TERMS, **changes)
        order = self.gateway.prepare_order(terms, ref_id)
        return DurableIntent(
            client_order_id=ClientOrderId(f"c-{ref_id}"),
            ref_id=ref_id,
            terms=terms,
            body=order.body,
            body_digest=order.digest,
            journal_seq=1,
        )

    def submit(self, intent: DurableIntent | None = None) -> SubmitOutcome:
        meant = intent or self.intent()
        is_buy = meant.terms.side is Side.BUY
        send = self.gateway.submit_limit_buy if is_buy else self.gateway.submit_limit_sell
        return send(meant, permit=nullcontext(), timeout_s=5)

    def found(self, ref_id: RefId = REF) -> Listing:
        """Look for an order as recovery does."""
        return self.gateway.find_by_client_order_id(
            ClientOrderId(f"c-{ref_id}"), ref_id=ref_id, created_after=MONDAY - timedelta(minutes=1)
        )
