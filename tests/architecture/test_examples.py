"""The programs in examples/ do what their page says, on the bundled day."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import REPOSITORY, child_environment

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


def test_the_moving_average_cross_trades_the_day_and_hears_of_its_fills(capsys):
    runpy.run_path(str(FOLDER / "moving_average_cross.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert said.count(" filled at ") >= said.count(" submitted\n") >= 4
    assert re.search(r"^realised -?[\d.]+, unrealised -?[\d.]+, equity [\d,.]+$", said, re.MULTILINE)


def test_the_rebalancer_brings_five_symbols_to_their_targets(capsys):
    runpy.run_path(str(FOLDER / "rebalance.py"), run_name="__main__")
    rows = re.findall(r"^(\w+) +\d+ shares, +([\d.]+) % of (\d+) %$", capsys.readouterr().out, re.MULTILINE)
    assert [symbol for symbol, _, _ in rows] == ["AAPL", "MSFT", "NVDA", "SPY", "TSLA"]
    assert all(abs(float(weight) - float(target)) < 0.5 for _, weight, target in rows)


@pytest.mark.subprocess
def test_signals_of_awk_come_back_as_results_and_fills(tmp_path):
    environment = child_environment(tmp_path)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["TRADING_BOT_STATE_DIR"] = str(tmp_path / "mine")
    done = subprocess.run(
        [FOLDER / "signals_from_awk.sh"], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"\d+ submitted, (\d+) fills, bought for [\d.]+, sold for [\d.]+", lines[-1])
    assert f" {len(lines) - 1} fills," in lines[-1]
    assert all(re.fullmatch(r"\d\d:\d\d  (buy |sell) +\d+ [A-Z.]+ +at [\d.]+", line) for line in lines[:-1])
    assert len(lines) > 5
    assert not (tmp_path / "mine").exists(), "whoever runs it has an account of his own there"
