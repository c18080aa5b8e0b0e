#!/usr/bin/env bash
# mcp 2.3.0: a call that is answered 401 waits for a person at a browser, and is sent again then, however much later.
#
# One would guess: with a refresh token in the store, a 401 costs one refresh grant; and a call that cannot be answered
# now fails now.
# What is so: `OAuthClientProvider` asks its store for the tokens once and keeps no note of when they end, so after a
# restart (or after another process has renewed them) it takes ended tokens for good ones. The 401 that follows leads
# straight to the browser: the refresh token in the store is never tried. The call itself is held meanwhile (its source
# suspends the session's read time-out with `waiting_on_a_person`), and after the login the old request is sent. An
# order that was decided before lunch is placed after it, at whatever price the market has by then.
#
# Seen (CPython 3.11.7, mcp 2.3.0; everything in one process, nothing is sent to anybody):
#   POST place | GET metadata (3 times) | a person logs in | token by authorization_code | POST place
#   the refresh token was tried 0 times
#
# What to do: renew tokens yourself, ahead of their end and on a 401, and send an order again only if it is still wanted.
# Exits non-zero if the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

SERVER = "https://broker.example/mcp"
CALLBACK = "http://127.0.0.1:1/callback"
METADATA = {
    "issuer": "https://broker.example",
    "authorization_endpoint": "https://broker.example/oauth",
    "token_endpoint": "https://broker.example/token",
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
}
story, grants, asked = [], [], {}


class Store:
    """What a run of yesterday left: an access token that has ended, and a refresh token that works."""

    async def get_tokens(self):
        return OAuthToken(access_token="ended", refresh_token="works", expires_in=1)

    async def set_tokens(self, tokens):
        pass

    async def get_client_info(self):
        return OAuthClientInformationFull(client_id="c", redirect_uris=[CALLBACK], issuer="https://broker.example/")

    async def set_client_info(self, info):
        pass


def broker(request):
    if request.url.path == "/mcp":
        story.append("POST place")
        return httpx2.Response(200 if request.headers.get("authorization") == "Bearer new" else 401)
    if request.url.path == "/token":
        grants.append(parse_qs(request.content.decode())["grant_type"][0])
        story.append(f"token by {grants[-1]}")
        return httpx2.Response(200, json={"access_token": "new", "token_type": "Bearer"})
    story.append("GET metadata")
    is_server = "oauth-authorization-server" in request.url.path
    return httpx2.Response(200, json=METADATA) if is_server else httpx2.Response(404)


async def opens_browser(address):
    asked.update({name: values[0] for name, values in parse_qs(urlsplit(address).query).items()})


async def comes_back():
    story.append("a person logs in")  # however long this takes
    return AuthorizationCodeResult(code="x", state=asked["state"])


async def main():
    metadata = OAuthClientMetadata(redirect_uris=[CALLBACK], token_endpoint_auth_method="none")
    provider = OAuthClientProvider(SERVER, metadata, Store(), opens_browser, comes_back)
    transport = httpx2.MockTransport(broker)
    async with httpx2.AsyncClient(auth=provider, transport=transport) as client:
        answer = await client.post(SERVER, json={"method": "tools/call", "params": {"name": "place"}})
    print(" | ".join(story))
    tried = grants.count("refresh_token")
    print(f"the refresh token was tried {tried} times")
    assert answer.status_code == 200 and story.count("POST place") == 2 and tried == 0, "the behaviour has changed"


asyncio.run(main())
PYTHON
