"""A transport that can read prices and nothing else: no order, no cancel and no account can be asked for over it.

The rule stands here, below every object that could make a request: quotes, bars and instruments by GET, and the one
POST that renews a login. Anything else is refused before a connection is made. Another interface has a rule of its own.
"""

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import InvalidURL

AsksForPrices: TypeAlias = Callable[[str, str, str, bytes], bool]
"""Whether a request does no more than read prices or renew a login, by its method, host, path and body."""

_PRICES = re.compile(r"/(quotes|instruments|marketdata/historicals)/([A-Za-z0-9][A-Za-z0-9.-]*/)?")
_RENEWAL = ("POST", "/oauth2/token/")


def asks_for_prices(method: str, _host: str, path: str, body: bytes) -> bool:
    """Whether a request of the private wire reads prices or renews a login."""
    return (method, path) == _RENEWAL or (method == "GET" and not body and _PRICES.fullmatch(path) is not None)


class PricesOnly(BaseAdapter):
    """Hands ``transport`` the requests that ``allows`` says read prices."""

    def __init__(self, transport: BaseAdapter, *, allows: AsksForPrices = asks_for_prices) -> None:
        super().__init__()
        self._transport = transport
        self._allows = allows

    def send(self, request: PreparedRequest, *arguments: object, **options: object) -> Response:
        """Send one request.

        Raises:
            InvalidURL: it does more than read prices; nothing was sent. For the rest see the transport.
        """
        host, path = urlsplit(request.url or "").netloc, request.path_url.partition("?")[0]
        body = request.body or b""
        if not self._allows(request.method or "", host, path, body.encode() if isinstance(body, str) else body):
            raise InvalidURL("a session for prices reads prices alone; nothing was sent", request=request)
        return self._transport.send(request, *arguments, **options)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()
