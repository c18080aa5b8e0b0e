"""The cells of a login that can lose money, over real connections: both ways to tokens at either interface."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.agent_login_bench import AgentLoginBench
from tests.support.live_login_bench import LoginBench
from tests.support.login_doors import DOORS, ENDED, METADATA, TOKEN, AgentRenewal, Door, PrivateLogin, PrivateRenewal
from tests.support.loopback_broker.acts import Act, drip, hang, message, reply, reset
from tests.support.loopback_broker.bench import authority
from tests.support.loopback_broker.server import Heard, LoopbackServer
from trading_bot.agent.endpoint import AGENT_HOST, ENDPOINT_PATH, REGISTRATION_PATH, SERVER_METADATA_PATH
from trading_bot.auth.login_budget import PAUSE
from trading_bot.clock import SystemClock
from trading_bot.robinhood.hosts import BROKER_HOST
from trading_bot.robinhood.live_transport import build_live_transport
from trading_bot.robinhood.session import BrokerSession

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

SILENCE_S = 0.5
"""How long a request waits here for an answer that never comes."""

ELSEWHERE = "https://elsewhere.example/oauth2/token/"
WORKS = "canary-access-3", "canary-access-token-3"
ACTS: dict[str, tuple[Act, ...]] = {
    "F06": (reset,),
    "F07": (hang,),
    "F08": (hang,),
    "F09": (drip(message(200, {"access_token": "x" * 4000}), every_s=0.02),),
    "F10": (reply(307, {}, Location=ELSEWHERE), reply(308, {}, Location=ELSEWHERE)),
    "F11": (reply(400, {"error": "invalid_grant"}),),
    "F12": (reply(401, {"detail": "no"}),),
    "F13": (reply(403, {"detail": "no"}),),
    "F16": (reply(422, {"detail": "no"}),),
    "F17": (reply(429, {"detail": "no"}, Retry_After="200"),),
    "F18": (reply(429, {"detail": "no"}, Retry_After="-1"),),
}


class ImpatientSession(BrokerSession):
    """Waits less for an answer than the product does."""

    def exchange(self, request, *, timeout_s, permit=None):
        return super().exchange(request, timeout_s=min(timeout_s, SILENCE_S), permit=permit)


@dataclass
class Line:
    """Real connections to a server of the tests."""

    server: LoopbackServer

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.transport = build_live_transport(
            clock=self.clock, ca_file=str(authority().ca_file), lookup=self.server.lookup
        )

    def session(self, base_url: str) -> BrokerSession:
        return ImpatientSession(adapter=self.transport, clock=self.clock, base_url=base_url)

    def grants(self) -> list[Heard]:
        return [heard for heard in self.server.heard if heard.path == TOKEN[1]]

    def door(self, kind: type[PrivateLogin] | type[AgentRenewal], folder: Path) -> Door:
        """A way to tokens; for a renewal somebody has logged in before, and the broker has ended that session."""
        if not folder.exists():
            renewals: dict[type, Callable[[], object]] = {
                PrivateRenewal: lambda: LoginBench(folder).logged_in(),
                AgentRenewal: lambda: AgentLoginBench(folder).logged_in(),
            }
            renewals.get(kind, dict)()
        door = kind(folder, connect=self.session)
        self.server.heard.clear()
        return door


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(authority().certify(BROKER_HOST, AGENT_HOST).server_context()) as running:
        for method, path in (("GET", "/orders/"), ("POST", ENDPOINT_PATH)):
            running.on_every(method, path, lambda heard: reply(200 if is_good(heard) else 401, {}))
        running.on_every("GET", SERVER_METADATA_PATH, lambda _: reply(200, METADATA))
        running.on_every("POST", REGISTRATION_PATH, lambda _: reply(201, {"client_id": "shared-client"}))
        yield running


@pytest.fixture
def line(server: LoopbackServer) -> Iterator[Line]:
    line = Line(server)
    yield line
    line.transport.close()


def is_good(heard: Heard) -> bool:
    return heard.headers.get("authorization", "").removeprefix("Bearer ") in WORKS


def works(door: Door) -> Act:
    return reply(200, door.good(3).body)


def cells(*faults: str) -> list[object]:
    return [
        pytest.param(fault, act, id=f"LOG-{fault}" + (f"-{number}" if len(ACTS[fault]) > 1 else ""))
        for fault in faults
        for number, act in enumerate(ACTS[fault])
    ]


@pytest.mark.parametrize("kind", DOORS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("fault", "act"), cells(*ACTS))
def test_a_login_that_is_struck_on_the_line(fault, act, kind, line, tmp_path):
    door = line.door(kind, tmp_path / "state")
    before = door.saved_access()
    line.server.on(*TOKEN, act)
    for _ in range(3 if door.is_renewal or kind is PrivateLogin else 1):
        assert door.enter() is not None
    (grant,) = line.grants()
    assert grant.headers["host"] == BROKER_HOST
    assert not any("authorization" in heard.headers for heard in line.server.heard)
    assert not any(heard.path.startswith("/orders") or heard.path == ENDPOINT_PATH for heard in line.server.heard)
    assert door.saved_access() == before
    check_later(door, fault, line)


def check_later(door: Door, fault: str, line: Line) -> None:
    door.time.sleep(PAUSE.total_seconds())
    if fault in ENDED.get(type(door), set()):
        assert door.enter() is not None
        assert len(line.grants()) == 1
        return
    line.server.on(*TOKEN, works(door))
    assert door.enter() is None
    assert len(line.grants()) == 2
    assert door.saved_access() in WORKS


@pytest.mark.parametrize("kind", [PrivateRenewal, AgentRenewal], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("fault", [pytest.param("F45", id="LOG-F45")])
def test_two_processes_on_the_line_make_one_request(fault, kind, line, tmp_path):
    first, second = (line.door(kind, tmp_path / "state") for _ in range(2))
    line.server.on(*TOKEN, works(first))
    assert first.enter() is None
    assert second.enter() is None
    assert len(line.grants()) == 1


@pytest.mark.parametrize("kind", [PrivateRenewal, AgentRenewal], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("fault", [pytest.param("F46", id="LOG-F46")])
def test_many_threads_on_the_line_make_one_request(fault, kind, line, tmp_path):
    door = line.door(kind, tmp_path / "state")
    line.server.on(*TOKEN, works(door))
    answers: list[str | None] = []
    threads = [threading.Thread(target=lambda: answers.append(door.enter())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [None] * 8
    assert len(line.grants()) == 1
