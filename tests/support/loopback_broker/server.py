"""The stand-in's socket side: accepts, shakes hands, reads requests, and acts by script."""

import socket
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from tests.support.loopback_broker.acts import Act, reply
from trading_bot.robinhood.name_lookup import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One request as it came off the wire; ``connection`` counts the connections it could have come on."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class LoopbackServer:
    """Serves one scripted act a request; ``answer`` makes the act where nothing is scripted.

    ``greetings`` are done to new connections, in order, in place of the TLS handshake.
    """

    def __init__(self, context: ssl.SSLContext, answer: Callable[[Heard], Act] | None = None) -> None:
        self.heard: list[Heard] = []
        self.connections = 0
        self.handshake_errors: list[str] = []
        self.greetings: deque[Act] = deque()
        self._context = context
        self._answer = answer or (lambda _: reply(404, {"detail": "Not found."}))
        self._scripts: defaultdict[tuple[str, str], deque[Act]] = defaultdict(deque)
        self._standing: dict[tuple[str, str], Callable[[Heard], Act]] = {}
        self._stop = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def on(self, method: str, path: str, *acts: Act) -> None:
        self._scripts[method, path].extend(acts)

    def on_every(self, method: str, path: str, answer: Callable[[Heard], Act]) -> None:
        """Answer so whenever nothing is scripted for this request."""
        self._standing[method, path] = answer

    def lookup(self, host: str, port: int) -> Sequence[Address]:
        """What a name look-up answers when all names lead here."""
        del host, port
        return [Address(family=socket.AF_INET, endpoint=("127.0.0.1", self.port))]

    def paths(self) -> list[str]:
        return [f"{heard.method} {heard.path}" for heard in self.heard]

    def close_connections(self) -> None:
        """Hang up on everybody, as a server does with connections that were idle for too long."""
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def deaf_after_one(self, plain: socket.socket, stop: threading.Event) -> bool:
        """Answer one request, so that there is an open connection, then read nothing more from it."""
        with self._context.wrap_socket(plain, server_side=True) as secured:
            secured.recv(64 * 1024)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            stop.wait()
        return False

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        # A blocked accept does not notice a close, but it notices a visitor.
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self.close_connections()
        for thread in self._threads:
            thread.join(timeout=5)
        self._listener.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            plain, _ = self._listener.accept()
            if self._stop.is_set():
                plain.close()
                return
            self.connections += 1
            self._start(self._serve, plain, self.connections)

    def _serve(self, plain: socket.socket, number: int) -> None:
        with plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(plain)
            with suppress(ConnectionError, ssl.SSLError, OSError):
                if self.greetings:
                    self.greetings.popleft()(plain, self._stop)
                    return
                self._converse(plain, number)
            self._open.discard(plain)

    def _converse(self, plain: socket.socket, number: int) -> None:
        try:
            connection = self._context.wrap_socket(plain, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.handshake_errors.append(str(error))
            return
        self._open.discard(plain)
        self._open.add(connection)
        with connection, connection.makefile("rb") as stream:
            goes_on = True
            while goes_on and (heard := _read(stream, number)) is not None:
                self.heard.append(heard)
                goes_on = self._act(heard)(connection, self._stop)
        self._open.discard(connection)

    def _act(self, heard: Heard) -> Act:
        script = self._scripts[heard.method, heard.path]
        answer = self._standing.get((heard.method, heard.path), self._answer)
        return script.popleft() if script else answer(heard)


def _read(stream, number: int) -> Heard | None:
    line = stream.readline().decode()
    if not line:
        return None
    method, target, _ = line.split()
    headers = {}
    while (text := stream.readline().decode().strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    url = urlsplit(target)
    return Heard(
        method=method,
        path=url.path,
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers=headers,
        body=stream.read(int(headers.get("content-length", 0))),
        connection=number,
    )
