"""The command line as a whole: the group, its commands, and the one place where an ending becomes an exit code."""

from collections.abc import Mapping, Sequence

import click

from trading_bot._version import __version__
from trading_bot.cli.errors import install_last_resort, report
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options
from trading_bot.cli.lazy import LazyCommand, LazyGroup, load
from trading_bot.cli.streams import SteadyStreams

_EPILOG = """\b
Examples:
  trading-bot demo
  trading-bot buy TSLA 10 --reference-price 250.30
  trading-bot orders
  trading-bot kill
  my-strategy | trading-bot --json run --signals -
  trading-bot doctor

Paper trading is the default: nothing leaves this machine until a config file says "mode": "live"."""
_COMMANDS = "trading_bot.cli.commands"
_ERROR_CODES = "trading_bot.cli.error_codes"
_LINES: Mapping[str, Mapping[str, str]] = {
    "account": {
        "positions": "List what the account holds.",
        "sync": "Book what the broker says of every open order.",
        "frozen": "List what stops entries, and what ends it.",
    },
    "accounts": {"accounts": "Show every account of the config file at a glance."},
    "audit": {"audit": "Follow, prove and explain the journal."},
    "completion": {"completion": "Print a completion script for a shell."},
    "config": {"config": "Check or show the settings."},
    "decisions": {
        "resolve": "End the doubt about an order.",
        "adopt": "Track an order of ours that the journal does not know.",
        "release": "Trade a frozen symbol again.",
        "accept-position": "Take the broker's position of a symbol as right.",
        "resume": "Take entries again after an exit.",
    },
    "doctor": {"doctor": "Check machine, settings and account."},
    "exits": {
        "exit": "Leave a position, whatever stops entries.",
        "flatten": "Cancel the entries and leave every position.",
    },
    "login": {"login": "Log in to the live account.", "logout": "End the live account's session."},
    "notify": {"notify": "Messages to a phone about a running bot."},
    "orders": {
        "buy": "Buy shares at a limit below a reference price.",
        "sell": "Sell held shares at a limit above a reference price.",
        "preview": "Show what buy or sell would send; nothing is sent.",
        "orders": "List the open orders.",
        "status": "Show one order and its fills.",
        "replace": "Cancel an order and place its rest at another price.",
        "cancel": "Cancel one order.",
        "cancel-all": "Cancel every open order.",
    },
    "broker": {"broker": "Show what the broker's own books say of a symbol."},
    "canary": {"canary": "Try everything on the account with one-share orders."},
    "risk": {"risk": "Show the limits and how much of them is used."},
    "results": {
        "account": "Show cash, buying power, equity and results.",
        "trades": "List fills, lots and what they earned.",
        "tie-out": "Compare shares and cash with the broker's.",
    },
    "report": {"report": "Show a period in figures, or as a page with charts."},
    "protection": {
        "protect": "Sell what is held at a stop, target or trail.",
        "protections": "List what is protected.",
    },
    "prices": {
        "quote": "Show what symbols are bid, asked and last traded at.",
        "history": "Show past prices of a symbol as bars.",
    },
    "run": {
        "run": "Trade signals from a file or a pipe.",
        "demo": "Watch a whole trading day on paper; needs no account.",
    },
    "stop": {"stop": "End the running bot cleanly."},
    "watch": {"watch": "Show a running bot: its orders, positions and events."},
    "safety": {
        "kill": "Stop all trading of the account and cancel its orders.",
        "arm": "Allow trading on the account again.",
    },
}
"""Each file of `commands`, the commands that it declares, and their lines in the help."""


def _attribute(name: str) -> str:
    return "exit_" if name == "exit" else name.replace("-", "_")  # `exit` is Python's own


class _TradingBot(LazyGroup):
    """Every command of ``trading-bot``."""

    lazy: Mapping[str, LazyCommand] = {
        name: LazyCommand(target=f"{_COMMANDS}.{module}:{_attribute(name)}", help=line)
        for module, lines in _LINES.items()
        for name, line in lines.items()
    }


@click.group(
    cls=_TradingBot,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, "-V", "--version", prog_name="trading-bot", message="%(prog)s %(version)s")
def trading_bot() -> None:
    """Trade US equities on Robinhood: orders are sent once, never forgotten, and accounted for."""


common_options(trading_bot)


def run_command_line(arguments: Sequence[str], *, streams: SteadyStreams | None = None) -> int:
    """Run one command and return its exit code; every error we know is reported in one line.

    A reader of our output who goes away changes nothing. ``streams`` says whether output was lost otherwise, which is
    the exit code 1 of a command that had none of its own.
    """
    invocation = Invocation(json="--json" in arguments)
    install_last_resort(invocation)
    exit_code = _exit_code(arguments, invocation)
    lost = streams.lost_output() if streams else None
    if lost is None or exit_code != ExitCode.DONE:
        return exit_code
    message = f"the output could not be written in full ({lost}); 'trading-bot orders --all' tells what was done"
    return _reported(message, exit_code=ExitCode.UNEXPECTED, code="output_lost", invocation=invocation)


def _exit_code(arguments: Sequence[str], invocation: Invocation) -> int:
    try:
        ending = trading_bot.main(list(arguments), prog_name="trading-bot", obj=invocation, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as wanted_help:
        click.echo(wanted_help.ctx.get_help(), err=True)
        return ExitCode.USAGE
    except click.UsageError as error:
        hint = f"; see '{error.ctx.command_path} --help'" if error.ctx else ""
        said = error.format_message().rstrip(".")
        message = f"{said}{hint.replace('; see', ' See') if said.endswith('?') else hint}"
        return _reported(message, exit_code=ExitCode.USAGE, code="usage", invocation=invocation)
    except click.Abort:
        message = "interrupted; 'trading-bot orders --all' tells what was done"
        return _reported(message, exit_code=ExitCode.INTERRUPTED, code="interrupted", invocation=invocation)
    except load(f"{_ERROR_CODES}:known_errors")() as error:  # evaluated only for an error that is not click's
        exit_code, code = load(f"{_ERROR_CODES}:exit_code_of")(error), load(f"{_ERROR_CODES}:code_of")(error)
        return _reported(str(error), exit_code=exit_code, code=code, invocation=invocation)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        message = f"a file could not be read or written ({place}{error.strerror or error}); free or repair the disk"
        return _reported(message, exit_code=ExitCode.JOURNAL, code="storage_failed", invocation=invocation)
    return ending if isinstance(ending, int) else ExitCode.DONE


def _reported(message: str, *, exit_code: ExitCode, code: str, invocation: Invocation) -> ExitCode:
    report(message, exit_code=exit_code, code=code, invocation=invocation)
    return exit_code
