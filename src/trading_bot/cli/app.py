"""The command line as a whole: the group, its commands, and the one place where an ending becomes an exit code."""

from collections.abc import Sequence

import click

from trading_bot._version import __version__
from trading_bot.cli.commands.account import positions
from trading_bot.cli.commands.audit import audit
from trading_bot.cli.commands.cancel_all import cancel_all
from trading_bot.cli.commands.completion import completion
from trading_bot.cli.commands.config import config
from trading_bot.cli.commands.decisions import DECISION_COMMANDS
from trading_bot.cli.commands.demo import demo
from trading_bot.cli.commands.doctor import doctor
from trading_bot.cli.commands.exit import EXIT_COMMANDS
from trading_bot.cli.commands.login import LOGIN_COMMANDS
from trading_bot.cli.commands.orders import ORDER_COMMANDS
from trading_bot.cli.commands.run import run
from trading_bot.cli.commands.safety import SAFETY_COMMANDS
from trading_bot.cli.errors import code_of, exit_code_of, install_last_resort, known_errors, report
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options
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


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, "-V", "--version", prog_name="trading-bot", message="%(prog)s %(version)s")
def trading_bot() -> None:
    """Trade US equities on Robinhood: orders are sent once, never forgotten, and accounted for."""


for _command in (
    run,
    demo,
    *ORDER_COMMANDS,
    cancel_all,
    *EXIT_COMMANDS,
    positions,
    *DECISION_COMMANDS,
    *SAFETY_COMMANDS,
    *LOGIN_COMMANDS,
    audit,
    doctor,
    config,
    completion,
):
    trading_bot.add_command(_command)
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
    except known_errors() as error:  # looked up only now: it loads packages that --help must not wait for
        return _reported(str(error), exit_code=exit_code_of(error), code=code_of(error), invocation=invocation)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        message = f"a file could not be read or written ({place}{error.strerror or error}); free or repair the disk"
        return _reported(message, exit_code=ExitCode.JOURNAL, code="storage_failed", invocation=invocation)
    return ending if isinstance(ending, int) else ExitCode.DONE


def _reported(message: str, *, exit_code: ExitCode, code: str, invocation: Invocation) -> ExitCode:
    report(message, exit_code=exit_code, code=code, invocation=invocation)
    return exit_code
