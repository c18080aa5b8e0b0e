"""Equity and drawdown, by hand-computed cases."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.support.report_story import ReportStory, at, quote, steady
from trading_bot.order_management.event_details import ValuationDetails
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.report import curve as module
from trading_bot.report.curve import Basis, Curve
from trading_bot.report.history import History
from trading_bot.report.prices import RecordedPrices


def bought_and_sold() -> ReportStory:
    """Ten bought at 100, five sold at 103, five sold at 99."""
    story = ReportStory().order("buy", limit="100").fill("buy", 10, 10, "100", total=10)
    story.sell("one", 20, quantity=Decimal(5)).fill("one", 30, 5, "103", total=5, of=5)
    return story.sell("two", 40, quantity=Decimal(5)).fill("two", 50, 5, "99", total=5, of=5)


def curve_of(history: History, quotes: RecordedPrices, *, since: datetime | None) -> Any:
    """The curve; tests compare its decimals with plain numbers."""
    return module.curve_of(history, quotes, since=since)


def values(curve: Curve) -> list[Any]:
    return [point.value for point in curve.points]


def test_without_quotes_it_is_the_realised_result_from_zero():
    """15 earned, then 5 lost."""
    curve = curve_of(bought_and_sold().history, RecordedPrices(), since=None)
    assert (curve.basis, values(curve)) == (Basis.REALISED, [0, 0, 15, 10])
    assert [point.at for point in curve.points] == [at(0), at(10), at(30), at(50)]
    assert (curve.realised, curve.change, curve.unknown_sales) == (10, 10, 0)


def test_the_drawdown_is_how_far_it_is_below_its_highest_point_so_far():
    curve = curve_of(bought_and_sold().history, RecordedPrices(), since=None)
    assert [point.drawdown for point in curve.points] == [0, 0, 0, -5]
    assert curve.deepest == curve.points[-1]
    assert curve.deepest_ratio is None, "a result from zero has no per cent"


def test_with_quotes_open_positions_are_valued_at_the_middle():
    """Ten bought at 100 with the middle at 100.01, then at 98.01: 0.10 gained, 19.90 lost."""
    story = ReportStory().order("buy", limit="100").fill("buy", 10, 10, "100", total=10).ends("buy", 70, None)
    quotes = RecordedPrices({"AAPL": [quote(0, "100", "100.02"), quote(60, "98", "98.02")]})
    curve = curve_of(story.history, quotes, since=None)
    assert (curve.basis, values(curve)) == (
        Basis.MARKED,
        [0, Decimal("0.10"), Decimal("-19.90"), Decimal("-19.90")],
    )
    assert (curve.realised, curve.change) == (0, Decimal("-19.90"))
    assert curve.deepest is not None
    assert (curve.deepest.at, curve.deepest.drawdown) == (at(60), -20)


def test_a_held_symbol_without_a_quote_leaves_the_realised_result():
    story = bought_and_sold().order("other", 60, symbol="MSFT").fill("other", 70, 10, "50", total=10)
    assert curve_of(story.history, RecordedPrices({"AAPL": steady(120, "1", "2")}), since=None).basis is Basis.REALISED


def test_a_period_begins_at_zero_with_what_was_held_then():
    curve = curve_of(bought_and_sold().history, RecordedPrices(), since=at(35))
    assert (values(curve), curve.realised) == ([0, -5], -5)
    assert [point.at for point in curve.points] == [at(35), at(50)]


def test_shares_sold_that_were_not_bought_here_earn_an_unknown_result():
    story = ReportStory().sell("a", 20).fill("a", 30, 10, "103", total=10)
    curve = curve_of(story.history, RecordedPrices(), since=None)
    assert (curve.unknown_sales, curve.realised, curve.change) == (1, 0, 0)


def test_a_position_that_a_person_accepted_without_a_ratio_has_no_known_cost():
    story = ReportStory().order("buy", limit="100").fill("buy", 10, 10, "100", total=10)
    accepted = {"by": "me", "held": "20", "before": "10"}
    story.tell(20, OrderEvent(event=EventKind.POSITION_ACCEPTED, symbol="AAPL", quantity=Decimal(20), details=accepted))
    story.sell("a", 30).fill("a", 40, 10, "103", total=10)
    curve = curve_of(story.history, RecordedPrices(), since=None)
    assert (curve.unknown_sales, curve.change) == (1, 0)


def test_what_a_record_tells_after_another_counts_no_earlier_than_that():
    """A split is accepted at 30; sells decided after it are executed at 15 and 25 by the broker's slower clock."""
    story = ReportStory().order("buy", limit="100").fill("buy", 10, 10, "100", total=10)
    split = {"by": "me", "held": "20", "before": "10", "ratio": "2:1"}
    story.tell(30, OrderEvent(event=EventKind.POSITION_ACCEPTED, symbol="AAPL", quantity=Decimal(20), details=split))
    for name, second in (("one", 15), ("two", 25)):
        story.sell(name, 31, reply_after_s=0).fill(name, second, 10, "51", total=10)
    curve = curve_of(story.tell(40, OrderEvent(event=EventKind.SESSION_STOPPED)).history, RecordedPrices(), since=None)
    assert [(point.at, point.value) for point in curve.points] == [
        *((at(second), 0) for second in (0, 10, 15, 25)),
        (at(40), 20),
    ]


class TestAccountValue:
    """The account is worth 1,000, then 1,200, 900 and 1,100."""

    def story(self) -> ReportStory:
        story = ReportStory()
        for second, worth in ((0, "1000"), (3600, "1200"), (7200, "900"), (10_800, "1100")):
            details = ValuationDetails(occasion="hour", equity=Decimal(worth), equity_from="broker").as_text()
            story.tell(second, OrderEvent(event=EventKind.ACCOUNT_VALUED, details=details))
        return story

    def test_it_is_the_curve_where_it_is_on_record(self):
        curve = curve_of(self.story().history, RecordedPrices(), since=None)
        assert (curve.basis, values(curve), curve.change) == (Basis.ACCOUNT, [1000, 1200, 900, 1100], 100)

    def test_the_drawdown_is_in_per_cent_of_the_highest_point_before_it(self):
        curve = curve_of(self.story().history, RecordedPrices(), since=None)
        assert (curve.deepest.at, curve.deepest.drawdown, curve.deepest_ratio) == (at(7200), -300, Decimal("-0.25"))

    def test_a_period_begins_with_what_it_was_found_worth_before(self):
        curve = curve_of(self.story().history, RecordedPrices(), since=at(5000))
        assert [(point.at, point.value) for point in curve.points] == [
            (at(5000), 1200),
            (at(7200), 900),
            (at(10_800), 1100),
        ]
        assert values(curve_of(self.story().history, RecordedPrices(), since=at(0)))[0] == 1000

    def test_one_worth_is_no_curve_nor_is_one_that_cannot_be_read(self):
        story = ReportStory()
        for second, worth in ((0, "1000"), (10, "plenty")):
            details = {"occasion": "hour", "equity": worth, "equity_from": "broker"}
            story.tell(second, OrderEvent(event=EventKind.ACCOUNT_VALUED, details=details))
        assert curve_of(story.history, RecordedPrices(), since=None).basis is not Basis.ACCOUNT


def test_of_an_empty_journal_there_is_no_curve():
    curve = curve_of(ReportStory().history, RecordedPrices(), since=None)
    assert (curve.points, curve.change, curve.deepest, curve.deepest_ratio) == ((), None, None, None)
