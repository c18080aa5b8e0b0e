"""Prompts for a person. Without a terminal there is none, and the error names the option that answers instead."""

import select
import sys

import click
from pydantic import SecretStr

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.clock import Seconds


def confirm(invocation: Invocation, question: str, *, option: str) -> None:
    """Ask yes or no, no being the answer to Enter.

    Raises:
        CommandError: the answer was no, or nobody can be asked and ``option`` was not given.
    """
    _refuse_without_terminal(invocation, question, option)
    if not click.confirm(question, default=False, err=True):
        raise CommandError("nothing was done, as you answered", exit_code=ExitCode.REFUSED_BY_RULE)


def ask_for_phrase(invocation: Invocation, question: str, *, option: str) -> str:
    """Ask for a text to be typed and return it.

    Raises:
        CommandError: nobody can be asked; ``option`` takes the text instead.
    """
    _refuse_without_terminal(invocation, question, option)
    typed: str = click.prompt(question, default="", show_default=False, err=True)
    return typed


def ask_for_login(what: str, *, hidden: bool = False) -> SecretStr:
    """Ask for a part of the login at the terminal there is; ``hidden`` shows nothing of what is typed.

    Raises:
        CommandError: nothing was typed.
    """
    typed: str = click.prompt(f"Robinhood {what}", default="", show_default=False, hide_input=hidden, err=True)
    if not typed.strip():
        raise CommandError(
            f"nobody was logged in, as no {what} was typed; type it, or set it in the environment",
            exit_code=ExitCode.LOGIN_NEEDED,
        )
    return SecretStr(typed if hidden else typed.strip())


def ask_for_code(question: str) -> str:
    """Show a question of the broker's and return what is typed.

    Raises:
        KeyboardInterrupt: Ctrl-C or Ctrl-D; the login library would swallow click's own error.
    """
    try:
        typed: str = click.prompt(question.rstrip(": "), default="", show_default=False, err=True)
    except click.Abort as interrupted:
        raise KeyboardInterrupt from interrupted
    return typed.strip()


def line_within(seconds: Seconds) -> str | None:
    """Wait so long for a line that is typed or pasted at the terminal; None if none came. Not on Windows.

    Raises:
        KeyboardInterrupt: Ctrl-C or Ctrl-D.
    """
    if not select.select([sys.stdin], [], [], seconds)[0]:
        return None
    line = sys.stdin.readline()
    if not line:
        raise KeyboardInterrupt
    return line


def can_ask(invocation: Invocation) -> bool:
    """Whether a person watches and may be asked."""
    return not invocation.no_input and sys.stdin.isatty() and sys.stderr.isatty()


def _refuse_without_terminal(invocation: Invocation, question: str, option: str) -> None:
    if not can_ask(invocation):
        raise CommandError(
            f"this needs an answer and nobody can be asked here ({question}); add {option}", exit_code=ExitCode.USAGE
        )
