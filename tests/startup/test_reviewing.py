"""The broker's own review of orders, where a gateway has one: in each preview, and before orders as is set."""

from decimal import Decimal

import pytest

from trading_bot.bot import TradeStatus, TradingBot
from trading_bot.config import Config, ConfigError
from trading_bot.order_json import preview_json
from trading_bot.order_management.broker_review import BrokerReview, ReviewAlert
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderRequest, OrderTerms, Side
from trading_bot.startup import create_bot
from trading_bot.testing import ScriptedBroker

ALERT = ReviewAlert(kind="EQUITY_NOT_ENOUGH_BP", details=(("depositAmount", "741.22 USD"),))
WANTED = OrderRequest(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100))


class ReviewingBroker(ScriptedBroker):
    """A scripted broker that reviews orders."""

    alerts: tuple[ReviewAlert, ...] = (ALERT,)
    reviewed = 0
    is_silent = False

    def review_order(self, terms: OrderTerms) -> BrokerReview:
        vars(self)["reviewed"] = self.reviewed + 1
        if self.is_silent:
            raise OrderStatusError("the broker did not answer; try again")
        return BrokerReview(alerts=self.alerts, disclosure=f"Bid $12.78 for {terms.symbol}")


@pytest.fixture
def broker(clock) -> ReviewingBroker:
    broker = ReviewingBroker(clock)
    broker.hold("KO", 5)
    return broker


@pytest.fixture
def started(tmp_path, broker, clock):
    running: list[TradingBot] = []

    def start(review: str) -> TradingBot:
        values = {"gateway": "agent", "agent": {"review": review}}
        folders = {"logs_dir": str(tmp_path / "logs"), "state_dir": str(tmp_path / "state")}
        bot = create_bot(Config.model_validate(values | folders), gateway=broker, clock=clock, background_sync=False)
        bot.start()
        running.append(bot)
        return bot

    yield start
    for bot in running:
        bot.stop()


@pytest.mark.parametrize(("review", "asked"), [("off", 0), ("warn", 1), ("block", 1)])
def test_an_entry_is_reviewed_as_the_setting_says(started, broker, review, asked):
    result = started(review).execute_trade("AAPL", "buy", 10, Decimal(100), "a test")
    assert (result.status is TradeStatus.BLOCKED, broker.reviewed) == (review == "block", asked)
    assert ("EQUITY_NOT_ENOUGH_BP" in result.message) is (review != "off")


def test_an_exit_is_never_reviewed(started, broker):
    result = started("block").execute_trade("KO", "sell", 5, Decimal(60), "a test")
    assert (result.status, broker.reviewed) == (TradeStatus.SUBMITTED, 0)


@pytest.mark.parametrize("review", ["off", "warn"])
def test_a_preview_shows_the_review_whether_or_not_orders_are_reviewed(started, broker, review):
    preview = started(review).preview_trade(WANTED)
    assert (preview.refusal, broker.reviewed, preview.review.said.alerts) == (None, 1, (ALERT,))


def test_a_preview_is_refused_as_the_order_would_be(started, broker):
    bot = started("block")
    assert bot.preview_trade(WANTED).refusal.code == "broker_review"
    broker.alerts = ()
    assert bot.preview_trade(WANTED).refusal is None
    broker.alerts = (ALERT,)
    held = OrderRequest(symbol="KO", side=Side.SELL, quantity=5, reference_price=Decimal(60))
    assert bot.preview_trade(held).refusal is None


def test_a_review_that_cannot_be_had_is_said_in_the_preview(started, broker):
    bot = started("warn")
    broker.is_silent = True
    assert "could not be had" in str(preview_json(bot.preview_trade(WANTED))["broker_review"])


def test_a_gateway_without_reviews_shows_none(tmp_path, clock):
    folders = {"logs_dir": str(tmp_path / "logs"), "state_dir": str(tmp_path / "state")}
    config = Config.model_validate({"gateway": "agent", "agent": {"review": "block"}} | folders)
    bot = create_bot(config, gateway=ScriptedBroker(clock), clock=clock, background_sync=False)
    bot.start()
    assert bot.preview_trade(WANTED).review is None
    assert bot.execute_trade("AAPL", "buy", 1, Decimal(100), "a test").status is TradeStatus.SUBMITTED
    bot.stop()


def test_reviews_need_the_interface_that_has_them(tmp_path):
    settings = tmp_path / "config.json"
    settings.write_text('{"agent": {"review": "block"}}')
    with pytest.raises(ConfigError, match=r"must not have agent\.review block .*on paper paper\.wire"):
        Config.from_env_and_json(settings, environ={})
    settings.write_text('{"agent": {"review": "block"}, "paper": {"wire": "agent"}}')
    assert Config.from_env_and_json(settings, environ={}).agent.review == "block"
