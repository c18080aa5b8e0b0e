"""What is made of each answer: data, a refusal, an error of JSON-RPC, or nothing that can be read."""

import json
from decimal import Decimal

import pytest

from tests.support.scripted_broker import lost, reply
from tests.support.scripted_tools import ToolBench, bad, event, good, message, stream
from trading_bot.agent.messages import AnswerFinder, RpcResult
from trading_bot.agent.tool_call import Garbled, HttpRefusal, RpcError, ToolError, ToolReply, tool_call
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.session import WireReply


@pytest.fixture
def bench():
    return ToolBench()


def read(bench):
    return bench.session.call(tool_call("get_equity_orders", {"account_number": "000000001"}), timeout_s=10)


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
        ({"isError": "yes", "content": None, "_meta": 5}, ToolError(text="", category=None)),
        (
            {"isError": True, "content": [{"type": "text", "text": "a"}, 5, {"type": "image"}, {"text": "b"}]},
            ToolError(text="a\nb", category=None),
        ),
        (
            {"structuredContent": {}, "content": [{"text": "\ud800"}, {"text": '{"data": [1]}'}]},
            ToolReply(data=[1]),
        ),
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
        (lambda n: reply(200, event(message(n, result=good({"a": 1})))), ToolReply(data={"a": 1})),
        (lambda n: stream(json.dumps(message(n, result=good({"a": 1}))).encode()), ToolReply(data={"a": 1})),
        (
            lambda n: reply(200, [message(n + 1, result={}), message(n, result=good({"a": 1}))]),
            ToolReply(data={"a": 1}),
        ),
        (lambda n: stream(event({"id": n, "method": "ping"}), event(message(n, result=good({})))), ToolReply(data={})),
        (lambda n: stream(b"data: {\n\n", event(message(n, result=good({})))), ToolReply(data={})),
        (lambda n: stream(event(message(None, error={"code": -1, "message": ""}))), Garbled),
        (lambda n: reply(200, message(None, result=good({}))), Garbled),
        (lambda n: reply(200, message(True, result=good({}))), Garbled),
        (lambda n: reply(200, message(str(n), result=good({"a": 1}))), ToolReply(data={"a": 1})),
        (lambda n: stream(event(message(str(n), result=good({"a": 1})))), ToolReply(data={"a": 1})),
        (lambda n: reply(200, message(f"0{n}", result=good({}))), Garbled),
        (lambda n: reply(200, message(str(n + 1), result=good({}))), Garbled),
        (lambda n: reply(200, message(n)), Garbled),
        (lambda n: reply(200, message(n, error="no object")), Garbled),
        (lambda n: reply(202, b""), Garbled),
        (lambda n: reply(200, message(n, error={"code": -32602, "message": 5})), RpcError(code=-32602, text="")),
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


def test_a_stream_is_read_on_to_our_answer(bench):
    first = event({"jsonrpc": "2.0", "method": "notifications/progress"}) + b": wait\n" * 4000 + b"\n"
    bench.tools.calls = [lambda n: stream(first, event(message(n, result=good({"a": 1}))))]
    assert read(bench) == ToolReply(data={"a": 1})


def test_an_id_that_only_equals_ours_is_not_ours(bench):
    bench.tools.opens = [lambda _: reply(200, message(True, result={}))]
    assert isinstance(read(bench), Garbled)


def streamed(body: bytes) -> WireReply:
    return WireReply(status=200, headers={"content-type": "text/event-stream"}, body=body)


def test_an_answer_that_was_found_while_it_arrived_is_not_decoded_again():
    body, finder = event(message(7, result=good({"a": 1}))), AnswerFinder(7)
    assert finder.is_in(body)
    assert finder.answer_in(streamed(body)) is finder.answer_in(streamed(body))


def test_an_answer_is_read_from_the_reply_where_that_differs_from_what_arrived():
    """The session masks an echo of the access token in the reply, after the answer was seen to be complete."""
    finder = AnswerFinder(7)
    assert finder.is_in(event(message(7, result={"said": "the-token"})))
    assert finder.answer_in(streamed(event(message(7, result={"said": "***"})))) == RpcResult(value={"said": "***"})
