"""A client of the paper broker's agent interface, as plain as can be: what comes back is looked at, not understood."""

import json
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.paper_market import ACCOUNT, PaperBench
from trading_bot.paper.agent_endpoint import PAPER_AGENT_TOKEN

URL = "https://agent.robinhood.com/mcp/trading"


class ToolTroubleError(Exception):
    """The tool answered with a bad result: its text and its category."""


@dataclass
class AgentBench(PaperBench):
    """``headers`` go along with every request; ``number`` is the id of the last call."""

    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {PAPER_AGENT_TOKEN}"})
    number: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        opened = self.rpc("initialize", protocolVersion="2025-06-18")
        self.headers["Mcp-Session-Id"] = opened.headers["Mcp-Session-Id"]

    def rpc(self, method: str, **params: object) -> requests.Response:
        self.number += 1
        return self.post({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})

    def post(self, message: object) -> requests.Response:
        return self.send("POST", URL, data=json.dumps(message), headers=self.headers)

    def tool(self, name: str, /, **arguments: object) -> Any:
        """Call a tool; return the whole result, whichever form the answer has."""
        answer = read(self.rpc("tools/call", name=name, arguments=arguments))
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", self.number)
        return answer["result"]

    def data(self, name: str, /, **arguments: object) -> Any:
        result = self.tool(name, **arguments)
        text = result["content"][0]["text"]
        if result.get("isError"):
            raise ToolTroubleError(text, result["_meta"]["rh_error_category"])
        content = json.loads(text)
        assert result.get("structuredContent", content) == content
        return content["data"]

    def buy(self, ref: int = 1, /, **changes: object) -> Any:
        return self.data("place_equity_order", **arguments(ref, **changes))["order"]

    def rows(self, **filters: object) -> Any:
        return self.data("get_equity_orders", account_number=ACCOUNT, **filters)["orders"]


def arguments(ref: int = 1, /, **changes: object) -> dict[str, object]:
    """The arguments of a plain limit buy of 10 AAPL at 100.00; a change to None leaves one out."""
    plain = {
        "account_number": ACCOUNT,
        "symbol": "AAPL",
        "side": "buy",
        "type": "limit",
        "quantity": "10",
        "limit_price": "100.00",
        "ref_id": f"00000000-0000-4000-8000-{ref:012d}",
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


def read(reply: requests.Response) -> Any:
    """Return the message of an answer that is JSON, or the last event of one that is a stream."""
    assert reply.status_code == 200, reply.text
    if reply.headers["Content-Type"] == "application/json":
        return reply.json()
    assert reply.headers["Content-Type"] == "text/event-stream"
    *_, last = [line for line in reply.text.splitlines() if line.startswith("data: ")]
    return json.loads(last.removeprefix("data: "))
