"""docs/market-data.md: its blocks run as they stand, one after the other, and its tables are those of the code."""

import re

from tests.support.command_line import REPOSITORY
from tests.support.page_tests import python_blocks
from trading_bot.account.market_data import BARS_LAST_S, QUOTES_LAST_S
from trading_bot.bot_reads import POSITIONS_LAST_S
from trading_bot.order_management.portfolio import BAR_INTERVALS

PAGE = REPOSITORY / "docs" / "market-data.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in python_blocks(PAGE):
        exec(compile(block, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert re.search(r"^AAPL \d+\.\d+ \d+\.\d+ 2026-11-20 1\d:\d\d", shown, re.MULTILINE)
    assert re.search(r"^42 2026-11-20 17:55:00\+00:00 ", shown, re.MULTILINE)
    assert re.search(r"^AAPL 10\.0+ \d+\.\d+ 10", shown, re.MULTILINE)


def test_the_page_has_every_pair_of_span_and_interval():
    rows = re.findall(r"^\| (`.*`) \| (`.*`) \|$", TEXT, re.MULTILINE)
    told = {span: tuple(re.findall(r"`(\w+)`", row[1])) for row in rows for span in re.findall(r"`(\w+)`", row[0])}
    assert {span: told.get(span) for span in BAR_INTERVALS} == dict(BAR_INTERVALS)


def test_the_page_says_how_long_answers_are_used_again():
    assert (QUOTES_LAST_S, POSITIONS_LAST_S) == (1, 5)
    assert [BARS_LAST_S[interval] for interval in ("5minute", "10minute", "hour", "day", "week")] == [
        15,
        15,
        60,
        300,
        300,
    ]
