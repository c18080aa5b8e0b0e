"""The least that renews a token: for tests that are about something else."""

import json
from urllib.parse import urlencode

from tests.support.agent_server.grants import CLIENT_ID
from trading_bot.robinhood.session import FORM, BrokerSession, WireReply, WireRequest


class PlainLogin:
    """Renews the token of ``http`` by ``grants``, which talks to the host of the token endpoint."""

    def __init__(self, http: BrokerSession, grants: BrokerSession, refresh_token: str) -> None:
        self._http, self._grants, self._refresh = http, grants, refresh_token

    def renew(self, _within_s: float) -> bool:
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh, "client_id": CLIENT_ID}
        request = WireRequest(
            method="POST",
            path="/oauth2/token/",
            body=urlencode(form).encode(),
            content_type=FORM,
            authenticated=False,
        )
        reply = self._grants.exchange(request, timeout_s=5)
        if not isinstance(reply, WireReply) or reply.status != 200:
            return False
        tokens = json.loads(reply.body)
        self._refresh = tokens["refresh_token"]
        self._http.set_bearer(tokens["access_token"])
        return True
