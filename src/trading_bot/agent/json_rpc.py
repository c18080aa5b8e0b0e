"""One session of the agent interface: opened when it is needed, opened again when the server lost it.

1. A place is written once. Whatever comes of it is returned, a lost session included.
2. A session is opened before the permit of a place is entered; what fails until then is *not sent*.
3. Anything else may be asked again, once, in a new session. That is all that is repeated here.
"""

import itertools
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from trading_bot._version import __version__
from trading_bot.agent.endpoint import ENDPOINT_PATH
from trading_bot.agent.error_text import ErrorText
from trading_bot.agent.messages import (
    Answer,
    AnswerFinder,
    RpcResult,
    notification_bytes,
    request_bytes,
    tool_result,
)
from trading_bot.agent.tool_call import CallResult, Garbled, HttpRefusal, RpcError, ToolCall
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.broker_clock import BrokerClock
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.rate_budget import LEAST_REPLY_S
from trading_bot.robinhood.reads import Wire
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import EVENT_STREAM, WireReply, WireRequest

PROTOCOL_VERSIONS: Final = ("2025-03-26", "2025-06-18")
"""What working clients propose, and what the server agreed on with another one in August; any answer will do."""

LARGEST_ORDER_REPLY: Final = 256 * 1024
LARGEST_READ_REPLY: Final = 4 * 1024 * 1024
"""Every result comes twice in one reply, and the order book of four symbols alone was seen with a megabyte."""

_SESSION = "mcp-session-id"
_SESSION_ID = re.compile(r"[\x21-\x7e]{1,1024}")
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_JSON = "application/json"
_ACCEPT = ("Accept", f"{_JSON}, {EVENT_STREAM}")
_SUCCESS = range(200, 300)
_UNAUTHORIZED = 401
_THROTTLED = 429
_LOST = frozenset({400, 404})
"""What a server answers to a session that it does not know: MCP says 404, some servers 400."""

_ABOUT_THE_CALL = frozenset({-32601, -32602, -32603, -32700})
"""JSON-RPC's codes for an unknown method, bad params, trouble inside and bad JSON: no new session is tried at once."""

_DOUBTED_AFTER_S: Seconds = 60.0
"""A session that is younger is not given up for a refusal that may be about the call alone. Chosen."""

_OVERSLEPT_S: Seconds = 0.1

_Exchanged: TypeAlias = Answer | HttpRefusal | WireFailure


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """A session that the server opened; each opening is an object of its own."""

    headers: tuple[tuple[str, str], ...]
    at: Seconds
    """When, on the monotonic clock."""
    bearer_number: int | None
    """Which access token opened it: a session may belong to it, so nothing is sent in it by another token."""


_NOT_YET_OPEN = _Open(headers=(), at=0, bearer_number=None)


