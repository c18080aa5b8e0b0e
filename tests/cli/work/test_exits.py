"""The ways out at the command line, each command a bot of its own on one paper account."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.exit_codes import ExitCode

ALICE = ("--by", "alice", "--reason", "wanted again")


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


@pytest.fixture
def holder(cli: CommandLineBench) -> CommandLineBench:
    bought = cli("buy", "AAPL", "10", "--reference-price", "100.05", "--pricing", "marketable")
    assert bought.returncode == 0, bought.stderr
    # The paper exchange takes a moment of real time to fill.
    assert any(cli.json("sync")["open_orders"] == 0 for _ in range(200))
    return cli


def test_a_position_is_left_and_its_entries_wait(holder):
    done = holder("exit", "AAPL")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "AAPL: 10 shares are sold; entries wait for 'trading-bot resume AAPL'\n"
    assert holder.buy("again").returncode == ExitCode.REFUSED_BY_RULE


@pytest.mark.parametrize("quantity", ["4", "all", "ALL"])
def test_some_or_all_shares_can_be_named(holder, quantity):
    answer = holder.json("exit", "AAPL", quantity)
    assert (answer["ending"], answer["sold"]) == ("sold", "4" if quantity == "4" else "10")
    assert answer["orders"][0]["client_order_id"] == f"{answer['exit_id']}-1"


@pytest.mark.parametrize("quantity", ["half", "4.5", "-3"])
def test_what_is_no_quantity_is_exit_code_2(holder, quantity):
    done = holder("exit", "AAPL", "--", quantity)
    assert done.returncode == ExitCode.USAGE
    assert "whole number of shares, or all" in done.stderr


def test_nothing_held_is_exit_code_5(cli):
    done = cli("exit", "AAPL")
    assert (done.returncode, done.stdout) == (ExitCode.REFUSED_BY_RULE, "")
    assert "no share is held and free to sell" in done.stderr


def test_a_price_can_be_named(holder):
    answer = holder.json("exit", "AAPL", "--limit", "150")
    assert (answer["ending"], answer["orders"][0]["limit_price"]) == ("resting", "150")


def test_the_shares_that_a_person_sees_bound_the_sale(holder):
    answer = holder.json("exit", "AAPL", "--held", "4")
    assert (answer["ending"], answer["sold"]) == ("sold", "4")


@pytest.mark.parametrize("held", ["0", "-4", "many", "1e3"])
def test_what_is_no_number_of_shares_held_is_exit_code_2(holder, held):
    done = holder("exit", "AAPL", "--held", held)
    assert done.returncode == ExitCode.USAGE
    assert "above zero, such as 120" in done.stderr


def test_what_stops_entries_is_listed_with_what_ends_it(holder):
    assert holder("frozen").stdout == "nothing is frozen\n"
    holder("exit", "AAPL", *ALICE)
    shown = holder("frozen").stdout
    assert "AAPL" in shown
    assert "alice" in shown
    assert "run 'trading-bot resume AAPL' when entries are wanted again" in shown
    (freeze,) = holder.json("frozen")["freezes"]
    assert (freeze["symbol"], freeze["cause"], freeze["ended_by"], freeze["by"]) == ("AAPL", "exit", "resume", "alice")
    assert freeze["since"].endswith("Z")


def test_entries_are_taken_again_after_a_resume(holder):
    holder("exit", "AAPL")
    done = holder("resume", "AAPL")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("resumed: AAPL; entries still wait: AAPL: the position was left a moment ago; it ")
    (freeze,) = holder.json("frozen")["freezes"]
    assert freeze["cause"] == "reentry"


@pytest.mark.parametrize("arguments", [("resume",), ("resume", "AAPL", "--all")], ids=" ".join)
def test_a_resume_names_a_symbol_or_everything(cli, arguments):
    done = cli(*arguments, *ALICE)
    assert done.returncode == ExitCode.USAGE
    assert "name a symbol, or give --all" in done.stderr


def test_nothing_to_resume_is_exit_code_2(cli):
    done = cli("resume", "--all", *ALICE)
    assert done.returncode == ExitCode.USAGE
    assert "wait to be resumed" in done.stderr


def test_flatten_asks_first_and_names_the_option_where_nobody_can_answer(holder):
    done = holder("flatten")
    assert done.returncode == ExitCode.USAGE
    assert "cancel every open buy; leave 1 position: AAPL" in done.stderr
    assert "--yes" in done.stderr


def test_flatten_leaves_each_position_and_tells_each_end(holder):
    done = holder("flatten", "--yes")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "AAPL: 10 shares are sold; entries wait for 'trading-bot resume AAPL'",
        "1 position: 1 sold",
    ]
    assert holder.json("orders")["orders"] == []


def test_flatten_says_when_there_is_nothing_to_leave(cli):
    assert "cancel every open buy; no position is held" in cli("flatten").stderr
    assert cli("flatten", "--yes").stdout == "no position is held\n"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("AAPL", "0"), "whole number of shares from 1"),
        (("AAPL", "--limit", "0"), "a positive number of dollars"),
        (("AA PL",), "is no ticker"),
    ],
)
def test_an_exit_with_a_wrong_value_is_exit_code_2_and_stops_no_entries(cli, wrong, said):
    done = cli("exit", *wrong)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert said in done.stderr
    assert cli("frozen").stdout == "nothing is frozen\n"


def test_an_exit_whose_last_order_rests_names_it_and_what_to_do(holder):
    done = holder("exit", "AAPL", "--limit", "150")
    assert done.returncode == 0
    assert "0 shares are sold and the last order rests at the broker: sell 10 at 150.00 (" in done.stdout
    assert "nothing lowers its price now, so watch it or run 'trading-bot exit AAPL' again" in done.stdout


def test_an_exit_signal_whose_last_order_rests_says_so_on_its_line(holder, tmp_path):
    signals = tmp_path / "signals.jsonl"
    signals.write_text('{"symbol": "AAPL", "action": "exit", "price": "150", "reason": "stop"}\n', encoding="utf-8")
    shown = holder("run", "--signals", str(signals)).stdout
    assert "exit all AAPL [manual] resting: AAPL: 0 shares are sold and the last order rests at the broker" in shown


def test_frozen_says_that_an_account_armed_for_exits_only_takes_no_entry(holder):
    holder("arm", "--exits-only", "--confirm", "PAPER")
    shown = holder("frozen").stdout
    assert shown.startswith("nothing is frozen\nno entry is taken in any symbol: the account is armed for exits only")


def test_flatten_of_everything_stops_entries_everywhere(holder):
    done = holder("--json", "flatten", "--all", "--yes")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (told[0]["ending"], told[-1]) == ("sold", {"v": 1, "positions": 1})
    causes = {(freeze["symbol"], freeze["cause"]) for freeze in holder.json("frozen")["freezes"]}
    assert causes == {("AAPL", "exit"), (None, "exit")}
