"""A browser that comes back from a login: asks one address on this machine, and keeps what it is shown."""

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Shown:
    status: int
    headers: dict[str, str]
    page: str


def goes_to(address: str, *, method: str = "GET") -> Shown:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return Shown(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()
