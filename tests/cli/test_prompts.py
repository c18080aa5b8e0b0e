"""Questions are asked at a terminal only, and no is the answer to Enter."""

import os
import sys

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.terminal import at_terminal
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.prompts import ask_for_phrase, confirm, line_within


@pytest.mark.parametrize("ask", [confirm, ask_for_phrase])
@pytest.mark.parametrize("invocation", [Invocation(), Invocation(no_input=True)])
def test_where_nobody_can_be_asked_the_option_is_named_that_answers(ask, invocation):
    with pytest.raises(CommandError, match=r"sure.*add --yes") as refused:
        ask(invocation, "sure", option="--yes")
    assert refused.value.exit_code is ExitCode.USAGE


@pytest.fixture
def terminal(monkeypatch):
    """Give what writes to the stdin of this process."""
    reader, writer = os.pipe()
    with os.fdopen(reader) as stdin, os.fdopen(writer, "w") as typed:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield typed


def test_a_line_is_waited_for_no_longer_than_that(terminal):
    assert line_within(0) is None
    terminal.write("http://127.0.0.1:1/callback?code=a\n")
    terminal.flush()
    assert line_within(10) == "http://127.0.0.1:1/callback?code=a\n"


def test_the_end_of_the_input_is_an_interruption(terminal):
    terminal.close()
    with pytest.raises(KeyboardInterrupt):
        line_within(10)


@pytest.mark.subprocess
class TestAtATerminal:
    @pytest.fixture
    def cli(self, tmp_path) -> CommandLineBench:
        cli = CommandLineBench(tmp_path)
        cli.buy("first")
        return cli

    @pytest.mark.parametrize(("typed", "code", "left"), [("y\n", 0, 0), ("n\n", 5, 1), ("\n", 5, 1), ("\x04", 130, 1)])
    def test_only_a_yes_cancels(self, cli, typed, code, left):
        returned, drawn = at_terminal(["-c", str(cli.config), "cancel-all"], home=cli.home, typed=typed)
        assert returned == code
        assert drawn.index("first") < drawn.index("cancel 1 open order")
        assert len(cli.json("orders")["orders"]) == left
        assert ("tells what was done" in drawn) == (code == 130)

    def test_no_input_asks_nothing_even_here(self, cli):
        returned, drawn = at_terminal(["-c", str(cli.config), "cancel-all", "--no-input"], home=cli.home, typed="y\n")
        assert returned == 2
        assert "--yes" in drawn

    def test_paper_is_armed_by_a_yes(self, cli):
        (cli.state / "armed").unlink()
        assert at_terminal(["-c", str(cli.config), "arm"], home=cli.home, typed="y\n")[0] == 0
        assert (cli.state / "armed").exists()

    @pytest.mark.parametrize(("typed", "code"), [("LIVE 0001\n", 0), ("LIVE 0002\n", 5), ("y\n", 5), ("\n", 5)])
    def test_real_money_is_armed_by_the_whole_phrase(self, tmp_path, typed, code):
        cli = CommandLineBench(tmp_path, {"trading": {"mode": "live"}, "account_number": "5QR10001"})
        returned, drawn = at_terminal(["-c", str(cli.config), "arm"], home=cli.home, typed=typed)
        assert returned == code
        assert "real money" in drawn
        assert "5QR1" not in drawn
