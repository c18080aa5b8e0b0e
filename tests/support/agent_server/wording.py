"""How a reply is put into words: JSON or an event stream, either half of a result or both, old and new forms."""

import json
import random
from collections.abc import Mapping
from typing import Any

import msgspec

Json = Mapping[str, object]
JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream"
STRANGE = "99999999-"
"""How the ``ref_id`` of an order begins that is somebody else's."""


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """The form of one reply; the plain one is JSON with both halves. A life makes hundreds of them."""

    is_stream: bool = False
    has_structured: bool = True
    has_text: bool = True
    says_no_error: bool = False
    is_of_august: bool = False
    """Whether the reply to a place lacks ``ref_id`` and has an empty ``symbol``; never one about a strange order."""
    executions_are_null: bool = False
    stray_events: tuple[str, ...] = ()
    """Names of events that come first; see `_stray`."""
    line_end: str = "\n"
    data_lines: int = 1
    after_colon: str = " "
    """A space, or nothing, as the format of event streams allows."""
    extra_fields: str = ""
    """Lines of an event that say nothing of its data."""
    names_charset: bool = False
    extra_keys: bool = False


PLAIN = Wording()


def varied(chance: random.Random) -> Wording:
    """A form by chance, out of all that public clients were seen to bear and the protocol allows."""
    halves = chance.choice([(True, True), (True, False), (False, True)])
    strays = ("comment", "notice", "other_id", "same_id_request")
    return Wording(
        is_stream=chance.random() < 0.5,
        has_structured=halves[0],
        has_text=halves[1],
        says_no_error=chance.random() < 0.5,
        is_of_august=chance.random() < 0.2,
        executions_are_null=chance.random() < 0.2,
        stray_events=tuple(each for each in strays if chance.random() < 0.3),
        line_end=chance.choice(["\n", "\r\n", "\r"]),
        data_lines=chance.choice([1, 1, 3]),
        after_colon=chance.choice([" ", " ", ""]),
        extra_fields=chance.choice(["", "id: 7\n", "retry: 3000\nid\n"]),
        names_charset=chance.random() < 0.3,
        extra_keys=chance.random() < 0.3,
    )


def good_result(data: Json, wording: Wording) -> dict[str, object]:
    spoken = {"data": _spoken(data, wording), "guide": "Tell the person what was done."}
    result: dict[str, object] = {}
    text = {"type": "text", "text": _compact(spoken)}
    result["content"] = [text] if wording.has_text else []
    if wording.has_structured:
        result["structuredContent"] = spoken
    if wording.says_no_error:
        result["isError"] = False
    return result


def bad_result(text: str, category: str | None) -> dict[str, object]:
    meta = {} if category is None else {"_meta": {"rh_error_category": category}}
    return {**meta, "content": [{"type": "text", "text": text}], "isError": True}


def body_of(message: Json, wording: Wording) -> tuple[bytes, str]:
    """The body of a reply and its content type."""
    text = _compact(message)
    charset = "; charset=utf-8" if wording.names_charset else ""
    if not wording.is_stream:
        return text.encode(), JSON_TYPE + charset
    events = [_stray(name, message.get("id")) for name in wording.stray_events]
    lines = [text] if wording.data_lines == 1 else json.dumps(message, separators=(",\n", ": ")).split("\n")
    data = "".join(f"data:{wording.after_colon}{line}\n" for line in lines)
    events.append(f"event: message\n{wording.extra_fields}{data}\n")
    return "".join(events).replace("\n", wording.line_end).encode(), STREAM_TYPE + charset


def _compact(said: Json) -> str:
    """Write it at a tenth of the cost of `json`, which alone writes a NaN: a row with one has it as a text too."""
    text = msgspec.json.encode(said).decode()
    return text if "NaN" not in text else json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def _stray(name: str, own_id: object) -> str:
    """An event that answers nothing of ours: a comment, a notice, somebody else's answer, a request of the server."""
    messages: dict[str, dict[str, object]] = {
        "notice": {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}},
        "other_id": {"jsonrpc": "2.0", "id": "another", "result": {"content": [], "isError": True}},
        "same_id_request": {"jsonrpc": "2.0", "id": own_id, "method": "ping"},
    }
    return f"event: message\ndata: {json.dumps(messages[name])}\n\n" if name in messages else ": ping\n\n"


def _spoken(data: Json, wording: Wording) -> Any:
    spoken = dict(data)
    order = spoken.get("order")
    if isinstance(order, Mapping):
        spoken["order"] = _order(order, wording, is_placed=True)
    orders = spoken.get("orders")
    if isinstance(orders, list):
        spoken["orders"] = [_order(row, wording, is_placed=False) for row in orders]
    return spoken


def _order(row: Json, wording: Wording, *, is_placed: bool) -> dict[str, object]:
    spoken = dict(row)
    if is_placed and wording.is_of_august and not str(spoken.get("ref_id")).startswith(STRANGE):
        spoken.pop("ref_id", None)
        spoken["symbol"] = ""
    if wording.executions_are_null and spoken.get("executions") == []:
        spoken["executions"] = None
    if wording.extra_keys:
        spoken["is_editable"] = False
    return spoken
