"""What the server says of its login, checked against what is known here, and the registration of this program."""

import json
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import StringConstraints

from trading_bot.agent.endpoint import (
    AGENT_BASE_URL,
    AUTHORIZATION_URL,
    ENDPOINT_PATH,
    ENDPOINT_URL,
    GRANTS_BASE_URL,
    GRANTS_PATH,
    REGISTRATION_PATH,
    SCOPE,
    SERVER_METADATA_PATH,
)
from trading_bot.auth.login_answers import SUCCESS, failure_text
from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.prose import clause
from trading_bot.robinhood.classify import error_text
from trading_bot.robinhood.fields import MaybeFlag, P, Payload, parse_payload
from trading_bot.robinhood.session import UnreadableReplyError, WireFailure, WireReply, WireRequest

CLIENT_NAME = "trading-bot"
TIMEOUT_S: Seconds = 16.0

_NOT_FOUND = 404
_METADATA_PATHS = (SERVER_METADATA_PATH, SERVER_METADATA_PATH.removesuffix(ENDPOINT_PATH))
"""Both have been answered; the first is the one of RFC 8414 for an issuer with a path."""

_KNOWN = {
    "issuer": ENDPOINT_URL,
    "authorization_endpoint": AUTHORIZATION_URL,
    "token_endpoint": f"{GRANTS_BASE_URL}{GRANTS_PATH}",
    "registration_endpoint": f"{AGENT_BASE_URL}{REGISTRATION_PATH}",
}
_NEWER = "see whether there is a newer trading-bot, and log in to no page that you do not know"


class LoginWire(Protocol):
    """A conversation with one host."""

    def exchange(self, request: WireRequest, *, timeout_s: Seconds) -> WireReply | WireFailure:
        """Send once and return what came of it."""
        ...


class _MetadataPayload(Payload):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    code_challenge_methods_supported: list[str]
    revocation_endpoint: object = None
    authorization_response_iss_parameter_supported: MaybeFlag = None


class _RegistrationPayload(Payload):
    client_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,512}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginServer:
    """What the server offers beyond the addresses that are known."""

    names_issuer: bool
    """Whether each answer to a login has to name its issuer (RFC 9207)."""
    revocation: "Revocation | None"
    """Where a login can be ended; None where it cannot: none was offered in 2026, or none at a known host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """Where a token is revoked (RFC 7009)."""

    is_at_agent_host: bool
    path: str


def read_server(wire: LoginWire) -> LoginServer:
    """Ask the server to describe its login.

    Raises:
        AuthenticationError: it cannot be asked, or its description is not the one that is known.
    """
    reply = _answer(wire, _get(_METADATA_PATHS[0]))
    if reply.status == _NOT_FOUND:
        reply = _answer(wire, _get(_METADATA_PATHS[1]))
    found = _read(_MetadataPayload, reply, what="the description of its login")
    for name, known in _KNOWN.items():
        if getattr(found, name) != known:
            raise AuthenticationError(
                f"nobody was logged in, because the agent interface names an unknown address as its {name}; {_NEWER}"
            )
    if "S256" not in found.code_challenge_methods_supported:
        raise AuthenticationError(
            f"nobody was logged in, because the agent interface no longer protects its answer by PKCE; {_NEWER}"
        )
    return LoginServer(
        names_issuer=found.authorization_response_iss_parameter_supported is True,
        revocation=_place_of(found.revocation_endpoint),
    )


def registered_client(wire: LoginWire, redirect_uri: str) -> str:
    """Register this program and return its client id; the server gives everybody the same.

    Raises:
        AuthenticationError: it was refused, or cannot be asked for.
    """
    body = {
        "client_name": CLIENT_NAME,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": SCOPE,
    }
    request = WireRequest(
        method="POST",
        path=REGISTRATION_PATH,
        body=json.dumps(body).encode("ascii"),
        content_type="application/json",
        authenticated=False,
    )
    return _read(_RegistrationPayload, _answer(wire, request), what="a registration").client_id


def _place_of(url: object) -> Revocation | None:
    for base in (AGENT_BASE_URL, GRANTS_BASE_URL):
        if isinstance(url, str) and _is_path(path := url.removeprefix(base)) and path != url:
            return Revocation(is_at_agent_host=base == AGENT_BASE_URL, path=path)
    return None


def _is_path(text: str) -> bool:
    try:
        WireRequest(method="POST", path=text)
    except ValueError:
        return False
    return True


def _get(path: str) -> WireRequest:
    return WireRequest(method="GET", path=path, authenticated=False)


def _answer(wire: LoginWire, request: WireRequest) -> WireReply:
    result = wire.exchange(request, timeout_s=TIMEOUT_S)
    if isinstance(result, WireFailure):
        raise AuthenticationError(failure_text(result))
    return result


def _read(model: type[P], reply: WireReply, *, what: str) -> P:
    if reply.status not in SUCCESS:
        said = clause(error_text(reply.body))
        raise AuthenticationError(
            f"nobody was logged in, because the agent interface refused {what} (HTTP {reply.status}: {said}); wait a "
            "minute, then log in again"
        )
    try:
        return parse_payload(model, reply.json())
    except UnreadableReplyError as error:
        raise AuthenticationError(f"nobody was logged in, because {what} cannot be read ({error}); {_NEWER}") from error
