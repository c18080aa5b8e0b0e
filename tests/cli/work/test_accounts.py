"""``accounts``: one line for each account of the file, whatever is wrong with another one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.account_place import place_of
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.control.server import ControlServer
from trading_bot.operations import Command, Progress, no_progress
from trading_bot.order_json import JsonObject

VIEW: JsonObject = {
    "v": 1,
    "pid": 77,
    "halted": None,
    "orders": [{"client_order_id": "one"}],
    "external": [{"order_id": "two"}],
    "cash": "1234.5",
    "today": {"realised": "10.25", "unrealised": "-3"},
    "problem": None,
}


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path, {"accounts": {"one": {}, "two": {}}})


class Holder:
    def __init__(self, view: JsonObject) -> None:
        self._view = view

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        return self._view


@contextmanager
def bot(cli: CommandLineBench, account: str, **differs: object) -> Iterator[None]:
    socket = place_of(Config.from_env_and_json(cli.config, account=account)).state.control_socket
    socket.parent.mkdir(parents=True, exist_ok=True)
    server = ControlServer(path=socket, clock=SystemClock())
    server.start(Holder({**VIEW, **differs}))
    yield
    server.stop()


def test_a_running_bot_tells_and_one_that_does_not_run_has_what_is_on_record(cli):
    assert cli("--account", "two", "buy", "AAPL", "10", "--reference-price", "100").returncode == 0
    with bot(cli, "one"):
        one, two = cli.json("accounts")["accounts"]
    assert one == {
        "account": "one",
        "mode": "paper",
        "account_suffix": "RONE",
        "pid": 77,
        "halted": None,
        "open_orders": 2,
        "cash": "1234.5",
        "today": "7.25",
        "problem": None,
    }
    assert (two["account"], two["pid"], two["open_orders"], two["cash"], two["today"]) == ("two", None, 1, None, None)


@pytest.mark.parametrize(
    ("differs", "shown"),
    [
        ({}, "10.13"),
        ({"unrealised": None}, "unknown"),
        ({"left_out": ["AAPL"]}, "unknown"),
        ({"unknown_sales": 1}, "unknown"),
    ],
)
def test_people_get_a_table_with_money_to_the_cent_and_no_figure_of_which_a_part_is_unknown(cli, differs, shown):
    with bot(cli, "one", today={"realised": "10.25", "unrealised": "-0.1249", **differs}):
        done = cli("accounts", "--account", "one")
    line = done.stdout.splitlines()[1].split()
    assert (done.returncode, line) == (
        0,
        ["one", "PAPER", "...RONE", "process", "77", "as", "armed", "2", "1,234.50", shown, "-"],
    )


def test_a_killed_account_says_so(cli):
    cli("--account", "one", "sync")
    assert cli("--account", "one", "kill").returncode == 0
    assert "not armed" in cli.json("accounts", "--account", "one")["accounts"][0]["halted"]


def test_one_that_cannot_be_looked_at_hides_no_other(tmp_path):
    cli = CommandLineBench(tmp_path, {"accounts": {"one": {"trading": {"mode": "live"}}, "two": {}}})
    done = cli("--json", "accounts")
    one, two = json.loads(done.stdout)["accounts"]
    assert "account_number is not set" in one["problem"]
    assert (two["problem"], two["open_orders"]) == (None, 0)
    assert done.returncode == ExitCode.NOT_SENT
    line = cli("accounts").stdout.splitlines()[1]
    assert line.count("not known") == 2, "neither whether a bot runs nor whether it trades"


def test_a_bot_that_cannot_list_all_its_orders_is_a_problem_of_its_line(cli):
    with bot(cli, "one", problem="page 2 failed"):
        done = cli("accounts", "--account", "one")
    assert done.returncode == ExitCode.NOT_SENT
    assert "not all is known of one: page 2 failed" in done.stderr


def test_a_file_without_names_has_one_line(tmp_path):
    (line,) = CommandLineBench(tmp_path).json("accounts")["accounts"]
    assert (line["account"], line["mode"]) == (None, "paper")