class AgentSession:
    """Calls tools at the agent interface. Safe to share between threads; fulfils `AgentWire`.

    ``http`` is the broker session for `AGENT_BASE_URL`, which keeps the token. ``broker_clock`` goes by the dates
    of its replies.
    """

    def __init__(self, http: Wire, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self.broker_clock = BrokerClock(clock)
        self._ids = itertools.count(1)
        self._opening = threading.Lock()
        self._open: _Open | None = None

    def call(self, call: ToolCall, *, timeout_s: Seconds, permit: SendPermit | None = None) -> CallResult:
        """Call once and return what came of it; see `AgentWire.call`.

        A place is not sent where opening a session leaves less than `LEAST_REPLY_S` for its reply.
        """
        deadline = self._clock.monotonic() + timeout_s
        if permit is not None:
            return _tool_result(self._placed(call, permit, deadline=deadline, reply_s=min(LEAST_REPLY_S, timeout_s)))
        return _tool_result(self.request("tools/call", call.params, deadline=deadline))

    def request(self, method: str, params: bytes, *, deadline: Seconds) -> _Exchanged:
        """Ask for something that may be asked twice: once more in a new session where the first was lost."""
        for _ in range(2):
            opened = self._opened(deadline)
            if not isinstance(opened, _Open):
                return opened
            result = self._exchange(method, params, opened=opened, deadline=deadline)
            self._note(result, opened)
            if not _may_have_lost_it(result):
                break
        return result

    def _placed(self, call: ToolCall, permit: SendPermit, *, deadline: Seconds, reply_s: Seconds) -> _Exchanged:
        for _ in range(2):
            opened = self._opened(deadline)
            if not isinstance(opened, _Open):
                return _not_sent(opened)
            if deadline - self._clock.monotonic() < reply_s - _OVERSLEPT_S:
                return _failure(FailureKind.TIMEOUT, "opening a session left too little time for the reply to an order")
            result = self._exchange("tools/call", call.params, opened=opened, deadline=deadline, permit=permit)
            self._note(result, opened)
            if not _found_another_token(result):
                break
        return result

    def _note(self, result: _Exchanged, opened: _Open) -> None:
        is_refused = isinstance(result, HttpRefusal) and result.status == _UNAUTHORIZED
        is_old = self._clock.monotonic() >= opened.at + _DOUBTED_AFTER_S
        is_over = is_refused or _may_have_lost_it(result) or (is_old and _may_be_the_session(result))
        if is_over and self._open is opened:
            self._open = None

    def _opened(self, deadline: Seconds) -> _Open | _Exchanged:
        opened = self._open
        if opened is not None:
            return opened
        if not self._opening.acquire(timeout=max(deadline - self._clock.monotonic(), 0)):
            return _failure(FailureKind.TIMEOUT, "no session with the broker was opened in time")
        try:
            for version in PROTOCOL_VERSIONS:
                result = self._open or self._initialized(version, deadline)
                # Lost before it was confirmed, or refused for what was proposed: both are worth one more opening.
                if not (isinstance(result, RpcError) or _may_have_lost_it(result)):
                    break
            return result
        finally:
            self._opening.release()

    def _initialized(self, version: str, deadline: Seconds) -> _Open | _Exchanged:
        request_id = next(self._ids)
        body = request_bytes(request_id, "initialize", _hello(version))
        finder = AnswerFinder(request_id)
        reply = self._post(body, finder=finder, opened=_NOT_YET_OPEN, deadline=deadline)
        if not isinstance(reply, WireReply):
            return reply
        answer = finder.answer_in(reply)
        if not isinstance(answer, RpcResult):
            return answer
        headers = _session_headers(reply.headers, answer.value, proposed=version)
        if headers is None:
            return Garbled(cause="the server named a session that cannot be sent back")
        opened = _Open(headers=headers, at=self._clock.monotonic(), bearer_number=reply.bearer_number)
        body = notification_bytes("notifications/initialized")
        done = self._post(body, finder=None, opened=opened, deadline=deadline)
        if not isinstance(done, WireReply):
            return done
        self._open = opened
        return opened

    def _exchange(
        self, method: str, params: bytes, *, opened: _Open, deadline: Seconds, permit: SendPermit | None = None
    ) -> _Exchanged:
        request_id = next(self._ids)
        body = request_bytes(request_id, method, params)
        finder = AnswerFinder(request_id)
        reply = self._post(body, finder=finder, opened=opened, deadline=deadline, permit=permit)
        return replace(finder.answer_in(reply), reply=reply) if isinstance(reply, WireReply) else reply

    def _post(
        self,
        body: bytes,
        *,
        finder: AnswerFinder | None,
        opened: _Open,
        deadline: Seconds,
        permit: SendPermit | None = None,
    ) -> WireReply | HttpRefusal | WireFailure:
        request = WireRequest(
            method="POST",
            path=ENDPOINT_PATH,
            body=body,
            content_type=_JSON,
            headers=(_ACCEPT, *opened.headers),
            bearer_number=opened.bearer_number,
            largest_body=LARGEST_READ_REPLY if permit is None else LARGEST_ORDER_REPLY,
            is_answered_by=_no_answer_follows if finder is None else finder.is_in,
        )
        reply = self._http.exchange(request, timeout_s=deadline - self._clock.monotonic(), permit=permit)
        if isinstance(reply, WireFailure):
            return reply
        self.broker_clock.hear(reply)
        if reply.status in _SUCCESS:
            return reply
        said = reply.body.decode("utf-8", errors="replace")
        return HttpRefusal(status=reply.status, headers=reply.headers, text=said, reply=reply)


def _no_answer_follows(_piece: bytes) -> bool:
    return False


def _hello(version: str) -> bytes:
    client = {"name": "trading-bot", "version": __version__}
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": client}
    return json.dumps(params, separators=(",", ":")).encode()


def _session_headers(
    headers: Mapping[str, str], result: object, *, proposed: str
) -> tuple[tuple[str, str], ...] | None:
    named = headers.get(_SESSION)
    if named is not None and _SESSION_ID.fullmatch(named) is None:
        return None
    agreed = result.get("protocolVersion") if isinstance(result, dict) else None
    if not isinstance(agreed, str) or _VERSION.fullmatch(agreed) is None:
        agreed = proposed
    return (("MCP-Protocol-Version", agreed), *(() if named is None else (("Mcp-Session-Id", named),)))


def _may_have_lost_it(result: _Open | _Exchanged) -> bool:
    # How this server says it is not established, so whatever may mean it does.
    if isinstance(result, HttpRefusal):
        return result.status in _LOST
    if isinstance(result, RpcError):
        return result.code not in _ABOUT_THE_CALL and not ErrorText.of(result).is_throttled
    return _found_another_token(result)


def _may_be_the_session(result: _Exchanged) -> bool:
    """Whether the old session may be what a call was refused for, so that the next one had better begin a new one."""
    return isinstance(result, RpcError) or (isinstance(result, HttpRefusal) and result.status != _THROTTLED)


def _found_another_token(result: _Open | _Exchanged) -> bool:
    """Whether nothing was sent, because the session belongs to an access token that is no longer in use."""
    return isinstance(result, WireFailure) and result.kind is FailureKind.OTHER_BEARER


def _tool_result(result: _Exchanged) -> CallResult:
    if isinstance(result, HttpRefusal | WireFailure):
        return result
    return replace(tool_result(result), reply=result.reply)


def _not_sent(result: _Exchanged) -> _Exchanged:
    """Say of a failed opening what it is for the place that was to follow: nothing of it was written."""
    if isinstance(result, WireFailure):
        kind = FailureKind.OTHER if result.kind is FailureKind.REDIRECT else result.kind
        return replace(result, phase=SendPhase.BEGUN, first_byte_written=False, kind=kind)
    if isinstance(result, HttpRefusal):
        cause = f"the broker opened no session: HTTP {result.status}"
        return replace(result, reply=None) if result.status == _UNAUTHORIZED else _failure(FailureKind.OTHER, cause)
    return _failure(FailureKind.OTHER, "the broker opened no session")


def _failure(kind: FailureKind, cause: str) -> WireFailure:
    return WireFailure(phase=SendPhase.BEGUN, first_byte_written=False, cause=cause, kind=kind)
