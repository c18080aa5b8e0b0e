"""A command is declared with click alone, and what it does is loaded when it runs."""

import inspect
import json

import click
import pytest

from tests.support.command_line import run_python
from tests.support.command_line_bench import CommandLineBench
from tests.support.command_tree import every_command
from trading_bot.cli.lazy import LazyCommand, LazyGroup, load

HEAVY = (
    *("cryptography", "filelock", "holidays", "json5", "pydantic", "pydantic_settings", "requests", "rich"),
    *("robin_stocks", "structlog", "textual", "urllib3"),
)
COMMANDS = every_command()
LEAVES = {words: command for words, command in COMMANDS.items() if not isinstance(command, click.Group)}
OWN_WORK = {("completion",)}  # it prints a script of click's own and loads nothing


def target_of(command: click.Command) -> str | None:
    target = getattr(inspect.unwrap(command.callback, stop=lambda each: hasattr(each, "target")), "target", None)  # type: ignore[arg-type]
    return target if isinstance(target, str) else None


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_the_work_of_a_command_takes_the_declared_arguments(words):
    """No type checker looks through the target, so that a renamed option would be found by a user only."""
    target = target_of(LEAVES[words])
    if target is None:
        assert words in OWN_WORK
        return
    given = {each.name: None for each in LEAVES[words].params if each.expose_value}
    inspect.signature(load(target)).bind("invocation", **given)


@pytest.mark.parametrize("words", [words for words in COMMANDS if words], ids=" ".join)
def test_every_command_has_a_line_in_the_help_above_it(words):
    assert COMMANDS[words].short_help


def test_the_help_lists_every_command_with_its_line(tmp_path):
    shown = CommandLineBench(tmp_path)("--help").stdout.splitlines()
    listed = {tuple(line.split(maxsplit=1)) for line in shown if line.startswith("  ")}
    assert {(*words, command.short_help) for words, command in COMMANDS.items() if len(words) == 1} <= listed


def test_a_target_that_is_no_command_is_refused():
    class Wrong(LazyGroup):
        lazy = {"wrong": LazyCommand(target="trading_bot.cli.lazy:load", help="")}  # noqa: RUF012

    with pytest.raises(TypeError, match="is no command"):
        Wrong().get_command(click.Context(Wrong()), "wrong")


def loaded_by(calls: list[list[str]], home) -> set[str]:
    """The modules of a fresh interpreter in which these calls were made, its stdout being no terminal."""
    code = f"""
import contextlib, io, json, sys
from trading_bot.cli.app import run_command_line
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    codes = [run_command_line(arguments) for arguments in {calls!r}]
print(json.dumps([codes, sorted(sys.modules)]))
"""
    done = run_python(code, home=home)
    assert done.returncode == 0, done.stderr
    codes, modules = json.loads(done.stdout)
    assert set(codes) <= {0, 2}
    return set(modules)


WRONG = [["fly"], ["buy"], ["run", "--settle", "nan"], ["arm", "--hours", "0"], ["kill", "--fast"], ["config", "x"]]


@pytest.mark.subprocess
@pytest.mark.parametrize(
    "calls",
    [
        [[*words, "--help"] for words in COMMANDS],
        [["--version"], ["-V"]],
        [["completion", "bash"], ["--json", "completion", "zsh"]],
        WRONG,
    ],
    ids=["help of every command", "version", "completion script", "usage errors"],
)
def test_what_needs_no_account_loads_nothing_heavy(tmp_path, calls):
    assert loaded_by(calls, tmp_path) & set(HEAVY) == set()


