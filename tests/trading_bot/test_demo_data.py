"""The bundled day shows what it is meant to show; what the bot makes of it is tested with the demo command."""

import json
from collections import Counter
from datetime import UTC, datetime, time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import trading_bot.demo
from trading_bot.config import Config
from trading_bot.market_hours import NYSE_CLOSE, NYSE_OPEN, Calendar, MarketHours
from trading_bot.order_management.models import Pricing
from trading_bot.order_management.price_offsets import OffsetMode
from trading_bot.signals import Signal, SignalLine, parse_signal

Quote = dict[str, str]
FOLDER = Path(trading_bot.demo.__file__).parent
NEW_YORK = ZoneInfo("America/New_York")
OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def signals() -> list[Signal]:
    lines = (FOLDER / "signals.jsonl").read_bytes().splitlines()
    parsed = [parse_signal(SignalLine(number=number, data=data)) for number, data in enumerate(lines, 1)]
    return [signal for signal in parsed if isinstance(signal, Signal)]


@pytest.fixture(scope="module")
def quotes() -> list[Quote]:
    return [json.loads(line) for line in (FOLDER / "quotes.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def config() -> Config:
    return Config.from_env_and_json(FOLDER / "config.json", environ={})


def test_the_day_is_a_whole_trading_day():
    hours = MarketHours(calendar=Calendar.NYSE, start_time=NYSE_OPEN, end_time=NYSE_CLOSE, timezone=NEW_YORK)
    assert hours.is_open(OPEN)
    assert hours.close_after(OPEN) == CLOSE


def test_the_bundle_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 1_000_000


def test_the_settings_trade_on_paper_in_exchange_hours(config):
    assert config.trading.mode == "paper"
    assert config.trading.effective_calendar is Calendar.NYSE


def test_each_strategy_prices_its_own_way(config, signals):
    names = {signal.strategy_name for signal in signals}
    rules = {config.order_management.pricing_rules(name) for name in names}
    assert len(names) == len(rules) == 4
    assert {rule.offset_mode for rule in rules} == set(OffsetMode)


def test_the_signals_are_many_sorted_and_all_have_a_time(signals):
    times = [signal.at for signal in signals]
    assert len(times) >= 40
    assert None not in times
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times[0].astimezone(NEW_YORK).time() < time(9, 31)
    assert times[-1].astimezone(NEW_YORK).time() == time(16, 5)


def test_one_symbol_alone_has_no_market(signals, quotes):
    traded, listed = {signal.symbol for signal in signals}, {quote["symbol"] for quote in quotes}
    assert len(listed) >= 6
    assert traded - listed == {"ZZZZ"}
    assert listed <= traded


@pytest.mark.parametrize(
    ("order_type", "count"),
    [("stop", 1), ("market", 1)],
)
def test_each_unsupported_order_type_is_asked_for_once(signals, order_type, count):
    assert Counter(signal.order_type for signal in signals)[order_type] == count


def test_one_order_is_asked_for_twice_within_the_duplicate_window(signals, config):
    window = config.order_management.duplicate_window_s
    repeats = [
        (one, two)
        for one, two in pairwise(signals)
        if (one.symbol, one.action, one.shares, one.price) == (two.symbol, two.action, two.shares, two.price)
    ]
    assert [(two.at - one.at).total_seconds() < window for one, two in repeats] == [True]


def test_one_strategy_asks_for_more_than_the_slippage_guard_allows(signals, config):
    wide = [each for each in signals if each.strategy_name == "wide_net"]
    rules = config.order_management.pricing_rules("wide_net")
    assert len(wide) == 1
    assert rules.buy_offset / 100 > rules.max_slippage_pct


def test_an_exit_is_priced_to_be_taken(signals):
    assert [each.action for each in signals if each.pricing == Pricing.MARKETABLE] == ["sell"]


def test_every_symbol_has_a_plausible_quote_about_every_minute_of_the_day(quotes):
    for symbol in {quote["symbol"] for quote in quotes}:
        times = [datetime.fromisoformat(quote["at"]) for quote in quotes if quote["symbol"] == symbol]
        assert times[0] == OPEN
        assert all(1 <= (later - earlier).total_seconds() <= 90 for earlier, later in pairwise(times))
        assert (CLOSE - times[-1]).total_seconds() < 90


def test_no_quote_is_crossed_or_unsorted(quotes):
    assert all(0 < Decimal(quote["bid"]) < Decimal(quote["ask"]) for quote in quotes)
    assert all(int(quote["bid_size"]) > 0 and int(quote["ask_size"]) > 0 for quote in quotes)
    assert [quote["at"] for quote in quotes] == sorted(quote["at"] for quote in quotes)


def test_reference_prices_stand_inside_the_market_of_their_moment(signals, quotes):
    """A signal priced away from the market would fill in no real session."""
    for signal in signals:
        seen = [quote for quote in quotes if quote["symbol"] == signal.symbol and _at(quote) <= signal.at]
        if seen:
            assert Decimal(seen[-1]["bid"]) - Decimal("0.01") <= signal.price <= Decimal(seen[-1]["ask"])


def _at(quote: Quote) -> datetime:
    return datetime.fromisoformat(quote["at"])
