"""Questions to a person. Without a terminal nobody is asked, and the command says which option answers instead."""

import sys

import click

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation


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


def _refuse_without_terminal(invocation: Invocation, question: str, option: str) -> None:
    if invocation.no_input or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(
            f"this needs an answer and nobody can be asked here ({question}); add {option}", exit_code=ExitCode.USAGE
        )
