"""What other offsets would have given, by hand-computed cases: a buy of ten at a reference of 100.00 at 15:00:00."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.report_story import ReportStory, at, quote, steady
from trading_bot.order_management.models import Side
from trading_bot.report.other_offsets import OFFSETS_BPS, OffsetTrial
from trading_bot.report.prices import Quote, RecordedPrices

CLOSES = at(600)


def estimated(story: ReportStory, *quotes: Quote) -> Any:
    def close_of(_moment: datetime, _extended: bool) -> datetime:
        return CLOSES

    return OffsetTrial(story.orders, quotes=RecordedPrices({"AAPL": quotes}), close_of=close_of).outcomes(story.orders)


def by_offset(found: Any) -> dict[int | None, Any]:
    return {one.offset_bps: one for one in found.tried}


def filled_at(found: Any) -> list[int | None]:
    return [one.offset_bps for one in found.tried if one.filled]


def test_the_offsets_are_sorted_the_nearest_to_the_market_first():
    assert list(OFFSETS_BPS) == sorted(OFFSETS_BPS)


def test_it_fills_where_the_ask_comes_to_its_limit_while_the_order_rested():
    """The ask is 100.02, and 99.86 for a moment after two minutes: limits down to 99.86 are filled then."""
    story = ReportStory().order("a").ends("a", 300)
    quotes = [*steady(60, "100.00", "100.02"), quote(120, "99.84", "99.86"), *steady(300, "100", "100.02", begin_s=180)]
    found = estimated(story, *quotes)
    assert filled_at(found) == [0, 2, 5, 10]
    ten = by_offset(found)[10]
    assert (ten.orders, ten.unknown, ten.filled_orders, ten.most_filled) == (1, 0, 1, 1)
    assert ten.to_fill == timedelta(seconds=120)
    assert by_offset(found)[15].most_filled == 0


def test_the_shortfall_is_the_limit_where_it_fills_and_the_later_price_where_it_does_not():
    """Filled at 99.90: 10 basis points gained. Not filled at 99.85: the middle is 100.01 at the end, 1 point lost."""
    story = ReportStory().order("a").ends("a", 300)
    quotes = [*steady(60, "100.00", "100.02"), quote(120, "99.84", "99.86"), *steady(300, "100", "100.02", begin_s=180)]
    found = estimated(story, *quotes)
    assert {offset: by_offset(found)[offset].shortfall_bps for offset in (0, 2, 5, 10, 15, 50)} == {
        0: 0,
        2: -2,
        5: -5,
        10: -10,
        15: 1,
        50: 1,
    }
    assert (found.compared, found.by_quotes, found.as_sent.shortfall_bps) == (1, 1, 1)


def test_a_market_that_is_there_already_fills_at_its_own_price_at_once():
    found = estimated(ReportStory().order("a").ends("a", 60), *steady(120, "99.91", "99.93"))
    assert filled_at(found) == [0, 2, 5]
    assert {by_offset(found)[offset].shortfall_bps for offset in (0, 2, 5)} == {-7}
    assert by_offset(found)[0].to_fill == timedelta(0)


def test_a_sell_fills_where_the_bid_comes_up_to_its_limit():
    story = ReportStory().sell("a").ends("a", 120)
    found = estimated(story, quote(0, "99.98", "100.00"), quote(60, "100.12", "100.14"), quote(119, "100", "100.02"))
    assert filled_at(found) == [0, 2, 5, 10]


def test_an_order_that_was_filled_is_tried_until_the_close():
    story = ReportStory().order("a").fill("a", 5, 10, "99.90", total=10)
    quotes = [*steady(540, "100.00", "100.02"), quote(599, "99.48", "99.50")]
    assert filled_at(estimated(story, *quotes)) == list(OFFSETS_BPS)
    assert filled_at(estimated(story, *steady(540, "100", "100.02"), quote(601, "99.48", "99.50"))) == []


def test_a_halted_market_fills_nothing():
    story = ReportStory().order("a").ends("a", 120)
    found = estimated(
        story, quote(0, "100", "100.02"), quote(60, "99", "99.01", halted=True), quote(100, "100", "100.02")
    )
    assert filled_at(found) == []


class TestWithoutQuotes:
    def test_an_order_filled_in_full_would_have_been_filled_nearer_to_the_market_too(self):
        found = estimated(ReportStory().order("a").fill("a", 5, 10, "99.90", total=10))
        assert filled_at(found) == [0, 2, 5, 10]
        assert by_offset(found)[10].to_fill == timedelta(seconds=5)
        assert [one.offset_bps for one in found.tried if one.unknown] == [15, 20, 30, 50]

    def test_an_order_that_got_nothing_would_have_got_nothing_further_away(self):
        found = estimated(ReportStory().order("a").ends("a", 60))
        assert {one.offset_bps: one.most_filled for one in found.tried if one.orders} == {
            10: 0,
            15: 0,
            20: 0,
            30: 0,
            50: 0,
        }

    @pytest.mark.parametrize(("side", "is_filled"), [(Side.BUY, True), (Side.SELL, False)])
    def test_another_order_of_the_same_side_tells_where_the_market_was(self, side, is_filled):
        story = ReportStory().order("a").ends("a", 100).order("b", 20, limit="99.80", side=side)
        story.fill("b", 50, 10, "99.80", total=10)
        found = estimated(story)
        assert by_offset(found)[15].filled_orders - (1 if is_filled else 0) == (1 if side is Side.BUY else 0)

    @pytest.mark.parametrize("second", [5, 150])
    def test_an_execution_while_the_order_did_not_rest_tells_nothing(self, second):
        story = ReportStory().order("a", 10).ends("a", 100).order("b", 3, limit="99.80", strategy_name="other")
        assert by_offset(estimated(story.fill("b", second, 10, "99.80", total=10)))[0].unknown == 1

    def test_the_outcome_is_unknown_where_nobody_can_say(self):
        """Five of ten were filled: a limit further away may have got them or not."""
        story = ReportStory().order("a").fill("a", 5, 5, "99.90", total=5).ends("a", 60)
        found = estimated(story)
        assert (by_offset(found)[20].orders, by_offset(found)[20].unknown) == (0, 1)
        assert (by_offset(found)[20].least_filled, by_offset(found)[20].shortfall_bps, found.compared) == (
            None,
            None,
            0,
        )


def test_what_is_unknown_makes_a_range_and_no_shortfall_is_told_of_less_than_half():
    """At 30 points one order of three is surely not filled, and two may be."""
    story = ReportStory().order("a").fill("a", 5, 10, "99.90", total=10).order("b", 100).ends("b", 200)
    story.order("c", 300, limit="99.80").fill("c", 400, 5, "99.80", total=5, of=10).ends("c", 500)
    found = estimated(story)
    thirty = by_offset(found)[30]
    assert (thirty.orders, thirty.unknown) == (1, 2)
    assert (thirty.least_filled, round(thirty.most_filled, 4)) == (0, Decimal("0.6667"))
    assert (found.compared, thirty.shortfall_bps, found.as_sent.shortfall_bps) == (0, None, None)


def test_a_gap_in_the_quotes_proves_no_absence():
    story = ReportStory().order("a").ends("a", 500)
    found = estimated(story, quote(0, "100", "100.02"), quote(400, "100", "100.02"), quote(450, "100", "100.02"))
    assert found.by_quotes == 0
    assert by_offset(found)[0].unknown == 1


def test_beside_the_estimates_stands_what_was_really_filled():
    story = ReportStory().order("a").fill("a", 5, 10, "99.90", total=10).order("b").ends("b", 60).order("open")
    sent = estimated(story).as_sent
    assert (sent.orders, sent.filled_orders, sent.least_filled, sent.to_fill) == (
        2,
        1,
        Decimal("0.5"),
        timedelta(seconds=5),
    )


def test_of_no_order_nothing_is_said():
    found = estimated(ReportStory())
    assert (found.compared, found.as_sent.least_filled, found.as_sent.shortfall_bps) == (0, None, None)
