"""The stand-in as a process of its own, told what to do by lines of JSON: ``python -m ... CERTIFICATE AHEAD_S``.

Each line names a method of `Broker` and its arguments; the answer is one line. The first line written is the port.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.benchmarks.network.broker_book import BusyBook
from tests.benchmarks.network.delay_line import DelayedTls, Line
from tests.benchmarks.network.exchanges import CONNECT
from tests.support.loopback_broker.authority import Certificate
from tests.support.loopback_broker.server import Heard

_HEAD_END = b"\r\n\r\n"

SILENCE, HANG_UP, DEAF = "silence", "hang up", "deaf"
"""Mishaps: no answer though it acted; an end of the connection instead of the answer; no answer and no deed."""


class _Answer:
    """Takes an act's answer, as a socket would."""

    def __init__(self) -> None:
        self.text = b""

    def sendall(self, data: bytes) -> None:
        self.text += data


class Broker:
    """Serves a book, writes down each exchange, and lets chosen requests meet with a mishap."""

    def __init__(self, certificate: Path, *, ahead: timedelta) -> None:
        self._context = Certificate(certificate).server_context()
        self._ahead = ahead
        self._line = Line()
        self._book = BusyBook(ahead=ahead)
        self._mishaps: list[tuple[str, str]] = []
        self._exchanges: list[tuple[str, float, float]] = []
        self._unread: dict[DelayedTls, bytes] = {}

    def connection(self) -> DelayedTls:
        return DelayedTls(self._context, line=self._line, hear=self._hear)

    # What may be asked for.

    def fresh(self, round_trip_s: float = 0.0, page_size: int = 100) -> None:
        """Begin with an empty account at the end of a line of this length."""
        self._line.round_trip_s = round_trip_s
        self._book = BusyBook(ahead=self._ahead, page_size=page_size)
        self._mishaps.clear()
        self._exchanges.clear()

    def line(self, round_trip_s: float) -> None:
        """Make the line longer or shorter."""
        self._line.round_trip_s = round_trip_s

    def book(self, do: str, **arguments: Any) -> None:
        """Do something to the book."""
        getattr(self._book, do)(**arguments)

    def mishap(self, what: str, kind: str) -> None:
        """Let the next request of this kind, such as ``POST /orders/``, meet with a mishap."""
        self._mishaps.append((what, kind))

    def calm(self) -> None:
        """Let no further request meet with a mishap."""
        self._mishaps.clear()

    def exchanges(self) -> list[tuple[str, float, float]]:
        """Return what was heard since the last time."""
        taken, self._exchanges = self._exchanges, []
        return taken

    # How a request is served.

    def _hear(self, connection: DelayedTls, data: bytes) -> None:
        if connection not in self._unread:
            self._unread[connection] = b""
            self._exchanges.append((CONNECT, connection.made_at, connection.made_at + 2 * self._line.round_trip_s))
        text = self._unread[connection] + data
        while (found := _request(text)) is not None:
            heard, text = found
            self._serve(connection, heard)
        self._unread[connection] = text

    def _serve(self, connection: DelayedTls, heard: Heard) -> None:
        arrived = asyncio.get_running_loop().time()
        what = f"{heard.method} {heard.path}"
        mishap = self._mishap_of(what)
        answer = _Answer()
        if mishap != DEAF:
            self._book(heard)(answer, threading.Event())  # type: ignore[arg-type]  # all an act needs of a socket
        one_way_s = self._line.round_trip_s / 2
        ended = asyncio.get_running_loop().time() + one_way_s
        self._exchanges.append((what, arrived - one_way_s, ended))
        if mishap is None:
            connection.send(answer.text)
        elif mishap == HANG_UP:
            asyncio.get_running_loop().call_later(one_way_s, connection.close)

    def _mishap_of(self, what: str) -> str | None:
        for number, (pattern, kind) in enumerate(self._mishaps):
            if fnmatch(what, pattern):
                if kind != DEAF:
                    del self._mishaps[number]
                return kind
        return None


def _request(text: bytes) -> tuple[Heard, bytes] | None:
    """Return the first request of a text and what follows it; None where none is whole."""
    head, end, rest = text.partition(_HEAD_END)
    if not end:
        return None
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    length = int(headers.get("content-length", 0))
    if len(rest) < length:
        return None
    method, target, _ = line.split()
    url = urlsplit(target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    heard = Heard(method=method, path=url.path, query=query, headers=headers, body=rest[:length], connection=0)
    return heard, rest[length:]


def _obey(broker: Broker, line: str) -> None:
    command = json.loads(line)
    answer = getattr(broker, command.pop("ask"))(**command)
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


def _listen(call: Callable[..., object], broker: Broker, stop: Callable[[], None]) -> None:
    for line in sys.stdin:
        call(_obey, broker, line)
    call(stop)


async def _main(certificate: str, ahead_s: str) -> None:
    loop = asyncio.get_running_loop()
    broker = Broker(Path(certificate), ahead=timedelta(seconds=float(ahead_s)))
    server = await loop.create_server(broker.connection, "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    over = asyncio.Event()
    threading.Thread(
        target=partial(_listen, loop.call_soon_threadsafe, broker, over.set), daemon=True, name="commands"
    ).start()
    await over.wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
