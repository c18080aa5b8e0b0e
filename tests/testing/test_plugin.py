"""The fixtures that an installed trading-bot brings to pytest."""

import inspect
from unittest import mock

import pytest

from tests.support.command_line import run_python
from trading_bot import OrderState, TradeStatus, testing
from trading_bot.config import ConfigError
from trading_bot.testing.calls import BrokerCalls

CARRIED_OUT = {
    *("by", "renew_session", "tick_of", "prepare_order", "submit_limit_buy", "submit_limit_sell"),
    *("cancel_order", "cancel_all_equity_orders"),
}
"""What the port asks and the broker answers by itself, or by way of `submit` and `cancel`."""


def buy(bot, **options):
    return bot.execute_trade("TSLA", "buy", 5, 250, "a test", **options)


def test_a_run_that_uses_no_fixture_loads_nothing_of_the_bot(tmp_path):
    code = (
        "import sys, trading_bot.testing.plugin\nprint(*sorted(n for n in sys.modules if n.startswith('trading_bot')))"
    )
    result = run_python(code, home=tmp_path)
    assert result.stdout.split() == [
        *("trading_bot", "trading_bot._version", "trading_bot.late_names"),
        *("trading_bot.testing", "trading_bot.testing.plugin"),
    ]


def test_the_bot_is_started_and_nothing_of_it_runs_by_itself(bot, clock):
    assert (bot.is_running, bot.clock is clock, clock.monotonic()) == (True, True, 0)


def test_the_bot_is_stopped_at_the_end(broker, clock, tmp_path):
    starter = testing.BotStarter(broker, clock, folder=tmp_path, settings={})
    bot = starter()
    starter.stop()
    starter.stop()
    assert not bot.is_running


def test_settings_of_the_test_come_before_those_of_the_fixture(broker, clock, tmp_path):
    fixture = {"risk_management": {"max_open_orders": 1}, "order_management": {"buy_offset": 20}}
    starter = testing.BotStarter(broker, clock, folder=tmp_path, settings=fixture)
    bot = starter(order_management={"buy_offset": 30})
    starter.stop()
    assert bot.config.risk_management.max_open_orders == 1
    assert bot.config.order_management.buy_offset == 30


def test_a_misspelt_setting_is_named_as_in_a_file(start_bot):
    with pytest.raises(ConfigError, match="buy_offset"):
        start_bot(order_management={"buy_ofset": 20})


def test_a_bot_that_another_one_took_the_place_of_says_so(bot, start_bot):
    start_bot()
    refused = buy(bot)
    assert (refused.code, "the bot does not run; call its start() first" in refused.message) == ("journal_failed", True)


def test_a_restarted_bot_knows_its_orders_from_the_journal(start_bot, broker):
    first = start_bot()
    buy(first, client_order_id="c1")
    broker.fill("TSLA", 2)
    second = start_bot()
    assert (first.is_running, second.is_running) == (False, True)
    (order,) = second.open_orders()
    assert (order.client_order_id, order.state, order.filled_quantity) == ("c1", OrderState.PARTIALLY_FILLED, 2)
    assert buy(second, client_order_id="c1").status is TradeStatus.DUPLICATE


def test_every_call_of_the_bot_can_be_mocked(mock_session, broker):
    methods = {name for name, _ in inspect.getmembers(BrokerCalls, inspect.isfunction) if not name.startswith("_")}
    assert methods - CARRIED_OUT == set(testing.CALLS)
    assert mock_session is broker
    assert all(isinstance(getattr(broker, name), mock.Mock) for name in testing.CALLS)


def test_mocks_are_taken_away_again(broker):
    with testing.mocked(broker):
        pass
    assert not any(isinstance(getattr(broker, name), mock.Mock) for name in testing.CALLS)


def test_a_mocked_call_does_as_before_until_it_is_told_else(bot, mock_session):
    assert buy(bot).status is TradeStatus.SUBMITTED
    mock_session.submit.assert_called_once()
    mock_session.submit.return_value = testing.reject("Not today.")
    assert bot.execute_trade("MSFT", "buy", 5, 250, "a test").status is TradeStatus.REJECTED


def test_a_read_can_be_mocked(bot, mock_session):
    mock_session.fetch_account.side_effect = testing.ScriptError("asked")
    bot.account.invalidate_cache()
    with pytest.raises(testing.ScriptError, match="asked"):
        buy(bot)


@pytest.mark.parametrize("name", testing.__all__)
def test_a_public_name_of_the_tests_loads(name):
    assert getattr(testing, name) is not None


def test_the_list_and_the_table_name_the_same_things():
    assert sorted(testing._HOME_OF) == sorted(testing.__all__)
    with pytest.raises(AttributeError, match=r"'Broker'; see trading_bot\.testing\.__all__"):
        _ = testing.Broker
