"""The stand-in of the simulation behind real sockets: our own connections, TLS on loopback, and faults of the network.

What the stand-in answers is written to a socket; where it lets a request be lost, reset or delayed, the connection is.
What strikes before a byte is written is arranged in front of our connections, for the one request that it befalls: a
look-up that fails, a port nobody listens on, a server whose certificate nobody signed, a reset in the handshake.

The clock stays a virtual one. A silence moves it beyond the deadline, and then one byte arrives, so that the time-out
is that of our connection and takes no time of this machine.
"""

import json
import math
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.agent_server.http import AGENT_HOST
from tests.support.broker_stand_in import Act, BrokerStandIn, Route
from tests.support.loopback_broker import acts
from tests.support.loopback_broker.authority import HOST, TestAuthority
from tests.support.loopback_broker.bench import authority
from tests.support.loopback_broker.server import Heard, LoopbackServer
from trading_bot.robinhood.live_transport import LiveTransport, build_live_transport
from trading_bot.robinhood.name_lookup import Address, Lookup
from trading_bot.robinhood.sending import SendContext, current_send_context, sending
from trading_bot.robinhood.session import MAX_CONNECT_S

_TOOLS = {"place_equity_order": Route.SUBMIT, "cancel_equity_order": Route.CANCEL}
_PATHS: Sequence[tuple[str, str, Route]] = (
    ("POST", r"/orders/", Route.SUBMIT),
    ("POST", r"/orders/[^/]+/cancel/", Route.CANCEL),
    ("GET", r"/orders/", Route.LIST),
    ("GET", r"/orders/[^/]+/", Route.READ),
)
_LATE_BYTE = b"H"


class SocketBroker:
    """Serves one stand-in at a time over two servers: one of good standing, and one whose certificate nobody signed."""

    def __init__(self, folder: Path) -> None:
        self.stand_in: BrokerStandIn | None = None
        self.deadline = math.inf
        """Of the request that left last, on the stand-in's clock."""
        self.honest = LoopbackServer(authority().certify(HOST, AGENT_HOST).server_context(), self._act)
        self.rogue = LoopbackServer(TestAuthority(folder).certify(HOST, AGENT_HOST).server_context())
        self._line: SocketLine | None = None
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator["SocketBroker"]:
        with self.honest, self.rogue:
            yield self

    def line_to(self, stand_in: BrokerStandIn) -> "SocketLine":
        """Serve this stand-in from now on, and return a process's line to it; the one before is shut."""
        if self._line is not None:
            self._line.close()
        self.stand_in, self._line = stand_in, SocketLine(self, stand_in)
        return self._line

    def take_early(self, route: Route | None) -> Act | None:
        """Take what strikes the next request of this kind before a byte of it is written."""
        assert self.stand_in is not None
        with self._lock:
            act = due(self.stand_in, route)
            if act not in _BEFORE_WRITING:
                return None
            if route is not None and self.stand_in.acts[route]:
                self.stand_in.acts[route].popleft()
            return act

    def _act(self, heard: Heard) -> acts.Act:
        stand_in = self.stand_in
        assert stand_in is not None
        with self._lock, sending(SendContext(deadline=math.inf)):
            left_s = _beyond(self.deadline - stand_in.clock.monotonic())
            act = due(stand_in, route_of(heard.method, heard.path, heard.body))
            assert act not in _BEFORE_WRITING, f"{act} strikes before a request arrives"
            is_cut = act is Act.TRUNCATED
            try:
                answer = stand_in.send(_as_sent(heard), timeout=(left_s, left_s))
            except requests.exceptions.Timeout:
                return acts.send(_LATE_BYTE)
            except requests.exceptions.ConnectionError:
                return acts.reset
        return acts.send(_message(answer, is_cut=is_cut), and_close=is_cut)


