"""Why an exchange with the broker failed: the causes we tell apart, read from an exception chain."""

import enum
import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import requests
import urllib3

from trading_bot.robinhood.sending import SendPhase


class FailureKind(enum.StrEnum):
    """What went wrong on the way; whether anything had left by then is a separate fact."""

    DNS = "dns"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    RESET = "reset"
    TIMEOUT = "timeout"
    REFUSED_BY_GATE = "refused_by_gate"
    REDIRECT = "redirect"
    OVERSIZED = "oversized"
    RATE_BUDGET = "rate_budget"
    FORKED = "forked"
    OTHER_BEARER = "other_bearer"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFailure:
    """An exchange without a usable answer. ``first_byte_written`` is recorded by the transport, never guessed."""

    phase: SendPhase
    first_byte_written: bool
    cause: str
    kind: FailureKind
    security_alert: bool = False
    """Something may stand between us and the broker: a bad certificate or a redirect."""
    gate: str | None = None
    """Which gate of ours refused to write, if one did."""
    bytes_written: int | None = None
    """How many bytes of the request were handed to the socket; None where the transport does not count them."""


class OversizedHeadError(OSError):
    """The status line and headers of a reply exceed their bound."""


_CAUSES = {
    FailureKind.DNS: "the broker's name could not be resolved",
    FailureKind.CONNECT: "no connection to the broker",
    FailureKind.CONNECT_TIMEOUT: "connecting to the broker took too long",
    FailureKind.TLS: "the secure connection could not be established",
    FailureKind.RESET: "the connection broke",
    FailureKind.TIMEOUT: "the broker did not answer in time",
    FailureKind.OVERSIZED: "the reply was too large",
    FailureKind.OTHER: "the exchange with the broker failed",
}

# The first row that matches anything in an exception's chain decides, so the narrower causes stand first.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], FailureKind], ...] = (
    ((OversizedHeadError,), FailureKind.OVERSIZED),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), FailureKind.RESET),  # the other side hung up; nobody interfered
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError), FailureKind.TLS),
    ((urllib3.exceptions.NameResolutionError,), FailureKind.DNS),
    ((urllib3.exceptions.NewConnectionError, ConnectionRefusedError), FailureKind.CONNECT),
    ((requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError), FailureKind.CONNECT_TIMEOUT),
    ((requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError), FailureKind.TIMEOUT),
    (
        (
            requests.exceptions.ChunkedEncodingError,
            urllib3.exceptions.ProtocolError,
            http.client.HTTPException,
            ConnectionError,
        ),
        FailureKind.RESET,
    ),
    ((requests.exceptions.ConnectionError,), FailureKind.CONNECT),
)


def kind_of(error: BaseException, *, first_byte_written: bool) -> FailureKind:
    """Name the cause of ``error``.

    A TLS error after the first byte is a broken connection, and so is a failed connection: the handshake had succeeded.
    """
    chain = tuple(_chain(error))
    kind = next((kind for types, kind in _KINDS if any(isinstance(link, types) for link in chain)), FailureKind.OTHER)
    broke_later = first_byte_written and kind in (FailureKind.TLS, FailureKind.CONNECT)
    return FailureKind.RESET if broke_later else kind


def cause_of(kind: FailureKind, error: BaseException) -> str:
    """Describe the cause without the exception's own text, which may hold an address with an account number."""
    return f"{_CAUSES[kind]} ({type(error).__name__})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        link = pending.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            pending += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
