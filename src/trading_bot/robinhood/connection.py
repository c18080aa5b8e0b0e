"""Our own connections to the broker: two pinned hosts, one trust, and no call that outlives its deadline.

urllib3 builds the request and reads the reply; between the two, the connection writes the whole request in one go
inside of `SendContext.writing`. So whether the broker may have seen any of it is a recorded fact, and the account's
send lock is held no longer than the writing takes. Every blocking call on the socket gets just the time that is left
until the request's deadline, so that neither a silent nor a dripping server can stretch it. A connection with a submit
outstanding is bound to it (`order_socket`) from before the first byte until the whole answer is there.
"""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse

from trading_bot.clock import Clock, Seconds
from trading_bot.robinhood.failures import OversizedHeadError
from trading_bot.robinhood.hosts import BROKER_HOST
from trading_bot.robinhood.name_lookup import Address, BoundedLookup
from trading_bot.robinhood.order_socket import ExpiryOption, bind_to_attempt, release
from trading_bot.robinhood.sending import SendContext, SendPhase, current_send_context
from trading_bot.robinhood.session import MAX_CONNECT_S

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from urllib3._base_connection import BaseHTTPConnection

HTTPS_PORT = 443
MAX_HEAD_BYTES = 64 * 1024
"""Status line and headers together; the standard library stops at 100 headers by itself."""

MAX_IDLE_CONNECTIONS = 20
"""As many as cancels leave at once (`rate_budget.CANCELS_AT_ONCE`): beyond that, one is closed after each answer."""


class DeadlineSocket(ssl.SSLSocket):
    """A TLS socket whose every read and write gets the time that is left now, and no more."""

    time_left: Callable[[], Seconds]
    """Raises `TimeoutError` when there is none; set as soon as the handshake is done."""

    head_bytes_left: int | None = None
    """How much more may arrive while a reply's head is read; None while it is not."""

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Write some of ``data``.

        Raises:
            TimeoutError: the request's deadline is over.
        """
        self.settimeout(self.time_left())
        count = super().send(data, flags)
        context = current_send_context()
        context.bytes_written = (context.bytes_written or 0) + count
        return count

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Read what is there.

        Raises:
            TimeoutError: the request's deadline is over.
            OversizedHeadError: the head of the reply is beyond its bound.
        """
        self.settimeout(self.time_left())
        count = super().recv_into(buffer, nbytes, flags)
        if self.head_bytes_left is not None:
            self.head_bytes_left -= count
            if self.head_bytes_left < 0:
                raise OversizedHeadError(f"the head of the reply is larger than {MAX_HEAD_BYTES} bytes")
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What every connection needs: whom to trust, where the broker is, and how time passes."""

    trust: ssl.SSLContext
    lookup: BoundedLookup
    clock: Clock
    expiry: ExpiryOption | None
    """How this platform bounds the age of written bytes, if it can."""

    def time_left(self) -> Seconds:
        """Return the seconds left to the request that this thread is sending.

        Raises:
            TimeoutError: none.
        """
        left = current_send_context().deadline - self.clock.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the request is over")
        return left


def broker_trust(ca_file: str) -> ssl.SSLContext:
    """Trust the authorities in ``ca_file`` and nobody else, from TLS 1.2 on; the environment is not asked."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    trust.load_verify_locations(cafile=ca_file)
    trust.sslsocket_class = DeadlineSocket
    return trust


class BrokerPool(HTTPSConnectionPool):
    """Kept-alive connections to one host. Nothing is tried twice."""

    def __init__(self, route: Route, host: str = BROKER_HOST) -> None:
        super().__init__(host, HTTPS_PORT, maxsize=MAX_IDLE_CONNECTIONS, retries=False, ssl_context=route.trust)
        self._route = route

    def _new_conn(self) -> "_BrokerConnection":
        return _BrokerConnection(self._route, self.host)

    def _put_conn(self, conn: "BaseHTTPConnection | None") -> None:
        # A connection that comes back open has brought the whole answer: urllib3 closes any other one first.
        if isinstance(conn, _BrokerConnection):
            conn.settle()
        super()._put_conn(conn)


class _BrokerConnection(HTTPSConnection):
    def __init__(self, route: Route, host: str) -> None:
        super().__init__(host, HTTPS_PORT, ssl_context=route.trust)
        self._route = route
        self._outgoing = bytearray()

    @property
    def is_connected(self) -> bool:
        # Bytes that nobody asked for would be read as the answer to the next request.
        sock = self.sock
        return super().is_connected and isinstance(sock, DeadlineSocket) and not sock.pending()

    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the handshake took too long") from error
        if not isinstance(self.sock, DeadlineSocket):
            raise NewConnectionError(self, "the connection has no deadlines, so it is not used")
        self.sock.time_left = self._route.time_left

    def close(self) -> None:
        self._outgoing.clear()  # half a request is never the beginning of another
        super().close()

    def settle(self) -> None:
        """Nothing is outstanding any more."""
        if isinstance(self.sock, DeadlineSocket):
            try:
                release(self.sock, self._route.expiry)
            except OSError:
                self.close()

    def send(self, data: object) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"a request is written whole, from bytes, not from {type(data).__name__}")
        self._outgoing += data

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        request = bytes(self._outgoing)
        self._outgoing.clear()
        sock, context = self.sock, current_send_context()
        if not isinstance(sock, DeadlineSocket):
            raise NewConnectionError(self, "the connection was closed before the request was written")
        context.phase = SendPhase.CONNECTED
        self._write(request, sock, context)
        sock.head_bytes_left = MAX_HEAD_BYTES
        response = super().getresponse()
        sock.head_bytes_left = None
        context.phase = SendPhase.HEADERS_READ
        return response

    def _write(self, request: bytes, sock: DeadlineSocket, context: SendContext) -> None:
        with context.writing():
            try:
                left_s = sock.time_left()
                if context.is_submit:
                    bind_to_attempt(sock, left_s, self._route.expiry)
            except OSError:
                context.phase = SendPhase.CONNECTED  # waiting for the permit took all the time, or nothing can be bound
                raise
            sock.sendall(request)

    def _new_conn(self) -> socket.socket:
        clock = self._route.clock
        connected_by = clock.monotonic() + min(MAX_CONNECT_S, self._route.time_left())
        try:
            addresses = self._route.lookup.addresses(self.host, HTTPS_PORT, timeout_s=connected_by - clock.monotonic())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError = TimeoutError("no time was left to connect")
        for index, address in enumerate(addresses):
            # Each address gets its share, so that a dead one leaves time for the next.
            share = (connected_by - clock.monotonic()) / (len(addresses) - index)
            try:
                sock = _connected(address, share)
            except OSError as error:
                failure = error
                continue
            sock.settimeout(max(connected_by - clock.monotonic(), 0.001))  # what is left is for the handshake
            return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "connecting took too long") from failure
        raise NewConnectionError(self, "no address of the broker took a connection") from failure


def _connected(address: Address, timeout_s: Seconds) -> socket.socket:
    if timeout_s <= 0:
        raise TimeoutError("no time was left to connect")
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout_s)
        sock.connect(address.endpoint)
    except OSError:
        sock.close()
        raise
    return sock
