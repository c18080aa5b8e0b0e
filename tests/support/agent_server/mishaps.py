"""What each fault makes of a reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from tests.support.agent_server.faults import Fault, Reset, Silence
from tests.support.agent_server.http import Answered, json_answer, text_answer
from tests.support.agent_server.paging import FIRST_PAGE_AGAIN
from tests.support.agent_server.refusals import (
    HTML_404,
    BadCallError,
    ToolRefusalError,
    api_error,
    cannot_be_cancelled,
    detailed,
    not_found,
    rate_limited,
    used_ref_id,
)
from tests.support.agent_server.wording import STRANGE

Data = Mapping[str, object]
PAGE = "<!doctype html>\n<html><head><title>Error</title></head><body><h1>Sorry</h1></body></html>\n"
STRANGE_ID = f"{STRANGE}9999-4999-8999-999999999999"
STRANGE_STATE = "locating"


def _html(status: int) -> Answered:
    return replace(text_answer(status, PAGE), headers={"Content-Type": "text/html; charset=utf-8"})


_EARLY: Mapping[Fault, Callable[[], Answered]] = {
    Fault.UNAUTHORIZED: lambda: text_answer(401, "JWT verification failed"),
    Fault.SESSION_LOST: lambda: text_answer(404, "session not found"),
    Fault.SESSION_LOST_400: lambda: text_answer(400, "Bad Request: Invalid session ID"),
    Fault.THROTTLED: lambda: text_answer(429, "Too Many Requests", Retry_After="3"),
    Fault.REDIRECT: lambda: text_answer(307, "", Location="https://elsewhere.example/mcp/trading"),
    Fault.FORBIDDEN_PAGE: lambda: _html(403),
    Fault.E500_BEFORE: lambda: _html(500),
    Fault.E503_BEFORE: lambda: _html(503),
}
_LATE_STATUS = {Fault.E500_AFTER: 500, Fault.E502_AFTER: 502, Fault.E504_AFTER: 504}

_ERRORS: Mapping[Fault, Callable[[], ToolRefusalError | BadCallError]] = {
    Fault.RPC_BEFORE: lambda: BadCallError(-32603, "internal error"),
    Fault.RATE_LIMITED_BEFORE: rate_limited,
    Fault.HTML_TEXT_BEFORE: lambda: ToolRefusalError(HTML_404),
    Fault.PROSE_BEFORE: lambda: ToolRefusalError("order could not be submitted, please try again"),
    Fault.CONFLICT: used_ref_id,
    Fault.API_400: lambda: detailed(400, "Not enough buying power."),
    Fault.API_403: cannot_be_cancelled,
    Fault.API_404: not_found,
    Fault.API_422: lambda: api_error(422, {"quantity": ["Enter a valid number."]}),
    Fault.RPC_AFTER: lambda: BadCallError(-32603, "internal error"),
    Fault.RATE_LIMITED_AFTER: rate_limited,
    Fault.HTML_TEXT_AFTER: lambda: ToolRefusalError(HTML_404),
    Fault.PROSE_AFTER: lambda: ToolRefusalError("order could not be submitted, please try again"),
    Fault.GRPC_AFTER: lambda: ToolRefusalError(
        "unable to place order: rpc error: code = DeadlineExceeded desc = context deadline exceeded"
    ),
    Fault.API_408_AFTER: lambda: detailed(408, "Request timed out."),
    Fault.API_429_AFTER: lambda: detailed(429, "Request was throttled."),
    Fault.API_500_AFTER: lambda: api_error(500, PAGE),
    Fault.EMPTY_TEXT_AFTER: lambda: ToolRefusalError("", None),
}
_INSTEAD: Mapping[Fault | None, Data] = {
    Fault.NO_DATA: {},
    Fault.APPROVAL_WITHOUT_ORDER: {"approval": {"status": "pending", "expires_at": None}},
}
_ORDER_CHANGES: Mapping[Fault | None, Data] = {
    Fault.FOREIGN_ORDER: {"id": STRANGE_ID, "ref_id": STRANGE_ID},
    Fault.ODD_NUMBERS: {"quantity": "NaN", "cumulative_quantity": "-1", "price": "1e400"},
    Fault.UNKNOWN_STATE: {"state": STRANGE_STATE},
}
_LIST_KEYS = ("orders", "positions", "results", "accounts")


def early(fault: Fault) -> Answered | None:
    """Answer before anything was done, or None if the server acts.

    Raises:
        Silence: nothing comes.
        Reset: the connection is reset.
    """
    if fault in {Fault.REQUEST_LOST, Fault.HALF_WRITTEN}:
        raise Silence
    if fault is Fault.RESET_BEFORE:
        raise Reset
    return _EARLY[fault]() if fault in _EARLY else None


def error_of(fault: Fault | None) -> ToolRefusalError | BadCallError | None:
    """Return the error that a tool answers with under this fault, whether or not it acted first."""
    return None if fault is None or fault not in _ERRORS else _ERRORS[fault]()


def spoilt(fault: Fault | None, data: Data) -> Data:
    """Change what a tool tells."""
    if fault is Fault.STALE and isinstance(rows := data.get("orders"), list):
        return {**data, "orders": rows[1:]}
    if fault is Fault.PAGE_LOOP and "orders" in data:
        return {**data, "next": FIRST_PAGE_AGAIN}
    if fault is Fault.NULL_ROWS:
        return {**data, **{name: None for name in _LIST_KEYS if name in data}}
    if fault in _ORDER_CHANGES:
        return _in_orders(data, _ORDER_CHANGES[fault])
    return _INSTEAD.get(fault, data)


def _in_orders(data: Data, changes: Data) -> Data:
    changed = dict(data)
    if "order" in data:
        changed["order"] = {**cast("Data", data["order"]), **changes}
    if isinstance(rows := data.get("orders"), list):
        changed["orders"] = [{**row, **changes} for row in cast("Sequence[Data]", rows[:1])] + rows[1:]
    return changed


def afterwards(fault: Fault, answered: Answered) -> Answered:
    """Change the reply of a server that did act.

    Raises:
        Silence: it does not come.
        Reset: the connection is reset instead.
    """
    if fault is Fault.REPLY_LOST:
        raise Silence
    if fault is Fault.RESET_AFTER:
        raise Reset
    if fault in _LATE_STATUS:
        return _html(_LATE_STATUS[fault])
    changed = _SPOILT_BODIES.get(fault)
    return answered if changed is None else changed(answered)


_SPOILT_BODIES: Mapping[Fault, Callable[[Answered], Answered]] = {
    Fault.CUT: lambda answered: answered.with_body(answered.body[: len(answered.body) * 2 // 3]),
    Fault.HTML: lambda answered: _html(200),
    Fault.EMPTY: lambda answered: answered.with_body(b""),
    Fault.NO_ANSWER: lambda answered: Answered(headers={"Content-Type": "text/event-stream"}, body=b": ping\n\n"),
    Fault.OTHER_ID: lambda answered: json_answer(
        200, {"jsonrpc": "2.0", "id": "another", "result": {"content": [], "isError": True}}
    ),
}
