"""A session of the agent interface: how it is opened, what is sent in it, and what is made of each answer."""

import json
from contextlib import AbstractContextManager, contextmanager, nullcontext
from decimal import Decimal

import pytest

from tests.support.scripted_broker import lost, reply, unreachable
from tests.support.scripted_tools import SESSION_ID, ToolBench, bad, event, good, message, stream
from trading_bot.agent.tool_call import Garbled, HttpRefusal, RpcError, ToolError, ToolReply, tool_call
from trading_bot.order_management.ports import SendRefusedError
from trading_bot.robinhood.failures import FailureKind, WireFailure

READ = tool_call("get_equity_orders", {"account_number": "000000001"})
PLACE = tool_call("place_equity_order", {"symbol": "F", "side": "buy", "quantity": "1"})


@pytest.fixture
def bench():
    return ToolBench()


def read(bench, call=READ, timeout_s=10):
    return bench.session.call(call, timeout_s=timeout_s)


def place(bench, permit=None, timeout_s=10):
    return bench.session.call(PLACE, timeout_s=timeout_s, permit=permit or nullcontext())


def test_a_session_is_opened_once_and_named_in_every_call(bench):
    bench.tools.calls = [good({"orders": []}), good({"orders": []})]
    read(bench)
    read(bench)
    assert bench.tools.methods() == ["initialize", "notifications/initialized", "tools/call", "tools/call"]
    opening, *later = bench.tools.seen
    assert "Mcp-Session-Id" not in opening.headers
    assert {seen.headers["Mcp-Session-Id"] for seen in later} == {SESSION_ID}
    assert {seen.headers["MCP-Protocol-Version"] for seen in later} == {"2025-06-18"}
    assert {seen.headers["Accept"] for seen in bench.tools.seen} == {"application/json, text/event-stream"}


def test_a_server_without_session_ids_is_served_too(bench):
    bench.tools.session_ids = [None]
    bench.tools.calls = [good({"orders": []})]
    assert read(bench) == ToolReply(data={"orders": []})
    assert "Mcp-Session-Id" not in bench.tools.seen[-1].headers


def test_the_params_of_a_call_are_sent_byte_for_byte(bench):
    bench.tools.calls = [good({})]
    place(bench)
    assert bench.tools.seen[-1].body.endswith(b'"method":"tools/call","params":' + PLACE.params + b"}")
    assert json.loads(bench.tools.seen[-1].body)["jsonrpc"] == "2.0"


def test_every_request_has_an_id_of_its_own(bench):
    bench.tools.calls = [good({}), good({})]
    read(bench)
    read(bench)
    ids = [asked["id"] for asked in bench.tools.asked if "id" in asked]
    assert len(set(ids)) == len(ids) == 3


def test_numbers_of_the_data_are_decimals(bench):
    bench.tools.calls = [good({"price": 18.85, "count": 3})]
    assert read(bench) == ToolReply(data={"price": Decimal("18.85"), "count": 3})


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"structuredContent": {"data": {"a": "1"}}}, ToolReply(data={"a": "1"})),
        ({"content": [{"type": "text", "text": '{"data":{"a":"1"},"guide":"..."}'}]}, ToolReply(data={"a": "1"})),
        (good({"a": "1"}, isError=False), ToolReply(data={"a": "1"})),
        (bad("API error 409: {}"), ToolError(text="API error 409: {}", category="invalid_request")),
        ({"isError": True}, ToolError(text="", category=None)),
        ({"content": [{"type": "text", "text": "<html>"}]}, Garbled(cause="the result holds no data")),
        ({"structuredContent": {"guide": "..."}}, Garbled(cause="the result holds no data")),
        ([], Garbled(cause="the result is no object")),
    ],
)
def test_a_result_is_data_a_refusal_or_unreadable(bench, result, expected):
    bench.tools.calls = [result]
    assert read(bench) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda n: stream(event(message(n, result=good({"a": 1})))), ToolReply(data={"a": 1})),
        (lambda n: stream(event(message(n + 1, result=good({})))), Garbled),
        (lambda n: stream(b": ping\r\n\r\n", event({"jsonrpc": "2.0", "method": "notifications/message"})), Garbled),
        (lambda n: reply(200, message(n + 1, result=good({}))), Garbled),
        (lambda n: reply(200, b"<html>sorry</html>"), Garbled),
        (lambda n: reply(200, message(n, error={"code": -32602, "message": "bad"})), RpcError(code=-32602, text="bad")),
        (lambda n: reply(200, message(None, error={"code": -32602, "message": ""})), RpcError(code=-32602, text="")),
        (lambda n: reply(200, message(n, error={"message": "no code"})), Garbled),
        (lambda n: reply(503, b"<html>"), HttpRefusal),
        (lambda n: lost(), WireFailure),
    ],
)
def test_an_answer_is_read_in_either_form_and_only_ours_counts(bench, answer, expected):
    bench.tools.calls = [answer]
    result = read(bench)
    assert isinstance(result, expected) if isinstance(expected, type) else result == expected


