"""How much of each limit is used, on a bot and by the rule."""

from datetime import date
from decimal import Decimal

import pytest

from tests.support.risk_bench import NO_LIMITS
from trading_bot.config import RiskManagementConfig
from trading_bot.risk.exposure import NO_EXPOSURE, Exposure
from trading_bot.risk.limit_uses import LimitUse, limit_uses
from trading_bot.risk.watch import RiskState

LIMITS = RiskManagementConfig(
    max_gross_exposure=Decimal(1000),
    max_position_notional=Decimal(800),
    max_daily_loss=Decimal(100),
    max_trades_per_day=10,
    max_entries_per_minute=3,
    max_open_orders=4,
    max_consecutive_losses=5,
)


def state(**figures: object) -> RiskState:
    plain: dict[str, object] = {
        "day": date(2026, 11, 23),
        "trades_today": 7,
        "realised_today": Decimal(0),
        "unknown_sales_today": 0,
        "consecutive_losses": 2,
        "halted_because": None,
        "entries_last_minute": 3,
    }
    return RiskState(**(plain | figures))  # type: ignore[arg-type]


def uses(
    limits: RiskManagementConfig = LIMITS, exposure: Exposure = NO_EXPOSURE, **figures: object
) -> dict[str, LimitUse]:
    found = limit_uses(limits, state(**figures), open_orders=1, exposure=exposure)
    return {use.name: use for use in found}


def test_every_limit_of_the_settings_is_there():
    beside = {"allow_margin", "account_cache_ttl_s", "warn_at_pct"}
    assert set(uses()) == set(RiskManagementConfig.model_fields) - beside


def test_counts_are_used_as_far_as_they_were_counted():
    found = uses()
    assert {name: (found[name].used, found[name].per_cent) for name in found if name.startswith("max_")} == {
        "max_daily_loss": (Decimal(0), 0),
        "max_consecutive_losses": (2, 40),
        "max_trades_per_day": (7, 70),
        "max_entries_per_minute": (3, 100),
        "max_open_orders": (1, 25),
        "max_order_notional": (None, None),
        "max_position_notional": (Decimal(0), 0),
        "max_gross_exposure": (Decimal(0), 0),
    }


def test_exposure_is_used_by_all_symbols_and_a_position_by_the_largest():
    found = uses(exposure=Exposure(worth={"AAPL": Decimal(399), "MSFT": Decimal("300.50")}))
    assert (found["max_gross_exposure"].used, found["max_gross_exposure"].per_cent) == (Decimal("699.50"), 69)
    largest = found["max_position_notional"]
    assert (largest.symbol, largest.used, largest.per_cent) == ("AAPL", Decimal(399), 49)


@pytest.mark.parametrize(
    ("realised", "unrealised", "loss"),
    [("-60", "20", "60"), ("-60", "-20", "80"), ("60", "-20", "0"), ("10", "-40", "30")],
)
def test_a_gain_that_is_not_realised_excuses_no_loss(realised, unrealised, loss):
    found = uses(realised_today=Decimal(realised), unrealised_today=Decimal(unrealised))
    assert found["max_daily_loss"].used == Decimal(loss)


def test_without_a_limit_a_use_is_no_part_of_anything():
    found = uses(NO_LIMITS)
    assert {use.per_cent for use in found.values()} == {None}
    assert not any(use.is_reached for use in found.values())


def test_only_what_stops_every_entry_counts_as_reached():
    found = uses(exposure=Exposure(worth={"AAPL": Decimal(2000)}))
    assert {name for name, use in found.items() if use.is_reached} == {"max_entries_per_minute"}


@pytest.mark.parametrize(
    ("name", "code", "unit", "ends_with"),
    [
        ("deny_symbols", "symbol_denied", "symbols", "setting"),
        ("allow_symbols", "symbol_not_allowed", "symbols", "setting"),
        ("max_daily_loss", "risk_halt", "dollars", "day"),
        ("max_consecutive_losses", "risk_halt", "count", "arm"),
        ("max_trades_per_day", "max_trades_per_day", "count", "day"),
        ("max_entries_per_minute", "max_entries_per_minute", "count", "minute"),
        ("max_open_orders", "max_open_orders", "count", "order_end"),
        ("max_order_notional", "max_order_notional", "dollars", "smaller"),
        ("max_position_notional", "max_position_notional", "dollars", "smaller"),
        ("max_gross_exposure", "max_gross_exposure", "dollars", "smaller"),
    ],
)
def test_each_limit_names_its_refusal_what_it_counts_and_what_lets_entries_go_on(name, code, unit, ends_with):
    use = uses()[name]
    assert (use.code, use.unit.value, use.ends_with.value) == (code, unit, ends_with)


@pytest.mark.parametrize(
    ("figures", "name"),
    [
        ({"realised_today": Decimal(-100)}, "max_daily_loss"),
        ({"consecutive_losses": 5}, "max_consecutive_losses"),
        ({"trades_today": 10}, "max_trades_per_day"),
        ({"entries_last_minute": 3}, "max_entries_per_minute"),
    ],
)
def test_a_limit_of_a_day_that_is_used_up_stops_every_entry(figures, name):
    found = uses(**({"entries_last_minute": 0} | figures))
    assert [use.name for use in found.values() if use.is_reached] == [name]
    assert found[name].limit == getattr(LIMITS, name)
