"""What is refused before a canary sends its first order."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.bot_bench import BotBench
from tests.support.paper_market import MONDAY, quote_line, recorded
from trading_bot.bot import TradingBot
from trading_bot.canary.admission import CanaryPlan, CanaryRefusedError, plan_canary
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.startup import create_bot


def bot_of(folder: Path, **settings: object) -> TradingBot:
    plain = {"logs_dir": str(folder / "logs"), "state_dir": str(folder / "state")}
    config = Config.model_validate({**plain, **settings})
    market = recorded(quote_line(-3600, "99.98", "100.00"))
    bot = create_bot(config, clock=VirtualClock(MONDAY), quotes=market, background_sync=False)
    bot.start()
    return bot


def refused(bot: TradingBot, *symbols: str, reference: Decimal | None = None) -> CanaryRefusedError:
    with pytest.raises(CanaryRefusedError) as error:
        plan_canary(bot, symbols, reference=reference)
    assert bot.orders() == ()
    return error.value


def test_the_plan_says_the_most_that_may_be_spent(tmp_path):
    plan = plan_canary(bot_of(tmp_path), ["AAPL"])
    assert plan.limits == {"AAPL": Decimal("100.15")}
    assert plan.most == Decimal("300.45")
    assert CanaryPlan(limits={"F": Decimal(12), "T": Decimal(20)}).most == Decimal(96)


def test_at_most_three_symbols_are_walked(tmp_path):
    assert refused(bot_of(tmp_path), "A", "B", "C", "D").code == "too_many_symbols"


def test_a_closed_market_is_no_time_for_it_even_where_orders_may_wait(tmp_path):
    bot = bot_of(tmp_path, trading={"calendar": "NYSE", "queue_for_open": True})
    bot.clock.sleep(12 * 3600)
    error = refused(bot, "AAPL")
    assert error.code == "market_closed"
    assert "regular session" in str(error)


def test_a_symbol_that_is_held_is_left_alone(tmp_path):
    error = refused(BotBench(tmp_path).started().bot, "AAPL")
    assert (error.code, "it is held" in str(error)) == ("symbol_not_free", True)


def test_a_symbol_with_an_open_order_is_left_alone(tmp_path):
    bot = bot_of(tmp_path)
    bot.execute_trade("AAPL", "buy", 1, Decimal(90), "a test")
    with pytest.raises(CanaryRefusedError, match="an order in it is open"):
        plan_canary(bot, ["AAPL"])


def test_a_symbol_without_a_quote_needs_a_reference_price(tmp_path):
    config = Config.model_validate({"logs_dir": str(tmp_path / "logs"), "state_dir": str(tmp_path / "state")})
    bot = create_bot(config, clock=VirtualClock(MONDAY), background_sync=False)
    bot.start()
    assert "no two-sided quote, which on paper --reference-price stands for; name another" in str(refused(bot, "F"))
    assert plan_canary(bot, ["F"], reference=Decimal("12.50")).limits == {"F": Decimal("12.51")}


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"deny_symbols": ["AAPL"]}, "symbol_denied"), ({"max_order_notional": "50"}, "max_order_notional")],
)
def test_a_symbol_that_the_rules_refuse_is_told_before_anything_is_sent(tmp_path, limits, code):
    error = refused(bot_of(tmp_path, risk_management=limits), "AAPL")
    assert error.code == code
    assert "one share of AAPL would be refused" in str(error)


def test_what_is_no_symbol_is_told(tmp_path):
    assert refused(bot_of(tmp_path), "AA1", reference=Decimal(1)).code == "bad_symbol"
