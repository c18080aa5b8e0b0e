"""The agent interface as a script: what each tool answers, below the real HTTP session."""

import json
from typing import Any

from tests.support.scripted_broker import Answer, ScriptedBroker, clock, reply
from trading_bot.agent.endpoint import AGENT_BASE_URL, ENDPOINT_PATH
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.robinhood.session import BrokerSession

SESSION_ID = "a-session-1"


def good(data: object, **extra: object) -> dict[str, object]:
    whole = {"data": data, "guide": "..."}
    return {"content": [{"type": "text", "text": json.dumps(whole)}], "structuredContent": whole} | extra


def bad(text: str, category: str = "invalid_request") -> dict[str, object]:
    return {
        "_meta": {"rh_error_category": category},
        "content": [{"type": "text", "text": text}],
        "isError": True,
    }


def message(request_id: object, **parts: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": request_id, **parts}


def event(obj: object) -> bytes:
    return b"event: message\ndata: " + json.dumps(obj).encode() + b"\n\n"


def stream(*pieces: bytes, **headers: str) -> Answer:
    return reply(200, b"".join(pieces), Content_Type="text/event-stream", **headers)


class ScriptedTools(ScriptedBroker):
    """Opens a session, unless told otherwise, and hands out the queued answers for calls.

    An answer is an `Answer`, or a function of the request's id that makes one; a result alone is sent as plain JSON.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[object] = []
        self.opens: list[object] = []
        self.notices: list[object] = []
        self.asked: list[dict[str, Any]] = []
        self.session_ids: list[str | None] = [SESSION_ID]

    def _next(self, method: str, path: str) -> Answer:
        assert (method, path) == ("POST", ENDPOINT_PATH)
        asked = json.loads(self.seen[-1].body)
        self.asked.append(asked)
        queue = {"initialize": self.opens, "notifications/initialized": self.notices}.get(asked["method"], self.calls)
        answer = queue.pop(0) if queue else None
        if answer is None:
            return self._usual(asked)
        if callable(answer):
            answer = answer(asked["id"])
        return answer if isinstance(answer, Answer) else reply(200, message(asked["id"], result=answer))

    def _usual(self, asked) -> Answer:
        if asked["method"] == "notifications/initialized":
            return reply(202, b"")
        if asked["method"] != "initialize":
            raise LookupError(f"unscripted: {asked}")
        named = self.session_ids.pop(0) if len(self.session_ids) > 1 else self.session_ids[0]
        result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x"}}
        headers = {} if named is None else {"Mcp_Session_Id": named}
        return reply(200, message(asked["id"], result=result), **headers)

    def methods(self) -> list[str]:
        return [asked["method"] for asked in self.asked]


class ToolBench:
    """A session of the agent interface over the script."""

    def __init__(self) -> None:
        self.clock = clock()
        self.tools = ScriptedTools()
        self.http = BrokerSession(adapter=self.tools, clock=self.clock, base_url=AGENT_BASE_URL)
        self.http.set_bearer("a-token-of-the-agent")
        self.session = AgentSession(self.http, self.clock)
