"""Whatever is typed: one readable line, the documented exit code, nothing sent, no traceback."""

import json

import pytest

from tests.support.command_line import CommandResult, run_cli
from tests.support.command_line_bench import CommandLineBench
from tests.support.damaged_database import alter, bodies
from trading_bot.cli.exit_codes import ExitCode


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def is_refused(done: CommandResult, exit_code: ExitCode) -> bool:
    """Whether it ended with the code, wrote no data, and said why in one line."""
    said = done.stderr
    return (
        done.returncode == exit_code
        and done.stdout == ""
        and said.startswith("trading-bot: ")
        and said.count("\n") == 1
        and "Traceback" not in said
    )


TRADES = [
    ["AAPL", "-5", "--reference-price", "100"],
    ["AAPL", "0", "--reference-price", "100"],
    ["AAPL", "1.5", "--reference-price", "100"],
    ["AAPL", "1e3", "--reference-price", "100"],
    ["AAPL", "\uff11\uff10", "--reference-price", "100"],
    ["AAPL", "9999999999999", "--reference-price", "100"],
    ["AAPL", "", "--reference-price", "100"],
    ["AAPL", "ten", "--reference-price", "100"],
    ["AAPL\n", "1", "--reference-price", "100"],
    ["\u0410APL", "1", "--reference-price", "100"],  # a Cyrillic letter that looks like an A
    ["Aapl", "1", "--reference-price", "100"],
    ["nan", "1", "--reference-price", "100"],
    ["", "1", "--reference-price", "100"],
    ["TOOLONG", "1", "--reference-price", "100"],
    ["BTC-USD", "1", "--reference-price", "100"],
    ["AAPL", "1", "--reference-price", "NaN"],
    ["AAPL", "1", "--reference-price", "1e400"],
    ["AAPL", "1", "--reference-price", "Infinity"],
    ["AAPL", "1", "--reference-price", "-100"],
    ["AAPL", "1", "--reference-price", "0"],
    ["AAPL", "1", "--reference-price", "100,50"],
    ["AAPL", "1", "--reference-price", ""],
    ["AAPL", "1"],
    ["AAPL", "1", "--reference-price", "100", "--tif", "ioc"],
    ["AAPL", "1", "--reference-price", "100", "--pricing", "market"],
    ["AAPL", "1", "--reference-price", "100", "--client-order-id", "a\nb"],
    ["AAPL", "1", "--reference-price", "100", "--client-order-id", "x" * 65],
    ["AAPL", "1", "--reference-price", "100", "--client-order-id", ""],
    ["AAPL", "1", "--reference-price", "100", "--strategy", ""],
    ["AAPL", "1", "--reference-price", "100", "--stop-loss", "90"],
    ["AAPL", "1", "2", "--reference-price", "100"],
]


@pytest.mark.parametrize("command", [["buy"], ["sell"], ["preview", "buy"]], ids=" ".join)
@pytest.mark.parametrize("terms", TRADES, ids=ascii)
def test_a_trade_that_makes_no_sense_opens_nothing(cli, command, terms):
    assert is_refused(cli(*command, *terms), ExitCode.USAGE)
    assert not (cli.home / "logs").exists()


COMMANDS = [
    ["buy", "AAPL", "1", "--reference-price", "100"],
    ["preview", "buy", "AAPL", "1", "--reference-price", "100"],
    ["orders"],
    ["status", "first"],
    ["cancel", "first"],
    ["cancel-all", "--yes"],
    ["sync"],
    ["positions"],
    ["audit", "tail"],
    ["audit", "verify"],
    ["audit", "explain", "first"],
    ["config", "check"],
    ["config", "show"],
    ["arm", "--confirm", "PAPER"],
    ["run", "--signals", "-"],
    ["watch"],
    ["stop"],
    ["demo"],
]
LOOKS = {"orders", "status", "positions"}
"""They ask a bot that runs, and start none."""

