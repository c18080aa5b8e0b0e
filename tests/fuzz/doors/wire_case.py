"""A call and the replies that it gets, as a text that people can write and a mutator can change.

The first line has the call and the HTTP status, the lines up to an empty one are headers, and the rest is the body;
``%%`` on a line of its own separates the bodies of several replies, of which the last is given again and again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import requests

from tests.support.scripted_broker import Answer, response
from trading_bot.robinhood.sending import current_send_context

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_MOST_HEADERS = 200
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCase:
    """What is called, and what the broker answers."""

    call: str
    status: int
    headers: dict[str, str]
    bodies: tuple[bytes, ...]

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read any bytes as a case: what is no status is 200, and what HTTP would not carry is no header."""
        head, _, body = data.partition(b"\n\n")
        first, *lines = head.decode("latin-1").split("\n")
        call, _, status = first.partition(" ")
        named = (line.partition(":") for line in lines[:_MOST_HEADERS])
        return cls(
            call=call,
            status=int(status) if status.isascii() and status.isdigit() and len(status) == len("200") else _OK,
            headers={
                name: value.strip().replace("\r", " ")
                for name, _, value in named
                if _HEADER.fullmatch(name) is not None
            },
            bodies=tuple(body.split(b"\n%%\n")),
        )

    def answer(self, number: int) -> Answer:
        """Return the reply to the request of a number, counted from 0."""
        return Answer(status=self.status, body=self.bodies[min(number, len(self.bodies) - 1)], headers=self.headers)


class HostileBroker(requests.adapters.BaseAdapter):
    """Answers as ``answer`` says, and remembers the methods and addresses that it was asked."""

    def __init__(self, answer: Callable[[str, str, bytes], Answer]) -> None:
        super().__init__()
        self._answer = answer
        self.asked: list[str] = []

    def send(self, request, *_, **_options):
        """Answer without a socket."""
        url = urlsplit(request.url)
        self.asked.append(f"{request.method} {url.scheme}://{url.netloc}{url.path}")
        with current_send_context().writing():
            pass
        body = request.body or b""
        return response(
            request, self._answer(request.method, url.path, body.encode() if isinstance(body, str) else body)
        )

    def close(self) -> None:
        """Nothing is open."""
