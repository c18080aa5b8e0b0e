"""Our own session over a transport in this process, without what `requests` does for a real network.

Everything of ours stays: the permit, the deadline, how failures are told apart, how a reply is read. Left out is how
`requests` prepares a request whose address and headers are complete, and what it looks for in a reply that we never
use: cookies, redirects, a history. The session's own tests, the fault matrix and the simulation run with all of it.
"""

from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from trading_bot.robinhood.session import BrokerSession, Transport


class LeanSession(BrokerSession):
    """A `BrokerSession` that hands each request to its transport as it is."""

    def __init__(self, *, adapter: Transport, **parts: Any) -> None:
        super().__init__(adapter=adapter, **parts)
        self._http.request = _Handing(adapter, dict(self._http.headers)).request  # type: ignore[method-assign, assignment]  # fewer arguments do


class _Handing:
    def __init__(self, adapter: Transport, headers: dict[str, Any]) -> None:
        self._adapter = adapter
        self._headers = headers

    def request(self, method: str, url: str, *, headers: dict[str, str], timeout: Any, **rest: Any) -> Any:
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url, prepared.body = method, url, rest["data"]
        prepared.headers = CaseInsensitiveDict({**self._headers, **headers})
        return self._adapter.send(prepared, stream=True, timeout=timeout)
