"""The page of the demo day in a real browser, at the size of a phone and of a desk; and its golden figures."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.command_line import run_cli
from tests.support.command_line_bench import CommandLineBench
from tests.support.headless_browser import CHROMIUM, HeadlessBrowser, Page, headless_browser
from tests.support.report_story import hostile_story
from trading_bot.report.page import page_of

pytestmark = pytest.mark.subprocess

needs_browser = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("BROWSER_TESTS") != "required",
    reason="chromium is not installed: apt-get install --no-install-recommends chromium",
)
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
DRAWN = """new Promise((done) => {
  const look = () => document.documentElement.dataset.drawn ? done(+document.documentElement.dataset.drawn)
    : setTimeout(look, 20);
  look();
})"""
TOO_WIDE = """[...document.querySelectorAll("body *")].filter((each) => !each.closest("svg svg")
  && each.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((each) => each.tagName)"""
EMPTY_CHARTS = """[...document.querySelectorAll(".chart")].filter((each) =>
  !each.querySelector(".trace path, .scatterlayer path, .barlayer path")).map((each) => each.id)"""
COLUMNS = """[...document.querySelectorAll(".beside.has-chart")].map((each) =>
  getComputedStyle(each).gridTemplateColumns.split(" ").length)"""


@pytest.fixture(scope="module")
def cli(tmp_path_factory) -> CommandLineBench:
    """Where the demo has left its day."""
    home = tmp_path_factory.mktemp("report")
    assert run_cli(["demo", "--quiet"], home=home).returncode == 0
    return CommandLineBench(home)


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[HeadlessBrowser]:
    with headless_browser(tmp_path_factory.mktemp("browser") / "log") as started:
        yield started


def report(cli: CommandLineBench, *options: str) -> Any:
    return cli.json("report", "--folder", str(cli.home / "logs" / "demo"), *options)


def complaints(page: Page) -> list[dict[str, Any]]:
    """Errors of scripts, lines of the console, and what the page's policy had to refuse."""
    return page.said("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")


def test_the_figures_of_the_demo_are_golden(cli):
    """Slippage, result and refusals are those of the demo's own summary; its day never changes."""
    told = report(cli)
    assert {key: told[key] for key in ("orders", "shares_ordered", "shares_filled", "orders_by_state")} == {
        "orders": 61,
        "shares_ordered": "2527",
        "shares_filled": "2378",
        "orders_by_state": {"cancelled": 6, "filled": 55},
    }
    curve = {key: told["curve"][key] for key in ("basis", "change", "realised", "deepest_drawdown")}
    assert curve == {"basis": "marked", "change": "507.38", "realised": "453.66", "deepest_drawdown": "-402.16"}
    shortfall = {key: told["shortfall"][key] for key in ("slippage", "missed", "total", "total_bps")}
    assert shortfall == {"slippage": "-881.71", "missed": "69.22", "total": "-812.50", "total_bps": "-10.9607"}
    assert [(one["offset_bps"], one["orders"]) for one in told["offsets"]] == [
        *((-8, 1), (5, 9), (6, 4), (7, 6), (8, 27), (18, 9), (22, 5))
    ]
    other = told["other_offsets"]
    assert (other["compared_orders"], other["orders_with_quotes"]) == (61, 61)
    assert [one["least_filled_ratio"] for one in other["tried"]] == [
        *("0.9905", "0.9549", "0.9549", "0.9062", "0.8627", "0.7859", "0.6074", "0.4745")
    ]
    assert sum(one["count"] for one in told["refusals"] if one["by"] == "rule") == 6
    assert told["latency"]["clock_stood_still"] is True
    assert told["doubts"] == []


@needs_browser
@pytest.mark.parametrize("size", SIZES)
def test_the_page_is_drawn_and_fits_without_a_request_or_an_error(cli, browser, size):
    file = cli.home / "report.html"
    report(cli, "--html", str(file))
    width, height = SIZES[size]
    page = browser.open(file, width=width, height=height, is_phone=size == "phone")
    assert page.value_of(DRAWN) == page.value_of('document.querySelectorAll(".chart .main-svg").length') // 3 == 12
    assert page.value_of(EMPTY_CHARTS) == []
    assert complaints(page) == []
    assert [each["request"]["url"] for each in page.said("Network.requestWillBeSent")] == [file.as_uri()]
    assert page.value_of("document.documentElement.scrollWidth") <= width
    assert page.value_of(TOO_WIDE) == []
    assert set(page.value_of(COLUMNS)) == {1 if size == "phone" else 2}
    picture = cli.home / f"{size}.png"
    picture.write_bytes(page.screenshot())
    assert picture.stat().st_size > 50_000


@needs_browser
def test_text_from_outside_is_shown_and_does_nothing(browser, tmp_path):
    file = Path(tmp_path / "hostile.html")
    file.write_text(page_of(hostile_story().figures(), zone=ZoneInfo("America/New_York")), encoding="utf-8")
    page = browser.open(file, width=390, height=844, is_phone=True)
    assert page.value_of(DRAWN) > 0
    assert page.value_of("[typeof window.hacked, document.images.length, document.scripts.length]") == [
        "undefined",
        0,
        3,
    ]
    assert "</script><script>window.hacked=1</script>" in page.value_of("document.body.innerText")
    labels = page.value_of('[...document.querySelectorAll(".xtick, .ytick")].map((each) => each.textContent)')
    assert json.dumps(labels).count("</script><script>") >= 1
    assert complaints(page) == []
    assert page.value_of("document.documentElement.scrollWidth") <= 390
