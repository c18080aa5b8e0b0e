"""The tools of the server against the ones we call."""

import json
from decimal import Decimal

import pytest

from tests.support.agent_gateway_bench import REF, TERMS, AgentGatewayBench
from tests.support.scripted_broker import reply
from tests.support.scripted_tools import ToolBench
from trading_bot.agent.drift import USED, Drift, ToolDrift, compare
from trading_bot.order_management.models import RefId, Side, TimeInForce


def test_what_is_compared_is_what_our_gateway_calls():
    """A tool or an argument that is used and not compared would drift without a word."""
    bench = AgentGatewayBench()
    gateway = bench.gateway
    bench.submit()
    sale = {"side": Side.SELL, "quantity": 1, "time_in_force": TimeInForce.GTC}
    stop = bench.intent(RefId(REF[:-1] + "6"), **sale, stop_price=Decimal("80.00"), limit_price=Decimal("79.00"))
    bench.submit(stop)
    listing = gateway.list_open_orders()
    gateway.fetch_order_status(listing.reports[0].order_id)
    gateway.cancel_order(listing.reports[0].order_id)
    gateway.fetch_account()
    gateway.fetch_positions()
    gateway.fetch_quotes(["AAPL"])
    gateway.fetch_history("AAPL", "day", "month")
    gateway.fetch_price_books(["AAPL"])
    gateway.fetch_tradability(["AAPL"])
    gateway.fetch_tax_lots("AAPL")
    gateway.fetch_realised("month")
    gateway.review_order(TERMS)
    gateway.review_order(stop.terms)
    called: dict[str, set[str]] = {}
    for call in bench.server.calls:
        called.setdefault(call.tool, set()).update(call.arguments)
    compared = {use.tool: use.needed | use.optional - {"cursor"} for use in USED}
    assert {tool: names - {"cursor"} for tool, names in called.items()} == compared


def schema(*names, required=None):
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": required}


def as_used(**changes):
    return {use.tool: schema(*use.needed, *use.optional) for use in USED} | changes


def test_the_tools_as_we_call_them_are_no_drift():
    assert compare(as_used()) == Drift()


def test_a_missing_tool_that_buys_rest_on_is_named():
    tools = as_used()
    del tools["cancel_equity_order"]
    assert compare(tools).missing == ("there is no tool cancel_equity_order",)


def test_a_missing_tool_of_another_kind_is_only_remarked():
    tools = as_used()
    del tools["get_equity_tax_lots"]
    assert compare(tools) == Drift(remarks=("there is no tool get_equity_tax_lots",))


def test_a_needed_argument_that_a_tool_no_longer_takes_is_named():
    drift = compare(as_used(get_equity_quotes=schema("symbol")))
    assert drift.missing == ("get_equity_quotes takes no symbols",)


def test_an_optional_argument_that_a_tool_no_longer_takes_is_only_remarked():
    drift = compare(as_used(get_equity_positions=schema("account_number")))
    assert drift == Drift(remarks=("get_equity_positions takes no cursor",))


def test_an_argument_that_a_tool_wants_and_we_never_give_is_named():
    wants_more = schema("account_number", "reason", required=["account_number", "reason"])
    assert compare(as_used(get_portfolio=wants_more)).missing == ("get_portfolio wants reason",)


def test_an_argument_that_a_tool_wants_and_we_do_give_is_no_drift():
    tools = as_used()
    tools["place_equity_order"]["required"] = ["account_number", "market_hours"]
    assert compare(tools) == Drift()


@pytest.mark.parametrize("unclear", [{}, {"properties": None, "required": None}, {"properties": [], "required": [5]}])
def test_a_schema_that_says_nothing_is_no_drift(unclear):
    assert compare(as_used(place_equity_order=unclear)) == Drift()


@pytest.mark.parametrize("tool", ["place_advanced_order", "review_advanced_order", "cancel_advanced_order"])
def test_tools_for_orders_in_pairs_are_noted_and_are_no_drift(tool):
    assert compare(as_used(**{tool: {}})) == Drift(offers_pairs=True)


def listing(tools, **more):
    return {"tools": [{"name": name, "inputSchema": form} for name, form in tools.items()], **more}


@pytest.fixture
def bench():
    return ToolBench()


def test_the_list_is_read_page_by_page(bench):
    tools = as_used()
    first = {name: tools.pop(name) for name in list(tools)[:3]}
    bench.tools.calls = [listing(first, nextCursor="2"), listing(tools)]
    drift = ToolDrift(lister=bench.session, clock=bench.clock)
    assert drift.look()
    assert (drift.found, drift.problem()) == (Drift(), None)
    assert [json.loads(seen.body)["params"] for seen in bench.tools.seen[2:]] == [{}, {"cursor": "2"}]


def test_the_problem_names_what_is_missing_and_a_remedy(bench):
    tools = as_used()
    del tools["place_equity_order"]
    bench.tools.calls = [listing(tools)]
    drift = ToolDrift(lister=bench.session, clock=bench.clock)
    drift.look()
    assert "there is no tool place_equity_order; update trading-bot" in str(drift.problem())


@pytest.mark.parametrize(
    "answer", [reply(503), [], {"tools": None}, {"tools": [5, {"name": None}], "nextCursor": "again"}]
)
def test_a_list_that_cannot_be_read_keeps_nothing_from_being_sent(bench, answer):
    bench.tools.calls = [answer] * 20
    drift = ToolDrift(lister=bench.session, clock=bench.clock)
    assert not drift.look()
    assert (drift.problem(), len(drift.found.remarks), drift.found.was_read) == (None, 1, False)


def test_a_tool_without_a_schema_is_there(bench):
    bench.tools.calls = [{"tools": [{"name": use.tool} for use in USED]}]
    drift = ToolDrift(lister=bench.session, clock=bench.clock)
    assert drift.look()
    assert drift.found == Drift()
