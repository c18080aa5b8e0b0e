"""The connection over real sockets: what is written when, on which connection, and what is believed of the reply."""

import io
import socket
import threading
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager

import pytest
import requests
from urllib3.util.connection import is_connection_dropped

from tests.support.loopback_broker import acts
from tests.support.loopback_broker.bench import Bench, bench
from trading_bot.clock import SystemClock
from trading_bot.order_management.ports import SendRefusedError
from trading_bot.robinhood.connection import MAX_HEAD_BYTES, _connected
from trading_bot.robinhood.failures import FailureKind
from trading_bot.robinhood.name_lookup import Address
from trading_bot.robinhood.sending import SendContext, SendPhase, current_send_context, sending
from trading_bot.robinhood.session import FORM, MAX_BODY_BYTES, WireRequest

ORDER = WireRequest(method="POST", path="/orders/", query=(("a", "1"),), body=b"x=1&y=2", content_type=FORM)


@pytest.fixture
def desk():
    with bench() as made:
        yield made


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.005)
    pytest.fail("it never came true")


def idle_connection_is_gone(desk: Bench) -> bool:
    idle = desk.transport._pools["api.robinhood.com"].pool
    return idle is not None and is_connection_dropped(idle.queue[-1])


def test_a_request_arrives_whole_and_its_reply_comes_back(desk):
    desk.server.on("POST", "/orders/", acts.reply(201, {"id": "1"}, X_Seen="yes"))
    desk.session.set_bearer("token")
    result = desk.reply(ORDER)
    assert (result.status, result.headers["x-seen"], result.json()) == (201, "yes", {"id": "1"})
    [heard] = desk.server.heard
    assert (heard.method, heard.path, heard.query, heard.body) == ("POST", "/orders/", {"a": "1"}, b"x=1&y=2")
    assert (heard.headers["host"], heard.headers["authorization"]) == ("api.robinhood.com", "Bearer token")


def test_requests_share_a_kept_alive_connection(desk):
    desk.server.on("GET", "/orders/", acts.reply(), acts.reply())
    desk.reply()
    desk.reply()
    assert [heard.connection for heard in desk.server.heard] == [1, 1]


def test_a_connection_closed_while_idle_is_replaced_before_anything_is_written(desk):
    desk.server.on("GET", "/orders/", acts.send(acts.message(), and_close=True), acts.reply())
    desk.reply()
    wait_until(lambda: idle_connection_is_gone(desk))
    desk.reply()
    assert [heard.connection for heard in desk.server.heard] == [1, 2]


@pytest.mark.parametrize("ending", [acts.close, acts.reset], ids=["closed", "reset"])
def test_a_kept_alive_connection_that_dies_as_we_send_is_an_unknown_end_and_nobody_sends_again(desk, ending):
    desk.server.on("POST", "/orders/", acts.reply(), ending, acts.reply())
    desk.reply(ORDER)
    result = desk.failure(ORDER)
    assert (result.kind, result.first_byte_written, result.security_alert) == (FailureKind.RESET, True, False)
    assert [heard.connection for heard in desk.server.heard] == [1, 1]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
        b"SMTP ready\r\n\r\n",
    ],
)
def test_a_reply_that_is_cut_or_is_no_http_is_a_failure_after_the_first_byte(desk, raw):
    desk.server.on("GET", "/orders/", acts.send(raw, and_close=True))
    result = desk.failure()
    assert (result.kind, result.first_byte_written) == (FailureKind.RESET, True)


def test_a_refused_connection_is_proof_that_nothing_left():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = Address(family=socket.AF_INET, endpoint=closed.getsockname())
    with bench(lookup=lambda host, port: [nobody]) as desk:
        result = desk.failure()
    assert (result.kind, result.first_byte_written, result.phase) == (FailureKind.CONNECT, False, SendPhase.BEGUN)


def test_a_server_that_hangs_up_during_the_handshake_is_no_attack_and_has_seen_nothing(desk):
    desk.server.greetings.extend([acts.close, acts.reset])
    for _ in range(2):
        result = desk.failure()
        # A reset may come so early that connecting itself reports it.
        assert result.kind in (FailureKind.RESET, FailureKind.CONNECT)
        assert (result.first_byte_written, result.security_alert) == (False, False)


def test_the_permit_is_taken_after_the_handshake_and_given_back_before_the_reply(desk):
    given_back = threading.Event()
    seen = []

    @contextmanager
    def permit():
        seen.append((desk.server.connections, len(desk.server.heard)))
        yield
        given_back.set()

    def answer_when_given_back(connection, stop):
        assert given_back.wait(5)
        return acts.reply()(connection, stop)

    desk.server.on("POST", "/orders/", answer_when_given_back)
    result = desk.exchange(ORDER, permit=permit())
    assert result.status == 200
    assert seen == [(1, 0)]


def test_a_refused_permit_leaves_a_connected_server_without_a_byte(desk):
    class Refusing(AbstractContextManager[None]):
        def __enter__(self):
            raise SendRefusedError("latch", "not armed")

        def __exit__(self, *_):
            """Never entered."""

    result = desk.failure(ORDER, permit=Refusing())
    assert (result.kind, result.gate, result.phase) == (FailureKind.REFUSED_BY_GATE, "latch", SendPhase.CONNECTED)
    desk.server.on("GET", "/orders/", acts.reply())
    desk.reply()
    assert desk.server.paths() == ["GET /orders/"]


