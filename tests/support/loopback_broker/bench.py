"""A live transport whose name look-up leads to the stand-in, under a session that believes it talks to the broker."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.loopback_broker.authority import TestAuthority
from tests.support.loopback_broker.server import LoopbackServer
from trading_bot.clock import SystemClock
from trading_bot.robinhood.live_transport import THIS_PLATFORM, LiveTransport, build_live_transport
from trading_bot.robinhood.name_lookup import Lookup
from trading_bot.robinhood.order_socket import ExpiryOption
from trading_bot.robinhood.session import BrokerSession, WireFailure, WireReply, WireRequest

READ = WireRequest(method="GET", path="/orders/")


@cache
def authority() -> TestAuthority:
    """One authority a test run: keys cost time."""
    return TestAuthority(Path(tempfile.mkdtemp(prefix="loopback-broker-")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    server: LoopbackServer
    transport: LiveTransport
    session: BrokerSession

    def exchange(self, request: WireRequest = READ, *, timeout_s: float = 5, permit=None) -> WireReply | WireFailure:
        return self.session.exchange(request, timeout_s=timeout_s, permit=permit)

    def reply(self, request: WireRequest = READ, *, timeout_s: float = 5) -> WireReply:
        result = self.exchange(request, timeout_s=timeout_s)
        assert isinstance(result, WireReply), result
        return result

    def failure(self, request: WireRequest = READ, *, timeout_s: float = 5, permit=None) -> WireFailure:
        result = self.exchange(request, timeout_s=timeout_s, permit=permit)
        assert isinstance(result, WireFailure), result
        return result


@contextmanager
def bench(
    server: LoopbackServer | None = None,
    *,
    lookup: Lookup | None = None,
    trusts_test_authority: bool = True,
    process_id: Callable[[], int] = os.getpid,
    expiry: ExpiryOption | None = THIS_PLATFORM,
) -> Iterator[Bench]:
    """A running stand-in with a client; without ``server``, one with a good certificate and no answers."""
    clock = SystemClock()
    with server or LoopbackServer(authority().certify().server_context()) as running:
        transport = build_live_transport(
            clock=clock,
            ca_file=str(authority().ca_file) if trusts_test_authority else None,
            lookup=lookup or running.lookup,
            process_id=process_id,
            expiry=expiry,
        )
        yield Bench(server=running, transport=transport, session=BrokerSession(adapter=transport, clock=clock))
        transport.close()
