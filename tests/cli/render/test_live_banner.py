"""Before real money is used, the terminal says which account, within which limits, and how to stop it."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.render.live_banner import live_banner
from trading_bot.config import Config, RiskManagementConfig

NUMBER = "5QR10001"
LIVE = {"trading": {"mode": "live"}, "account_number": NUMBER}
BANNER = "LIVE, real money, account ...0001"


def commands(cli: CommandLineBench) -> dict[str, list[str]]:
    signals = cli.home / "signals.jsonl"
    signals.write_text("", encoding="utf-8")
    return {
        "buy": ["buy", "AAPL", "1", "--reference-price", "100"],
        "sell": ["sell", "AAPL", "1", "--reference-price", "100"],
        "run": ["run", "--signals", str(signals)],
    }


@pytest.mark.parametrize("command", ["buy", "sell", "run"])
def test_a_command_that_trades_says_it_once_on_stderr(tmp_path, command):
    cli = CommandLineBench(tmp_path, LIVE)
    done = cli(*commands(cli)[command])
    assert done.stderr.count(BANNER) == 1
    assert done.stderr.startswith(f"trading-bot: {BANNER}")
    assert "trading-bot kill" in done.stderr.splitlines()[0]
    assert BANNER not in done.stdout
    assert NUMBER not in done.stderr + done.stdout


def test_under_json_it_is_an_object_with_a_word_of_its_own(tmp_path):
    cli = CommandLineBench(tmp_path, LIVE)
    first = json.loads(cli("--json", *commands(cli)["buy"]).stderr.splitlines()[0])["error"]
    assert (first["code"], first["exit_code"]) == ("live_banner", 0)


@pytest.mark.parametrize("command", ["buy", "sell", "run"])
@pytest.mark.parametrize(("settings", "options"), [({}, []), (LIVE, ["--quiet"])], ids=["paper", "quiet"])
def test_paper_and_quiet_have_none(tmp_path, command, settings, options):
    cli = CommandLineBench(tmp_path, settings)
    assert "LIVE" not in cli(*options, *commands(cli)[command]).stderr


@pytest.mark.parametrize("command", [["orders"], ["positions"], ["sync"], ["preview", "buy", "AAPL", "1"]])
def test_what_sends_no_order_has_none(tmp_path, command):
    assert "LIVE" not in CommandLineBench(tmp_path, LIVE)(*command).stderr


def test_every_limit_is_told():
    config = Config.model_validate(LIVE)
    assert live_banner(config, config.risk_management) == (
        "LIVE, real money, account ...0001; limits: $500.00 an order, $2,000.00 a position, any in all, "
        "$1,000.00 loss a day, 5 losses in a row, 100 trades a day, 60 buys a minute, 50 orders open; "
        "stop it all with 'trading-bot kill'"
    )


def test_a_limit_that_is_off_is_told_as_that():
    off = {name: None for name in RiskManagementConfig.model_fields if name.startswith("max_")}
    config = Config.model_validate(LIVE | {"risk_management": off})
    assert live_banner(config, config.risk_management).count(" any ") == len(off)


def test_limits_that_no_canary_lets_out_are_told_as_they_hold(tmp_path):
    cli = CommandLineBench(tmp_path, LIVE | {"risk_management": {"max_order_notional": "30000"}})
    assert "limits: $500.00 an order" in cli(*commands(cli)["buy"]).stderr
