"""One request to the address of a heartbeat. The address is a secret, so no error shows more of it than the host."""

import ssl
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import certifi
from pydantic import SecretStr

from trading_bot.clock import Seconds

TIMEOUT_S: Seconds = 5.0
"""For each step of a beat: connecting, and each read of the reply. Chosen."""

_GOOD = range(200, 300)
_HEADERS = {"User-Agent": "trading-bot", "Accept": "*/*", "Connection": "close"}


def beat_to(url: SecretStr, *, timeout_s: Seconds = TIMEOUT_S) -> Callable[[], str | None]:
    """Return what sends one GET to ``url``, which is http or https, and returns why it did not arrive, if so.

    Nothing is followed, and no proxy is used.
    """
    parts = urlsplit(url.get_secret_value())
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    trust = ssl.create_default_context(cafile=certifi.where()) if parts.scheme == "https" else None

    def beat() -> str | None:
        host = parts.hostname or ""
        connection = (
            HTTPConnection(host, parts.port, timeout=timeout_s)
            if trust is None
            else HTTPSConnection(host, parts.port, timeout=timeout_s, context=trust)
        )
        try:
            connection.request("GET", target, headers=_HEADERS)
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            return f"{host} could not be reached ({type(error).__name__})"
        finally:
            connection.close()
        return None if status in _GOOD else f"{host} answered {status}"

    return beat
