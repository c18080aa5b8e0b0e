"""One paper account and several processes: one after the other, and beside a bot that runs."""

import json
import signal

import pytest

from tests.support.command_line import CommandResult, run_cli
from tests.support.command_line_bench import CommandLineBench
from tests.support.running_bot import in_background, running_bot
from trading_bot.cli.exit_codes import ExitCode

pytestmark = pytest.mark.subprocess


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    """Used for its settings here; the commands are child processes."""
    return CommandLineBench(tmp_path)


def command(cli: CommandLineBench, *arguments: str) -> CommandResult:
    return run_cli(["-c", str(cli.config), *arguments], home=cli.home)


def test_an_order_of_one_process_is_seen_by_a_second_and_cancelled_by_a_third(cli):
    bought = command(cli, "buy", "AAPL", "10", "--reference-price", "100", "--client-order-id", "first")
    listed = command(cli, "--json", "orders")
    cancelled = command(cli, "cancel", "first")
    assert (bought.returncode, listed.returncode, cancelled.returncode) == (0, 0, 0), bought.stderr + cancelled.stderr
    (order,) = json.loads(listed.stdout)["orders"]
    assert (order["client_order_id"], order["limit_price"]) == ("first", "99.85")
    assert cancelled.stdout == "cancelled: AAPL order first\n"


def test_commands_in_other_terminals_work_beside_a_running_bot(cli):
    with running_bot(cli.config) as bot:
        bought = command(cli, "buy", "AAPL", "10", "--reference-price", "100", "--client-order-id", "beside")
        assert (bought.returncode, bought.stderr) == (0, "")
        assert len(cli.json("orders")["orders"]) == 2
        assert f"a bot is running and answers (pid {bot.pid})" in cli("doctor").stdout
        preview = cli("preview", "sell", "AAPL", "1", "--reference-price", "100")
        assert preview.returncode == ExitCode.REFUSED_BY_RULE
        assert cli("cancel", "nobody").returncode == ExitCode.USAGE
        cancelled = command(cli, "cancel-all", "--yes")
        assert cancelled.stdout.splitlines()[-1] == "2 of 2 orders cannot trade any more"
        code, out, err = bot.end(signal.SIGTERM)
    assert (code, err) == (143, "trading-bot: stopped by SIGTERM; orders still open: 0\n")
    assert "verified" in out
    assert cli("audit", "verify").returncode == 0


def test_the_startup_module_runs_a_bot_that_other_commands_reach_until_it_is_stopped(cli):
    with in_background(cli.config, module="trading_bot.startup") as bot:
        assert "started without signals: paper account ...0001, 0 open orders, read" in bot.read_error_line()
        assert cli.buy("beside").returncode == 0
        code, out, err = bot.end(signal.SIGTERM)
    assert (code, err) == (143, "trading-bot: stopped by SIGTERM; orders still open: 1\n")
    assert "verified" in out


@pytest.mark.parametrize("option", [("--replay",), ("--settle", "5")])
def test_what_is_about_signals_needs_signals(cli, option):
    done = cli("run", *option)
    assert done.returncode == ExitCode.USAGE
    assert "give them with --signals" in done.stderr


def test_a_bot_that_hangs_is_named_and_nothing_is_done(cli):
    with running_bot(cli.config) as bot:
        bot.hang()
        done = cli("buy", "AAPL", "10", "--reference-price", "100")
        assert (done.returncode, done.stdout) == (ExitCode.ACCOUNT_IN_USE, "")
        assert str(bot.pid) in done.stderr
        assert cli("doctor").returncode == ExitCode.ACCOUNT_IN_USE


def test_trading_stops_and_starts_again_in_a_bot_that_runs_by_commands_from_outside(cli):
    with running_bot(cli.config) as bot:
        killed = command(cli, "--json", "kill")
        report = json.loads(killed.stdout)
        assert (killed.returncode, report["v"], report["verdict"]) == (0, 1, "no_open_orders")
        refused = cli.buy("refused")
        assert refused.returncode == ExitCode.REFUSED_BY_RULE
        assert "arm" in refused.stderr
        assert cli("arm", "--confirm", "PAPER").returncode == 0
        assert cli.buy("allowed").returncode == 0
        assert bot.end()[0] == 0


@pytest.mark.parametrize(("on_stop", "left"), [("leave", 1), ("cancel", 0)])
def test_what_becomes_of_open_orders_at_the_end_is_configured_and_said(tmp_path, on_stop, left):
    cli = CommandLineBench(tmp_path, {"order_management": {"on_stop": on_stop}})
    with running_bot(cli.config) as bot:
        code, _, err = bot.end(signal.SIGINT)
    assert code == 130
    assert ("on_stop is cancel: 1 of 1 open orders cannot trade any more" in err) == (on_stop == "cancel")
    assert f"stopped by SIGINT; orders still open: {left}" in err


def test_a_follower_is_told_of_new_records_until_it_is_stopped(cli):
    cli.buy("first")
    with in_background(cli.config, "--json", "audit", "tail", "--follow", "-n", "1") as follower:
        newest = json.loads(follower.read_line())
        assert newest["event"] == "session_stopped"
        cli.buy("second")
        assert json.loads(follower.read_line())["record"] == newest["record"] + 1
        code, _, err = follower.end(signal.SIGINT)
    assert (code, err) == (130, "")
