"""A submit's bytes are bound to its attempt, by options of real sockets; other requests are not."""

import socket
import struct
import threading
from contextlib import nullcontext

import pytest

from tests.support.loopback_broker import acts
from tests.support.loopback_broker.bench import Bench, bench
from trading_bot.clock import SystemClock
from trading_bot.order_management.send_horizon import Carrier
from trading_bot.robinhood.connection import DeadlineSocket
from trading_bot.robinhood.failures import FailureKind
from trading_bot.robinhood.live_transport import build_live_transport
from trading_bot.robinhood.order_socket import (
    ExpiryOption,
    bind_to_attempt,
    expiry_option,
    order_socket_carrier,
    release,
)
from trading_bot.robinhood.session import WireRequest

ORDER = WireRequest(method="POST", path="/orders/", body=b"symbol=AAPL")
UNKNOWN_OPTION = ExpiryOption(number=9999, units_per_second=1000)
EXPIRY = expiry_option()
needs_expiry = pytest.mark.skipif(EXPIRY is None, reason="this platform bounds the age of written bytes by no option")


@pytest.fixture
def desk():
    with bench() as made:
        yield made


@pytest.fixture
def pair():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        served, _ = server.accept()
        served.settimeout(5)
        with served:
            yield client, served


def expiry_ms(sock: socket.socket) -> int:
    assert EXPIRY is not None
    return sock.getsockopt(socket.IPPROTO_TCP, EXPIRY.number) * 1000 // EXPIRY.units_per_second


def resets(sock: socket.socket) -> bool:
    return struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)) == (1, 0)


def idle_socket(desk: Bench) -> DeadlineSocket:
    """The one connection that waits for its next request."""
    pool = desk.transport._pools["api.robinhood.com"].pool
    assert pool is not None
    (connection,) = [each for each in list(pool.queue) if each is not None]
    assert isinstance(connection.sock, DeadlineSocket)
    return connection.sock


class Ear:
    """Hears, on the broker's side, how a connection ended after its request."""

    def __init__(self) -> None:
        self.end: str | None = None
        self.heard = threading.Event()

    def __call__(self, connection: socket.socket, stop: threading.Event) -> bool:
        del stop
        try:
            # Below TLS: Python's TLS sockets report a reset as an end of the stream.
            self.end = "graceful" if socket.socket.recv(connection, 1) == b"" else "more bytes"
        except ConnectionResetError:
            self.end = "reset"
        self.heard.set()
        return False


permit = nullcontext


class TestOptions:
    @needs_expiry
    def test_a_bound_socket_expires_with_the_attempt_and_resets_on_close(self, pair):
        client, _ = pair
        bind_to_attempt(client, 3.5, EXPIRY)
        assert (expiry_ms(client), resets(client)) == (3500, True)

    @needs_expiry
    def test_a_released_socket_takes_the_systems_time_and_closes_gracefully(self, pair):
        client, _ = pair
        bind_to_attempt(client, 3.5, EXPIRY)
        release(client, EXPIRY)
        assert (expiry_ms(client), resets(client)) == (0, False)

    @pytest.mark.parametrize("option", [EXPIRY, None], ids=["with the option", "without it"])
    def test_closing_a_bound_socket_is_heard_as_a_reset(self, pair, option):
        client, served = pair
        bind_to_attempt(client, 3, option)
        client.close()
        with pytest.raises(ConnectionResetError):
            served.recv(1)

    @pytest.mark.parametrize("option", [EXPIRY, None], ids=["with the option", "without it"])
    def test_closing_a_released_socket_is_heard_as_an_end(self, pair, option):
        client, served = pair
        bind_to_attempt(client, 3, option)
        release(client, option)
        client.close()
        assert served.recv(1) == b""

    @pytest.mark.parametrize(("seconds", "value"), [(2.0, 2000), (0.0019, 1), (0.0001, 1)])
    def test_the_shortest_time_is_never_zero_which_would_mean_the_systems_own(self, seconds, value):
        assert ExpiryOption(number=18, units_per_second=1000).value(seconds) == value

    @pytest.mark.parametrize(("platform", "is_known"), [("linux", True), ("darwin", True), ("win32", False)])
    def test_each_platform_has_its_option_or_none(self, platform, is_known):
        assert (expiry_option(platform) is not None) is is_known

    @pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the constant is Linux's")
    def test_the_number_for_linux_is_that_of_its_headers(self):
        option = expiry_option("linux")
        assert option is not None
        assert option.number == socket.TCP_USER_TIMEOUT


