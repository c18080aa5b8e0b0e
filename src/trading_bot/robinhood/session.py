"""One HTTPS conversation with the broker: pinned host, total deadline, bounded replies, failures as values.

The session knows nothing of orders. Whatever the network does comes back as a `WireReply` or a `WireFailure`; only the
transport's own record of its writing says whether the broker may have seen a request.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from typing import TypeAlias
from urllib.parse import urlencode

import requests
import urllib3

from trading_bot.clock import Clock, Seconds
from trading_bot.logging.masking import MASK
from trading_bot.order_management.ports import SendPermit, SendRefusedError
from trading_bot.robinhood.failures import FailureKind, WireFailure, cause_of, kind_of
from trading_bot.robinhood.sending import SendContext, SendPhase, sending
from trading_bot.robinhood.strict_json import UnreadableReplyError, strict_json
from trading_bot.values import Value, replace

__all__ = [
    "BASE_URL",
    "FORM",
    "BrokerSession",
    "FailureKind",
    "UnreadableReplyError",
    "WireFailure",
    "WireReply",
    "WireRequest",
]

BASE_URL = "https://api.robinhood.com"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_CONNECT_S: Seconds = 5.0

_REDIRECTS = range(300, 400)
_BODILESS = ("GET", "HEAD")
_CHUNK_BYTES = 16 * 1024
_STREAM_END_S: Seconds = 0.05
_PIECES_AFTER_ANSWER = 4
_LEAST_TOKEN_CHARS = 16
"""A shorter one would be found in plain words too; the broker's are hundreds of characters long."""

EVENT_STREAM = "text/event-stream"

_PATH = re.compile(r"/(?:\.well-known/)?(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*(?:[A-Za-z0-9_-][A-Za-z0-9._-]*)?")
_APP_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en-US,en;q=1",
    "Connection": "keep-alive",
    "User-Agent": "*",
    "X-Robinhood-API-Version": "1.431.4",
}
_OWN_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "User-Agent": "trading-bot",
}
"""At every other address than the app's own."""


class WireRequest(Value, frozen=True, kw_only=True):
    """One request below the pinned base. Its repr shows only the method: the rest may hold secrets."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str | None = None
    authenticated: bool = True
    """Whether the bearer token goes along; the token endpoint itself gets none."""
    bearer_number: int | None = None
    """Sent only while the token of this number is in use (`WireReply.bearer_number`); with any where it is None."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent beside the session's own, or instead of the one of the same name."""
    largest_body: int = MAX_BODY_BYTES
    """How many bytes of a reply are read at most; a larger one is a failure."""
    is_answered_by: Callable[[bytes], bool] | None = None
    """Called with each piece of an event stream as it arrives; reading ends where it says that the answer is there."""

    def __post_init__(self) -> None:
        """Refuse a path that could lead elsewhere: dots, doubled slashes, a query or a fragment inside it."""
        if _PATH.fullmatch(self.path) is None:
            raise ValueError(
                "a request path holds only plain segments between single slashes; build it from checked ids"
            )

    def __repr__(self) -> str:
        return f"WireRequest(method={self.method!r})"


class WireReply(Value, frozen=True, kw_only=True):
    """The broker's whole answer; header names in lower case. Its repr shows only the status."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    bearer_number: int = 0
    """Which of the session's access tokens was in use, counted from the lack of one."""
    bytes_written: int | None = None
    """How many bytes of the request were handed to the socket; None where the transport does not count them."""

    def json(self) -> object:
        """Decode the body strictly.

        Raises:
            UnreadableReplyError: the body is not acceptable JSON.
        """
        return strict_json(self.body)

    def __repr__(self) -> str:
        return f"WireReply(status={self.status!r})"


Transport: TypeAlias = requests.adapters.BaseAdapter
"""What carries the bytes of a request: our own connections, or the paper exchange."""


