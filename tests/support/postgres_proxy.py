"""A way to a PostgreSQL server over loopback that can be cut, held or stopped at the very moment of a COMMIT."""

import enum
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.memory_journal import HeldCommit
from tests.support.postgres_server import search_path

PATIENCE_S = 30.0
_COMMIT = b"COMMIT\0"
"""The text of the query, and of the answer that it was done."""
_LENGTH = struct.Struct("!I")
_CHUNK = 65536


class AtCommit(enum.Enum):
    """What happens to the next COMMIT that comes this way."""

    LOSE_ANSWER = "the server stores, and the answer is cut off"
    LOSE_COMMIT = "the link is cut before the server gets it"
    HOLD = "it waits until it is released"
    STOP = "from then on no byte is forwarded either way, and nothing is closed"


class PostgresProxy:
    """Forwards to the server's Unix socket. ``open_connections`` counts those that lead there now."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._plan: AtCommit | None = None
        self._held = HeldCommit()
        self._is_stopped = threading.Event()
        self._deaf: set[socket.socket] = set()
        self._links: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self.commits = 0
        self._begin(self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def url_of(self, schema: str) -> str:
        plain = "sslmode=disable&gssencmode=disable"
        return f"postgresql://owner@127.0.0.1:{self.port}/postgres?{plain}&{search_path(schema)}"

    def at_next_commit(self, plan: AtCommit) -> HeldCommit:
        """Choose what becomes of the next COMMIT; the result tells when it was reached."""
        with self._lock:
            self._plan, self._held = plan, HeldCommit()
            return self._held

    def stop_forwarding(self) -> None:
        """Let everything stand still: connections stay open, new ones are taken, and no byte goes on."""
        self._is_stopped.set()

    def cut_all(self) -> None:
        """Break every connection, as a router that restarts does."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            _break(*link)

    def close(self) -> None:
        self._held.release()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _begin(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._target))
            except OSError:
                _break(client, server)
                continue
            with self._lock:
                self._links.append((client, server))
            self._begin(self._forward, client, server)
            self._begin(self._back, client, server)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            for message in _messages(client):
                if message.startswith(b"Q") and message[5:] == _COMMIT:
                    self._commit(client, server, message)
                else:
                    self._pass(server, message)
        _break(client, server)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK):
                if client in self._deaf and _COMMIT in data:
                    break
                self._pass(client, data)
        _break(client, server)

    def _commit(self, client: socket.socket, server: socket.socket, message: bytes) -> None:
        with self._lock:
            plan, self._plan = self._plan, None
            held = self._held
            self.commits += 1
        if plan is AtCommit.LOSE_COMMIT:
            held.reached.set()
            raise OSError
        if plan is AtCommit.LOSE_ANSWER:
            self._deaf.add(client)
            held.reached.set()
        elif plan is AtCommit.HOLD:
            held.stall()
        elif plan is AtCommit.STOP:
            self.stop_forwarding()
            held.reached.set()
        self._pass(server, message)

    def _pass(self, to: socket.socket, data: bytes) -> None:
        if not self._is_stopped.is_set():
            to.sendall(data)


@contextmanager
def proxy_to(target: Path) -> Iterator[PostgresProxy]:
    proxy = PostgresProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()


def _messages(client: socket.socket) -> Iterator[bytes]:
    # The first message has no type; each later one has a letter before its length.
    yield from _whole(client, kind=b"")
    while kind := client.recv(1):
        yield from _whole(client, kind=kind)


def _whole(client: socket.socket, *, kind: bytes) -> Iterator[bytes]:
    length = _exactly(client, _LENGTH.size)
    (size,) = _LENGTH.unpack(length)
    yield kind + length + _exactly(client, size - _LENGTH.size)


def _exactly(client: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return bytes(data)


def _break(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
