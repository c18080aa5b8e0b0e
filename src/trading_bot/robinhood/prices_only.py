"""A transport that can read prices and nothing else: no order, no cancel and no account can be asked for over it.

The rule stands here, below every object that could make a request: quotes, bars and instruments by GET, and the one
POST that renews a login. Anything else is refused before a connection is made.
"""

import re

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import InvalidURL

_PRICES = re.compile(r"/(quotes|instruments|marketdata/historicals)/([A-Za-z0-9][A-Za-z0-9.-]*/)?")
_RENEWAL = ("POST", "/oauth2/token/")


class PricesOnly(BaseAdapter):
    """Hands ``transport`` the requests that read prices."""

    def __init__(self, transport: BaseAdapter) -> None:
        super().__init__()
        self._transport = transport

    def send(self, request: PreparedRequest, *arguments: object, **options: object) -> Response:
        """Send one request.

        Raises:
            InvalidURL: it does more than read prices; nothing was sent. For the rest see the transport.
        """
        method, path = request.method or "", request.path_url.partition("?")[0]
        is_read = method == "GET" and request.body is None and _PRICES.fullmatch(path) is not None
        if not is_read and (method, path) != _RENEWAL:
            raise InvalidURL("a session for prices reads prices alone; nothing was sent", request=request)
        return self._transport.send(request, *arguments, **options)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()
