"""Leads the connections that a bot makes by itself to the stand-in: the broker's name, and whom to trust."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.agent_server.http import AGENT_HOST
from tests.support.loopback_broker.authority import HOST
from tests.support.loopback_broker.bench import authority
from tests.support.loopback_broker.server import LoopbackServer


@contextmanager
def as_the_broker(server: LoopbackServer) -> Iterator[None]:
    """Answer for the broker's hosts; what is built meanwhile trusts the authority of the tests."""
    look_up = socket.getaddrinfo

    def found(host: str, port: int, *arguments: int, **options: int) -> object:
        if host not in {HOST, AGENT_HOST}:
            return look_up(host, port, *arguments, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("certifi.where", lambda: str(authority().ca_file))
        patch.setattr("socket.getaddrinfo", found)
        yield
