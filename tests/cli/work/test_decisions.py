"""What a named person decides at the command line, each command a bot of its own on one paper account."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.exit_codes import ExitCode

ALICE = ("--by", "alice", "--reason", "looked it up")


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def decisions(cli: CommandLineBench, event: str) -> list[dict[str, object]]:
    records = map(json.loads, cli.journal.read_text(encoding="utf-8").splitlines())
    return [record for record in records if record["event"] == event]


def test_an_accepted_position_is_told_and_recorded_with_its_name_and_reason(cli):
    done = cli("accept-position", "AAPL", *ALICE)
    assert (done.returncode, done.stdout) == (0, "AAPL: 0 shares are accepted\n")
    accepted = decisions(cli, "position_accepted")[-1]
    assert (accepted["symbol"], accepted["reason"], accepted["details"]) == (
        "AAPL",
        "looked it up",
        {
            "by": "alice",
            "before": "0",
        },
    )


def test_under_json_the_answer_is_one_object(cli):
    assert cli.json("accept-position", "AAPL", *ALICE) == {
        "v": 1,
        "symbol": "AAPL",
        "quantity": "0",
        "ratio": None,
    }


def test_a_ratio_that_does_not_fit_is_refused_with_the_rule(cli):
    done = cli("accept-position", "AAPL", "--ratio", "10:1", *ALICE)
    assert done.returncode == ExitCode.USAGE
    assert "may differ by less than one share" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("resolve", "nobody", "--as", "never_accepted"), "list the orders"),
        (("resolve", "first", "--as", "never_accepted"), "there is no doubt to end"),
        (("adopt", "nobody"), "check it"),
        (("release", "AAPL"), "not frozen"),
        (("accept-position", "AAPL"), "and may move the position"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_decision_that_does_not_fit_is_exit_code_2(cli, arguments, problem):
    cli.buy("first")
    done = cli(*arguments, *ALICE)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert problem in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("resolve", "first", "--as", "found"), ("adopt", "x"), ("release", "AAPL"), ("accept-position", "AAPL")],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("missing", ["--by", "--reason"])
def test_nobody_decides_without_a_name_and_a_reason(cli, arguments, missing):
    given = ALICE[2:] if missing == "--by" else ALICE[:2]
    done = cli(*arguments, *given)
    assert done.returncode == ExitCode.USAGE
    assert missing in done.stderr
    assert not cli.journal.exists()
