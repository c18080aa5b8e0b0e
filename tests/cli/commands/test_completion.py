"""Completion scripts, and what they ask the program."""

import pytest

from tests.support.command_line import run_cli
from tests.support.command_line_bench import CommandLineBench


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_this_program(tmp_path, shell):
    cli = CommandLineBench(tmp_path)
    done = cli("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_TRADING_BOT_COMPLETE={shell}_complete" in done.stdout
    answer = cli.json("completion", shell)
    assert (answer["v"], answer["shell"], answer["script"]) == (1, shell, done.stdout.rstrip("\n") + "\n")


def test_a_shell_nobody_knows_is_a_usage_error(tmp_path):
    assert CommandLineBench(tmp_path)("completion", "tcsh").returncode == 2


@pytest.mark.subprocess
def test_the_program_answers_the_script_with_its_commands(tmp_path):
    asked = {"_TRADING_BOT_COMPLETE": "bash_complete", "COMP_WORDS": "trading-bot cance", "COMP_CWORD": "1"}
    done = run_cli([], home=tmp_path, environment=asked)
    assert done.stdout.split() == ["plain,cancel", "plain,cancel-all"]
