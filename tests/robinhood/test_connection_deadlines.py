"""No server, however slow, holds a call past its deadline. Real time, because sockets have no other."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from tests.support.loopback_broker import acts
from tests.support.loopback_broker.bench import READ, bench
from trading_bot.clock import SystemClock
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.robinhood.failures import FailureKind
from trading_bot.robinhood.name_lookup import MAX_UNFINISHED, Address
from trading_bot.robinhood.session import WireRequest

DEADLINE_S = 0.3
GRACE_S = 1.0
DRIP_S = 0.02
ENDLESS = b"x" * 10_000


@pytest.fixture
def desk():
    with bench() as made:
        yield made


def timed_failure(desk, request=READ, *, deadline_s=DEADLINE_S):
    began = time.monotonic()
    result = desk.failure(request, timeout_s=deadline_s)
    took = time.monotonic() - began
    assert deadline_s * 0.9 <= took < deadline_s + GRACE_S
    return result


SLOW_REPLIES = {
    "silent": acts.hang,
    "dripping status line": acts.drip(ENDLESS, every_s=DRIP_S, first=b"HTTP/1.1 "),
    "dripping header": acts.drip(ENDLESS, every_s=DRIP_S, first=b"HTTP/1.1 200 OK\r\nX: "),
    "endless interim replies": acts.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 400, every_s=DRIP_S / 20),
    "dripping body": acts.drip(ENDLESS, every_s=DRIP_S, first=acts.head(200, Content_Length="10000")),
    "dripping body without a length": acts.drip(ENDLESS, every_s=DRIP_S, first=acts.head(200)),
    "dripping chunks": acts.drip(
        b"1\r\nx\r\n" * 2000, every_s=DRIP_S, first=acts.head(200, Transfer_Encoding="chunked")
    ),
    "dripping chunk size": acts.drip(b"0" * 10_000, every_s=DRIP_S, first=acts.head(200, Transfer_Encoding="chunked")),
    "silent body": acts.drip(b"", every_s=0, first=acts.head(200, Content_Length="1")),
}


@pytest.mark.parametrize("act", SLOW_REPLIES.values(), ids=SLOW_REPLIES)
def test_a_slow_reply_ends_at_the_deadline_as_unknown(desk, act):
    desk.server.on("GET", "/orders/", act)
    result = timed_failure(desk)
    assert (result.kind, result.first_byte_written) == (FailureKind.TIMEOUT, True)


@pytest.mark.parametrize("way", ["handshake", "silent", "dripping body"])
def test_a_whole_call_of_the_gateway_ends_at_its_deadline_too(desk, way):
    """Repetitions, and what else the call would ask, get no time of their own."""
    if way == "handshake":
        desk.server.greetings.extend([acts.hang] * 9)
    else:
        desk.server.on_every("GET", "/accounts/5QR10001/", lambda _: SLOW_REPLIES[way])
    gateway = RobinhoodGateway(
        session=desk.session,
        clock=SystemClock(),
        account_number="5QR10001",
        renew=lambda _within_s: False,
        read_timeout_s=DEADLINE_S,
    )
    began = time.monotonic()
    with pytest.raises(OrderStatusError):
        gateway.fetch_account()
    assert time.monotonic() - began < DEADLINE_S + GRACE_S


@pytest.mark.parametrize("act", [SLOW_REPLIES["silent"], SLOW_REPLIES["dripping body"]], ids=["silent", "dripping"])
def test_a_connection_that_was_too_slow_is_closed_and_never_used_again(desk, act):
    desk.server.on("GET", "/orders/", act, acts.reply())
    timed_failure(desk)
    desk.reply()
    assert [heard.connection for heard in desk.server.heard] == [1, 2]


def test_a_dripping_redirect_ends_at_once(desk):
    drip = acts.drip(ENDLESS, every_s=DRIP_S, first=acts.head(302, Location="/x/", Content_Length="10000"))
    desk.server.on("GET", "/orders/", drip)
    began = time.monotonic()
    assert desk.failure(timeout_s=30).kind is FailureKind.REDIRECT
    assert time.monotonic() - began < GRACE_S


def test_a_slow_reply_on_a_kept_alive_connection_ends_at_its_own_deadline(desk):
    desk.server.on("GET", "/orders/", acts.reply(), acts.hang)
    desk.reply(timeout_s=30)
    assert timed_failure(desk).kind is FailureKind.TIMEOUT


def test_a_server_that_never_shakes_hands_ends_at_the_deadline_with_nothing_sent(desk):
    desk.server.greetings.append(acts.hang)
    result = timed_failure(desk)
    assert (result.kind, result.first_byte_written) == (FailureKind.CONNECT_TIMEOUT, False)


def test_a_server_that_drips_its_handshake_ends_at_the_deadline_with_nothing_sent(desk):
    hello_of_200_bytes = b"\x16\x03\x03\x00\xc8"
    desk.server.greetings.append(acts.drip(ENDLESS[:200], every_s=DRIP_S, first=hello_of_200_bytes))
    result = timed_failure(desk)
    assert (result.kind, result.first_byte_written) == (FailureKind.CONNECT_TIMEOUT, False)


def test_a_server_that_does_not_read_ends_at_the_deadline_as_unknown(desk):
    """The connection is there before, and the deadline is long: a slow machine too has written the first byte by it."""
    desk.server.greetings.append(desk.server.deaf_after_one)
    assert desk.reply(timeout_s=30).status == 200
    result = timed_failure(desk, WireRequest(method="POST", path="/orders/", body=b"x" * 16_000_000), deadline_s=2.0)
    assert (result.kind, result.first_byte_written) == (FailureKind.TIMEOUT, True)
    assert desk.server.connections == 1, "what took its time was no handshake"


def test_a_look_up_that_never_answers_ends_at_the_deadline_with_nothing_sent():
    answer = threading.Event()

    def lookup(host, port):
        answer.wait(30)
        return []

    with bench(lookup=lookup) as desk:
        result = timed_failure(desk)
        answer.set()
    assert (result.kind, result.first_byte_written) == (FailureKind.DNS, False)


def test_unanswered_look_ups_do_not_pile_up():
    answer, asked = threading.Event(), []

    def lookup(host, port):
        asked.append(host)
        answer.wait(30)
        return []

    with bench(lookup=lookup) as desk:
        for _ in range(MAX_UNFINISHED + 1):
            assert desk.failure(timeout_s=0.15).kind is FailureKind.DNS
        answer.set()
    assert asked == ["api.robinhood.com"] * MAX_UNFINISHED


def test_a_burst_of_cancels_may_look_the_name_up_all_at_once():
    """None of their connections exists before, and a resolver takes its time."""
    burst = 8
    all_look_up, together = threading.Barrier(burst), []

    def lookup(host, port):
        with suppress(threading.BrokenBarrierError):
            together.append(all_look_up.wait(1))
        return []

    with bench(lookup=lookup) as desk, ThreadPoolExecutor(burst) as pool:
        for _ in range(burst):
            pool.submit(desk.failure)
    assert sorted(together) == list(range(burst))


@pytest.mark.parametrize("problem", [socket.gaierror(socket.EAI_NONAME, "unknown"), None], ids=["unknown", "empty"])
def test_a_name_without_an_address_is_a_dns_failure(problem):
    def lookup(host, port):
        if problem is not None:
            raise problem
        return []

    with bench(lookup=lookup) as desk:
        result = desk.failure()
    assert (result.kind, result.first_byte_written) == (FailureKind.DNS, False)


@pytest.fixture
def deaf_address():
    """A listener whose queue is full: the next to connect waits for ever."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            visitor = stack.enter_context(socket.socket())
            visitor.setblocking(False)
            visitor.connect_ex(listener.getsockname())
        yield Address(family=socket.AF_INET, endpoint=listener.getsockname())


def test_an_address_that_takes_no_connection_ends_at_the_deadline_with_nothing_sent(deaf_address):
    with bench(lookup=lambda host, port: [deaf_address]) as desk:
        result = timed_failure(desk)
    assert (result.kind, result.first_byte_written) == (FailureKind.CONNECT_TIMEOUT, False)


def test_a_dead_address_leaves_time_for_the_next(deaf_address):
    with bench() as desk, bench(lookup=lambda *name: [deaf_address, *desk.server.lookup(*name)]) as second:
        desk.server.on("GET", "/orders/", acts.reply())
        assert second.reply(timeout_s=0.8).status == 200
