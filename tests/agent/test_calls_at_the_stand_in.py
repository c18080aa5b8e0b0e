"""A session and its reads against the stand-in, whose book says what really happened."""

from contextlib import nullcontext

import pytest

from tests.support.agent_server import NEVER_ACTS, AgentAdapter, AgentServer, CursorForm, Fault
from tests.support.scripted_broker import clock
from trading_bot.agent.calls import ToolReads
from trading_bot.agent.drift import Drift, ToolDrift
from trading_bot.agent.endpoint import AGENT_BASE_URL
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.agent.rate import PacedWire
from trading_bot.agent.tool_call import ToolReply, tool_call
from trading_bot.error_handling.policies import CANCEL_POLICY
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.session import BrokerSession

pytestmark = pytest.mark.no_cover  # a sweep: each line that it runs has a quick test of its own

ACCOUNT = "512340008"
OPENINGS = ("initialize", "notifications/initialized")
LIST = {"account_number": ACCOUNT}
OTHER_ROWS = frozenset(
    {
        Fault.APPROVAL_WITHOUT_ORDER,
        Fault.FOREIGN_ORDER,
        Fault.NO_DATA,
        Fault.NULL_ROWS,
        Fault.ODD_NUMBERS,
        Fault.PAGE_LOOP,
        Fault.STALE,
        Fault.UNKNOWN_STATE,
    }
)
SILENT = frozenset({Fault.LATE, Fault.REPLY_LOST, Fault.REQUEST_LOST})
"""Waiting for these takes all the time of a read."""

LASTING = frozenset(
    {
        Fault.TLS,  # a certificate that is wrong once is an alarm
        Fault.REDIRECT,
        Fault.FORBIDDEN_PAGE,
        # Refusals of the call itself, and texts that mean nothing to us.
        Fault.API_400,
        Fault.API_403,
        Fault.API_404,
        Fault.API_422,
        Fault.CONFLICT,
        Fault.HTML_TEXT_BEFORE,
        Fault.HTML_TEXT_AFTER,
        Fault.PROSE_BEFORE,
        Fault.PROSE_AFTER,
        Fault.EMPTY_TEXT_AFTER,
    }
)


class Bench:
    def __init__(self):
        self.clock = clock()
        self.server = AgentServer(self.clock)
        self.server.book.quote("F", bid="18.84", ask="18.86")
        self.http = BrokerSession(adapter=AgentAdapter(self.server), clock=self.clock, base_url=AGENT_BASE_URL)
        self.http.set_bearer(self.server.grants.first_access)
        self.session = AgentSession(self.http, self.clock)
        wire = PacedWire(wire=self.session, clock=self.clock)
        self.reads = ToolReads(wire=wire, clock=self.clock, renew=lambda _: True)

    def place(self, number=1, price="10.00"):
        arguments = {
            "account_number": ACCOUNT,
            "symbol": "F",
            "side": "buy",
            "type": "limit",
            "quantity": "1",
            "limit_price": price,
            "time_in_force": "gfd",
            "ref_id": f"11111111-2222-4333-8444-{number:012d}",
        }
        return self.session.call(tool_call("place_equity_order", arguments), timeout_s=10, permit=nullcontext())


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("point", ["place_equity_order", *OPENINGS])
def test_a_place_arrives_once_at_most_and_is_good_or_unsent_only_if_the_book_says_so(bench, point, fault):
    bench.server.acts[point].append(fault)
    result = bench.place()
    orders = len(bench.server.book.orders)
    assert len(bench.server.places()) <= 1
    assert not (isinstance(result, ToolReply) and not orders)
    assert not (isinstance(result, WireFailure) and not result.first_byte_written and orders)
    if point in OPENINGS and not isinstance(result, ToolReply):
        assert (orders, bench.server.places()) == (0, [])
        assert not isinstance(result, WireFailure) or not result.first_byte_written
    assert bench.server.complaints == []


@pytest.mark.parametrize("fault", sorted(set(Fault) - LASTING - OTHER_ROWS - SILENT))
@pytest.mark.parametrize("point", ["get_equity_orders", *OPENINGS])
def test_a_read_gets_over_one_passing_fault(bench, point, fault):
    bench.place()
    bench.server.desk.forget_sessions()
    bench.session = AgentSession(bench.http, bench.clock)
    bench.server.acts[point].append(fault)
    pages = ToolReads(wire=bench.session, clock=bench.clock, renew=lambda _: True, timeout_s=20).pages(
        "get_equity_orders", LIST
    )
    assert (len(pages.rows), pages.problem) == (1, None)


@pytest.mark.parametrize("times", [2, 3])
def test_a_read_gets_over_a_session_that_is_lost_again(bench, times):
    """One call looks for a new session once; the next attempt does again."""
    bench.place()
    bench.server.acts["get_equity_orders"].extend([Fault.SESSION_LOST] * times)
    pages = bench.reads.pages("get_equity_orders", LIST)
    assert (len(pages.rows), pages.problem) == (1, None)


@pytest.mark.parametrize("fault", sorted(LASTING & NEVER_ACTS))
def test_a_read_that_is_refused_for_good_is_a_problem(bench, fault):
    bench.server.acts["get_equity_orders"].append(fault)
    assert bench.reads.pages("get_equity_orders", LIST).problem is not None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("form", CursorForm)
def test_every_row_comes_once_over_lost_sessions_and_pages_of_either_form(bench, form, seed):
    bench.server.vary(seed)
    bench.server.orders.cursors, bench.server.orders.page_size = form, 2
    for number in range(5):
        bench.place(number)
    bench.server.desk.forget_sessions()
    pages = bench.reads.pages("get_equity_orders", LIST)
    rows = [row for row in pages.rows if isinstance(row, dict)]
    assert pages.are_all
    assert len({row["id"] for row in rows}) == len(rows) == 5
    assert bench.server.complaints == []


def test_a_cancel_is_taken_over_a_lost_reply_and_throttling(bench):
    bench.place()
    [order] = bench.server.book.orders
    bench.clock.advance(1)
    bench.server.acts["cancel_equity_order"] += [Fault.RATE_LIMITED_BEFORE, Fault.SESSION_LOST]
    cancel = tool_call("cancel_equity_order", {"account_number": ACCOUNT, "order_id": order.order_id})
    assert bench.reads.repeated(cancel, CANCEL_POLICY) == ToolReply(data={"accepted": True})


def test_the_tools_of_the_stand_in_are_those_that_we_call(bench):
    drift = ToolDrift(lister=bench.session, clock=bench.clock)
    assert drift.look()
    assert drift.found == Drift()
    del bench.server.desk.tools["place_equity_order"]
    assert drift.look()
    assert drift.problem() is not None
