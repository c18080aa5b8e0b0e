"""The tie-out at the command line: what is said, and which exit code a script sees."""

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.errors import CommandError
from trading_bot.cli.work.tie_out import _refuse


@pytest.fixture
def cli(tmp_path):
    return CommandLineBench(tmp_path)


def test_it_begins_and_then_agrees(cli):
    begun = cli("tie-out")
    assert (begun.returncode, begun.stdout.splitlines()[1]) == (
        0,
        "this is the first tie-out: the next one goes on from here",
    )
    agrees = cli("tie-out")
    assert (agrees.returncode, agrees.stdout.splitlines()[0]) == (0, "cash: the broker shows 100,000.00")
    assert agrees.stdout.splitlines()[1].endswith("explain 100,000.00: +0.00, of which 10.00 are tolerated")
    assert agrees.stdout.splitlines()[2:4] == ["cash agrees", "shares: all agree"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--accept",), "give --by and --reason"),
        (("--accept", "--by", "ada"), "give --by and --reason"),
        (("--by", "ada"), "belong to --accept"),
    ],
)
def test_who_and_why_belong_to_an_acceptance(cli, words, said):
    done = cli("tie-out", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_an_acceptance_names_who_accepted(cli):
    cli("tie-out")
    done = cli("tie-out", "--accept", "--by", "ada", "--reason", "rent")
    assert (done.returncode, "accepted by ada" in done.stdout) == (0, True)
    assert cli.json("tie-out")["verdict"] == "agrees"


ANSWER: dict[str, object] = {"verdict": "agrees", "reason": None, "shares": []}


@pytest.mark.parametrize(
    ("answer", "accepted", "code", "said"),
    [
        ({"verdict": "not_told", "reason": "an order moved"}, False, 7, "nothing was concluded: try it again"),
        ({"verdict": "less", "reason": "500.00 are missing"}, False, 5, "tie-out --accept"),
        ({"shares": [{"symbol": "F"}]}, False, 5, "the shares of a symbol differ"),
        ({"shares": [{"symbol": "F"}], "verdict": "less"}, True, 5, "the shares of a symbol differ"),
    ],
)
def test_what_does_not_agree_is_an_error_with_a_remedy(answer, accepted, code, said):
    with pytest.raises(CommandError, match=said) as refused:
        _refuse({**ANSWER, **answer}, accepted=accepted)
    assert refused.value.exit_code == code


def test_what_agrees_or_was_accepted_is_none():
    _refuse(ANSWER, accepted=False)
    _refuse({**ANSWER, "verdict": "less"}, accepted=True)
