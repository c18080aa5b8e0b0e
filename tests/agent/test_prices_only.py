"""A session for prices: what it may ask the agent interface for, by the bytes that would leave."""

import json

import pytest

from trading_bot.agent.prices_only import asks_agent_for_prices
from trading_bot.agent.tool_call import tool_call

AGENT, BROKER = "agent.robinhood.com", "api.robinhood.com"
MCP = "/mcp/trading"


def message(method: str, params: object = None) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def call(tool: str) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + tool_call(tool, {}).params + b"}"


@pytest.mark.parametrize("tool", ["get_equity_quotes", "get_equity_price_book", "get_equity_historicals"])
def test_tools_that_read_prices_may_be_called(tool):
    assert asks_agent_for_prices("POST", AGENT, MCP, call(tool))


@pytest.mark.parametrize("method", ["initialize", "notifications/initialized"])
def test_a_session_may_be_opened_and_a_login_renewed(method):
    assert asks_agent_for_prices("POST", AGENT, MCP, message(method))
    assert asks_agent_for_prices("POST", BROKER, "/oauth2/token/", b"grant_type=refresh_token")


@pytest.mark.parametrize(
    ("method", "host", "path", "body"),
    [
        *(
            ("POST", AGENT, MCP, call(tool))
            for tool in ("place_equity_order", "cancel_equity_order", "review_equity_order", "get_accounts", "x")
        ),
        ("GET", AGENT, MCP, b""),
        ("POST", BROKER, MCP, call("get_equity_quotes")),
        ("POST", AGENT, "/other", call("get_equity_quotes")),
        ("POST", AGENT, "/oauth2/token/", b""),
        ("POST", BROKER, "/orders/", b""),
        ("POST", AGENT, MCP, b"[" + call("get_equity_quotes") + b"]"),
        ("POST", AGENT, MCP, b'{"method":"initialize","method":"tools/call"}'),
        ("POST", AGENT, MCP, message("tools/list")),
        ("POST", AGENT, MCP, message("tools/call")),
        ("POST", AGENT, MCP, b"{"),
    ],
)
def test_nothing_else_may_leave(method, host, path, body):
    assert not asks_agent_for_prices(method, host, path, body)