def test_a_place_is_written_within_its_permit_and_an_opening_is_not(bench):
    entered = []

    @contextmanager
    def permit():
        entered.append(bench.tools.methods())
        yield

    bench.tools.calls = [good({})]
    place(bench, permit())
    assert entered == [["initialize", "notifications/initialized", "tools/call"]]


def test_a_gate_that_refuses_keeps_a_place_from_being_written(bench):
    class Shut(AbstractContextManager[None]):
        def __enter__(self):
            raise SendRefusedError("latch", "not armed")

        def __exit__(self, *_):
            """Nothing was entered."""

    bench.tools.calls = [good({})]
    result = place(bench, Shut())
    assert (result.kind, result.first_byte_written, result.gate) == (FailureKind.REFUSED_BY_GATE, False, "latch")


@pytest.mark.parametrize("ending", [lost(), reply(500), reply(404), reply(302, None, Location="x"), unreachable()])
def test_a_place_whose_session_cannot_be_opened_was_not_sent(bench, ending):
    bench.tools.opens = [ending]
    result = place(bench)
    assert isinstance(result, WireFailure)
    assert (result.first_byte_written, result.kind is FailureKind.REDIRECT) == (False, False)
    assert bench.tools.methods() == ["initialize"]


def test_a_place_that_finds_its_login_refused_says_so(bench):
    bench.tools.opens = [reply(401, b"authentication required")]
    assert place(bench).status == 401


@pytest.mark.parametrize("status", [400, 404])
def test_a_place_in_a_lost_session_is_returned_and_not_sent_again(bench, status):
    bench.tools.calls = [reply(status, b"no session"), good({})]
    assert place(bench).status == status
    assert bench.tools.methods().count("tools/call") == 1


@pytest.mark.parametrize(
    "lost_session", [reply(404, b"no session"), reply(400), lambda n: reply(200, message(n, error={"code": -32001}))]
)
def test_a_read_in_a_lost_session_is_asked_again_in_a_new_one(bench, lost_session):
    bench.tools.session_ids = ["a-session-1", "a-session-2"]
    bench.tools.calls = [lost_session, good({"orders": []})]
    assert read(bench) == ToolReply(data={"orders": []})
    assert bench.tools.seen[-1].headers["Mcp-Session-Id"] == "a-session-2"


def test_a_read_is_asked_only_twice(bench):
    bench.tools.calls = [reply(404), reply(404), good({})]
    assert read(bench).status == 404
    assert bench.tools.methods().count("tools/call") == 2


def test_the_call_after_a_refused_login_opens_a_new_session(bench):
    bench.tools.calls = [reply(401), good({})]
    assert place(bench).status == 401
    place(bench)
    assert bench.tools.methods().count("initialize") == 2


def test_a_place_is_not_sent_where_opening_left_no_time_for_its_reply(bench):
    def slowly(request_id):
        bench.clock.advance(8)
        return reply(200, message(request_id, result={}))

    bench.tools.opens = [slowly]
    result = place(bench)
    assert (result.kind, result.first_byte_written) == (FailureKind.TIMEOUT, False)
    assert "tools/call" not in bench.tools.methods()
