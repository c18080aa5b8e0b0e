"""The agent interface of the paper broker: its envelope, in every form that clients have met."""

import json

import pytest

from tests.support.paper_agent import URL, AgentBench, arguments, read
from tests.support.paper_market import ACCOUNT, PaperBench
from trading_bot.paper.agent_arguments import TOOLS


def test_a_session_is_opened_with_the_version_that_was_asked_for():
    bench = AgentBench()
    for version, agreed in [("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"), ("2031-01-01", "2025-06-18")]:
        reply = bench.rpc("initialize", protocolVersion=version)
        assert read(reply)["result"]["protocolVersion"] == agreed
        assert reply.headers["Mcp-Session-Id"] != bench.headers["Mcp-Session-Id"]
    told = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (bench.post(told).status_code, bench.post(told).content) == (202, b"")
    assert bench.post({"jsonrpc": "2.0", "id": 1, "method": "initialize"}).status_code == 200


@pytest.mark.parametrize(("session", "status"), [(None, 400), ("another", 404)])
def test_a_call_without_a_session_of_this_process_does_not_run(session, status):
    bench = AgentBench()
    bench.headers.pop("Mcp-Session-Id")
    bench.headers |= {} if session is None else {"Mcp-Session-Id": session}
    reply = bench.rpc("tools/call", name="place_equity_order", arguments=arguments())
    assert reply.status_code == status
    assert bench.store._state.open_orders == {}


@pytest.mark.parametrize(
    ("token", "text"), [(None, "authentication required"), ("Bearer x", "JWT verification failed")]
)
def test_another_token_opens_nothing(token, text):
    bench = AgentBench()
    bench.bearer = None
    bench.headers.pop("Authorization")
    bench.headers |= {} if token is None else {"Authorization": token}
    reply = bench.rpc("tools/list")
    assert (reply.status_code, reply.text) == (401, text)
    assert reply.headers["WWW-Authenticate"].startswith("Bearer resource_metadata=")


def test_there_is_no_standing_stream():
    bench = AgentBench()
    reply = bench.send("GET", URL, headers=bench.headers)
    assert (reply.status_code, reply.text) == (405, "method not allowed")


def test_the_list_of_tools_names_the_arguments_of_each():
    tools = read(AgentBench().rpc("tools/list"))["result"]["tools"]
    assert [tool["name"] for tool in tools] == list(TOOLS)
    place = next(tool for tool in tools if tool["name"] == "place_equity_order")["inputSchema"]
    assert place["required"] == ["account_number", "symbol", "side", "type"]
    assert place["properties"]["ref_id"] == {"type": "string"}
    quotes = next(tool for tool in tools if tool["name"] == "get_equity_quotes")["inputSchema"]
    assert quotes["properties"]["symbols"] == {"type": ["null", "array"], "items": {"type": "string"}}
    assert quotes["additionalProperties"] is False


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("resources/list", {}, -32601),
        ("tools/call", {}, -32602),
        ("tools/call", {"name": "get_quote"}, -32602),
        ("tools/call", {"name": "get_portfolio"}, -32602),
        ("tools/call", {"name": "get_portfolio", "arguments": {"account_number": 1}}, -32602),
        ("tools/call", {"name": "get_accounts", "arguments": {"nickname": "x"}}, -32602),
        ("tools/call", {"name": "get_equity_quotes", "arguments": {"symbols": "AAPL"}}, -32602),
    ],
)
def test_a_call_that_no_tool_can_run_is_an_error_of_json_rpc(method, params, code):
    bench = AgentBench()
    answer = read(bench.rpc(method, **params))
    assert (answer["id"], answer["error"]["code"], "result" in answer) == (bench.number, code, False)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{"])
def test_a_body_that_is_no_message_is_told_to_nobody(body):
    bench = AgentBench()
    assert bench.send("POST", URL, data=body, headers=bench.headers).status_code == 202


def test_an_answer_comes_as_json_or_as_events_and_its_data_once_or_twice():
    """The broker's own choice is not known, so a reader has to bear each."""
    bench = AgentBench()
    replies = [bench.rpc("tools/call", name="get_accounts", arguments={}) for _ in range(40)]
    kinds = {(reply.headers["Content-Type"], "structuredContent" in read(reply)["result"]) for reply in replies}
    assert kinds == {(kind, twice) for kind in ("application/json", "text/event-stream") for twice in (False, True)}
    events = next(reply for reply in replies if reply.headers["Content-Type"] == "text/event-stream")
    first, _ = [json.loads(line[6:]) for line in events.text.splitlines() if line.startswith("data: ")]
    assert "id" not in first
    assert read(bench.rpc("ping"))["result"] == {}


def test_both_interfaces_speak_of_one_account():
    bench = AgentBench()
    bench.place(1)
    bench.buy(2, limit_price="99.50")
    assert [row["price"] for row in bench.rows()] == ["99.500000", "100.000000"]
    assert [row["price"] for row in bench.get("/orders/")["results"]] == ["99.50000000", "100.00000000"]
    assert bench.get("/accounts/")["results"][0]["account_number"] == ACCOUNT


def test_the_host_of_one_interface_does_not_serve_the_paths_of_the_other():
    for url in ("https://agent.robinhood.com/orders/", "https://api.robinhood.com/mcp/trading"):
        with pytest.raises(Exception, match="paper mode never uses the network"):
            PaperBench().send("POST", url)
