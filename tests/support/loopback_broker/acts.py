"""What the stand-in does with a request once it has read it, or with a connection before there is one."""

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import TypeAlias

Stop: TypeAlias = threading.Event
Act: TypeAlias = Callable[[socket.socket, Stop], bool]
"""Answers one request on a connection; whether the connection lives on."""


def head(status: int = 200, /, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Words", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def message(status: int = 200, body: object = None, /, **headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return head(status, Content_Length=str(len(raw)), **headers) + raw


def reply(status: int = 200, body: object = None, /, **headers: str) -> Act:
    return send(message(status, body, **headers))


def packed(body: bytes) -> Act:
    return reply(200, gzip.compress(body), Content_Encoding="gzip")


def send(raw: bytes, *, and_close: bool = False) -> Act:
    def act(connection: socket.socket, _stop: Stop) -> bool:
        connection.sendall(raw)
        return not and_close

    return act


def drip(raw: bytes, *, every_s: float, first: bytes = b"") -> Act:
    """Send one byte at a time, for ever if ``raw`` is long enough."""

    def act(connection: socket.socket, stop: Stop) -> bool:
        connection.sendall(first)
        for byte in raw:
            if stop.wait(every_s):
                return False
            connection.sendall(bytes((byte,)))
        return True

    return act


def hang(connection: socket.socket, stop: Stop) -> bool:
    del connection
    stop.wait()
    return False


def close(connection: socket.socket, stop: Stop) -> bool:
    del connection, stop
    return False


def reset(connection: socket.socket, stop: Stop) -> bool:
    del stop
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return False


def then(first: Act, after: Callable[[], object]) -> Act:
    """Answer, then do something more, such as closing idle connections."""

    def act(connection: socket.socket, stop: Stop) -> bool:
        goes_on = first(connection, stop)
        after()
        return goes_on

    return act