def test_a_permit_that_takes_all_the_time_leaves_nothing_written(desk):
    @contextmanager
    def permit():
        threading.Event().wait(0.25)
        yield

    result = desk.failure(ORDER, permit=permit(), timeout_s=0.2)
    assert (result.kind, result.first_byte_written, result.phase) == (FailureKind.TIMEOUT, False, SendPhase.CONNECTED)
    assert desk.server.heard == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["https://evil.example/", "https://api.robinhood.com/elsewhere/", "/elsewhere/"])
def test_a_redirect_is_an_alert_and_no_byte_follows_it(desk, status, target):
    desk.server.on("POST", "/orders/", acts.reply(status, None, Location=target))
    result = desk.failure(ORDER)
    assert (result.kind, result.security_alert, result.first_byte_written) == (FailureKind.REDIRECT, True, True)
    assert desk.server.paths() == ["POST /orders/"]


def test_a_head_beyond_its_bound_is_refused(desk):
    fits = {f"X-{number}": "x" * 6000 for number in range(10)}
    desk.server.on("GET", "/orders/", acts.reply(200, None, **fits), acts.reply(200, None, **fits, More="x" * 6000))
    desk.reply()
    result = desk.failure()
    assert (result.kind, result.first_byte_written) == (FailureKind.OVERSIZED, True)
    assert MAX_HEAD_BYTES == 65536


def test_headers_beyond_counting_are_refused(desk):
    desk.server.on("GET", "/orders/", acts.reply(200, None, **{f"X-{number}": "x" for number in range(101)}))
    assert desk.failure().first_byte_written


def test_a_large_body_does_not_count_as_head(desk):
    desk.server.on("GET", "/orders/", acts.reply(200, b"x" * MAX_BODY_BYTES), acts.reply(200, b"y"))
    assert len(desk.reply().body) == MAX_BODY_BYTES
    assert desk.reply().body == b"y"


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [(b"plain", "identity"), (zlib.compress(b"plain"), "deflate"), (zlib.compress(b"plain", wbits=31), "GZIP")],
)
def test_the_encodings_we_ask_for_are_understood(desk, raw, encoding):
    desk.server.on("GET", "/orders/", acts.reply(200, raw, Content_Encoding=encoding))
    assert desk.reply().body == b"plain"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_an_encoding_we_did_not_ask_for_is_refused_unread(desk, encoding):
    desk.server.on("GET", "/orders/", acts.reply(200, b"x", Content_Encoding=encoding), acts.reply())
    result = desk.failure()
    assert (result.kind, result.first_byte_written) == (FailureKind.OTHER, True)
    desk.reply()
    assert [heard.connection for heard in desk.server.heard] == [1, 2]


def test_a_body_that_is_not_in_the_encoding_it_claims_is_a_failure(desk):
    desk.server.on("GET", "/orders/", acts.reply(200, b"no gzip", Content_Encoding="gzip"))
    assert desk.failure().kind is FailureKind.OTHER


def test_a_decompression_bomb_is_refused(desk):
    desk.server.on("GET", "/orders/", acts.packed(bytes(MAX_BODY_BYTES * 8)))
    assert desk.failure().kind is FailureKind.OVERSIZED


@pytest.mark.parametrize("gap", [0, io.DEFAULT_BUFFER_SIZE], ids=["in the socket", "already decrypted"])
def test_bytes_nobody_asked_for_are_never_read_as_the_next_answer(desk, gap):
    first, planted = acts.message(200, b""), acts.message(200, {"id": "planted"})
    raw = first + b" " * (gap - len(first)) + planted
    desk.server.on("GET", "/orders/", acts.send(raw), acts.reply(200, {"id": "real"}))
    desk.reply()
    assert desk.reply().json() == {"id": "real"}


def test_half_a_request_is_never_the_beginning_of_another(desk):
    connection = desk.transport._pools["api.robinhood.com"]._new_conn()
    connection.send(b"POST /orders/ ")
    with pytest.raises(TypeError, match="written whole"):
        connection.send(iter([b"x"]))
    connection.close()
    assert connection._outgoing == b""


def test_the_phase_says_how_far_a_request_got(desk):
    phases = []

    @contextmanager
    def permit():
        phases.append(current_send_context().phase)
        yield
        phases.append(current_send_context().phase)

    @contextmanager
    def watched(context):
        with sending(context):
            yield
            phases.append(context.phase)

    desk.server.on("GET", "/", acts.reply())
    request = requests.Request("GET", "https://api.robinhood.com/").prepare()
    with watched(SendContext(deadline=SystemClock().monotonic() + 5, permit=permit())):
        desk.transport.send(request).close()
    assert phases == [SendPhase.CONNECTED, SendPhase.SENT, SendPhase.HEADERS_READ]


def test_a_request_leaves_without_waiting_for_more_to_send(desk):
    desk.server.on("GET", "/orders/", acts.reply())
    desk.reply()
    idle = desk.transport._pools["api.robinhood.com"].pool
    assert idle is not None
    assert idle.queue[-1].sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.parametrize("left_s", [0, -1])
def test_without_time_left_no_connection_is_tried(desk, left_s):
    [address] = desk.server.lookup("api.robinhood.com", 443)
    with pytest.raises(TimeoutError):
        _connected(address, left_s)
