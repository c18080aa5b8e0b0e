"""Before real money is used, the terminal says which account, within which limits, and how to stop it."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.render.live_banner import live_banner
from trading_bot.config import Config

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
    assert live_banner(Config.model_validate(LIVE)) == (
        "LIVE, real money, account ...0001; limits: $500.00 an order, $2,000.00 a position, $1,000.00 loss a day, "
        "5 losses in a row, 100 trades a day, 50 orders open; stop it all with 'trading-bot kill'"
    )


def test_a_limit_that_is_off_is_told_as_that():
    limits = ("max_order_notional", "max_position_notional", "max_daily_loss")
    off = dict.fromkeys((*limits, "max_consecutive_losses", "max_trades_per_day", "max_open_orders"))
    assert live_banner(Config.model_validate(LIVE | {"risk_management": off})).count(" any ") == len(off)
