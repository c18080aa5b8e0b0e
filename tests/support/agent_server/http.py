"""Requests and replies as the stand-in sees them, whichever front they came through."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

import msgspec

AGENT_HOST = "agent.robinhood.com"
GRANT_HOST = "api.robinhood.com"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request; header names in lower case."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> object:
        """The body decoded, None where it is no JSON."""
        try:
            return msgspec.json.decode(self.body)
        except ValueError:  # it may be what only Python reads, such as NaN
            return _loaded(self.body)


def _loaded(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One reply."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def with_body(self, body: bytes) -> "Answered":
        return replace(self, body=body)


def json_answer(status: int, body: object, **headers: str) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = json.dumps(body).encode()
    return Answered(status=status, headers={"Content-Type": "application/json", **named}, body=raw)


def text_answer(status: int, text: str, **headers: str) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(status=status, headers={"Content-Type": "text/plain; charset=utf-8", **named}, body=text.encode())
