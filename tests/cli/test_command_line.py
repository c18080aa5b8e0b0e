"""The command line as a script sees it: exit codes, streams and what is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import child_environment, run_cli, run_python
from trading_bot import __version__

pytestmark = pytest.mark.subprocess


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told(tmp_path, option):
    done = run_cli([option], home=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"trading-bot {__version__}\n")


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["run", "-h"], ["demo", "--help"], ["config", "show", "-h"]])
def test_help_is_everywhere(tmp_path, arguments):
    done = run_cli(arguments, home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--json" in done.stdout
    assert "--config" in done.stdout


def test_no_command_is_a_usage_error_that_shows_the_help(tmp_path):
    done = run_cli([], home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: trading-bot" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fly"], "No such command 'fly'"),
        (["buy", "TSLA", "5"], "Missing option '--reference-price'"),
        (["run", "--replay"], "give them with --signals"),
        (["run", "--signals"], "--signals"),
        (["run", "--signals", "-", "--settle", "-1"], "--settle"),
        (["run", "--signals", "missing.jsonl"], "cannot read the signals file missing.jsonl"),
        (["demo", "--speed"], "--speed"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(tmp_path, arguments, said):
    done = run_cli(arguments, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.startswith("trading-bot: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--json", "buy"], ["buy", "--json"]])
def test_under_json_a_wrong_call_is_one_object_on_stderr(tmp_path, arguments):
    done = run_cli(arguments, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert json.loads(done.stderr)["error"]["code"] == "usage"


class TestConfig:
    def test_without_a_file_the_defaults_are_good(self, tmp_path):
        done = run_cli(["config", "check"], home=tmp_path)
        assert (done.returncode, done.stdout) == (0, "settings are good: paper mode, no config file, defaults\n")

    def test_under_json_the_verdict_is_one_object(self, tmp_path):
        (tmp_path / "config.json").write_text("{}", encoding="utf-8")
        done = run_cli(["config", "check", "--json"], home=tmp_path)
        verdict = {"v": 1, "ok": True, "mode": "paper", "file": str(tmp_path / "config.json"), "without_effect": []}
        assert json.loads(done.stdout) == verdict

    def test_a_setting_of_an_earlier_version_that_has_no_effect_is_named_and_good(self, tmp_path):
        settings = {"order_management": {"journal_max_bytes": 65536}}
        (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        done = run_cli(["config", "check"], home=tmp_path)
        assert done.returncode == 0
        assert done.stderr == "order_management.journal_max_bytes has no effect any more, so remove it\n"

    @pytest.mark.parametrize("before", [True, False])
    def test_the_common_options_work_before_and_after_the_command(self, tmp_path, before):
        (tmp_path / "mine.json").write_text('{"logs_dir": "elsewhere"}', encoding="utf-8")
        options = ["--json", "-c", "mine.json"]
        arguments = [*options, "config", "show"] if before else ["config", "show", *options]
        done = run_cli(arguments, home=tmp_path)
        assert json.loads(done.stdout)["settings"]["logs_dir"] == str(tmp_path / "elsewhere")

    def test_a_bad_setting_is_one_readable_line_and_exit_code_3(self, tmp_path):
        (tmp_path / "config.json").write_text('{"trading": {"mode": "papr"}}', encoding="utf-8")
        done = run_cli(["config", "check"], home=tmp_path)
        assert (done.returncode, done.stdout) == (3, "")
        assert "trading.mode" in done.stderr
        assert "Traceback" not in done.stderr

    def test_the_account_number_is_shown_by_its_last_four_alone(self, tmp_path):
        (tmp_path / "config.json").write_text('{"account_number": "5QR12345"}', encoding="utf-8")
        done = run_cli(["config", "show"], home=tmp_path)
        assert "...2345" in done.stdout
        assert "5QR1" not in done.stdout + done.stderr

    def test_the_origin_of_each_setting_can_be_shown(self, tmp_path):
        (tmp_path / "config.json").write_text('{"paper": {"seed": 9}}', encoding="utf-8")
        done = run_cli(
            ["config", "show", "--origin", "--json"],
            home=tmp_path,
            environment={"TRADING_BOT_PAPER__STARTING_CASH": "5000"},
        )
        origins = json.loads(done.stdout)["origins"]
        assert [origins[f"paper.{name}"] for name in ("seed", "starting_cash", "quotes_file")] == [
            "file",
            "env",
            "default",
        ]

    def test_every_setting_is_one_line(self, tmp_path):
        shown = run_cli(["config", "show"], home=tmp_path).stdout.splitlines()
        assert any(line.split() == ["order_management.buy_offset", "15"] for line in shown)


def test_an_unexpected_error_is_one_line_and_exit_code_1_with_details_on_request(tmp_path):
    code = """
import sys
from trading_bot.cli.errors import install_last_resort
from trading_bot.cli.invocation import Invocation
install_last_resort(Invocation(verbose=VERBOSE))
raise KeyError("lost")
"""
    plain = run_python(code.replace("VERBOSE", "0"), home=tmp_path)
    assert plain.returncode == 1
    assert (
        plain.stderr
        == "trading-bot: unexpected KeyError: 'lost'; run it again with -v for the details of a bug report\n"
    )
    assert "Traceback" in run_python(code.replace("VERBOSE", "1"), home=tmp_path).stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_is_lost_is_said_and_is_no_unknown_outcome(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "trading_bot", "buy", "AAPL", "1", "--reference-price", "100"],
            cwd=tmp_path,
            env=child_environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "trading-bot: the output could not be written in full (No space left on device); "
        "'trading-bot orders --all' tells what was done\n"
    )
    assert json.loads(run_cli(["--json", "orders"], home=tmp_path).stdout)["orders"]


def test_a_live_mode_without_its_account_is_no_good_setting(tmp_path):
    (tmp_path / "config.json").write_text('{"trading": {"mode": "live"}}', encoding="utf-8")
    done = run_cli(["config", "check"], home=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "account_number" in done.stderr


def test_a_demo_that_has_nowhere_to_write_says_so(tmp_path):
    (tmp_path / "logs").write_text("in the way", encoding="utf-8")
    done = run_cli(["demo"], home=tmp_path)
    assert (done.returncode, done.stdout) == (11, "")
    assert "cannot be made" in done.stderr
