"""What a login sends and gets, on the wire of the token endpoint."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated
from urllib.parse import urlencode

from pydantic import SecretStr, StringConstraints

from trading_bot.robinhood.fields import MaybeWord, Payload, parse_payload, word
from trading_bot.robinhood.session import FORM, UnreadableReplyError, WireReply, WireRequest

CLIENT_ID = "c82SH0WZOsabOXGP2sxqcj34FxkvfnWRZBKlBjFS"
"""The broker's own public application id: an identifier, not a secret."""

LOGIN_PATH = "/oauth2/token/"
REVOKE_PATH = "/oauth2/revoke_token/"
TOKEN_LIFE_S = 86_400

NEEDED: Mapping[str, str] = MappingProxyType(
    {"access_token": "every request goes out under it", "refresh_token": "without it the session ends within a day"}
)
"""The fields of a token reply without which there is no session, and why."""

Token = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,4096}$")]


class _TokenPayload(Payload):
    access_token: Token
    refresh_token: Token
    token_type: MaybeWord = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A session at the broker; its repr shows neither token."""

    access: SecretStr
    refresh: SecretStr


def read_tokens(reply: WireReply) -> Tokens:
    """Read the reply to a grant.

    Raises:
        UnreadableReplyError: it holds no usable pair of tokens.
    """
    payload = parse_payload(_TokenPayload, reply.json())
    if payload.token_type is not None and word(payload.token_type) != "bearer":
        raise UnreadableReplyError("the tokens are of a kind that cannot be used: token_type")
    return Tokens(access=SecretStr(payload.access_token), refresh=SecretStr(payload.refresh_token))


def refresh_request(refresh_token: SecretStr, device_token: SecretStr) -> WireRequest:
    """Ask for new tokens with the refresh token, which is used up by that."""
    form = (
        ("client_id", CLIENT_ID),
        ("expires_in", str(TOKEN_LIFE_S)),
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.get_secret_value()),
        ("scope", "internal"),
        ("device_token", device_token.get_secret_value()),
    )
    return form_request(LOGIN_PATH, form)


def revoke_request(token: SecretStr) -> WireRequest:
    """Ask the broker to end a session."""
    return form_request(REVOKE_PATH, (("client_id", CLIENT_ID), ("token", token.get_secret_value())))


def form_request(path: str, form: Iterable[tuple[str, str]]) -> WireRequest:
    """Build a POST to the login's own endpoints; no bearer goes along."""
    return WireRequest(
        method="POST",
        path=path,
        body=urlencode(tuple(form)).encode("ascii"),
        content_type=FORM,
        authenticated=False,
    )
