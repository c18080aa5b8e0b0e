"""The page as text: what it may do, and that nothing from outside becomes markup. A browser looks in tests/real."""

import base64
import hashlib
import json
import re
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.order_story import told
from tests.support.report_story import HOSTILE, ReportStory, hostile_story, quote
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.report.charts import MOST_SYMBOLS, charts
from trading_bot.report.page import page_of, without_tags
from trading_bot.report.prices import RecordedPrices

ZONE = ZoneInfo("America/New_York")
SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL)


@pytest.fixture(scope="module")
def page() -> str:
    return page_of(hostile_story().figures(), zone=ZONE)


def test_it_has_its_own_three_scripts_and_no_other(page):
    data, plotly, draw = SCRIPT.findall(page)
    assert json.loads(data).keys() >= {"curve-0", "fills-0", "shortfall-0", "latencies-0", "refusals-0"}
    assert len(plotly) > 1_000_000
    assert "Plotly.newPlot" in draw


def test_text_from_outside_is_shown_as_text(page):
    assert HOSTILE not in page
    assert escape(HOSTILE) in page
    assert "<img" not in SCRIPT.sub("", page)


def test_the_charts_have_it_escaped_twice_because_plotly_reads_markup_too(page):
    data = SCRIPT.findall(page)[0]
    assert "<" not in data
    labels = json.loads(data)["shortfall-0"]["data"][0]["x"]
    assert escape(HOSTILE) in labels
    reasons = json.loads(data)["refusals-0"]["layout"]["yaxis"]["ticktext"]
    assert escape(HOSTILE[:25]) in reasons[0]


def test_data_in_a_script_cannot_end_it():
    """plotly does the same today; nobody promises that it always will."""
    text = json.dumps({HOSTILE: HOSTILE})
    assert "<" not in without_tags(text)
    assert json.loads(without_tags(text)) == {HOSTILE: HOSTILE}


def test_its_policy_allows_no_request_and_its_own_scripts_alone(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in SCRIPT.findall(page)[1:]
    ]
    assert policy[1].startswith(f"default-src 'none'; script-src 'sha256-{digests[0]}' 'sha256-{digests[1]}'; ")
    assert "unsafe-eval" not in policy[1]
    assert "script-src 'unsafe-inline'" not in policy[1]


def test_it_is_made_for_a_phone_as_well(page):
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page


def test_amounts_stand_as_text_beside_the_charts(page):
    assert "<td data-heading='Filled'>-$1.00</td>" in page


def test_of_an_empty_journal_there_is_a_page_without_charts():
    page = page_of(ReportStory().figures(), zone=ZONE)
    assert json.loads(SCRIPT.findall(page)[0]) == {}
    assert "Nothing is on record yet." in page


def drawn(story: ReportStory, key: str, quotes: RecordedPrices | None = None) -> dict[str, Any]:
    return charts(story.figures(quotes), zone=ZONE)[key][0].figure


def test_times_are_drawn_as_those_of_the_exchange():
    figure = drawn(ReportStory().order("a").fill("a", 10, 10, "99.90", total=10), "curve")
    assert figure["data"][0]["x"][0] == "2026-11-23 10:00:00.000000"


def test_fills_stand_on_the_middle_of_bid_and_ask_else_on_the_reference_prices():
    story = ReportStory().order("a").fill("a", 10, 10, "99.90", total=10).sell("b", 20).fill("b", 30, 9, "101", total=9)
    line, buys, sells = drawn(story, "fills")["data"]
    assert (line["name"], line["y"]) == ("Reference prices", [100.0, 100.0])
    assert (buys["text"], sells["text"]) == (["Bought 10 at $99.90"], ["Sold 9 at $101.00"])
    quotes = RecordedPrices({"AAPL": [quote(0, "99.98", "100.00"), quote(25, "99.88", "99.90")]})
    line = drawn(story, "fills", quotes)["data"][0]
    assert (line["name"], line["y"]) == ("Middle of bid and ask", [99.99, 99.89])


def test_a_gap_in_the_quotes_is_a_gap_in_the_line():
    story = ReportStory().order("a").fill("a", 500, 10, "99.90", total=10)
    quotes = RecordedPrices({"AAPL": [quote(0, "99", "101"), quote(60, "99", "101"), quote(400, "99", "101")]})
    assert drawn(story, "fills", quotes)["data"][0]["y"] == [100.0, 100.0, None, 100.0]


def test_so_many_symbols_are_drawn_and_no_more():
    story = ReportStory()
    for number in range(MOST_SYMBOLS + 1):
        story.order(f"order-{number}", symbol=chr(65 + number)).fill(f"order-{number}", 10, 10, "99.90", total=10)
    story.execution("order-12", 11, 1, "99.90")
    titles = [chart.title for chart in charts(story.figures(), zone=ZONE)["fills"]]
    assert titles == [*map(chr, range(65, 65 + MOST_SYMBOLS - 1)), chr(65 + MOST_SYMBOLS)]


def test_what_is_unknown_is_a_gap_and_never_zero():
    story = ReportStory().order("a").fill("a", 5, 5, "99.90", total=5).ends("a", 60)
    estimated, sent = drawn(story, "other_offsets")["data"]
    assert estimated["y"][-1] is None
    assert sent["y"] == [50.0, 50.0]
    times = drawn(story, "offsets")["data"][1]
    assert times["y"] == [None]


def test_a_long_reason_is_cut_beside_its_bar():
    story = ReportStory().order("a", reply_after_s=None)
    story.tell(1, told(EventKind.ORDER_REJECTED, "a", status=OrderState.REJECTED, reason="no " * 40))
    (label,) = drawn(story, "refusals")["layout"]["yaxis"]["ticktext"]
    assert label == "no no no no no no no no n..."
