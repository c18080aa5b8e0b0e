"""What it cost not to trade at the reference price, by hand-computed cases."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.order_story import told
from tests.support.report_story import ReportStory, at, quote
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.report.prices import RecordedPrices
from trading_bot.report.shortfall import LaterPrices, Shortfall, by_symbol, shortfall_of, together

AFTER = RecordedPrices({"AAPL": [quote(90, "100.40", "100.60")]})


def costs(story: ReportStory, quotes: RecordedPrices | None = None) -> list[Any]:
    later = LaterPrices(story.orders, quotes or RecordedPrices())
    return [shortfall_of(order, later) for order in story.orders]


def test_a_buy_filled_below_the_reference_is_a_gain_of_that_distance():
    """Ten at 99.90 in place of 100.00: one dollar gained, 10 basis points of 1,000."""
    (cost,) = costs(ReportStory().order("a").fill("a", 5, 10, "99.90", total=10))
    assert (cost.slippage, cost.slippage_bps, cost.missed, cost.total) == (-1, -10, 0, -1)
    assert (cost.ordered, cost.filled) == (1000, 1000)


def test_a_sell_filled_below_the_reference_is_a_cost():
    """Ten at 99.70 in place of 100.00: three dollars, 30 basis points."""
    (cost,) = costs(ReportStory().sell("a", limit="99.50").fill("a", 5, 10, "99.70", total=10))
    assert (cost.slippage, cost.slippage_bps) == (3, 30)


def test_shares_never_filled_are_missed_at_the_middle_when_the_order_ended():
    """Four of ten at 99.90 gain 0.40; six at 100.50 later would cost 3.00 more. 2.60 of 1,000 is 26 basis points."""
    story = ReportStory().order("a").fill("a", 5, 4, "99.90", total=4).ends("a", 100)
    (cost,) = costs(story, AFTER)
    assert (cost.slippage, cost.missed, cost.missed_shares, cost.total) == (Decimal("-0.40"), 3, 6, Decimal("2.60"))
    assert (cost.total_bps, cost.slippage_bps, cost.filled) == (26, -10, 400)


def test_a_missed_sell_in_a_rising_market_is_a_gain():
    (cost,) = costs(ReportStory().sell("a").ends("a", 100), AFTER)
    assert (cost.slippage, cost.missed, cost.slippage_bps) == (0, -5, None)


def test_without_a_quote_the_next_execution_in_the_symbol_is_the_later_price():
    story = ReportStory().order("a").ends("a", 100).order("b", 200).fill("b", 250, 10, "99.80", total=10)
    assert costs(story)[0].missed == -2


@pytest.mark.parametrize("second", [50, 100 + 86_401])
def test_an_execution_before_the_end_or_a_day_later_is_no_later_price(second):
    story = ReportStory().order("a").order("b", 1).ends("a", 100)
    story.fill("b", second, 10, "99.80", total=10)
    cost = costs(story)[0]
    assert (cost.missed, cost.missed_shares, cost.missed_unknown) == (0, 0, 10)
    assert (cost.total, cost.total_bps) == (None, None)


def test_a_quote_that_no_longer_holds_is_no_later_price():
    assert costs(ReportStory().order("a").ends("a", 300), AFTER)[0].missed_unknown == 10


def test_nothing_is_missed_while_an_order_may_still_trade():
    (cost,) = costs(ReportStory().order("a").fill("a", 5, 4, "99.90", total=4), AFTER)
    assert (cost.missed, cost.missed_unknown, cost.ordered) == (0, 0, 400)


def test_nothing_is_missed_where_the_rest_went_on_in_another_order():
    story = ReportStory().order("old").ends("old", 100).order("new", 101, details={"replaces": "old"})
    assert costs(story, AFTER)[0] == Shortfall(orders=1)


def test_an_order_that_the_broker_refused_was_missed():
    story = ReportStory().order("a", reply_after_s=None)
    story.tell(100, told(EventKind.ORDER_REJECTED, "a", status=OrderState.REJECTED, reason="no"))
    assert costs(story, AFTER)[0].missed == 5


def test_a_stop_is_measured_by_its_stop_price_and_misses_nothing():
    """A stop at 98 that sold ten at 97.90: one dollar of 980, and the one that was never reached cost nothing."""
    stop: dict[str, Any] = {"reference": "97.00", "limit": "97.00", "details": {"stop_price": "98.00"}}
    story = ReportStory().sell("hit", **stop).fill("hit", 50, 10, "97.90", total=10)
    story.sell("idle", 60, **stop).ends("idle", 100)
    hit, idle = costs(story, AFTER)
    assert (hit.slippage, hit.filled, hit.total) == (1, 980, 1)
    assert (idle.missed, idle.missed_unknown, idle.ordered) == (0, 0, 0)


def test_several_add_up_and_one_unknown_part_makes_the_total_unknown():
    story = ReportStory().order("a").fill("a", 5, 10, "99.90", total=10).order("b", 6, symbol="MSFT").ends("b", 100)
    later = LaterPrices(story.orders, AFTER)
    found = by_symbol(story.orders, later)
    assert list(found) == ["AAPL", "MSFT"]
    whole: Any = together(found.values())
    assert (whole.orders, whole.slippage, whole.ordered, whole.missed_unknown, whole.total) == (2, -1, 2000, 10, None)
    assert found["AAPL"].total == -1


def test_the_later_price_of_an_unknown_symbol_is_unknown():
    assert LaterPrices((), AFTER).after("MSFT", at(100)) is None
