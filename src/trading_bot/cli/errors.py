"""How an error is reported: one readable line on stderr, never a traceback."""

import json
import sys
from types import TracebackType

import click

from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.text import printable

_LONGEST_REPORT = 4000
"""Characters of one report: enough for every problem of a bad config file."""


class CommandError(Exception):
    """A command cannot go on; ``exit_code`` says of which kind the reason is, and ``code`` is its word for programs."""

    def __init__(self, message: str, *, exit_code: ExitCode, code: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code or exit_code.name.lower()


def report(message: str, *, exit_code: ExitCode, code: str, invocation: Invocation) -> None:
    """Say on stderr what went wrong: one line, or one JSON object under ``--json``."""
    line = printable(message, longest=_LONGEST_REPORT)
    if invocation.json:
        line = json.dumps({"v": 1, "error": {"code": code, "exit_code": int(exit_code), "message": line}})
    click.echo(line if invocation.json else f"trading-bot: {line}", err=True)


def notice(message: str, invocation: Invocation) -> None:
    """Say on stderr what is no error."""
    report(message, exit_code=ExitCode.DONE, code="notice", invocation=invocation)


def show(text: str, invocation: Invocation) -> None:
    """Show on stderr what a person copies: in a line of its own, or as a notice under ``--json``."""
    if invocation.json:
        notice(text, invocation)
    else:
        click.echo(printable(text, longest=_LONGEST_REPORT), err=True)


def install_last_resort(invocation: Invocation) -> None:
    """Report an error nobody expected in one line; Python itself then leaves with exit code 1.

    With ``-v`` the traceback comes after it, for a bug report.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        message = f"unexpected {kind.__name__}: {error}; run it again with -v for the details of a bug report"
        report(message, exit_code=ExitCode.UNEXPECTED, code="unexpected", invocation=invocation)
        if invocation.verbose:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = hook
