"""`risk show` at the command line: beside a running bot, without one, and on a killed account."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.config import Config
from trading_bot.startup import create_bot


def bench_with(home: Path, **settings: object) -> CommandLineBench:
    return CommandLineBench(home, {"paper": {}, **settings})


def shown(cli: CommandLineBench) -> dict[str, Any]:
    return dict(cli.json("risk", "show"))


def limit(cli: CommandLineBench, name: str) -> dict[str, Any]:
    (found,) = [each for each in shown(cli)["limits"] if each["name"] == name]
    return dict(found)


def test_a_new_paper_account_is_active_and_nothing_is_made(tmp_path):
    cli = bench_with(tmp_path)
    answer = shown(cli)
    assert (answer["v"], answer["mode"], answer["state"], answer["reasons"]) == (1, "paper", "active", [])
    assert not (tmp_path / "state").exists()
    assert cli("risk", "show").stdout.startswith("PAPER account, ACTIVE: entries and exits go\n")


def test_a_live_account_that_was_never_armed_is_halted_and_has_no_canary(tmp_path):
    cli = bench_with(tmp_path, trading={"mode": "live"}, account_number="5QR10001")
    done = cli("risk", "show")
    assert done.stdout.startswith("LIVE account ...0001, HALTED: nothing goes but cancels\n")
    assert "canary: none has passed on this account; 'trading-bot canary SYMBOL' runs one" in done.stdout
    assert shown(cli)["account"] == "...0001"


def test_each_limit_has_its_value_where_it_is_set_and_its_use(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_BOT_RISK_MANAGEMENT__MAX_OPEN_ORDERS", "4")
    cli = bench_with(tmp_path, risk_management={"max_gross_exposure": "2000", "deny_symbols": ["A", "B", "C", "D"]})
    cli.buy()
    assert {
        name: limit(cli, name)["set_in"] for name in ("max_open_orders", "max_gross_exposure", "max_daily_loss")
    } == {
        "max_open_orders": "env",
        "max_gross_exposure": "file",
        "max_daily_loss": "default",
    }
    exposed = limit(cli, "max_gross_exposure")
    assert (exposed["value"], exposed["used"], exposed["used_pct"]) == ("2000", "998.50", 49)
    rows = [" ".join(row.split()) for row in cli("risk", "show").stdout.splitlines()]
    assert "max_open_orders 4 1 (25 %) env -" in rows
    assert "max_gross_exposure $2,000.00 $998.50 (49 %) file -" in rows
    assert "max_position_notional $50,000.00 $998.50 AAPL (1 %) default -" in rows
    assert "deny_symbols A, B, C and 1 more - file -" in rows
    assert "allow_symbols every symbol - default -" in rows


def test_a_limit_says_when_it_last_refused_an_order(tmp_path):
    cli = bench_with(tmp_path, risk_management={"deny_symbols": ["AAPL"]})
    assert cli.buy().returncode == 5
    fired = limit(cli, "deny_symbols")["last_fired"]
    assert fired["symbol"] == "AAPL"
    assert "risk_management.deny_symbols" in fired["reason"]
    (row,) = [row for row in cli("risk", "show").stdout.splitlines() if "deny_symbols" in row]
    assert row.split()[-1] in ("EST", "EDT")


def test_a_killed_account_is_halted_and_says_what_ends_that_once(tmp_path):
    cli = bench_with(tmp_path)
    cli.buy()
    cli("kill")
    answer = shown(cli)
    assert (answer["state"], [reason["cause"] for reason in answer["reasons"]]) == ("halted", ["not_armed"])
    second = cli("risk", "show").stdout.splitlines()[1]
    assert second.count("trading-bot arm") == 1


def test_a_reached_limit_leaves_exits_alone_and_is_a_reason(tmp_path):
    cli = bench_with(tmp_path, risk_management={"max_open_orders": 1})
    cli.buy()
    answer = shown(cli)
    assert (answer["state"], [reason["cause"] for reason in answer["reasons"]]) == ("reducing", ["max_open_orders"])
    assert "- 1 of 1 are used of risk_management.max_open_orders; it ends once" in cli("risk", "show").stdout


def test_a_frozen_symbol_is_named_and_the_account_stays_active(tmp_path):
    cli = bench_with(tmp_path)
    cli.buy()
    cli("exit", "AAPL")
    answer = shown(cli)
    assert answer["state"] == "active"
    assert {each["symbol"] for each in answer["symbols"]} == {"AAPL"}
    assert "no entry in" in cli("risk", "show").stdout


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_running_bot_answers_with_its_own_settings_and_prices(tmp_path, is_killed):
    cli = bench_with(tmp_path)
    own = {"max_open_orders": 9, "max_gross_exposure": "100000"}
    settings = json.loads(cli.config.read_text(encoding="utf-8")) | {"risk_management": own}
    settings |= {"logs_dir": str(tmp_path / "logs"), "state_dir": str(tmp_path / "state")}
    bot = create_bot(Config.model_validate(settings))
    bot.start()
    try:
        if is_killed:
            bot.manager._context.latch.engage()  # type: ignore[attr-defined]
        answer = shown(cli)
    finally:
        bot.stop()
    assert answer["state"] == ("halted" if is_killed else "active")
    assert "recorded_until" not in answer
    found = {each["name"]: (each["value"], each["set_in"]) for each in answer["limits"]}
    assert found["max_open_orders"] == (9, "program")
    assert found["max_daily_loss"] == ("1000", "default")


def test_limits_that_are_held_are_said_to_be_and_the_command_is_named(tmp_path):
    cli = bench_with(
        tmp_path,
        trading={"mode": "live"},
        account_number="5QR10001",
        risk_management={"max_order_notional": "30000"},
    )
    held = limit(cli, "max_order_notional")
    assert (held["value"], held["configured"], held["is_held"]) == ("500", "30000", True)
    said = cli("risk", "show").stdout
    assert (
        "- no canary has passed on this account, so entries are held to small limits: max_order_notional at 500" in said
    )
    assert "$500.00 (held)" in said
