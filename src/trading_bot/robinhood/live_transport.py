"""The transport of live mode: carries the broker session's requests over our own connections."""

import logging
import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import certifi
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ContentDecodingError, InvalidURL

from trading_bot.clock import Clock
from trading_bot.order_management.send_horizon import Carrier
from trading_bot.robinhood.connection import BrokerPool, Route, broker_trust
from trading_bot.robinhood.hosts import AGENT_HOST, BROKER_HOST
from trading_bot.robinhood.name_lookup import BoundedLookup, Lookup, system_lookup
from trading_bot.robinhood.order_socket import ExpiryOption, expiry_option, order_socket_carrier

_HOSTS = (BROKER_HOST, AGENT_HOST)
_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
THIS_PLATFORM = expiry_option()
_CHATTY_LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")


class ForkedTransportError(RuntimeError):
    """A forked child tried to use its parent's connections; build a transport of its own."""


def build_live_transport(
    *,
    clock: Clock,
    ca_file: str | None = None,
    lookup: Lookup = system_lookup,
    process_id: Callable[[], int] = os.getpid,
    expiry: ExpiryOption | None = THIS_PLATFORM,
) -> "LiveTransport":
    """Build the transport to the real broker. No connection is made yet.

    Without ``ca_file`` the authorities are certifi's, whatever the environment says. ``expiry`` is the option by which
    the platform bounds the age of written bytes; None where it has none.
    """
    _silence_addresses()
    trust = broker_trust(ca_file or certifi.where())
    route = Route(trust=trust, lookup=BoundedLookup(lookup), clock=clock, expiry=expiry)
    pools = {host: BrokerPool(route, host) for host in _HOSTS}
    return LiveTransport(pools=pools, carrier=order_socket_carrier(expiry), process_id=process_id)


class LiveTransport(HTTPAdapter):
    """Serves the broker's hosts alone, over TLS that is always verified. Safe to share between threads, not processes.

    It takes no proxy, no certificate and no verification setting from its caller, and follows nothing.
    """

    def __init__(
        self, *, pools: Mapping[str, BrokerPool], carrier: Carrier, process_id: Callable[[], int] = os.getpid
    ) -> None:
        super().__init__(max_retries=0)
        self.carrier = carrier
        self._pools = dict(pools)
        self._process_id = process_id
        self._owner = process_id()

    def send(self, request: PreparedRequest, *_socket_options: object, **_named_options: object) -> Response:
        """Send one request and read the head of its reply; times come from the current `SendContext`.

        Raises:
            ForkedTransportError: this process inherited the transport; nothing was sent.
            InvalidURL: the request is not for the broker; nothing was sent.
            SendRefusedError: the permit refused; nothing was sent.
            OSError: the exchange failed; the context says how far it had got.
        """
        self._refuse_child()
        self._pool_for(request)
        response = super().send(request, stream=True)
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            response.close()
            raise ContentDecodingError("the reply came in an encoding that was not asked for", request=request)
        return response

    def get_connection_with_tls_context(
        self, request: PreparedRequest, *_settings: object, **_named_settings: object
    ) -> BrokerPool:
        """Return the connections to the host of the request.

        Raises:
            InvalidURL: the request is not for the broker.
        """
        return self._pool_for(request)

    def cert_verify(self, *_settings: object) -> None:
        """Do nothing: what is trusted was settled when the pool was built."""

    def close(self) -> None:
        """Close the idle connections; in a forked child, leave the parent's alone."""
        super().close()
        if self._process_id() == self._owner:
            for pool in self._pools.values():
                pool.close()

    def _pool_for(self, request: PreparedRequest) -> BrokerPool:
        url = urlsplit(request.url or "")
        pool = self._pools.get(url.netloc) if url.scheme == "https" else None
        if pool is None:
            hosts = " and ".join(self._pools)
            raise InvalidURL(f"live requests go to {hosts} alone, over HTTPS; nothing was sent", request=request)
        return pool

    def _refuse_child(self) -> None:
        if self._process_id() != self._owner:
            raise ForkedTransportError(
                f"these connections belong to process {self._owner}; a forked child must build its own transport"
            )


def _silence_addresses() -> None:
    # urllib3 writes whole addresses into its log, and some of ours hold an account number.
    for name in _CHATTY_LOGGERS:
        logging.getLogger(name).addFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