class BrokerSession:
    """The only door to the broker. Safe to share between threads; a forked child finds it shut.

    ``adapter`` carries the bytes: our own connection class, or the paper exchange. It serves the pinned base alone and
    must write inside of `SendContext.writing`.
    """

    def __init__(
        self,
        *,
        adapter: Transport,
        clock: Clock,
        base_url: str = BASE_URL,
        process_id: Callable[[], int] = os.getpid,
    ) -> None:
        self._clock = clock
        self._process_id = process_id
        self._owner = process_id()
        self._base_url = base_url
        self._bearer_in_use: tuple[int, str | None] = (0, None)
        self._refused_bearer: str | None = None
        self._transport = adapter
        self._headers = _APP_HEADERS if base_url == BASE_URL else _OWN_HEADERS

    def set_bearer(self, token: str | None) -> None:
        """Use this access token from the next request on; None sends none."""
        number, before = self._bearer_in_use
        if token != before:
            self._bearer_in_use = number + 1, token

    @property
    def bearer_is_refused(self) -> bool:
        """Whether there is no token, or the broker answered 401 to the very one in use."""
        bearer = self._bearer_in_use[1]
        return bearer is None or bearer == self._refused_bearer

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        """Send once and read the whole reply within ``timeout_s``; what the network does never raises.

        ``permit`` is held while bytes are written, and marks a submit, whose bytes must not outlive this call. A
        redirect is a failure: no byte follows it. A reply that echoes the bearer token comes without it.
        """
        context = SendContext(
            deadline=self._clock.monotonic() + timeout_s,
            permit=permit or nullcontext(),
            is_submit=permit is not None,
        )
        number, token = self._bearer_in_use
        bearer = token if request.authenticated else None
        not_begun = self._not_begun(request, context, timeout_s=timeout_s, bearer_number=number)
        if not_begun is not None:
            return not_begun
        with sending(context):
            try:
                result = self._converse(request, context, bearer)
            except SendRefusedError as refusal:
                return _failure(context, FailureKind.REFUSED_BY_GATE, str(refusal), gate=refusal.gate)
            except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' own errors are OSErrors
                kind = kind_of(error, first_byte_written=context.first_byte_written)
                return _failure(context, kind, cause_of(kind, error))
        if isinstance(result, WireFailure):
            return result
        if result.status == requests.codes.unauthorized and bearer is not None:
            self._refused_bearer = bearer
        return replace(_without_echo(result, bearer), bearer_number=number)

    def _not_begun(
        self, request: WireRequest, context: SendContext, *, timeout_s: Seconds, bearer_number: int
    ) -> WireFailure | None:
        if self._process_id() != self._owner:
            return _failure(
                context, FailureKind.FORKED, f"this session belongs to process {self._owner}, not to a fork"
            )
        if timeout_s <= 0:
            return _failure(context, FailureKind.TIMEOUT, "no time was left to send")
        if request.bearer_number not in (None, bearer_number):
            return _failure(context, FailureKind.OTHER_BEARER, "another access token came into use")
        return None

    def _converse(self, request: WireRequest, context: SendContext, bearer: str | None) -> WireReply | WireFailure:
        remaining = max(context.deadline - self._clock.monotonic(), 0.001)
        prepared = self._prepared(request, bearer)
        timeout = (min(MAX_CONNECT_S, remaining), remaining)
        # Sent by the transport itself: a session of requests looks for cookies, proxies and redirects besides.
        with self._transport.send(prepared, stream=True, timeout=timeout, proxies={}) as response:
            if not context.first_byte_written:
                context.phase = SendPhase.HEADERS_READ
                return _failure(context, FailureKind.OTHER, "the transport wrote without asking for its permit")
            context.phase = SendPhase.HEADERS_READ
            return self._whole_reply(response, request, context)

    def _prepared(self, request: WireRequest, bearer: str | None) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = f"{self._base_url}{request.path}{'?' + urlencode(request.query) if request.query else ''}"
        prepared.headers = requests.structures.CaseInsensitiveDict(self._headers)
        for header in _own_headers(request, bearer).items():
            requests.utils.check_header_validity(header)
            prepared.headers[header[0]] = header[1]
        prepared.body = request.body or None
        if request.body or request.method not in _BODILESS:
            prepared.headers["Content-Length"] = str(len(request.body))
        return prepared

    def _whole_reply(
        self, response: requests.Response, request: WireRequest, context: SendContext
    ) -> WireReply | WireFailure:
        if response.status_code in _REDIRECTS:
            return _failure(
                context, FailureKind.REDIRECT, f"the broker answered with a redirect ({response.status_code})"
            )
        body = bytearray()
        ends = request.is_answered_by if _is_event_stream(response) else None
        for piece in response.iter_content(_CHUNK_BYTES) if ends is None else _as_it_arrives(response):
            body += piece
            if len(body) > request.largest_body:
                cause = f"the reply is larger than {request.largest_body} bytes"
                return _failure(context, FailureKind.OVERSIZED, cause)
            if ends is not None and ends(piece):
                self._let_end(response, context)
                break
            if self._clock.monotonic() > context.deadline:
                return _failure(context, FailureKind.TIMEOUT, "the reply was not complete in time")
        context.phase = SendPhase.BODY_READ
        headers = {name.lower(): value for name, value in response.headers.items()}
        return WireReply(
            status=response.status_code, headers=headers, body=bytes(body), bytes_written=context.bytes_written
        )

    def _let_end(self, response: requests.Response, context: SendContext) -> None:
        """Read on for a moment: most streams end with their answer, and only a whole one leaves its connection open."""
        context.deadline = min(context.deadline, self._clock.monotonic() + _STREAM_END_S)
        with suppress(OSError, urllib3.exceptions.HTTPError):
            for count, _piece in enumerate(_as_it_arrives(response)):
                if count >= _PIECES_AFTER_ANSWER or self._clock.monotonic() > context.deadline:
                    return


def _own_headers(request: WireRequest, bearer: str | None) -> dict[str, str]:
    headers = dict(request.headers)
    if request.content_type is not None:
        headers["Content-Type"] = request.content_type
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    return headers


def _is_event_stream(response: requests.Response) -> bool:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == EVENT_STREAM


def _as_it_arrives(response: requests.Response) -> Iterator[bytes]:
    # iter_content waits for a whole piece or the end, and a stream may stay open for long after its last event.
    if not isinstance(response.raw, urllib3.HTTPResponse):
        yield from response.iter_content(_CHUNK_BYTES)
        return
    while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        yield piece


def _without_echo(reply: WireReply, bearer: str | None) -> WireReply:
    if bearer is None or len(bearer) < _LEAST_TOKEN_CHARS:
        return reply
    return replace(reply, body=reply.body.replace(bearer.encode(), MASK.encode()))


def _failure(context: SendContext, kind: FailureKind, cause: str, *, gate: str | None = None) -> WireFailure:
    return WireFailure(
        phase=context.phase,
        first_byte_written=context.first_byte_written,
        cause=cause,
        kind=kind,
        security_alert=kind in (FailureKind.TLS, FailureKind.REDIRECT),
        gate=gate,
        bytes_written=context.bytes_written,
    )
