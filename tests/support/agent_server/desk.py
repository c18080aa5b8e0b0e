"""The part of the stand-in that speaks MCP: sessions, JSON-RPC, and the calls of tools."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.support.agent_server.catalogue import INVALID_PARAMS, Tool
from tests.support.agent_server.faults import NEVER_ACTS, Fault
from tests.support.agent_server.http import Answered, Asked, json_answer, text_answer
from tests.support.agent_server.mishaps import error_of, spoilt
from tests.support.agent_server.refusals import BadCallError, ToolRefusalError, rate_limited
from tests.support.agent_server.throttle import Throttle
from tests.support.agent_server.wording import PLAIN, Wording, bad_result, body_of, good_result
from trading_bot.clock import Clock

Message = Mapping[str, object]
PROTOCOLS = ("2025-03-26", "2025-06-18")
PLACE = "place_equity_order"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a tool as it arrived, at a time by the server's clock."""

    tool: str
    arguments: Mapping[str, object] = field(repr=False)
    at: datetime


class RpcDesk:
    """Answers the messages of JSON-RPC that arrive with a good token."""

    def __init__(self, tools: Mapping[str, Tool], clock: Clock) -> None:
        self.tools = dict(tools)
        """What is offered; a test may take tools out."""
        self._clock = clock
        self.wording: Callable[[], Wording] = lambda: PLAIN
        self.uses_sessions = True
        self.calls: list[Call] = []
        self.complaints: list[str] = []
        self.before_place: Callable[[Call], None] = lambda call: None
        self.throttle: Throttle | None = None
        """Counts calls and refuses those too many, None where all are answered."""
        self._sessions: dict[str, bool] = {}
        """Each session, and whether its client said that it is ready."""
        self._opened = 0

    def forget_sessions(self) -> None:
        """Lose every session, as a server that was started anew."""
        self._sessions.clear()

    def answer(self, asked: Asked, fault: Fault | None) -> Answered:
        message = asked.json()
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            self.complaints.append("a body that is no message of JSON-RPC 2.0")
            return json_answer(400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "bad JSON"}})
        accepted = asked.headers.get("accept", "")
        if "application/json" not in accepted or "text/event-stream" not in accepted:
            self.complaints.append(f"Accept: {accepted}")
        method, session = str(message.get("method")), asked.headers.get("mcp-session-id")
        if method == "initialize":
            return self._initialize(message)
        if (refusal := self.session_refusal(session)) is not None:
            return refusal
        if "id" not in message:
            return self._notified(method, session)
        if session is not None and not self._sessions.get(session, True):
            self.complaints.append(f"{method} before notifications/initialized")
        return self.reply(message, self._outcome(method, message, fault))

    def session_refusal(self, session: str | None) -> Answered | None:
        """Refuse what comes in no session, or in one that was lost."""
        if not self.uses_sessions:
            return None
        if session is None:
            self.complaints.append("no Mcp-Session-Id")
            return text_answer(400, "Bad Request: Missing session ID")
        return None if session in self._sessions else text_answer(404, "session not found")

    def _initialize(self, message: Message) -> Answered:
        params = message.get("params")
        asked = params.get("protocolVersion") if isinstance(params, dict) else None
        result: dict[str, object] = {
            "protocolVersion": asked if asked in PROTOCOLS else PROTOCOLS[-1],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "robinhood-trading", "version": "1.1.1"},
        }
        answered = self.reply(message, {"result": result})
        if not self.uses_sessions:
            return answered
        self._opened += 1
        self._sessions[f"session-{self._opened}"] = False
        return replace(answered, headers={**answered.headers, "Mcp-Session-Id": f"session-{self._opened}"})

    def _notified(self, method: str, session: str | None) -> Answered:
        if method == "notifications/initialized" and session is not None:
            self._sessions[session] = True
        elif method != "notifications/initialized":
            self.complaints.append(method)
        return Answered(status=202)

    def _outcome(self, method: str, message: Message, fault: Fault | None) -> Message:
        if method == "tools/list":
            return {"result": {"tools": [tool.described() for tool in self.tools.values()]}}
        if method != "tools/call":
            return {"error": {"code": -32601, "message": f'method "{method}" not found'}}
        params = message.get("params")
        named = params if isinstance(params, dict) else {}
        arguments = named.get("arguments")
        given = arguments if isinstance(arguments, dict) else {}
        return self._called(Call(tool=str(named.get("name")), arguments=given, at=self._clock.now()), fault)

    def _called(self, call: Call, fault: Fault | None) -> Message:
        self.calls.append(call)
        if call.tool == PLACE:
            self.before_place(call)
        try:
            if self.throttle is not None and self.throttle.refuses(call.at):
                raise rate_limited()
            if fault in NEVER_ACTS and (refusal := error_of(fault)) is not None:
                raise refusal
            data = self._tool(call.tool).call(call.arguments)
            if (refusal := error_of(fault)) is not None:
                raise refusal
        except ToolRefusalError as refused:
            return {"result": bad_result(refused.text, refused.category)}
        except BadCallError as error:
            return {"error": {"code": error.code, "message": error.message}}
        return {"result": good_result(spoilt(fault, data), self.wording())}

    def _tool(self, name: str) -> Tool:
        if name not in self.tools:
            raise BadCallError(INVALID_PARAMS, f'unknown tool "{name}"')
        return self.tools[name]

    def reply(self, message: Message, outcome: Message) -> Answered:
        """Answer a request with a result or an error, in the form that is due."""
        body, content_type = body_of({"jsonrpc": "2.0", "id": message["id"], **outcome}, self.wording())
        return Answered(status=200, headers={"Content-Type": content_type}, body=body)
