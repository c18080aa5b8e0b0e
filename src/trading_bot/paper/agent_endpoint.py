"""The paper broker's agent interface: JSON-RPC by POST at one address, in sessions, answered as JSON or as events.

It is one broker with `PaperEndpoints`: both speak of the same exchange. Whether an answer comes as JSON or as events,
and whether its data stand there twice or as text alone, is drawn for each call: the broker's own choice is not known.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from trading_bot.clock import Clock
from trading_bot.paper.agent_arguments import TOOLS, BadArgumentsError, ToolRefusalError
from trading_bot.paper.agent_tools import AgentTools, ToolRun
from trading_bot.paper.chance import draw, stable_token
from trading_bot.paper.endpoints import PaperReply, ReferenceFor
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.refusals import RefusalError
from trading_bot.paper.store import ExchangeStore

PAPER_AGENT_TOKEN = "paper-agent"  # noqa: S105 - opens nothing but an exchange in this process
"""The access token of every paper account: on paper nobody logs in to the agent interface."""

ENDPOINT = "/mcp/trading"
_METADATA = "https://agent.robinhood.com/.well-known/oauth-protected-resource/mcp/trading"
_VERSIONS = ("2025-06-18", "2025-03-26")
_GUIDE = "This is a paper account."
_UNAUTHORIZED = 401
_BAD_PARAMS, _NO_SUCH_METHOD = -32602, -32601


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRequest:
    """A request after its envelope is opened; header names in lower case."""

    method: str
    headers: Mapping[str, str]
    body: bytes


class _RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class AgentEndpoint:
    """Answers the agent interface from the exchange, one transaction a call; its sessions end with this object."""

    def __init__(
        self,
        *,
        exchange: PaperExchange,
        store: ExchangeStore,
        clock: Clock,
        reference_for: ReferenceFor,
        page_size: int,
    ) -> None:
        self._exchange = exchange
        self._store = store
        self._clock = clock
        self._tools = AgentTools(exchange=exchange, reference_for=reference_for, page_size=page_size)
        self._sessions: set[str] = set()

    def answer(self, request: AgentRequest) -> PaperReply:
        """Answer one request, whatever it holds."""
        token = request.headers.get("authorization")
        if token != f"Bearer {PAPER_AGENT_TOKEN}":
            return _text(401, "authentication required" if token is None else "JWT verification failed")
        if request.method != "POST":
            return _text(405, "method not allowed")
        message = _message(request.body)
        if message.get("method") == "initialize":
            return self._opened(message)
        session = request.headers.get("mcp-session-id")
        if session not in self._sessions:
            return _text(400, "session required") if session is None else _text(404, "session not found")
        if "id" not in message:
            return PaperReply(status=202, body=b"")
        return self._answered(message)

    def _opened(self, message: Mapping[str, object]) -> PaperReply:
        session = stable_token(self._exchange.seed, "session", len(self._sessions))
        self._sessions.add(session)
        params = message.get("params")
        wanted = params.get("protocolVersion") if isinstance(params, dict) else None
        result: dict[str, object] = {
            "protocolVersion": wanted if wanted in _VERSIONS else _VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "robinhood-trading-paper", "version": "1.1.1"},
        }
        return _json({"jsonrpc": "2.0", "id": message.get("id"), "result": result}, {"Mcp-Session-Id": session})

    def _answered(self, message: Mapping[str, object]) -> PaperReply:
        number = message["id"]
        reply: dict[str, object] = {"jsonrpc": "2.0", "id": number}
        try:
            reply["result"] = self._result(message)
        except _RpcError as error:
            reply["error"] = {"code": error.code, "message": str(error)}
        return _json(reply) if self._draws(number, "events", out_of=3) else _events(reply)

    def _result(self, message: Mapping[str, object]) -> dict[str, object]:
        match message.get("method"), message.get("params"):
            case "ping", _:
                return {}
            case "tools/list", _:
                return {"tools": [{"name": name, "inputSchema": tool.schema()} for name, tool in TOOLS.items()]}
            case "tools/call", {"name": str(name), **others}:
                given = others.get("arguments")
                return self._called(name, given if isinstance(given, dict) else {}, message["id"])
            case "tools/call", _:
                raise _RpcError(_BAD_PARAMS, "a call names its tool")
            case method, _:
                raise _RpcError(_NO_SUCH_METHOD, f'unknown method "{method!s:.40}"')

    def _called(self, name: str, arguments: dict[str, object], number: object) -> dict[str, object]:
        tool = TOOLS.get(name)
        if tool is None:
            raise _RpcError(_BAD_PARAMS, f'unknown tool "{name:.40}"')
        try:
            tool.check(arguments)
        except BadArgumentsError as error:
            raise _RpcError(_BAD_PARAMS, str(error)) from error
        try:
            data = self._run(name, arguments)
        except RefusalError as refusal:
            return _bad(f"API error {refusal.status}: {_dumped(refusal.body)}")
        except ToolRefusalError as refusal:
            return _bad(refusal.text, refusal.category)
        return _good({"data": data, "guide": _GUIDE}, twice=self._draws(number, "twice", out_of=3))

    def _run(self, name: str, arguments: dict[str, object]) -> dict[str, object]:
        with self._store.transaction() as state:
            now = self._exchange.advance(state, self._clock.now())
            return self._tools.run(name, ToolRun(state=state, now=now, arguments=arguments))

    def _draws(self, number: object, what: str, *, out_of: int) -> bool:
        """Whether a draw for this call misses the one in ``out_of``."""
        return draw(self._exchange.seed, what, number, low=1, high=out_of) > 1


def _message(body: bytes) -> Mapping[str, object]:
    try:
        message = json.loads(body)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _good(content: dict[str, object], *, twice: bool) -> dict[str, object]:
    text: dict[str, object] = {"content": [{"type": "text", "text": _dumped(content)}]}
    return {**text, "structuredContent": content} if twice else text


def _bad(text: str, category: str = "invalid_request") -> dict[str, object]:
    content = [{"type": "text", "text": text}]
    return {"_meta": {"rh_error_category": category}, "content": content, "isError": True}


def _dumped(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _json(message: Mapping[str, object], headers: Mapping[str, str] | None = None) -> PaperReply:
    return PaperReply(status=200, body=_dumped(message).encode(), headers=headers or {})


def _events(message: Mapping[str, object]) -> PaperReply:
    """Write the answer as an event, behind one that is none of the answer's."""
    other = _dumped({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": ""}})
    text = f"event: message\ndata: {other}\n\nevent: message\ndata: {_dumped(message)}\n\n"
    return PaperReply(status=200, body=text.encode(), headers={"Content-Type": "text/event-stream"})


def _text(status: int, text: str) -> PaperReply:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if status == _UNAUTHORIZED:
        headers["WWW-Authenticate"] = f'Bearer resource_metadata="{_METADATA}"'
    return PaperReply(status=status, body=text.encode(), headers=headers)
