"""A session of the agent interface: how it is opened, what is sent in it, and what is made of each answer."""

import json
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

import pytest

from tests.support.scripted_broker import lost, reply, unreachable
from tests.support.scripted_tools import SESSION_ID, ToolBench, event, good, message, stream
from trading_bot.agent.json_rpc import LARGEST_ORDER_REPLY
from trading_bot.agent.tool_call import Garbled, HttpRefusal, RpcError, ToolReply, exchange_of, tool_call
from trading_bot.order_management.ports import SendRefusedError
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.session import WireReply

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
    bench.tools.opens = [ending, ending]
    result = place(bench)
    assert isinstance(result, WireFailure)
    assert (result.first_byte_written, result.kind is FailureKind.REDIRECT) == (False, False)
    assert set(bench.tools.methods()) == {"initialize"}


def test_a_place_that_finds_its_login_refused_says_so(bench):
    bench.tools.opens = [reply(401, b"authentication required")]
    refused = place(bench)
    assert refused.status == 401
    assert exchange_of(refused) is None, "the place itself was not sent"


@pytest.mark.parametrize(
    "answer",
    [
        good({}),
        lambda n: reply(200, message(n, result={"isError": True, "content": []})),
        lambda n: reply(200, message(n, result={})),
        lambda n: reply(200, message(n, error={"code": -32602, "message": "bad"})),
        reply(200, b"<html>"),
        reply(503, b"later"),
        lost(),
    ],
)
def test_each_ending_of_a_place_has_the_exchange_that_it_was_read_from(bench, answer):
    bench.tools.calls = [answer]
    result = place(bench)
    exchange = exchange_of(result)
    if isinstance(exchange, WireReply):
        assert exchange.status == (503 if isinstance(result, HttpRefusal) else 200)
        assert b"protocolVersion" not in exchange.body, "the reply to the place, not that to the opening"
    else:
        assert exchange is result


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


def test_another_token_opens_another_session(bench):
    bench.tools.session_ids = ["a-session-1", "a-session-2"]
    bench.tools.calls = [good({}), good({}), good({})]
    read(bench)
    bench.http.set_bearer("another-token-of-the-agent")
    assert place(bench) == ToolReply(data={})
    read(bench)
    assert bench.tools.methods().count("initialize") == 2
    assert bench.tools.seen[-1].headers["Mcp-Session-Id"] == "a-session-2"


def test_a_place_is_not_sent_while_the_token_changes_at_each_opening(bench):
    tokens = iter(range(100))

    def changing(request_id):
        answer = reply(200, message(request_id, result={}))
        return replace(answer, then=lambda: bench.http.set_bearer(f"another-token-{next(tokens)}"))

    bench.tools.opens = [changing] * 4
    result = place(bench)
    assert (result.kind, result.first_byte_written) == (FailureKind.OTHER_BEARER, False)
    assert "tools/call" not in bench.tools.methods()


def test_a_session_that_another_thread_opened_meanwhile_is_kept(bench):
    bench.tools.session_ids = ["a-session-1", "a-session-2", "a-session-3"]
    bench.tools.calls = [good({})]
    read(bench)
    late = replace(reply(404), then=lambda: read(bench))
    bench.tools.calls = [late, reply(404), good({}), good({})]
    assert read(bench) == ToolReply(data={})
    assert bench.tools.seen[-1].headers["Mcp-Session-Id"] == "a-session-2"


def test_the_same_token_set_again_keeps_the_session(bench):
    bench.tools.calls = [good({}), good({})]
    read(bench)
    bench.http.set_bearer("a-token-of-the-agent")
    read(bench)
    assert bench.tools.methods().count("initialize") == 1


@pytest.mark.parametrize("version", ["2025-11-25", None, "", 5, "x\r\ny"])
def test_whatever_version_the_server_names_is_taken(bench, version):
    bench.tools.opens = [lambda n: reply(200, message(n, result={"protocolVersion": version}))]
    bench.tools.calls = [good({})]
    assert read(bench) == ToolReply(data={})
    expected = version if version == "2025-11-25" else "2025-03-26"
    assert bench.tools.seen[-1].headers["MCP-Protocol-Version"] == expected


@pytest.mark.parametrize("named", ["", "with space", "x" * 1025])
def test_a_session_whose_name_cannot_be_sent_back_is_not_used(bench, named):
    bench.tools.session_ids = [named]
    assert isinstance(read(bench), Garbled)
    assert isinstance(place(bench), WireFailure)


@pytest.mark.parametrize("ending", [reply(400), reply(500), lost()])
def test_a_session_that_was_not_confirmed_is_not_used(bench, ending):
    bench.tools.notices = [ending, ending, reply(202, b"")] if ending.status == 400 else [ending, reply(202, b"")]
    bench.tools.calls = [good({})]
    assert not isinstance(read(bench), ToolReply)
    assert read(bench) == ToolReply(data={})


