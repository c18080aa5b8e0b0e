"""A bot over a broker of the caller's own, instead of Robinhood's wire."""

from decimal import Decimal

import pytest

from tests.support.account_gateway import quote
from trading_bot.bot import TradeStatus
from trading_bot.config import Config, ConfigError
from trading_bot.startup import create_bot
from trading_bot.testing import ScriptedBroker


@pytest.fixture
def config(tmp_path) -> Config:
    return Config.model_validate({"logs_dir": str(tmp_path / "logs"), "state_dir": str(tmp_path / "state")})


def test_orders_reach_a_gateway_of_the_callers_own_without_any_login(config, clock):
    broker = ScriptedBroker(clock)
    bot = create_bot(config, gateway=broker, clock=clock, background_sync=False)
    bot.start()
    result = bot.execute_trade("AAPL", "buy", 1, Decimal(100), "a test")
    bot.stop()
    assert result.status is TradeStatus.SUBMITTED
    assert [order.symbol for order in broker.submitted] == ["AAPL"]


def test_a_gateway_of_the_callers_own_makes_no_paper_exchange(config, clock, tmp_path):
    bot = create_bot(config, gateway=ScriptedBroker(clock), clock=clock, background_sync=False)
    bot.start()
    bot.stop()
    assert list((tmp_path / "state").glob("*/paper*")) == []


def test_live_mode_takes_no_gateway_of_the_callers_own(config, clock):
    live = config.model_validate(
        config.model_dump(exclude={"account_number"}) | {"trading": {"mode": "live"}, "account_number": "5RX00001"}
    )
    with pytest.raises(ConfigError, match=r"set trading\.mode to paper"):
        create_bot(live, gateway=ScriptedBroker(clock), clock=clock)


def test_a_gateway_stands_alone(config, clock):
    with pytest.raises(ValueError, match="leave transport and quotes out"):
        create_bot(config, gateway=ScriptedBroker(clock), clock=clock, quotes=lambda symbol: quote(symbol, "100"))  # type: ignore[arg-type]  # never asked
