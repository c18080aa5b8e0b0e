"""One login by a browser: the address to open, and how what comes back is checked. Pure (RFC 6749, 7636, 9207)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode

from pydantic import SecretStr

from trading_bot.agent.endpoint import AUTHORIZATION_URL, ENDPOINT_URL, SCOPE
from trading_bot.agent.login.grants import Exchange
from trading_bot.robinhood.fields import printable

LONGEST_ANSWER = 16_384
_MOST_FIELDS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The person, or the broker, said no; ``reason`` is in the broker's words."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOurs:
    """What came is no answer to this login, which goes on waiting for one."""

    because: str


BrowserAnswer: TypeAlias = Exchange | Declined | NotOurs


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What one login sends to the browser, and keeps to check the answer by. Its repr shows no secret."""

    client_id: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    """43 to 128 characters that nobody can guess (RFC 7636, section 4.1)."""
    names_issuer: bool
    """Whether the answer has to name its issuer."""

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode("ascii")).digest())
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "code_challenge": challenge.rstrip(b"=").decode("ascii"),
            "code_challenge_method": "S256",
            "resource": ENDPOINT_URL,
        }
        return f"{AUTHORIZATION_URL}?{urlencode(query)}"

    def answered(self, address: str) -> BrowserAnswer:
        """Check the address that the browser ended on; its query alone will do."""
        found = _fields(address)
        if found is None:
            return NotOurs(because="it is no answer to a login")
        if not hmac.compare_digest(found.get("state", "").encode(errors="replace"), self.state.encode()):
            return NotOurs(because="it answers another login than the one that is waiting")
        if found.get("iss", ENDPOINT_URL) != ENDPOINT_URL or (self.names_issuer and "iss" not in found):
            return NotOurs(because="it does not come from the broker's agent interface")
        if "error" in found:
            said = found.get("error_description") or found["error"]
            return Declined(reason=printable(said) or "it gave no reason")
        code = found.get("code", "")
        if not (code.isascii() and code.isprintable() and code):
            return NotOurs(because="it has no code")
        return Exchange(
            code=SecretStr(code),
            client_id=self.client_id,
            redirect_uri=self.redirect_uri,
            verifier=SecretStr(self.verifier),
        )


def _fields(address: str) -> Mapping[str, str] | None:
    """Return the fields of a query; None where it has none, or names one twice."""
    query = address.strip().rpartition("?")[2].partition("#")[0]
    if len(query) > LONGEST_ANSWER:
        return None
    try:
        pairs = parse_qsl(query, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    found = dict(pairs)
    return found if found and len(found) == len(pairs) else None