def test_a_session_that_was_lost_before_it_was_confirmed_is_opened_again(bench):
    bench.tools.session_ids = ["a-session-1", "a-session-2"]
    bench.tools.notices = [reply(404)]
    bench.tools.calls = [good({})]
    assert place(bench) == ToolReply(data={})
    assert bench.tools.seen[-1].headers["Mcp-Session-Id"] == "a-session-2"


def test_a_server_that_refuses_the_first_version_is_offered_the_second(bench):
    def no_such_version(request_id):
        return reply(200, message(request_id, error={"code": -32602, "message": "unsupported protocol version"}))

    bench.tools.opens = [no_such_version]
    bench.tools.calls = [good({})]
    assert place(bench) == ToolReply(data={})
    proposed = [asked["params"]["protocolVersion"] for asked in bench.tools.asked if asked["method"] == "initialize"]
    assert proposed == ["2025-03-26", "2025-06-18"]


def test_an_opening_that_the_server_refuses_is_the_end_of_the_call(bench):
    def refused(request_id):
        return reply(200, message(request_id, error={"code": -32602, "message": "no such version"}))

    bench.tools.opens = [refused] * 4
    assert read(bench) == RpcError(code=-32602, text="no such version")
    assert place(bench).first_byte_written is False


def test_an_opening_may_be_answered_by_a_stream(bench):
    bench.tools.opens = [lambda n: stream(event(message(n, result={})), Mcp_Session_Id="of-a-stream")]
    bench.tools.calls = [good({})]
    assert read(bench) == ToolReply(data={})
    assert bench.tools.seen[-1].headers["Mcp-Session-Id"] == "of-a-stream"


@pytest.mark.parametrize(("code", "text"), [(-32603, "x"), (-32000, "RATE_LIMITED: too many requests")])
def test_a_read_that_fails_inside_the_server_or_is_throttled_is_no_lost_session(bench, code, text):
    bench.tools.calls = [lambda n: reply(200, message(n, error={"code": code, "message": text}))]
    assert read(bench) == RpcError(code=code, text=text)
    assert bench.tools.methods().count("initialize") == 1


@pytest.mark.parametrize(
    "refusal",
    [
        reply(410),
        reply(503),
        lambda n: reply(200, message(n, error={"code": -32603})),
        lambda n: reply(200, message(n, error={"code": -32602})),
    ],
)
def test_a_refusal_in_an_old_session_leaves_the_next_call_to_a_new_one(bench, refusal):
    """How a server says that it lost a session is not established, and one of no use must not stay for ever."""
    bench.tools.calls = [good({}), refusal, good({"orders": []})]
    read(bench)
    bench.clock.sleep(60)
    read(bench)
    assert read(bench) == ToolReply(data={"orders": []})
    assert bench.tools.methods().count("initialize") == 2


def test_a_server_that_throttles_has_lost_no_session(bench):
    bench.tools.calls = [good({}), reply(429), good({})]
    read(bench)
    bench.clock.sleep(60)
    read(bench)
    read(bench)
    assert bench.tools.methods().count("initialize") == 1


def test_calls_of_many_threads_open_one_session_between_them(bench):
    is_opening, go_on = threading.Event(), threading.Event()

    def slowly(request_id):
        is_opening.set()
        go_on.wait(10)
        return reply(200, message(request_id, result={}), Mcp_Session_Id="of-all")

    bench.tools.opens = [slowly]
    bench.tools.calls = [good({})] * 4
    threads = [threading.Thread(target=read, args=(bench,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert is_opening.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert bench.tools.methods().count("initialize") == 1
    assert bench.tools.methods().count("tools/call") == 4


def test_a_call_waits_for_an_opening_by_another_thread_no_longer_than_its_time(bench):
    with bench.session._opening:
        result = read(bench, timeout_s=0)
    assert (result.kind, result.first_byte_written) == (FailureKind.TIMEOUT, False)


def test_the_reply_to_an_order_is_smaller_than_any_other_may_be(bench):
    bench.tools.calls = [good({"x": "y" * LARGEST_ORDER_REPLY}), good({"x": "y" * LARGEST_ORDER_REPLY})]
    assert isinstance(read(bench), ToolReply)
    assert place(bench).kind is FailureKind.OVERSIZED


def test_a_place_is_not_sent_where_opening_left_no_time_for_its_reply(bench):
    def slowly(request_id):
        bench.clock.advance(8)
        return reply(200, message(request_id, result={}))

    bench.tools.opens = [slowly]
    result = place(bench)
    assert (result.kind, result.first_byte_written) == (FailureKind.TIMEOUT, False)
    assert "tools/call" not in bench.tools.methods()


def test_every_reply_tells_the_time_at_the_broker(bench):
    assert bench.session.broker_clock.now() is None
    for status in (503, 200):
        date = f"Mon, 23 Nov 2026 14:5{status % 7}:00 GMT"
        bench.tools.calls = [reply(status, b"", Date=date)]
        read(bench)
        assert bench.session.broker_clock.now().minute == 50 + status % 7
