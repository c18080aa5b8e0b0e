"""Our session and reads against the stand-in: every form of a reply tells the same, and a place leaves once."""

from contextlib import nullcontext

import pytest

from tests.support.agent_server import AgentAdapter, AgentServer, CursorForm, Fault
from tests.support.agent_server.sockets import socket_front, trust_both_hosts
from tests.support.agent_server.wording import Wording
from tests.support.loopback_broker.bench import authority
from tests.support.paper_market import MONDAY
from trading_bot.agent.calls import ToolReads
from trading_bot.agent.endpoint import AGENT_BASE_URL
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.agent.tool_call import CallResult, HttpRefusal, ToolReply, tool_call
from trading_bot.clock import SystemClock, VirtualClock
from trading_bot.robinhood.live_transport import build_live_transport
from trading_bot.robinhood.session import BrokerSession

ACCOUNT = {"account_number": "512340008"}
REF = "11111111-2222-4333-8444-555555555555"
PLACE = tool_call(
    "place_equity_order",
    {
        **ACCOUNT,
        "symbol": "AAPL",
        "side": "buy",
        "type": "limit",
        "quantity": "10",
        "limit_price": "90.00",
        "ref_id": REF,
    },
)


class Bench:
    """A session in this process, on a clock that only waiting moves."""

    def __init__(self) -> None:
        self.clock = VirtualClock(MONDAY)
        self.server = AgentServer(self.clock)
        self.server.book.quote("AAPL", bid="99.98", ask="100.00")
        http = BrokerSession(adapter=AgentAdapter(self.server), clock=self.clock, base_url=AGENT_BASE_URL)
        http.set_bearer(self.server.grants.first_access)
        self.http, self.session = http, AgentSession(http, self.clock)
        self.reads = ToolReads(wire=self.session, clock=self.clock, renew=self._renew)

    def place(self) -> CallResult:
        return self.session.call(PLACE, timeout_s=10, permit=nullcontext())

    def _renew(self, _within_s: float) -> bool:
        access, _ = self.server.grants._issue(1000)
        self.http.set_bearer(access)
        return True


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_every_form_of_a_reply_tells_the_same(bench: Bench):
    bench.place()
    plain = bench.reads.data("get_equity_orders", ACCOUNT)
    for seed in range(60):
        bench.server.vary(seed)
        told = bench.reads.data("get_equity_orders", ACCOUNT)
        assert _without_extras(told) == _without_extras(plain), seed
    assert bench.server.complaints == []


def _without_extras(data) -> list[dict[str, object]]:
    return [{name: row[name] or None for name in row if name != "is_editable"} for row in data["orders"]]


@pytest.mark.parametrize("form", CursorForm)
def test_all_pages_are_read_by_either_form_of_cursor(bench: Bench, form):
    bench.server.orders.cursors, bench.server.orders.page_size = form, 2
    for _ in range(5):
        bench.server.orders.place({**ACCOUNT, "symbol": "AAPL", "side": "buy", "type": "market", "quantity": "1"})
    pages = bench.reads.pages("get_equity_orders", ACCOUNT)
    assert len(pages.rows) == 5
    assert pages.problem is None


@pytest.mark.parametrize("fault", [Fault.SESSION_LOST, Fault.SESSION_LOST_400, Fault.UNAUTHORIZED], ids=str)
def test_a_place_is_written_once_whatever_became_of_the_session(bench: Bench, fault):
    bench.server.acts["place_equity_order"].append(fault)
    assert isinstance(bench.place(), HttpRefusal)
    assert bench.server.places() == []
    assert isinstance(bench.place(), ToolReply)
    assert len(bench.server.places(REF)) == 1


def test_a_read_survives_a_lost_session_and_an_ended_token(bench: Bench):
    bench.reads.data("get_accounts", {})
    bench.server.desk.forget_sessions()
    bench.reads.data("get_accounts", {})
    bench.server.grants.expire_access()
    bench.reads.data("get_accounts", {})
    assert bench.server.complaints == []


def test_a_throttled_read_is_asked_again(bench: Bench):
    bench.server.acts["get_accounts"].append(Fault.RATE_LIMITED_BEFORE)
    bench.reads.data("get_accounts", {})
    assert len(bench.server.calls) == 2


def test_a_stream_that_stays_open_is_read_to_our_answer_and_no_further():
    clock = SystemClock()
    server = AgentServer(clock)
    server.desk.wording = lambda: Wording(is_stream=True, stray_events=("notice", "same_id_request"))
    with socket_front(server, trust_both_hosts(authority()), keeps_streams_open=True) as front:
        transport = build_live_transport(clock=clock, ca_file=str(authority().ca_file), lookup=front.lookup)
        http = BrokerSession(adapter=transport, clock=clock, base_url=AGENT_BASE_URL)
        http.set_bearer(server.grants.first_access)
        begun = clock.monotonic()
        session = AgentSession(http, clock)
        assert isinstance(session.call(tool_call("get_accounts", {}), timeout_s=30), ToolReply)
        assert clock.monotonic() - begun < 20
        transport.close()
