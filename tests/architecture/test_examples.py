"""The programs in examples/ do what their page says, on the bundled day."""

import re
import runpy

import pytest

from tests.support.command_line import REPOSITORY

FOLDER = REPOSITORY / "examples"
PROGRAMS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".py", ".sh"})
LONGEST = 60


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_short_enough_to_be_read_at_once(name):
    assert (FOLDER / name).read_text(encoding="utf-8").count("\n") < LONGEST


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_that_it_is_no_advice_and_is_on_the_page(name):
    assert "no advice" in " ".join((FOLDER / name).read_text(encoding="utf-8").replace("#", "").split())
    assert f"examples/{name}`" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_rebalancer_brings_five_symbols_to_their_targets(capsys):
    runpy.run_path(str(FOLDER / "rebalance.py"), run_name="__main__")
    rows = re.findall(r"^(\w+) +\d+ shares, +([\d.]+) % of (\d+) %$", capsys.readouterr().out, re.MULTILINE)
    assert [symbol for symbol, _, _ in rows] == ["AAPL", "MSFT", "NVDA", "SPY", "TSLA"]
    assert all(abs(float(weight) - float(target)) < 0.5 for _, weight, target in rows)
