"""A wire whose tools answer from a script: data, an error, or what a function makes of the arguments."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trading_bot.agent.tool_call import CallResult, RpcError, ToolCall, ToolError, ToolReply
from trading_bot.clock import Seconds
from trading_bot.order_management.ports import SendPermit


@dataclass
class ToolAnswers:
    """Fulfils `AgentWire`. ``answers`` is by tool; a result that is no `CallResult` is the data of a good reply."""

    answers: dict[str, Callable[[Mapping[str, object]], object]] = field(default_factory=dict)
    seen: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def on(self, tool: str, *results: object) -> None:
        """Let a tool answer so; the last result stays."""
        left = list(results)
        self.answers[tool] = lambda _arguments: left.pop(0) if len(left) > 1 else left[0]

    def call(self, call: ToolCall, *, timeout_s: Seconds, permit: SendPermit | None = None) -> CallResult:
        """Answer at once."""
        assert timeout_s > 0
        assert permit is None
        params = json.loads(call.params)
        assert params["name"] == call.tool
        self.seen.append((call.tool, params["arguments"]))
        result = self.answers[call.tool](params["arguments"])
        return result if isinstance(result, ToolReply | ToolError | RpcError) else ToolReply(data=result)

    def asked(self, tool: str) -> list[Mapping[str, object]]:
        """Return the arguments of each call of a tool."""
        return [arguments for name, arguments in self.seen if name == tool]


def refusal(status: int, body: object) -> ToolError:
    """Return the bad result that passes on a refusal of the broker's."""
    return ToolError(text=f"API error {status}: {json.dumps(body)}", category="invalid_request")
