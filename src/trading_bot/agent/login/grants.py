"""What the token endpoint is asked and what it answers (RFC 6749, for a public client without a secret)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlencode

from pydantic import SecretStr, StringConstraints

from trading_bot.agent.endpoint import ENDPOINT_URL, GRANTS_PATH
from trading_bot.agent.login.saved_login import SavedLogin
from trading_bot.robinhood.fields import MaybeAmount, MaybeWord, Payload, parse_payload, word
from trading_bot.robinhood.session import FORM, UnreadableReplyError, WireReply, WireRequest

LONGEST_TOKEN = 16_384
"""The access token holds a second one, so it is longer than most."""

_LONGEST_LIFE_S = Decimal(10 * 365 * 86_400)
_Token = Annotated[str, StringConstraints(pattern=rf"^[!-~]{{1,{LONGEST_TOKEN}}}$")]


class _TokenPayload(Payload):
    access_token: _Token
    refresh_token: _Token | None = None
    token_type: MaybeWord = None
    expires_in: MaybeAmount = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What turns the code of a browser login into tokens."""

    code: SecretStr
    client_id: str
    redirect_uri: str
    verifier: SecretStr


def code_request(exchange: Exchange) -> WireRequest:
    """Ask for tokens with the code that the browser came back with, which is used up by that."""
    return _form_request(
        ("grant_type", "authorization_code"),
        ("code", exchange.code.get_secret_value()),
        ("client_id", exchange.client_id),
        ("redirect_uri", exchange.redirect_uri),
        ("code_verifier", exchange.verifier.get_secret_value()),
        ("resource", ENDPOINT_URL),
    )


def refresh_request(refresh_token: SecretStr, client_id: str) -> WireRequest:
    """Ask for new tokens with the refresh token, which is used up by that."""
    return _form_request(
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.get_secret_value()),
        ("client_id", client_id),
        ("resource", ENDPOINT_URL),
    )


def read_login(reply: WireReply, *, client_id: str, now: datetime, kept: SecretStr | None = None) -> SavedLogin:
    """Read the reply to a grant; ``kept`` stays the refresh token where the reply names none (RFC 6749, section 6).

    Raises:
        UnreadableReplyError: it has no usable access token.
    """
    payload = parse_payload(_TokenPayload, reply.json())
    if payload.token_type is not None and word(payload.token_type) != "bearer":
        raise UnreadableReplyError("the tokens are of a kind that cannot be used: token_type")
    return SavedLogin(
        client_id=client_id,
        access_token=SecretStr(payload.access_token),
        refresh_token=kept if payload.refresh_token is None else SecretStr(payload.refresh_token),
        obtained_at=now,
        expires_at=_end(payload.expires_in, now),
    )


def _end(life_s: Decimal | None, now: datetime) -> datetime | None:
    return None if not life_s else now + timedelta(seconds=float(min(life_s, _LONGEST_LIFE_S)))


def _form_request(*form: tuple[str, str]) -> WireRequest:
    return WireRequest(
        method="POST",
        path=GRANTS_PATH,
        body=urlencode(form).encode("ascii"),
        content_type=FORM,
        authenticated=False,
    )