class TestCarrier:
    @needs_expiry
    def test_a_platform_that_keeps_the_option_bounds_what_it_carries(self):
        assert order_socket_carrier(EXPIRY) is Carrier.EXPIRING_SOCKET

    @pytest.mark.parametrize("option", [None, UNKNOWN_OPTION], ids=["none known", "refused"])
    def test_a_platform_without_the_option_does_not(self, option):
        assert order_socket_carrier(option) is Carrier.LINGERING_SOCKET

    @pytest.mark.skipif(not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="the option is Linux's")
    def test_an_option_that_is_taken_and_not_kept_bounds_nothing(self):
        rounding = ExpiryOption(number=socket.TCP_DEFER_ACCEPT, units_per_second=2)  # 2 s become 3 s
        assert order_socket_carrier(rounding) is Carrier.LINGERING_SOCKET

    @pytest.mark.parametrize("option", [EXPIRY, None], ids=["this platform", "a platform without"])
    def test_our_transport_says_what_its_sockets_are(self, option):
        transport = build_live_transport(clock=SystemClock(), expiry=option)
        assert transport.carrier is order_socket_carrier(option)


class TestSubmit:
    def test_one_without_an_answer_is_reset(self, desk: Bench):
        ear = Ear()
        desk.server.on("POST", "/orders/", ear)
        assert desk.failure(ORDER, permit=permit(), timeout_s=0.3).kind is FailureKind.TIMEOUT
        assert ear.heard.wait(5)
        assert ear.end == "reset"

    def test_one_with_half_an_answer_is_reset(self, desk: Bench):
        ear = Ear()
        half = acts.send(acts.head(201, Content_Length="10") + b"{")
        desk.server.on("POST", "/orders/", lambda sock, stop: half(sock, stop) and ear(sock, stop))
        assert desk.failure(ORDER, permit=permit(), timeout_s=0.3).kind is FailureKind.TIMEOUT
        assert ear.heard.wait(5)
        assert ear.end == "reset"

    def test_another_request_without_an_answer_is_closed_gracefully(self, desk: Bench):
        """A cancel that is still in the kernel's hands shall go on to the broker."""
        ear = Ear()
        desk.server.on("POST", "/orders/", ear)
        assert desk.failure(ORDER, timeout_s=0.3).kind is FailureKind.TIMEOUT
        assert ear.heard.wait(5)
        assert ear.end == "graceful"

    @needs_expiry
    def test_its_bytes_expire_with_what_is_left_of_it(self, desk: Bench):
        seen: list[int] = []
        desk.server.on("GET", "/", acts.reply())
        desk.reply(WireRequest(method="GET", path="/"))
        sock = idle_socket(desk)

        def look_then_answer(connection: socket.socket, stop: threading.Event) -> bool:
            seen.extend((expiry_ms(sock), int(resets(sock))))
            return acts.reply(201)(connection, stop)

        desk.server.on("POST", "/orders/", look_then_answer)
        desk.exchange(ORDER, permit=permit(), timeout_s=4)
        age_ms, is_reset = seen
        assert 0 < age_ms <= 4000
        assert is_reset

    @needs_expiry
    def test_a_whole_answer_ends_it_and_the_connection_serves_the_next_request(self, desk: Bench):
        desk.server.on("POST", "/orders/", acts.reply(201))
        desk.server.on("GET", "/orders/", acts.reply())
        desk.exchange(ORDER, permit=permit())
        sock = idle_socket(desk)
        assert (expiry_ms(sock), resets(sock)) == (0, False)
        desk.reply()
        assert [heard.connection for heard in desk.server.heard] == [1, 1]

    def test_a_socket_that_cannot_be_bound_gets_no_byte(self):
        with bench(expiry=UNKNOWN_OPTION) as desk:
            failure = desk.failure(ORDER, permit=permit())
            assert not failure.first_byte_written
            assert desk.server.heard == []

    def test_a_socket_that_cannot_be_released_is_closed(self):
        with bench(expiry=UNKNOWN_OPTION) as desk:
            desk.server.on("GET", "/orders/", acts.reply(), acts.reply())
            desk.reply()
            desk.reply()
            assert [heard.connection for heard in desk.server.heard] == [1, 2]
