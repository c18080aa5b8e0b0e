"""The figures as one JSON object."""

import json
from typing import Any

from tests.support.order_story import MONDAY
from tests.support.report_story import ReportStory, quote
from trading_bot.report.as_json import figures_json
from trading_bot.report.prices import RecordedPrices
from trading_bot.report.refusals import LoggedTrade, TradeLog


def refuse(number: str) -> None:
    raise AssertionError(f"{number} is a binary fraction")


def told(story: ReportStory, **sources: Any) -> Any:
    return json.loads(json.dumps(figures_json(story.figures(**sources))), parse_float=refuse)


def test_every_amount_is_text_and_every_moment_utc():
    story = ReportStory().order("a").fill("a", 10, 10, "99.90", total=10)
    blocked = LoggedTrade(at=MONDAY, symbol="AAPL", status="blocked", code="halted", client_order_id=None)
    quotes = RecordedPrices({"AAPL": [quote(0, "99.98", "100.00")]})
    answer = told(story, quotes=quotes, trades=TradeLog(trades=(blocked,)))
    assert answer["shortfall"] == {
        "orders": 1,
        "ordered": "1000.00",
        "filled": "1000.00",
        "slippage": "-1.00",
        "slippage_bps": "-10.0000",
        "missed": "0.00",
        "missed_shares": "0",
        "missed_unknown_shares": "0",
        "total": "-1.00",
        "total_bps": "-10.0000",
    }
    assert answer["shortfall_by_symbol"] == {"AAPL": answer["shortfall"]}
    assert (answer["orders_by_state"], answer["fill_ratio"]) == ({"filled": 1}, "1.0000")
    assert answer["fills"]["AAPL"]["fills"] == [
        {"at": "2026-11-23T15:00:10.000000Z", "side": "buy", "quantity": "10", "price": "99.90"}
    ]
    assert answer["refusals"] == [{"by": "rule", "reason": "halted", "count": 1}]
    assert answer["latency"]["p50_ms"] == "500.0000"
    assert answer["offsets"][0]["full_fill_s"] == "10.000000"
    assert answer["other_offsets"]["as_sent"]["filled_in_full"] == 1
    assert answer["curve"]["basis"] == "marked"


def test_what_is_unknown_is_null():
    answer = told(ReportStory().order("a", reply_after_s=0).ends("a", 60))
    assert (answer["shortfall"]["total"], answer["shortfall"]["missed_unknown_shares"]) == (None, "10")
    assert (answer["latency"]["p50_ms"], answer["latency"]["clock_stood_still"]) == (None, True)
    assert answer["curve"]["deepest_drawdown_ratio"] is None


def test_an_empty_journal_has_figures_too():
    answer = told(ReportStory())
    assert (answer["orders"], answer["fill_ratio"], answer["curve"]["change"]) == (0, None, None)
    assert answer["period"]["begin"] is None
