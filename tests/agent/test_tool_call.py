"""The bytes of a call: what an intent records, and what is sent."""

from trading_bot.agent.tool_call import tool_call


def test_a_call_is_written_as_the_same_bytes_each_time():
    arguments = {"account_number": "000000001", "symbol": "F"}
    assert tool_call("get_equity_orders", arguments) == tool_call("get_equity_orders", dict(arguments))
    assert tool_call("get_equity_orders", arguments).params == (
        b'{"name":"get_equity_orders","arguments":{"account_number":"000000001","symbol":"F"}}'
    )


def test_the_arguments_of_a_call_are_not_shown():
    assert "000000001" not in repr(tool_call("get_portfolio", {"account_number": "000000001"}))
