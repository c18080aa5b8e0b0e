"""TLS over a line of any length: every byte arrives half a round trip after it was sent, however many are under way.

A client's first bytes come a whole round trip later still, for the TCP handshake, which loopback does not delay. So
a connection costs a client two round trips before its first request, as TLS 1.3 does. Nothing waits for anything else:
bytes of one connection keep their order, and connections know nothing of each other. Nagle's algorithm is off.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_CHUNK = 64 * 1024


@dataclass
class Line:
    """How long the line is that all connections share; it may change at any time."""

    round_trip_s: float = 0.0


class Lane:
    """Carries bytes one way, in order."""

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        self._deliver = deliver
        self._under_way: deque[bytes] = deque()

    def put(self, data: bytes, *, delay_s: float) -> None:
        self._under_way.append(data)
        loop = asyncio.get_running_loop()
        # Each timer delivers what is first, so that two of one moment cannot change places.
        loop.call_later(delay_s, self._arrive) if delay_s else loop.call_soon(self._arrive)

    def _arrive(self) -> None:
        self._deliver(self._under_way.popleft())


class DelayedTls(asyncio.Protocol):
    """One connection: decrypted bytes go to ``hear``, and `send` encrypts; both at the far end of the line."""

    def __init__(self, context: ssl.SSLContext, *, line: Line, hear: "Callable[[DelayedTls, bytes], None]") -> None:
        self._hear = hear
        self._line = line
        self._encrypted, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._encrypted, self._out, server_side=True)
        self._is_shaken = False
        self._there = Lane(self._arrived)
        self._back = Lane(self._written)
        self._has_heard = False
        self._transport: asyncio.Transport | None = None
        self.made_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport  # asyncio turns Nagle's algorithm off
        self.made_at = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        for_tcp = 0.0 if self._has_heard else self._line.round_trip_s
        self._has_heard = True
        self._there.put(data, delay_s=self._line.round_trip_s / 2 + for_tcp)

    def send(self, data: bytes) -> None:
        """Send to the client."""
        with suppress(ssl.SSLError):  # it has gone
            self._tls.write(data)
            self._flush()

    def close(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def _arrived(self, data: bytes) -> None:
        self._encrypted.write(data)
        with suppress(ssl.SSLWantReadError):
            if not self._is_shaken:
                try:
                    self._tls.do_handshake()
                finally:
                    self._flush()
                self._is_shaken = True
            while plain := self._tls.read(_CHUNK):
                self._hear(self, plain)

    def _flush(self) -> None:
        if self._out.pending:
            self._back.put(self._out.read(), delay_s=self._line.round_trip_s / 2)

    def _written(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