@pytest.mark.subprocess
@pytest.mark.parametrize("words", ["trading-bot ", "trading-bot run --s", "trading-bot audit "])
def test_shell_completion_loads_nothing_heavy(tmp_path, words):
    """A shell asks at every press of the key."""
    code = """
import atexit, sys
from trading_bot.cli.app import trading_bot
atexit.register(lambda: print("loaded:", sorted(set(HEAVY) & set(sys.modules)), file=sys.stderr))
trading_bot.main([], prog_name="trading-bot", obj=None)
""".replace("HEAVY", repr(HEAVY))
    count = len(words.split(" ")) - 1
    setting = f"import os\nos.environ |= {{'_TRADING_BOT_COMPLETE': 'bash_complete', 'COMP_WORDS': {words!r}, "
    done = run_python(f"{setting}'COMP_CWORD': '{count}'}}\n{code}", home=tmp_path)
    assert done.stdout.startswith("plain,")
    assert done.stderr == "loaded: []\n"


@pytest.mark.subprocess
def test_a_kill_loads_the_declaration_of_no_other_command(tmp_path):
    """What is wrong with another command must not stop it."""
    modules = loaded_by([["kill", "--help"]], tmp_path)
    declared = {name for name in modules if name.startswith("trading_bot.cli.commands.")}
    assert declared == {"trading_bot.cli.commands.safety"}


@pytest.mark.subprocess
def test_the_help_of_the_program_loads_no_command(tmp_path):
    modules = loaded_by([["--help"], ["--version"], ["fly"]], tmp_path)
    assert {name for name in modules if name.startswith(("trading_bot.cli.commands", "trading_bot.cli.work"))} == set()


WITHOUT_QUOTES: dict[str, object] = {"paper": {}}
LOOKS = [["orders"], ["orders", "--all"], ["status", "looked-at"], ["positions"], ["frozen"]]
NOT_FOR_A_LOOK = (
    *("asyncio", "cryptography", "dotenv", "holidays", "http.client", "requests", "rich", "robin_stocks", "ssl"),
    *("structlog", "textual", "urllib3"),
)
ROOMS_OF_A_BOT = (
    *("trading_bot.auth", "trading_bot.bot", "trading_bot.paper", "trading_bot.robinhood", "trading_bot.signals"),
    *("trading_bot.order_management.cancel", "trading_bot.order_management.decisions"),
    *("trading_bot.order_management.manager", "trading_bot.order_management.sync"),
)


@pytest.mark.subprocess
def test_a_look_at_what_is_on_record_loads_neither_a_bot_nor_its_libraries(tmp_path):
    bench = CommandLineBench(tmp_path, WITHOUT_QUOTES)
    bench("arm", "--confirm", "PAPER")
    bought = bench("buy", "AAPL", "1", "--reference-price", "100", "--client-order-id", "looked-at")
    assert bought.returncode == 0, bought.stderr
    loaded = loaded_by(LOOKS, tmp_path)
    assert loaded & {*NOT_FOR_A_LOOK, *ROOMS_OF_A_BOT} == set()
    assert "trading_bot.operations.without_bot" in loaded  # so it was a look


@pytest.mark.subprocess
def test_a_list_of_orders_loads_no_file_lock_and_nothing_of_version_0_1(tmp_path):
    CommandLineBench(tmp_path, WITHOUT_QUOTES)("sync")
    loaded = loaded_by([["orders"], ["positions"]], tmp_path)
    assert loaded & {"filelock", "trading_bot.order_management.journal.v1", *NOT_FOR_A_LOOK, *ROOMS_OF_A_BOT} == set()


@pytest.mark.parametrize("words", [["orders"], ["status", "x"], ["positions"], ["frozen"]], ids=" ".join)
def test_a_look_still_says_that_the_quotes_file_is_gone(tmp_path, words):
    bench = CommandLineBench(tmp_path, {"paper": {"quotes_file": "gone.jsonl"}})
    looked = bench(*words)
    assert (looked.returncode, looked.stdout) == (3, "")
    assert "gone.jsonl cannot be read" in looked.stderr


@pytest.mark.subprocess
def test_a_bot_has_loaded_what_writes_its_events_before_it_starts(tmp_path):
    """A run that has no descriptor left must still be able to say so."""
    done = run_python(
        "import sys, trading_bot.startup.bot_building\nprint('trading_bot.logging.structured_events' in sys.modules)",
        home=tmp_path,
    )
    assert done.stdout == "True\n"
