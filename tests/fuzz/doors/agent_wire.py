"""Replies of the agent interface, read by the real session, JSON-RPC, event streams, parsers and gateway.

A body is the reply as it stands. With the header ``x-wrap`` it is the data of a good result (``data``), the text of a
tool's bad one (``error``), or a result (``result``), put into a message of JSON-RPC; with ``x-stream`` that message is
an event of a stream. ``"@ID"`` in a body stands for the id of the request.
"""

import json
import re
from pathlib import Path

from tests.fuzz.doors.gateway_calls import CANCELS, READS, check_submitted, checked_read, submitted
from tests.fuzz.doors.private_wire import ACCOUNT, BEARER
from tests.fuzz.doors.wire_case import HostileBroker, WireCase
from tests.support.scripted_broker import Answer, clock, reply
from trading_bot.agent.endpoint import AGENT_BASE_URL, ENDPOINT_URL
from trading_bot.agent.gateway import AgentGateway
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.order_management.outcomes import Ending
from trading_bot.robinhood.session import BrokerSession

_ASKED = f"POST {ENDPOINT_URL}"
_MOST_REQUESTS = 700
_ID = re.compile(rb'"id":([0-9]+)')
_HELLO = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}
_PLACE = b"place_equity_order"
_CANCEL = b"cancel_equity_order"
_SUCCESS = range(200, 300)
_UNAUTHORIZED = 401
_OURS = {"x-wrap", "x-stream", "x-opening"}


class AgentWire:
    """As the private door; with ``x-opening`` it is the opening of the session that gets the replies."""

    def __init__(self, _folder: Path) -> None:
        self._case = WireCase.read(b"")
        self._replies = 0
        self._placed = 0
        self._cancelled = 0

    def __call__(self, data: bytes) -> str:
        """Give the case's replies to its call."""
        self._case, self._replies, self._placed, self._cancelled = WireCase.read(data), 0, 0, 0
        call = self._case.call
        time, broker = clock(), HostileBroker(self._answer)
        http = BrokerSession(adapter=broker, clock=time, base_url=AGENT_BASE_URL)
        http.set_bearer(BEARER)
        session = AgentSession(http, time)
        gateway = AgentGateway(
            wire=session,
            clock=time,
            account_number=ACCOUNT,
            renew=lambda _: False,
            broker_clock=session.broker_clock,
        )
        if call == "submit":
            ended = check_submitted(submitted(gateway), may_be=self._endings())
        else:
            ended = checked_read(call if call in READS or call in CANCELS else "open", gateway, time)
        self._check_requests(broker.asked)
        return ended

    def _check_requests(self, asked: list[str]) -> None:
        assert self._placed <= (self._case.call == "submit"), "one submit is one place"
        assert not self._cancelled or self._case.call in CANCELS, "a read cancels nothing"
        assert len(asked) <= _MOST_REQUESTS, f"{len(asked)} requests for one call"
        assert set(asked) <= {_ASKED}, f"it asked {set(asked)}"

    def _endings(self) -> tuple[Ending, ...]:
        if "x-opening" in self._case.headers:
            return (Ending.ACCEPTED, Ending.NOT_SENT, Ending.UNKNOWN) if self._placed else (Ending.NOT_SENT,)
        if self._case.status in _SUCCESS:
            return Ending.ACCEPTED, Ending.REJECTED, Ending.UNKNOWN
        return (Ending.NOT_SENT,) if self._case.status == _UNAUTHORIZED else (Ending.UNKNOWN,)

    def _answer(self, _method: str, _path: str, body: bytes) -> Answer:
        found = _ID.search(body)
        number = found[1] if found else b"0"
        is_opening = b'"method":"initialize"' in body or found is None
        self._placed += _PLACE in body
        self._cancelled += _CANCEL in body
        if is_opening != ("x-opening" in self._case.headers):
            return reply(200, {"jsonrpc": "2.0", "id": int(number), "result": _HELLO})
        self._replies += 1
        return _as_sent(self._case.answer(self._replies - 1), number)


def _as_sent(answer: Answer, number: bytes) -> Answer:
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _OURS}
    wrap = answer.headers.get("x-wrap")
    body = answer.body.replace(b'"@ID"', number)
    text = json.dumps(body.decode("utf-8", errors="replace")).encode()
    if wrap == "data":
        result = b'{"content":[{"type":"text","text":%s}],"structuredContent":%s}' % (text, body)
    elif wrap == "error":
        result = (
            b'{"_meta":{"rh_error_category":"invalid"},"content":[{"type":"text","text":%s}],"isError":true}' % text
        )
    else:
        result = body
    if wrap is not None:
        body = b'{"jsonrpc":"2.0","id":%s,"result":%s}' % (number, result)
    if "x-stream" in answer.headers:
        headers["content-type"] = "text/event-stream"
        body = b"event: message\ndata: %s\n\n" % body
    return Answer(status=answer.status, body=body, headers=headers)
