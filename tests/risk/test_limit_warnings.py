"""A limit that is nearly used up is told once a crossing and day."""

from datetime import date
from decimal import Decimal

import pytest

from trading_bot.risk.limit_uses import EndsWith, LimitUse, Unit
from trading_bot.risk.limit_warnings import LimitWarnings

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def use(per_cent: int, *, name: str = "max_trades_per_day", symbol: str | None = None) -> LimitUse:
    return LimitUse(
        name=name,
        code=name,
        unit=Unit.COUNT,
        ends_with=EndsWith.DAY,
        used=per_cent,
        limit=100,
        symbol=symbol,
    )


def told(warnings: LimitWarnings, *per_cents: int, day: date = MONDAY) -> list[int]:
    return [each.threshold_pct for per_cent in per_cents for each in warnings.crossed([use(per_cent)], day=day)]


@pytest.mark.parametrize(
    ("uses", "thresholds"),
    [
        ((69,), []),
        ((70,), [70]),
        ((70, 89), [70]),
        ((70, 90), [70, 90]),
        ((95,), [90]),
        ((95, 75), [90]),
        ((70, 66, 70), [70]),
        ((70, 64, 70), [70, 70]),
        ((95, 86, 90), [90]),
        ((95, 84, 90), [90, 90]),
        ((95, 10, 70, 90), [90, 70, 90]),
        ((120, 120), [90]),
    ],
)
def test_a_crossing_is_told_once_and_again_after_the_use_fell_well_below(uses, thresholds):
    assert told(LimitWarnings((70, 90)), *uses) == thresholds


def test_what_still_stands_is_told_again_on_the_next_day():
    warnings = LimitWarnings((70, 90))
    assert told(warnings, 75, 75) == [70]
    assert told(warnings, 75, 75, day=TUESDAY) == [70]


def test_each_limit_is_told_by_itself_and_another_largest_position_is_no_crossing():
    warnings = LimitWarnings((70, 90))
    first = warnings.crossed([use(75, symbol="AAPL"), use(95, name="max_open_orders")], day=MONDAY)
    assert [(each.use.name, each.threshold_pct) for each in first] == [
        ("max_trades_per_day", 70),
        ("max_open_orders", 90),
    ]
    assert list(warnings.crossed([use(80, symbol="MSFT")], day=MONDAY)) == []


def test_without_thresholds_or_a_limit_nothing_is_told():
    assert told(LimitWarnings(()), 100) == []
    unlimited = LimitUse(name="x", code="x", unit=Unit.COUNT, ends_with=EndsWith.DAY, used=7)
    assert list(LimitWarnings((70,)).crossed([unlimited], day=MONDAY)) == []


def test_the_message_has_the_setting_the_figures_and_the_symbol():
    (count,) = LimitWarnings((70,)).crossed([use(71)], day=MONDAY)
    assert count.message == "71 % of risk_management.max_trades_per_day is used: 71 of 100"
    dollars = LimitUse(
        name="max_position_notional",
        code="max_position_notional",
        unit=Unit.DOLLARS,
        ends_with=EndsWith.SMALLER,
        used=Decimal("1600.5"),
        limit=Decimal(2000),
        symbol="AAPL",
    )
    (position,) = LimitWarnings((70,)).crossed([dollars], day=MONDAY)
    assert position.message == (
        "80 % of risk_management.max_position_notional is used in AAPL: 1600.50 dollars of 2000.00 dollars"
    )
