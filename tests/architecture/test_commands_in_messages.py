"""A command that a message or a page names can be typed as it stands: the real parser takes it."""

import ast
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress

import click
import pytest

from tests.support.command_line import REPOSITORY
from tests.support.command_tree import every_command
from tests.support.source_tree import PACKAGE
from trading_bot.cli.app import trading_bot
from trading_bot.cli.invocation import Invocation
from trading_bot.prose import typed

COMMANDS = every_command()
QUOTED = re.compile(r"(?:'trading-bot ([^'`]+)')|(?:`trading-bot ([^`]+)`)")
SIGNS = re.compile(rf"trading-bot |\b{typed.__name__}\(")
IN_A_PAGE = re.compile(r"`trading-bot ([^`]+)`")
PAGES = (
    *("README.md", "QUICKSTART.md", "docs/two-machines.md", "docs/from-robin-stocks.md"),
    *("docs/exits.md", "docs/official-interface.md", "docs/risk.md"),
    "specs/order-management/artifacts/order-log.md",
)
STAND_INS = {"N": "1", "COMMAND": "orders", "FILE": str(REPOSITORY / "README.md")}
STAND_INS["quotes.jsonl"] = STAND_INS["FILE"]
VALUE = "X"


def parse(line: str) -> None:
    """Let the command's own parser take ``line``, all that follows the program's name."""
    words = [STAND_INS.get(word, word) for word in shlex.split(line)]
    if words[0] == "-c":
        del words[:2]
    named = next(words[:length] for length in (2, 1) if tuple(words[:length]) in COMMANDS)
    command = COMMANDS[tuple(named)]
    # With the settings of the real one: a command keeps the help option that it is first parsed with.
    context = click.Context(trading_bot, obj=Invocation(), **trading_bot.context_settings)
    with suppress(click.exceptions.Exit):  # --help is taken by leaving
        command.make_context(" ".join(named), words[len(named) :], parent=context)


def texts_in(tree: ast.Module) -> Iterator[str]:
    """Every text that the code can say, docstrings left out; what it fills in is `VALUE`."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | docstrings:
            yield node.value


def calls_of_typed(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == typed.__name__:
            yield typed(*(str(each.value) if isinstance(each, ast.Constant) else VALUE for each in node.args))


def named_in_messages() -> dict[str, str]:
    """Return each command and the file that names it. Every worker collects: it parses only files with a sign."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        if SIGNS.search(code):
            tree = ast.parse(code)
            for text in (*texts_in(tree), *calls_of_typed(tree)):
                found |= {one or other: path.name for one, other in QUOTED.findall(text)}
    return found


IN_MESSAGES = named_in_messages()
IN_HELP = sorted(
    line
    for command in COMMANDS.values()
    for line in re.findall(r"trading-bot (?:--(?:json|no-input|quiet) )*([^\n|>&]*[^\n|>& ])", command.epilog or "")
)
IN_PAGES = {line: page for page in PAGES for line in IN_A_PAGE.findall((REPOSITORY / page).read_text(encoding="utf-8"))}


@pytest.mark.parametrize("line", sorted(IN_MESSAGES))
def test_a_command_in_a_message_can_be_typed(line: str):
    parse(line)


@pytest.mark.parametrize("line", IN_HELP)
def test_an_example_of_a_help_page_can_be_typed(line: str):
    parse(line)


@pytest.mark.parametrize("line", sorted(IN_PAGES))
def test_a_command_in_a_page_can_be_typed(line: str):
    parse(line)


def test_commands_are_found_in_messages_pages_and_calls():
    assert len(IN_MESSAGES) > 20
    assert {line.split()[0] for line in IN_MESSAGES} >= {"accept-position", "adopt", "release", "resolve", "resume"}
    assert len(IN_PAGES) > 10


@pytest.mark.parametrize(
    "line", ["release X", "resolve X --by NAME --reason why", "exit", "arm --hours", "cancel --all X"]
)
def test_a_command_that_lacks_something_or_has_too_much_is_found(line: str):
    with pytest.raises(click.UsageError):
        parse(line)


def test_what_a_person_decides_is_named_with_who_and_why():
    assert typed("release", "TSLA") == "'trading-bot release TSLA --by NAME --reason \"...\"'"
    assert typed("cancel", "my order") == "`trading-bot cancel 'my order'`"
    assert typed("exit", "TSLA") == "'trading-bot exit TSLA'"