NEEDS_BOT = [
    command for command in COMMANDS if command[0] not in {"audit", "config", "arm", "run", "watch", "stop", "demo"}
]


@pytest.mark.parametrize(
    "text",
    ['{"trading": ', '{"tradin": {}}', '{"trading": {"mode": "papr"}}', '{"paper": {"seed": NaN}}', "[]", ""],
)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_config_file_that_is_wrong_is_exit_code_3_whatever_the_command(cli, command, text):
    cli.config.write_text(text, encoding="utf-8")
    assert is_refused(cli(*command), ExitCode.CONFIGURATION)
    assert not (cli.home / "logs").exists()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_misspelt_variable_is_exit_code_3_whatever_the_command(cli, command, monkeypatch):
    monkeypatch.setenv("TRADING_BOT_PAPER__SEDE", "8")
    done = cli(*command)
    assert is_refused(done, ExitCode.CONFIGURATION)
    assert "TRADING_BOT_PAPER__SEDE" in done.stderr


@pytest.mark.parametrize("command", NEEDS_BOT, ids=" ".join)
def test_a_state_folder_that_cannot_be_written_is_exit_code_11_and_nothing_is_sent(tmp_path, command):
    (tmp_path / "in the way").write_text("", encoding="utf-8")
    done = CommandLineBench(tmp_path, {"state_dir": "in the way/folder"})(*command)
    assert is_refused(done, ExitCode.JOURNAL)
    assert "in the way" in done.stderr


@pytest.mark.parametrize("command", [each for each in NEEDS_BOT if each[0] not in LOOKS], ids=" ".join)
def test_live_without_a_login_is_exit_code_4_and_says_how_to_log_in(tmp_path, command):
    live = {"trading": {"mode": "live"}, "account_number": "5QR10001"}
    done = CommandLineBench(tmp_path, live)("--quiet", *command)  # else the banner comes first
    assert is_refused(done, ExitCode.LOGIN_NEEDED)
    assert "trading-bot login" in done.stderr
    assert "5QR1" not in done.stderr


@pytest.mark.parametrize("command", sorted(LOOKS - {"status"}))
def test_a_look_at_a_live_account_needs_no_login(tmp_path, command):
    live = {"trading": {"mode": "live"}, "account_number": "5QR10001"}
    done = CommandLineBench(tmp_path, live)("--quiet", command)
    assert (done.returncode, done.stderr) == (0, "")


def test_with_a_damaged_journal_no_order_is_taken_and_the_exit_code_is_11(cli):
    cli.buy("first")
    alter(cli.database, '"99.85"', '"99.95"')
    damaged = bodies(cli.database)
    done = cli("buy", "AAPL", "1", "--reference-price", "100")
    assert (done.returncode, done.stdout) == (ExitCode.JOURNAL, "")
    assert "audit verify" in done.stderr.splitlines()[-1]
    assert done.stderr.count("journal_quarantined") == 1, "the cause is told, and not what follows from it as well"
    assert bodies(cli.database) == damaged


def test_with_a_damaged_journal_what_the_broker_holds_can_still_be_cancelled(cli):
    cli.buy("first")
    alter(cli.database, '"99.85"', '"99.95"')
    assert "is damaged" in cli("sync").stderr
    done = cli("cancel-all", "--include-external", "--yes")
    assert "cancelled" in done.stdout
    assert cli("sync").stdout == "0 open, 0 fills booked, 0 closed, 0 placed elsewhere\n"


@pytest.mark.subprocess
@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["buy", "AAPL", "-5", "--reference-price", "100"], ExitCode.USAGE),
        (["--json", "buy", "AAPL\n", "1", "--reference-price", "100"], ExitCode.USAGE),
        (["--json", "-c", "missing.json", "orders"], ExitCode.CONFIGURATION),
    ],
)
def test_a_real_process_ends_the_same_way(tmp_path, arguments, exit_code):
    done = run_cli(arguments, home=tmp_path)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert "--json" not in arguments or json.loads(done.stderr)["error"]["exit_code"] == exit_code
