"""Leads the connections that a bot makes by itself to the stand-in: the broker's name, and whom to trust."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.loopback_broker.authority import HOST
from tests.support.loopback_broker.bench import authority
from tests.support.loopback_broker.server import LoopbackServer


@contextmanager
def as_the_broker(server: LoopbackServer) -> Iterator[None]:
    """Answer for the broker's host; what is built meanwhile trusts the authority of the tests."""
    look_up = socket.getaddrinfo

    def found(host: str, port: int, **options: int) -> object:
        if host != HOST:
            return look_up(host, port, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("certifi.where", lambda: str(authority().ca_file))
        patch.setattr("socket.getaddrinfo", found)
        yield
