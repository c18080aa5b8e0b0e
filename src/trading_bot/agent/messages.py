"""Messages of JSON-RPC 2.0: what we write, and which part of an answer is the answer."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from trading_bot.agent.event_stream import EventReader, events_of
from trading_bot.agent.tool_call import Answered, Garbled, RpcError, ToolError, ToolReply
from trading_bot.robinhood.session import EVENT_STREAM, UnreadableReplyError, WireReply
from trading_bot.robinhood.strict_json import listed_json

RequestId: TypeAlias = int

_FIELDS = (b"data:", b"event:", b"id:", b":")
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"
_NUMBER_AS_TEXT = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcResult(Answered):
    """The server ran a request; what it gave is decoded value by value, its numbers `Decimal`."""

    value: object = field(repr=False)


Answer: TypeAlias = RpcResult | RpcError | Garbled


def request_bytes(request_id: RequestId, method: str, params: bytes) -> bytes:
    """Write a request around params that are bytes already."""
    return b'{"jsonrpc":"2.0","id":%d,"method":%s,"params":%s}' % (request_id, json.dumps(method).encode(), params)


def notification_bytes(method: str) -> bytes:
    """Write a message that no answer follows."""
    return b'{"jsonrpc":"2.0","method":%s}' % json.dumps(method).encode()


class AnswerFinder:
    """Finds the answer to one request: in the pieces of a stream as they arrive, and then in the whole reply."""

    def __init__(self, request_id: RequestId) -> None:
        self._request_id = request_id
        self._events = EventReader()
        self._found: tuple[bytes, Answer] | None = None

    def is_in(self, piece: bytes) -> bool:
        """Whether the answer is complete with this next piece of an event stream."""
        return any(self._answer_of(data) is not None for data in self._events.events_in(piece))

    def answer_in(self, reply: WireReply) -> Answer:
        """Find the answer in a successful reply, whichever of the two forms it has."""
        if is_event_stream(reply):
            answers = map(self._answer_of, events_of(reply.body))
            found = next((answer for answer in answers if answer is not None), None)
            return found or Garbled(cause="the stream of events ended without our answer")
        try:
            messages = list(_messages(listed_json(reply.body)))
        except UnreadableReplyError as error:
            return Garbled(cause=str(error))
        # One request was posted alone, so an error that names no request is about it.
        return (
            _among(messages, (self._request_id,))
            or _among(messages, (None,))
            or Garbled(cause="the reply answers another call")
        )

    def _answer_of(self, data: bytes) -> Answer | None:
        # The whole reply repeats the bytes that answered while it arrived, unless something in them was masked.
        if self._found is not None and self._found[0] == data:
            return self._found[1]
        try:
            answer = _among(_messages(listed_json(data)), (self._request_id,))
        except UnreadableReplyError:
            return None
        if answer is not None:
            self._found = data, answer
        return answer


def is_event_stream(reply: WireReply) -> bool:
    """Whether a reply is a stream of events, by what it is and not only by what it is called."""
    named = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = reply.body.lstrip(_BEFORE_JSON)[:1] in (b"{", b"[")
    return not is_json and (named == EVENT_STREAM or reply.body.startswith(_FIELDS))


def tool_result(answer: Answer) -> ToolReply | ToolError | RpcError | Garbled:
    """Say what a tool gave: data, a refusal, or nothing that can be read."""
    if not isinstance(answer, RpcResult):
        return answer
    result = answer.value
    if not isinstance(result, dict):
        return Garbled(cause="the result is no object")
    texts = list(_texts(result.get("content")))
    if result.get("isError", False) not in (False, None):
        return ToolError(text="\n".join(texts), category=_category(result.get("_meta")))
    for candidate in (result.get("structuredContent"), *map(_decoded, texts)):
        if isinstance(candidate, dict) and "data" in candidate:
            return ToolReply(data=candidate["data"])
    return Garbled(cause="the result holds no data")


def _messages(decoded: object) -> Iterable[object]:
    return decoded if isinstance(decoded, list) else (decoded,)


def _among(messages: Iterable[object], ids: tuple[RequestId | None, ...]) -> Answer | None:
    for message in messages:
        if isinstance(message, dict) and _id_of(message) in ids:
            answer = _answer(message)
            if answer is not None and (None not in ids or isinstance(answer, RpcError)):
                return answer
    return None


def _id_of(message: Mapping[str, object]) -> object:
    named = message.get("id")
    if isinstance(named, str) and _NUMBER_AS_TEXT.fullmatch(named):
        return int(named)  # some servers read an id as a number and write it back as text
    return named if isinstance(named, int) and not isinstance(named, bool) else None if named is None else ""


def _answer(message: Mapping[str, object]) -> Answer | None:
    # What has a method is a request or a notification of the server's, whose ids are its own.
    if "method" in message:
        return None
    error = message.get("error")
    if error is not None:
        return _rpc_error(error)
    return RpcResult(value=message["result"]) if "result" in message else None


def _rpc_error(error: object) -> Answer:
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(code, int):
        return Garbled(cause="an error without a code")
    text = error.get("message")
    return RpcError(code=code, text=text if isinstance(text, str) else "")


def _texts(content: object) -> Iterator[str]:
    for block in content if isinstance(content, list) else ():
        text = block.get("text") if isinstance(block, dict) else None
        if isinstance(text, str):
            yield text


def _decoded(text: str) -> object:
    try:
        return listed_json(text.encode("utf-8", errors="replace"))
    except UnreadableReplyError:
        return None


def _category(meta: object) -> str | None:
    category = meta.get("rh_error_category") if isinstance(meta, dict) else None
    return category if isinstance(category, str) else None
