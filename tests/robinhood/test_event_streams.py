"""A reply that is a stream of events, over real sockets: read to the answer, and never to an end that may not come."""

import io
import time
from contextlib import nullcontext

import pytest
import requests
import urllib3

from tests.support.loopback_broker import acts
from tests.support.loopback_broker.bench import authority, bench
from tests.support.loopback_broker.server import LoopbackServer
from tests.support.scripted_broker import ScriptedBroker, clock, reply
from trading_bot.agent.endpoint import AGENT_BASE_URL, AGENT_HOST
from trading_bot.clock import SystemClock
from trading_bot.robinhood.failures import FailureKind
from trading_bot.robinhood.sending import current_send_context
from trading_bot.robinhood.session import (
    EVENT_STREAM,
    MAX_BODY_BYTES,
    BrokerSession,
    WireFailure,
    WireReply,
    WireRequest,
)

ANSWER = b"data: 42\n\n"
CHUNKED = {"Content_Type": f"{EVENT_STREAM}; charset=utf-8", "Transfer_Encoding": "chunked"}
OPEN_ENDED = {"Content_Type": EVENT_STREAM, "Connection": "close"}


def asking(**changes):
    arrived = bytearray()

    def has_answer(piece):
        arrived.extend(piece)
        return ANSWER in arrived

    return WireRequest(method="POST", path="/mcp/trading", is_answered_by=has_answer, **changes)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def stays_open(*pieces):
    def act(connection, stop):
        for piece in pieces:
            connection.sendall(piece)
            stop.wait(0.01)
        stop.wait(20)
        return False

    return act


@pytest.fixture
def desk():
    with bench() as made:
        yield made


def reply_of(result) -> WireReply:
    assert isinstance(result, WireReply), result
    return result


def failure_of(result) -> WireFailure:
    assert isinstance(result, WireFailure), result
    return result


def ask(desk, act, request=None, timeout_s=5.0):
    desk.server.on("POST", "/mcp/trading", act)
    begun = time.monotonic()
    result = desk.exchange(request or asking(), timeout_s=timeout_s)
    return result, time.monotonic() - begun


@pytest.mark.parametrize(
    "pieces",
    [
        (acts.head(**CHUNKED), chunk(b": hello\n\n"), chunk(b"data: 4"), chunk(b"2\n\n")),
        (acts.head(**CHUNKED) + chunk(ANSWER),),
        (acts.head(**OPEN_ENDED), b"data: 1\n\n", ANSWER),
    ],
    ids=["in pieces", "at once", "without a length"],
)
def test_an_answer_is_taken_while_its_stream_stays_open(desk, pieces):
    result, took_s = ask(desk, stays_open(*pieces))
    assert ANSWER in reply_of(result).body
    assert took_s < 4


@pytest.mark.parametrize("permit", [None, nullcontext()], ids=["a read", "a submit"])
def test_a_stream_that_ends_with_its_answer_leaves_the_connection_for_the_next_call(desk, permit):
    whole = acts.send(acts.head(**CHUNKED) + chunk(ANSWER) + b"0\r\n\r\n")
    for _ in range(2):
        desk.server.on("POST", "/mcp/trading", whole)
        assert reply_of(desk.exchange(asking(), permit=permit)).body == ANSWER
    assert [heard.connection for heard in desk.server.heard] == [1, 1]


def test_a_stream_left_open_costs_its_connection(desk):
    ask(desk, stays_open(acts.head(**CHUNKED) + chunk(ANSWER)))
    ask(desk, acts.reply())
    assert [heard.connection for heard in desk.server.heard] == [1, 2]


def test_a_stream_without_our_answer_ends_by_the_deadline(desk):
    result, took_s = ask(desk, stays_open(acts.head(**CHUNKED) + chunk(b": ping\n\n")), timeout_s=0.4)
    failed = failure_of(result)
    assert (failed.kind, failed.first_byte_written) == (FailureKind.TIMEOUT, True)
    assert took_s < 4


def test_a_dripping_stream_ends_by_the_deadline(desk):
    drip = acts.drip(chunk(b":\n") * 1000, every_s=0.01, first=acts.head(**CHUNKED))
    result, took_s = ask(desk, drip, timeout_s=0.4)
    assert failure_of(result).kind is FailureKind.TIMEOUT
    assert took_s < 4


