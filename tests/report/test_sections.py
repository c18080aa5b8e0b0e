"""The same figures in words: what the summary prints, and what stands beside the charts."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.support.order_story import MONDAY, told
from tests.support.report_story import ReportStory, at, quote
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.event_details import ValuationDetails
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderState
from trading_bot.report.figures import Figures
from trading_bot.report.prices import RecordedPrices
from trading_bot.report.refusals import LoggedTrade, TradeLog
from trading_bot.report.sections import Section, headline, period_in_words, sections

ZONE = ZoneInfo("America/New_York")
BLOCKED = LoggedTrade(at=MONDAY, symbol="AAPL", status="blocked", code="market_closed", client_order_id=None)
TWICE = LoggedTrade(at=MONDAY, symbol="AAPL", status="duplicate", code="duplicate", client_order_id="a")


def part(figures: Figures, key: str) -> Section:
    return next(section for section in sections(figures, zone=ZONE) if section.key == key)


def round_trip() -> ReportStory:
    story = ReportStory().order("a", limit="100").fill("a", 10, 10, "99.90", total=10)
    return story.sell("b", 20).fill("b", 30, 10, "100.10", total=10)


def test_the_headline_has_the_figures_that_stand_above_all_others():
    figures = round_trip().figures(trades=TradeLog(trades=(BLOCKED, TWICE)))
    assert dict(headline(figures)) == {
        "Realised result": "$2.00",
        "Deepest drawdown": "$0.00",
        "Orders": "2",
        "Shares filled": "100.0 %",
        "Slippage of fills": "-10.0 bps",
        "Median latency": "500 ms",
        "Refused": "1",
        "Open doubts": "0",
    }


def test_an_unknown_shortfall_is_said_to_be_unknown_with_the_shares_that_make_it_so():
    figures = ReportStory().order("a").ends("a", 60).figures()
    assert dict(headline(figures))["Slippage of fills"] == "-"
    shortfall = part(figures, "shortfall")
    assert shortfall.rows == (("AAPL", "$0.00", "-", "unknown", "unknown", "unknown"),)
    assert shortfall.notes[0].startswith("Of 10 shares that never traded no later price is known")


def test_several_symbols_have_a_row_for_all():
    story = round_trip().order("m", 40, symbol="MSFT").fill("m", 50, 10, "99.80", total=10)
    rows = part(story.figures(), "shortfall").rows
    assert [row[0] for row in rows] == ["AAPL", "MSFT", "All"]
    assert rows[-1] == ("All", "-$4.00", "-13.3", "$0.00", "-$4.00", "-13.3")


def test_fills_are_told_by_symbol_and_side_at_their_average_price():
    assert part(round_trip().figures(), "fills").rows == (("AAPL", "10", "$99.90", "10", "$100.10"),)
    assert part(ReportStory().order("a").figures(), "fills").rows == (("AAPL", "-", "-", "-", "-"),)


def test_an_order_in_doubt_and_a_freeze_are_told():
    story = ReportStory().order("a", reply_after_s=None)
    story.tell(1, told(EventKind.ORDER_OUTCOME_UNKNOWN, "a", status=OrderState.UNKNOWN))
    story.tell(2, frozen("AAPL", Cause.TERMS_DIFFER, "another price"))
    figures = story.figures()
    assert [row[:2] for row in part(figures, "doubts").rows] == [("AAPL", "2026-11-23 10:00 EST")] * 2
    assert "The outcome of 1 order is not known" in part(figures, "refusals").notes[0]
    assert part(ReportStory().figures(), "doubts").notes == ("Nothing is in doubt, and nothing is frozen.",)


def test_sells_of_unknown_cost_are_said_to_be_in_no_amount():
    story = ReportStory().sell("b", 20).fill("b", 30, 10, "100.10", total=10)
    assert part(story.figures(), "curve").notes == ("1 sell had shares of unknown cost, which are in no amount.",)


def test_the_curve_says_what_it_is_made_of():
    marked = round_trip().figures(RecordedPrices({"AAPL": [quote(0, "99.9", "100")]}))
    assert "open positions by the last recorded quote" in part(marked, "curve").explains
    assert "Open positions are not in it" in part(round_trip().figures(), "curve").explains
    assert part(ReportStory().figures(), "curve").notes == ("Nothing is on record yet.",)


def test_the_worth_of_the_account_has_a_drawdown_in_per_cent():
    story = ReportStory()
    for second, worth in ((0, "1000"), (60, "900")):
        details = ValuationDetails(occasion="hour", equity=Decimal(worth), equity_from="broker").as_text()
        story.tell(second, OrderEvent(event=EventKind.ACCOUNT_VALUED, details=details))
    figures = story.figures()
    rows: dict[str, str] = {row[0]: row[1] for row in part(figures, "curve").rows}
    assert (rows["Deepest drawdown"], rows["In per cent of the peak"]) == ("-$100.00", "-10.0 %")
    assert headline(figures)[0] == ("Change of equity", "-$100.00")


def test_a_clock_that_stood_still_is_said_and_orders_without_a_reply_are_counted():
    still = part(ReportStory().order("a", reply_after_s=0).order("b", reply_after_s=None).figures(), "latencies")
    assert still.rows == ()
    assert still.notes == (
        "1 order had no reply to measure.",
        "In a replay the clock stands still during a request, so that nothing is measured.",
    )
    assert part(round_trip().figures(), "latencies").rows[0] == ("Median", "500 ms")


def test_refusals_have_their_reason_and_who_refused():
    log = TradeLog(trades=(BLOCKED, TWICE), unreadable=2)
    refused = part(round_trip().figures(trades=log), "refusals")
    assert refused.rows == (("duplicate", "duplicate", "1"), ("market_closed", "a rule of ours", "1"))
    assert refused.notes == ("2 lines of the trade log could not be read.",)
    assert part(round_trip().figures(), "refusals").notes == ("Nothing was refused.",)


def test_other_offsets_say_what_is_unknown():
    rows = {row[0]: row[1:] for row in part(round_trip().figures(), "other_offsets").rows}
    assert rows["50 bps"] == ("0/2", "unknown", "-", "unknown")
    assert rows["As sent"] == ("2/2", "100.0 %", "10 s", "unknown")
    assert part(ReportStory().figures(), "other_offsets").rows == ()


def test_a_fill_ratio_that_is_not_known_in_full_is_a_range():
    story = round_trip().order("c", 100).ends("c", 200)
    rows = {row[0]: row[1:3] for row in part(story.figures(), "other_offsets").rows}
    assert (rows["0 bps"], rows["50 bps"]) == (("2/3", "66 to 100 %"), ("1/3", "0 to 67 %"))


def test_offsets_have_their_ratio_and_times():
    assert part(round_trip().figures(), "offsets").rows == (
        ("0 bps", "1", "100.0 %", "10 s", "10 s"),
        ("10 bps", "1", "100.0 %", "10 s", "10 s"),
    )


def test_the_period_is_told_in_one_line():
    period = round_trip().figures().period
    assert period_in_words(period, zone=ZONE) == (
        "Report of the paper account, 2026-11-23 10:00 EST to 2026-11-23 10:00 EST, from 8 records of its journal"
    )
    assert period_in_words(ReportStory().figures().period, zone=ZONE) == "Report of the account: nothing is on record"


def test_a_period_has_the_orders_trades_and_fills_from_its_begin_on():
    log = TradeLog(trades=(BLOCKED,))
    figures = round_trip().figures(trades=log, since=at(15))
    assert (figures.orders, figures.filled, figures.refusals) == (1, Decimal(10), ())
    assert [fill.is_buy for fill in figures.prices["AAPL"].fills] == [False]
    assert figures.curve.realised == 2
