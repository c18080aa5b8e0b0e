"""A live account whose setting ``gateway`` is ``agent``: bot, kill and prices, each over its own session."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.agent_account import AgentAccount
from tests.support.agent_server import Fault
from tests.support.agent_server.http import Asked
from trading_bot.bot import StartError, TradeStatus, TradingBot
from trading_bot.bot_events import BotEvent
from trading_bot.config import ConfigError, GatewayKind
from trading_bot.order_management.exceptions import AuthenticationError, OrderStatusError
from trading_bot.order_management.models import OrderState
from trading_bot.startup import create_bot
from trading_bot.startup.access import Reading
from trading_bot.startup.account_latch import account_latch
from trading_bot.startup.interfaces import price_interface_of
from trading_bot.startup.kill import open_kill


@pytest.fixture
def account(tmp_path) -> AgentAccount:
    """5 AAPL at 99.98 to 100.00; somebody has logged in and armed it."""
    account = AgentAccount(tmp_path)
    account.server.book.hold("AAPL", 5)
    account.server.book.quote("AAPL", bid="99.98", ask="100.00")
    account.log_in()
    account_latch(account.config, account.around, account.state).arm(by="ann")
    return account


def bot_of(account: AgentAccount) -> TradingBot:
    return create_bot(account.config, transport=account.transport, surroundings=account.around, background_sync=False)


@pytest.fixture
def bot(account):
    bot = bot_of(account)
    bot.start()
    yield bot
    bot.stop()
    assert account.server.complaints == []


def buy(bot: TradingBot, name: str = "c1", price: str = "90"):
    return bot.execute_trade("AAPL", "buy", 4, Decimal(price), "a test", client_order_id=name)


def test_an_order_goes_out_once_under_our_reference(account, bot):
    result = buy(bot)
    assert result.status is TradeStatus.SUBMITTED, result
    (order,) = account.server.book.open()
    assert order.ref_id == result.envelope.ref_id
    assert bot.cancel_order("c1").state is OrderState.CANCELLED
    assert account.server.book.open() == []
    assert len(account.server.places()) == 1


def test_a_kill_takes_up_the_saved_login_and_cancels(account, bot):
    buy(bot)
    report = open_kill(account.config, transport=account.transport, surroundings=account.around).run("ann", "a test")
    assert report.is_confirmed, report
    assert [order.state for order in report.orders] == [OrderState.CANCELLED]
    assert account.server.book.open() == []


def test_a_kill_waits_as_long_as_the_opening_of_a_session_was_seen_to_take(account, bot):
    buy(bot)
    serve = account.server.serve

    def slow_to_open(asked: Asked, fault: Fault | None) -> object:
        if b'"initialize"' in asked.body:
            account.clock.sleep(5.2)
        return serve(asked, fault)

    account.server.serve = slow_to_open
    report = open_kill(account.config, transport=account.transport, surroundings=account.around).run("ann", "a test")
    assert report.is_confirmed, report
    assert account.server.book.open() == []


def test_a_kill_without_a_login_confirms_nothing_and_says_why(tmp_path):
    account = AgentAccount(tmp_path)
    report = open_kill(account.config, transport=account.transport, surroundings=account.around).run("ann", "a test")
    assert not report.is_confirmed
    assert "nobody is logged in to the agent interface" in str(report)
    assert account.server.calls == []


def test_a_start_without_a_login_says_what_to_do(tmp_path):
    with pytest.raises(StartError, match="trading-bot login"):
        bot_of(AgentAccount(tmp_path)).start()


def test_prices_are_read_over_a_session_that_can_do_nothing_else(account):
    access = price_interface_of(account.config).way_to_prices(
        account.config, account.around, transport=account.transport
    )
    access.login.log_in()
    gateway = access.gateway(Reading())
    assert gateway.fetch_quotes(["AAPL"])["AAPL"].bid_price == Decimal("99.98")
    with pytest.raises(OrderStatusError):
        gateway.fetch_account()
    assert {call.tool for call in account.server.calls} == {"get_equity_quotes"}


def test_prices_without_a_login_are_refused_before_anything_is_sent(tmp_path):
    account = AgentAccount(tmp_path)
    access = price_interface_of(account.config).way_to_prices(
        account.config, account.around, transport=account.transport
    )
    with pytest.raises(AuthenticationError, match="nobody is logged in"):
        access.login.log_in()


def test_a_session_of_the_private_wire_is_refused(account):
    session = SimpleNamespace(headers={"Authorization": "Bearer x"})
    with pytest.raises(ConfigError, match=r"opens the private wire alone.*trading-bot login"):
        create_bot(account.config, session=session)


def without_argument(account: AgentAccount, tool: str, argument: str) -> None:
    """Let the server list a tool that takes an argument no more, and take it all the same."""
    tools = cast("dict[str, Any]", account.server.desk.tools)
    offered = tools[tool]
    described = offered.described()
    del described["inputSchema"]["properties"][argument]
    tools[tool] = SimpleNamespace(described=lambda: described, call=offered.call)


def test_a_tool_that_a_buy_rests_on_and_has_changed_halts_entries_and_no_exit(account):
    without_argument(account, "place_equity_order", "ref_id")
    bot = bot_of(account)
    heard: list[BotEvent] = []
    bot.subscribe(heard.append)
    bot.start()
    refused = buy(bot)
    assert refused.status is TradeStatus.BLOCKED
    assert "place_equity_order takes no ref_id" in refused.message
    assert "update trading-bot" in refused.message
    bot.synchronize_open_orders()
    sold = bot.execute_trade("AAPL", "sell", 4, Decimal(150), "a test", client_order_id="c2")
    assert sold.status is TradeStatus.SUBMITTED
    assert bot.cancel_order("c2").state is OrderState.CANCELLED
    bot.stop()


@pytest.mark.parametrize("tool", ["get_accounts", "get_portfolio"])
def test_a_tool_for_the_balances_that_is_gone_halts_entries_and_no_exit(account, tool):
    del cast("dict[str, Any]", account.server.desk.tools)[tool]
    bot = bot_of(account)
    bot.start()
    assert f"there is no tool {tool}" in buy(bot).message
    assert sell(bot, "c2").status is TradeStatus.SUBMITTED
    assert bot.cancel_order("c2").state is OrderState.CANCELLED
    bot.stop()


def test_a_list_of_tools_that_cannot_be_read_halts_nothing(account):
    account.server.standing["tools/list"] = Fault.E500_BEFORE
    bot = bot_of(account)
    bot.start()
    assert buy(bot).status is TradeStatus.SUBMITTED
    bot.stop()


def test_tools_are_compared_once_the_login_has_been_renewed(account):
    """An access token that ran out while nobody was there must not hide what has changed."""
    without_argument(account, "place_equity_order", "ref_id")
    account.server.grants.expire_access()
    bot = bot_of(account)
    bot.start()
    assert "takes no ref_id" in buy(bot).message
    bot.stop()


def test_a_token_that_ran_out_leaves_no_word_of_tools_that_could_not_be_read(account, caplog):
    account.server.grants.expire_access()
    bot = bot_of(account)
    bot.start()
    assert "interface_differs" not in caplog.text
    bot.stop()


def sell(bot: TradingBot, name: str):
    bot.synchronize_open_orders()
    return bot.execute_trade("AAPL", "sell", 4, Decimal(150), "a test", client_order_id=name)


def test_an_arming_that_asked_for_no_account_allows_exits_alone(account, bot):
    private = account.config.model_copy(update={"gateway": GatewayKind.PRIVATE})
    account_latch(private, account.around, account.state).arm(by="ann")
    refused = buy(bot)
    assert refused.status is TradeStatus.BLOCKED
    assert "without asking the agent interface" in refused.message
    assert sell(bot, "c2").status is TradeStatus.SUBMITTED


@pytest.mark.parametrize("allowed", [(), ("512340001",), ("512340001", "512340008")], ids=["none", "another", "two"])
def test_another_choice_of_the_broker_after_arming_stops_entries_and_no_exit(account, bot, allowed):
    """The broker itself refuses what may not be sold; here it would not."""
    tools = cast("dict[str, Any]", account.server.desk.tools)
    offered = tools["get_accounts"]

    def accounts(arguments: dict[str, object]) -> object:
        rows = offered.call(arguments)["accounts"]
        return {"accounts": [row | {"agentic_allowed": row["account_number"] in allowed} for row in rows]}

    tools["get_accounts"] = SimpleNamespace(described=offered.described, call=accounts)
    account.clock.sleep(60)
    refused = buy(bot)
    assert refused.status is TradeStatus.BLOCKED
    assert "agentic_allowed" in refused.message
    assert sell(bot, "c2").status is TradeStatus.SUBMITTED