class SocketLine(requests.adapters.BaseAdapter):
    """One process's connections to the stand-in."""

    def __init__(self, exchange: SocketBroker, stand_in: BrokerStandIn) -> None:
        super().__init__()
        self._exchange = exchange
        self._stand_in = stand_in
        self._transport = self._connections(exchange.honest.lookup)
        self.carrier = self._transport.carrier

    def send(self, request, *_arguments, **_options):
        context = current_send_context()
        self._exchange.deadline = context.deadline
        route = route_of(request.method, request.path_url.partition("?")[0], request.body or b"")
        act = self._exchange.take_early(route)
        if act is None:
            return self._transport.send(request)
        left_s = _beyond(min(context.deadline - self._stand_in.clock.monotonic(), MAX_CONNECT_S))
        struck = self._connections(_BEFORE_WRITING[act](self._exchange, lambda: self._stand_in.clock.sleep(left_s)))
        try:
            return struck.send(request)
        finally:
            struck.close()

    def close(self) -> None:
        self._transport.close()

    def _connections(self, lookup: Lookup) -> LiveTransport:
        clock = self._stand_in.clock
        return build_live_transport(clock=clock, ca_file=str(authority().ca_file), lookup=lookup)


def route_of(method: str, path: str, body: bytes | str) -> Route | None:
    """Tell what a request is for, on either interface; None for what no fault is arranged for."""
    if path == "/mcp/trading":
        return _route_of_call(json.loads(body) if body else {})
    found = [route for verb, pattern, route in _PATHS if verb == method and re.fullmatch(pattern, path)]
    return found[0] if found else None


def _route_of_call(message: Mapping[str, object]) -> Route | None:
    params = message.get("params")
    if message.get("method") != "tools/call" or not isinstance(params, dict):
        return None
    if params["name"] == "get_equity_orders":
        return Route.READ if "order_id" in params["arguments"] else Route.LIST
    return _TOOLS.get(params["name"])


def due(stand_in: BrokerStandIn, route: Route | None) -> Act | None:
    """Return what will befall the next request of this kind."""
    if route is None:
        return None
    queue = stand_in.acts[route]
    return queue[0] if queue else stand_in.standing.get(route)


def _beyond(seconds: float) -> float:
    """Return a little more, so that whoever sleeps so long finds that the time is over, however it was rounded."""
    return max(seconds, 0) + 2e-6


def _as_sent(heard: Heard) -> requests.PreparedRequest:
    address = f"https://{heard.headers['host']}{heard.path}"
    return requests.Request(
        heard.method, address, params=heard.query, headers=heard.headers, data=heard.body or None
    ).prepare()


def _message(answer: requests.Response, *, is_cut: bool) -> bytes:
    headers = dict(answer.headers)
    body = answer.content
    if headers.get("Content-Type", "").startswith("text/event-stream") and not is_cut:
        chunk = b"%x\r\n" % len(body) + body + b"\r\n" if body else b""
        return _head(answer.status_code, headers | {"Transfer-Encoding": "chunked"}) + chunk + b"0\r\n\r\n"
    length = len(body) * 2 + 1 if is_cut else len(body)
    return _head(answer.status_code, headers | {"Content-Length": str(length)}) + body


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Words", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


# What strikes before a byte is written: where the name leads, for the one request.


def _unknown_name(_exchange: SocketBroker, _wait: Callable[[], None]) -> Lookup:
    def fail(host: str, port: int) -> Sequence[Address]:
        raise socket.gaierror(socket.EAI_NONAME, f"no such name: {host}:{port}")

    return fail


def _closed_port(_exchange: SocketBroker, _wait: Callable[[], None]) -> Lookup:
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        port = once.getsockname()[1]
    return _leads_to(port)


def _nobody_answers(exchange: SocketBroker, wait: Callable[[], None]) -> Lookup:
    def late(host: str, port: int) -> Sequence[Address]:
        wait()
        return exchange.honest.lookup(host, port)

    return late


def _unsigned(exchange: SocketBroker, _wait: Callable[[], None]) -> Lookup:
    return exchange.rogue.lookup


def _reset_at_once(exchange: SocketBroker, _wait: Callable[[], None]) -> Lookup:
    exchange.rogue.greetings.append(acts.reset)
    return exchange.rogue.lookup


def _leads_to(port: int) -> Lookup:
    return lambda _host, _port: [Address(family=socket.AF_INET, endpoint=("127.0.0.1", port))]


_BEFORE_WRITING: Mapping[Act | None, Callable[[SocketBroker, Callable[[], None]], Lookup]] = {
    Act.DNS: _unknown_name,
    Act.REFUSED: _closed_port,
    Act.CONNECT_TIMEOUT: _nobody_answers,
    Act.TLS: _unsigned,
    Act.RESET_BEFORE: _reset_at_once,
}
