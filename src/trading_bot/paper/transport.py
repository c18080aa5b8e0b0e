"""The transport of paper mode: answers the broker's URLs from the exchange in this process, and opens no socket."""

import io
import json
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from urllib.parse import parse_qsl, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectTimeout, InvalidURL, RequestException
from urllib3 import HTTPResponse

from trading_bot.clock import Clock
from trading_bot.paper.agent_endpoint import ENDPOINT, AgentEndpoint, AgentRequest
from trading_bot.paper.endpoints import PaperEndpoints, PaperReply, PaperRequest, ReferenceFor
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.state import ExchangeStateError
from trading_bot.paper.store import ExchangeStore
from trading_bot.paper.tokens import TokenIssuer
from trading_bot.robinhood.sending import SendPhase, current_send_context

_HOST = "api.robinhood.com"
_AGENT_HOST = "agent.robinhood.com"
_LOGIN = "paper"


class PaperTransport(BaseAdapter):
    """Carries requests of the broker session to a paper exchange, which speaks both of the broker's interfaces.

    ``reference_for`` names the reference price of an order by its ref_id, for a market that walks around it. Logging in
    takes ``username`` and ``password``. Lists have at most ``page_size`` orders a page.
    """

    def __init__(
        self,
        *,
        exchange: PaperExchange,
        store: ExchangeStore,
        clock: Clock,
        reference_for: ReferenceFor,
        username: str = _LOGIN,
        password: str = _LOGIN,
        page_size: int = 100,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._desk = PaperEndpoints(
            exchange=exchange,
            store=store,
            clock=clock,
            tokens=TokenIssuer(username=username, password=password, seed=exchange.seed),
            reference_for=reference_for,
            page_size=page_size,
        )
        self._agent = AgentEndpoint(
            exchange=exchange, store=store, clock=clock, reference_for=reference_for, page_size=page_size
        )

    def send(self, request: PreparedRequest, *_socket_options: object, **_named_options: object) -> Response:
        """Answer one request; time-outs, certificates and proxies mean nothing without a socket.

        Raises:
            InvalidURL: the paper broker does not know the URL; nothing was written.
            ConnectTimeout: the deadline had passed before anything was written.
            SendRefusedError: the permit refused; nothing was written.
            OSError: the exchange's store failed after the writing; only a later look can tell what became of it.
        """
        context = current_send_context()
        self._refuse_unknown(request)
        if self._clock.monotonic() >= context.deadline:
            raise ConnectTimeout("the deadline passed before the request was written; send it again", request=request)
        context.phase = SendPhase.CONNECTED
        with context.writing():
            answer = self._answer_to(request)
        try:
            reply = answer()
        except ExchangeStateError as error:
            raise RequestException("the paper exchange has broken down", request=request) from error
        context.phase = SendPhase.HEADERS_READ
        return _response(request, reply, date=format_datetime(self._clock.now(), usegmt=True))

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _answer_to(self, request: PreparedRequest) -> Callable[[], PaperReply]:
        if urlsplit(request.url or "").netloc == _AGENT_HOST:
            asked = _asked(request)
            return lambda: self._agent.answer(asked)
        received = _received(request)
        return lambda: self._desk.answer(received)

    def _refuse_unknown(self, request: PreparedRequest) -> None:
        url, method = urlsplit(request.url or ""), request.method or ""
        is_served = (url.netloc, url.path) == (_AGENT_HOST, ENDPOINT) or (
            url.netloc == _HOST and self._desk.serves(method, url.path)
        )
        if url.scheme != "https" or not is_served:
            raise InvalidURL(
                f"the paper broker does not serve {method} {url.scheme}://{url.netloc}{url.path}; "
                "paper mode never uses the network, so ask for one of the URLs it serves",
                request=request,
            )


def _received(request: PreparedRequest) -> PaperRequest:
    url = urlsplit(request.url or "")
    return PaperRequest(
        method=request.method or "",
        path=url.path,
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        fields=_fields(request),
        bearer=_bearer(request),
    )


def _asked(request: PreparedRequest) -> AgentRequest:
    body = request.body or b""
    return AgentRequest(
        method=request.method or "",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body.encode() if isinstance(body, str) else body,
    )


def _bearer(request: PreparedRequest) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else None


def _fields(request: PreparedRequest) -> Mapping[str, object]:
    """Read a form, or a JSON object; a body that is neither has no fields, and is refused for lacking them."""
    body = request.body or b""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        return dict(parse_qsl(text, keep_blank_values=True))
    try:
        fields = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _response(request: PreparedRequest, reply: PaperReply, *, date: str) -> Response:
    length = str(len(reply.body))
    headers = {"Content-Type": "application/json", **reply.headers, "Content-Length": length, "Date": date}
    response = Response()
    response.status_code = reply.status
    response.headers.update(headers)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    response.raw = HTTPResponse(
        body=io.BytesIO(reply.body), headers=headers, status=reply.status, preload_content=False
    )
    return response
