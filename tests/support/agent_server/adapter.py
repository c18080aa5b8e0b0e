"""The front within one process: a transport for `BrokerSession`, good for virtual clocks."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import requests
import urllib3

from tests.support.agent_server.faults import BEFORE_WRITING, Fault, Reset, Silence
from tests.support.agent_server.http import Asked
from tests.support.agent_server.server import AgentServer
from tests.support.scripted_broker import Answer, response
from trading_bot.order_management.send_horizon import Carrier
from trading_bot.robinhood.sending import SendPhase, current_send_context

_BEFORE: Mapping[Fault, Callable[[], Exception]] = {
    Fault.DNS: lambda: requests.exceptions.ConnectionError(
        urllib3.exceptions.NameResolutionError("agent.robinhood.com", None, OSError("no such name"))  # type: ignore[arg-type]  # no connection was made
    ),
    Fault.REFUSED: lambda: requests.exceptions.ConnectionError("refused"),
    Fault.CONNECT_TIMEOUT: lambda: requests.exceptions.ConnectTimeout("nobody answers"),
    Fault.TLS: lambda: requests.exceptions.SSLError("bad certificate"),
}


class AgentAdapter(requests.adapters.BaseAdapter):
    """Carries requests for both hosts to a server in this process, in which nothing written waits in a kernel."""

    carrier = Carrier.IN_PROCESS

    def __init__(self, server: AgentServer) -> None:
        super().__init__()
        self.server = server

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):  # noqa: PLR0917 - requests' own signature
        asked = asked_of(request)
        fault = self.server.fault_of(asked)
        if fault is not None and fault in BEFORE_WRITING:
            raise error_before_writing(fault)
        context = current_send_context()
        if self.server.clock.monotonic() >= context.deadline:
            raise requests.exceptions.ConnectTimeout("the deadline passed before the request was written")
        context.phase = SendPhase.CONNECTED
        with context.writing():
            if fault is Fault.HALF_WRITTEN:
                raise requests.exceptions.ConnectionError(BrokenPipeError("broken pipe"))
        try:
            answered = self.server.serve(asked, fault)
        except Silence as silence:
            self.server.clock.sleep(timeout[1])
            raise requests.exceptions.ReadTimeout("no answer") from silence
        except Reset as reset:
            raise requests.exceptions.ConnectionError(ConnectionResetError("reset")) from reset
        return response(request, Answer(status=answered.status, body=answered.body, headers=answered.headers))

    def close(self) -> None:
        """Nothing is open."""


def error_before_writing(fault: Fault) -> Exception:
    """Return what our side raises under a fault by which nothing is written."""
    return _BEFORE[fault]()


def asked_of(request: requests.PreparedRequest) -> Asked:
    """A request as the server sees it."""
    url = urlsplit(request.url or "")
    body = request.body or b""
    return Asked(
        method=request.method or "",
        host=url.netloc,
        path=url.path,
        headers={name: str(value) for name, value in request.headers.lower_items()},
        body=body.encode() if isinstance(body, str) else bytes(body),
    )
