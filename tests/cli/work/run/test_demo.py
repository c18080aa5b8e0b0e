"""The demo is the product's first impression and its longest scenario: one whole day through every layer."""

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.support.command_line import CommandResult, child_environment, run_cli
from tests.support.terminal import at_terminal

pytestmark = [
    pytest.mark.subprocess,
]

FORBIDDEN_IN_PLAIN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("demo")
    return folder


@pytest.fixture(scope="module")
def day(home) -> CommandResult:
    return run_cli(["demo", "--json"], home=home)


@pytest.fixture(scope="module")
def summary(day) -> dict[str, object]:
    summary: dict[str, object] = json.loads(day.stdout.splitlines()[-1])["summary"]
    return summary


@pytest.fixture(scope="module")
def told(day) -> list[dict[str, Any]]:
    return [json.loads(line) for line in day.stdout.splitlines()[:-1]]


@pytest.fixture(scope="module")
def results(told) -> list[dict[str, Any]]:
    return [line for line in told if line["event"] == "signal_result"]


def test_it_ends_well_and_says_nothing_on_stderr_under_json(day):
    assert (day.returncode, day.stderr) == (0, "")


def test_every_signal_has_one_result(results, summary):
    assert [result["line"] for result in results] == list(range(1, len(results) + 1))
    assert summary["signals"] == len(results) >= 40


def test_each_order_is_told_from_its_acceptance_to_its_end(told, results, summary):
    """The same ids stand in the results and in the events, and the new shares of the fills add up."""
    events: dict[str, list[dict[str, Any]]] = {}
    for line in told:
        if line["event"].startswith("order_"):
            events.setdefault(line["client_order_id"], []).append(line)
    sent = {line["client_order_id"] for line in results if line["status"] == "submitted"}
    assert events.keys() == sent
    for story in events.values():
        first, *fills, last = story
        assert (first["event"], last["event"]) == ("order_submitted", "order_ended")
        assert {fill["event"] for fill in fills} <= {"order_filled"}
        assert sum(Decimal(fill["new_quantity"]) for fill in fills) == Decimal(last["filled_quantity"])
    assert [story[-1]["ending"] for story in events.values()].count("filled") == summary["filled"]


def test_every_kind_of_ending_is_seen(summary):
    assert summary["filled"] >= 25
    assert summary["partly_filled"] >= 2
    assert summary["cancelled"] >= 1
    assert (summary["open"], summary["unresolved"]) == (0, 0)


def test_the_repeated_signal_stands_for_the_first_one(results, summary):
    assert summary["duplicates"] == 1
    (repeat,) = [result for result in results if result["status"] == "duplicate"]
    assert repeat["duplicate_of"] in [result["client_order_id"] for result in results[: repeat["line"] - 1]]


@pytest.mark.parametrize(
    ("symbol", "order_type_or_strategy", "status", "code"),
    [
        ("NVDA", "any price", "not_implemented", "unsupported_order_type"),
        ("TSLA", "protect", "not_implemented", "unsupported_order_type"),
        ("AAPL", "second entry", "blocked", "too_many_pending"),
        ("AAPL", "late idea", "blocked", "market_closed"),
        ("TSLA", "to be short", "blocked", "insufficient_shares"),
    ],
)
def test_what_must_be_refused_is_refused_for_its_own_reason(home, symbol, order_type_or_strategy, status, code):
    trades = [json.loads(line) for line in (home / "logs/demo/trades.jsonl").read_text(encoding="utf-8").splitlines()]
    (trade,) = [each for each in trades if each["symbol"] == symbol and order_type_or_strategy in each["reason"]]
    assert (trade["status"], trade["code"]) == (status, code)


@pytest.mark.parametrize(("key", "value"), [("symbol", "ZZZZ"), ("strategy_name", "wide_net")])
def test_an_unknown_symbol_and_an_offset_beyond_the_guard_are_blocked(results, key, value):
    (result,) = [each for each in results if each[key] == value]
    assert (result["status"], result["order_id"]) == ("blocked", None)


def test_the_journal_verifies(summary):
    assert summary["journal"]["ok"] is True
    assert summary["journal"]["records"] > 100


def test_a_second_demo_makes_the_one_folder_anew_and_has_the_same_end_whatever_the_environment(home, day, summary):
    """A stray variable must not make the first impression a failure."""
    folder = home / "logs" / "demo"
    assert summary["logs"] == str(folder)
    assert sorted(path.name for path in home.iterdir()) == ["logs"]
    (folder / "leftover").write_text("x", encoding="utf-8")
    again = run_cli(["demo", "--json"], home=home, environment={"TRADING_BOT_PAPER__STARTING_CASH": "5"})
    assert (again.returncode, again.stderr) == (0, "")
    assert not (folder / "leftover").exists()
    assert json.loads(again.stdout.splitlines()[-1])["summary"] == summary


def test_two_demos_do_not_wipe_each_others_files(tmp_path):
    folder = tmp_path / "logs" / "demo"
    folder.mkdir(parents=True)
    with FileLock(folder / ".trading-bot-demo"):
        done = run_cli(["demo"], home=tmp_path)
    assert done.returncode == 9
    assert done.stderr == f"trading-bot: another demo is running in {folder}; wait for it to end\n"


def test_plain_output_has_no_control_codes_and_tells_of_fills(tmp_path):
    done = run_cli(["demo"], home=tmp_path)
    assert done.returncode == 0
    assert not FORBIDDEN_IN_PLAIN.search(done.stdout + done.stderr)
    assert "partly filled" in done.stdout
    assert re.search(r"^09:30:10 EST  submitted +buy 40 TSLA limit 250[.]10 ", done.stdout, re.MULTILINE)
    assert str(tmp_path / "logs" / "demo") in done.stderr


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    mine = tmp_path / "logs" / "demo" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("keep me", encoding="utf-8")
    done = run_cli(["demo"], home=tmp_path)
    assert done.returncode == 2
    assert "move it away" in done.stderr
    assert mine.read_text(encoding="utf-8") == "keep me"


def test_a_reader_that_goes_away_is_no_drama(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "trading_bot", "demo"],
        cwd=tmp_path,
        env=child_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == 0
    assert said.count("\n") == 1
    assert said.startswith("Paper trading the bundled day")


class TestAtATerminal:
    def test_the_day_is_drawn_and_the_tables_stay(self, tmp_path):
        code, drawn = at_terminal(["demo"], home=tmp_path)
        assert code == 0
        assert "\x1b[" in drawn
        assert "\x1b[32m" in drawn
        last = drawn[drawn.rindex("signals") :]
        assert "journal" in last
        assert "verified" in last
