"""A gateway to the agent interface over a wire that answers from a list of rows, or from a script."""

import json
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.support.agent_rows import ACCOUNT, BUY, REF, agent_row
from trading_bot.agent.gateway import AgentGateway
from trading_bot.agent.tool_call import CallResult, ToolCall, ToolReply
from trading_bot.clock import Seconds, VirtualClock
from trading_bot.order_management.models import ClientOrderId, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import DurableIntent
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.broker_clock import BrokerClock
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.sending import SendPhase

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

Answer = CallResult | Callable[[], CallResult]


def at(**before: float) -> str:
    """Return when an order was created, so long before the start."""
    return (START - timedelta(**before)).isoformat().replace("+00:00", "Z")


@dataclass
class ScriptedTools:
    """An `AgentWire`: what is scripted for a tool comes first, then pages of ``rows``, newest first, by its filters."""

    rows: list[dict[str, object]] = field(default_factory=list)
    page_size: int = 50
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    script: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    timeouts: list[Seconds] = field(default_factory=list)

    def on(self, tool: str, *answers: Answer) -> None:
        self.script[tool].extend(answers)

    def call(self, call: ToolCall, *, timeout_s: Seconds, permit: SendPermit | None = None) -> CallResult:
        params = json.loads(call.params)
        assert params["name"] == call.tool
        self.calls.append((call.tool, params["arguments"]))
        self.timeouts.append(timeout_s)
        if timeout_s <= 0:
            return WireFailure(
                phase=SendPhase.BEGUN, first_byte_written=False, cause="no time was left", kind=FailureKind.TIMEOUT
            )
        with permit or nullcontext():
            scripted = self.script[call.tool]
            if scripted:
                answer = scripted.popleft()
                return answer() if callable(answer) else answer
        if call.tool == "get_equity_orders":
            return ToolReply(data=self._page(params["arguments"]))
        return ToolReply(data={"accepted": True})

    def asked(self, tool: str = "get_equity_orders") -> list[dict[str, str]]:
        """Return what was asked of a tool, without the account."""
        return [
            {name: value for name, value in arguments.items() if name != "account_number"}
            for called, arguments in self.calls
            if called == tool
        ]

    def _page(self, asked: dict[str, str]) -> dict[str, object]:
        rows = sorted(self.rows, key=lambda row: str(row.get("created_at")), reverse=True)
        if "order_id" in asked:
            return {"orders": [row for row in rows if row["id"] == asked["order_id"]]}
        since = asked.get("created_at_gte", "")
        rows = [row for row in rows if str(row.get("created_at") or "9") >= since]
        begin = int(asked.get("cursor", "0"))
        more = {"next": str(begin + self.page_size)} if len(rows) > begin + self.page_size else {}
        return {"orders": rows[begin : begin + self.page_size], **more}


@dataclass
class AgentBench:
    """``can_renew`` says whether a refused token can be renewed."""

    tools: ScriptedTools = field(default_factory=ScriptedTools)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))
    can_renew: bool = True
    renewals: int = 0

    def __post_init__(self) -> None:
        self.broker_clock = BrokerClock(self.clock)
        self.gateway = AgentGateway(
            wire=self.tools,
            clock=self.clock,
            account_number=ACCOUNT,
            renew=self.renew,
            broker_clock=self.broker_clock,
        )

    def renew(self, _within_s: Seconds) -> bool:
        self.renewals += 1
        return self.can_renew

    def intent(self, terms: OrderTerms = BUY) -> DurableIntent:
        order = self.gateway.prepare_order(terms, RefId(REF))
        return DurableIntent(
            client_order_id=ClientOrderId("c1"),
            ref_id=order.ref_id,
            terms=order.terms,
            body=order.body,
            body_digest=order.digest,
            journal_seq=1,
        )

    def place(self, terms: OrderTerms = BUY, *, permit: SendPermit | None = None):
        send = self.gateway.submit_limit_buy if terms.side is Side.BUY else self.gateway.submit_limit_sell
        return send(self.intent(terms), permit=permit or nullcontext(), timeout_s=5)


def order_id(number: int) -> str:
    """Return the broker's id of an order by its number."""
    return f"6acfdbd3-3dc9-422b-a2f0-{number:012d}"


def numbered(number: int, **changes: object) -> dict[str, object]:
    """Return a row of another order, with a reference of its own."""
    return agent_row(**{"id": order_id(number), "ref_id": f"99999999-2222-4333-8444-{number:012d}", **changes})