@pytest.mark.parametrize("ending", [b"", b"data: 4"])
def test_a_stream_that_is_cut_is_a_broken_connection(desk, ending):
    cut = acts.send(acts.head(**CHUNKED) + chunk(b"data: 1\n\n") + b"ff\r\n" + ending, and_close=True)
    result, _ = ask(desk, cut)
    failed = failure_of(result)
    assert (failed.kind, failed.first_byte_written) == (FailureKind.RESET, True)


def test_a_stream_is_no_longer_than_any_reply(desk):
    long = acts.send(acts.head(**CHUNKED) + chunk(b": x\n" * (MAX_BODY_BYTES // 4 + 1)))
    assert failure_of(ask(desk, long)[0]).kind is FailureKind.OVERSIZED


def test_a_reply_is_no_longer_than_its_request_allows(desk):
    result, _ = ask(desk, acts.reply(200, b"x" * 101), asking(largest_body=100))
    assert failure_of(result).kind is FailureKind.OVERSIZED


def test_a_reply_that_is_no_stream_is_read_whole(desk):
    result, _ = ask(desk, acts.reply(200, ANSWER + b"and more", Content_Type="application/json"))
    assert reply_of(result).body == ANSWER + b"and more"


def test_what_follows_an_answer_is_not_read_for_long(desk):
    endless = acts.drip(chunk(b":\n") * 5000, every_s=0.001, first=acts.head(**CHUNKED) + chunk(ANSWER))
    result, took_s = ask(desk, endless)
    assert ANSWER in reply_of(result).body
    assert took_s < 2


def test_a_transport_of_ones_own_may_answer_with_a_stream():
    broker = ScriptedBroker()
    broker.on("POST", "/mcp/trading", reply(200, ANSWER + b"more", Content_Type=EVENT_STREAM))
    result = BrokerSession(adapter=broker, clock=clock()).exchange(asking(), timeout_s=5)
    assert reply_of(result).body == ANSWER + b"more"


def test_a_transport_of_ones_own_may_answer_with_bytes_of_any_kind():
    class Plain(requests.adapters.BaseAdapter):
        def send(self, request, *_, **__):
            with current_send_context().writing():
                built = requests.Response()
            built.status_code, built.raw, built.request = 200, io.BytesIO(ANSWER), request
            built.headers["Content-Type"] = EVENT_STREAM
            return built

        def close(self):
            """Nothing is open."""

    result = BrokerSession(adapter=Plain(), clock=clock()).exchange(asking(), timeout_s=5)
    assert reply_of(result).body == ANSWER


def test_what_a_transport_of_ones_own_says_without_end_is_left():
    class Endless(io.BytesIO):
        reads = 0

        def read1(self, size=-1, /):
            self.reads += 1
            assert self.reads < 100
            return ANSWER

    class Talkative(ScriptedBroker):
        def send(self, request, *arguments, **options):
            built = super().send(request, *arguments, **options)
            built.raw = urllib3.HTTPResponse(
                body=Endless(), preload_content=False, original_response=built.raw._original_response
            )
            return built

    broker = Talkative()
    broker.on("POST", "/mcp/trading", reply(200, b"", Content_Type=EVENT_STREAM))
    result = BrokerSession(adapter=broker, clock=clock()).exchange(asking(), timeout_s=5)
    assert reply_of(result).body == ANSWER


def test_the_agent_interface_has_connections_of_its_own_to_its_own_host_alone():
    request = WireRequest(method="POST", path="/mcp/trading", headers=(("Accept", EVENT_STREAM), ("X-More", "1")))
    server = LoopbackServer(authority().certify(AGENT_HOST).server_context())
    with bench(server) as desk:
        agent = BrokerSession(adapter=desk.transport, clock=SystemClock(), base_url=AGENT_BASE_URL)
        agent.set_bearer("the-token-of-the-agent")
        server.on("POST", "/mcp/trading", acts.reply(), acts.reply())
        assert isinstance(agent.exchange(request, timeout_s=5), WireReply)
        # The certificate is the agent's host's, so the other host's session gets no further than the handshake.
        assert desk.failure(request).kind is FailureKind.TLS
    [heard] = server.heard
    assert heard.headers["host"] == AGENT_HOST
    assert heard.headers["authorization"] == "Bearer the-token-of-the-agent"
    assert (heard.headers["accept"], heard.headers["x-more"]) == (EVENT_STREAM, "1")
    assert "x-robinhood-api-version" not in heard.headers
