"""The stand-in's OAuth: open registration, codes with PKCE, and refresh tokens that live once."""

import base64
import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.support.agent_server.http import AGENT_HOST, GRANT_HOST, Answered, Asked, json_answer, text_answer
from trading_bot.clock import Clock

ENDPOINT = f"https://{AGENT_HOST}/mcp/trading"
CLIENT_ID = "ExampleSharedClientId0000000000000000000"
"""Every caller gets the same one."""
FIRST_LIFE_S, REFRESHED_LIFE_S = 774_924, 665_712
_PADDING = "0123456789abcdef" * 4
"""Real tokens are long, and what masks them asks for that."""


@dataclass(frozen=True, kw_only=True)
class _Code:
    redirect_uri: str
    challenge: str


class Grants:
    """Who may call. ``first_access`` and ``first_refresh`` are good from the start, as after a sign-in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._codes: dict[str, _Code] = {}
        self._bearers: dict[str, datetime] = {}
        self.refresh_token: str | None = None
        """The one that works; it dies with its first use."""
        self.rotation_ends_access = False
        """Whether a refresh ends the access token before it; not established."""
        self.says_issuer = True
        """Whether the browser is sent back with ``iss``; not established."""
        self.refreshes = 0
        self.first_access, self.first_refresh = self._issue(FIRST_LIFE_S)

    def bears(self, headers: Mapping[str, str]) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        ends_at = self._bearers.get(token)
        return scheme == "Bearer" and ends_at is not None and self._clock.now() < ends_at

    def refusal(self, headers: Mapping[str, str]) -> Answered:
        """A 401, as a request without a good token gets it."""
        if headers.get("authorization", "").removeprefix("Bearer").strip():
            return text_answer(401, "JWT verification failed")
        where = f"https://{AGENT_HOST}/.well-known/oauth-protected-resource/mcp/trading"
        return text_answer(401, "authentication required", WWW_Authenticate=f'Bearer resource_metadata="{where}"')

    def accept(self, token: str) -> None:
        """Accept an access token that was not issued here, for ever."""
        self._bearers[token] = datetime.max.replace(tzinfo=UTC)

    def expire_access(self) -> None:
        """End every access token; the refresh token still works."""
        self._bearers.clear()

    def revoke_all(self) -> None:
        """End every token, as the owner does in the app."""
        self._bearers.clear()
        self.refresh_token = None

    def answer(self, asked: Asked) -> Answered | None:
        """Answer what belongs to the sign-in, None for all else."""
        agent = {
            ("GET", "/.well-known/oauth-protected-resource/mcp/trading"): self._resource,
            ("GET", "/.well-known/oauth-authorization-server/mcp/trading"): self._metadata,
            ("GET", "/.well-known/oauth-authorization-server"): self._metadata,
            ("POST", "/oauth/trading/register"): self._register,
        }
        if asked.host == GRANT_HOST:
            is_token = (asked.method, asked.path) == ("POST", "/oauth2/token/")
            return self._token(asked) if is_token else json_answer(404, {"detail": "Not found."})
        answer = agent.get((asked.method, asked.path))
        return None if answer is None else answer(asked)

    def browse(self, address: str) -> str:
        """Sign in at ``address`` as a person does, and return the address that the browser is sent back to.

        Raises:
            ValueError: the server would show an error page and send nobody anywhere.
        """
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query))
        if f"{parts.scheme}://{parts.netloc}{parts.path}" != "https://robinhood.com/oauth":
            raise ValueError(f"not the address of the sign-in: {parts.netloc}{parts.path}")
        wanted = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256", "scope": "internal"}
        if wrong := {name: query.get(name) for name, value in wanted.items() if query.get(name) != value}:
            raise ValueError(f"the sign-in refuses {wrong}")
        code = f"code-{next(self._numbers)}"
        self._codes[code] = _Code(redirect_uri=query["redirect_uri"], challenge=query["code_challenge"])
        back = {"code": code, "state": query["state"]} | ({"iss": ENDPOINT} if self.says_issuer else {})
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def _resource(self, asked: Asked) -> Answered:
        del asked
        body = {"authorization_servers": [ENDPOINT], "bearer_methods_supported": ["header"], "resource": ENDPOINT}
        return json_answer(200, body | {"scopes_supported": ["internal"]})

    def _metadata(self, asked: Asked) -> Answered:
        del asked
        body = {
            "authorization_endpoint": "https://robinhood.com/oauth",
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "issuer": ENDPOINT,
            "registration_endpoint": f"https://{AGENT_HOST}/oauth/trading/register",
            "response_types_supported": ["code"],
            "scopes_supported": ["internal"],
            "token_endpoint": f"https://{GRANT_HOST}/oauth2/token/",
            "token_endpoint_auth_methods_supported": ["none"],
        }
        return json_answer(200, body)

    def _register(self, asked: Asked) -> Answered:
        body = asked.json()
        return json_answer(201, {**(body if isinstance(body, dict) else {}), "client_id": CLIENT_ID})

    def _token(self, asked: Asked) -> Answered:
        form = asked.form
        if form.get("client_id") != CLIENT_ID:
            return json_answer(401, {"error": "invalid_client"})
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form)
        code = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if code is None or code.redirect_uri != form.get("redirect_uri") or code.challenge != proof:
            return json_answer(400, {"error": "invalid_grant"})
        return self._tokens(FIRST_LIFE_S)

    def _refresh(self, form: Mapping[str, str]) -> Answered:
        self.refreshes += 1
        if self.refresh_token is None or form.get("refresh_token") != self.refresh_token:
            return json_answer(401, {"error": "invalid_grant"})
        if self.rotation_ends_access:
            self._bearers.clear()
        return self._tokens(REFRESHED_LIFE_S)

    def _tokens(self, life_s: int) -> Answered:
        access, refresh = self._issue(life_s)
        body = {"access_token": access, "token_type": "Bearer", "expires_in": life_s, "refresh_token": refresh}
        return json_answer(200, body | {"scope": "internal"})

    def _issue(self, life_s: int) -> tuple[str, str]:
        number = next(self._numbers)
        access = f"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.access-{number}-{_PADDING}.EXAMPLE"
        self.refresh_token = f"example-refresh-{number}-{_PADDING}"
        self._bearers[access] = self._clock.now() + timedelta(seconds=life_s)
        return access, self.refresh_token
