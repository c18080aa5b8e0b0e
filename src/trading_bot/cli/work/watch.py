"""Shows the bot that runs in another process: its live view at a terminal, its events as lines anywhere else."""

import sys
from collections.abc import Callable
from contextlib import closing

import click

from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.lazy import load
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.render.answers import Answer, part, text
from trading_bot.cli.render.event_text import event_line
from trading_bot.cli.render.output import print_json
from trading_bot.cli.streams import reader_is_gone
from trading_bot.clock import Seconds, SystemClock
from trading_bot.config import Config
from trading_bot.control.client import HolderAbsentError, HolderSilentError, follow_holder
from trading_bot.operations import WatchEvents

_SILENCE_S: Seconds = 30.0
"""A bot that is well says something every five seconds."""

_SCREEN = "trading_bot.cli.work.watching.call:watch_screen"
_TERMINAL = "trading_bot.cli.render.terminal_table:terminal"


def watch(invocation: Invocation, *, is_left: Callable[[], bool] = reader_is_gone) -> ExitCode:
    """Show the live view at a terminal; else print events until the bot stops, the reader goes away, or Ctrl-C."""
    config = Config.from_env_and_json(invocation.config, account=invocation.account)
    try:
        if is_at_terminal(invocation):
            return load(_SCREEN)(invocation, config)  # type: ignore[no-any-return]  # a test holds the target
        send_logs_to_stderr(invocation, config)  # beside the screen they would be written across it
        if not _follow(invocation, config, is_left=is_left):
            return ExitCode.DONE
    except HolderAbsentError as error:
        message = "no bot is running that could be watched; start one with 'trading-bot run', then watch it"
        raise CommandError(message, exit_code=ExitCode.NOT_SENT, code="no_bot") from error
    except HolderSilentError as error:
        message = f"the bot does not answer any more ({error.cause}); 'trading-bot audit tail' tells what it did"
        raise CommandError(message, exit_code=ExitCode.NOT_SENT, code="bot_gone") from error
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    notice("the bot has stopped", invocation)
    return ExitCode.DONE


def is_at_terminal(invocation: Invocation) -> bool:
    """Whether a person watches who has a whole screen and may be asked."""
    are_terminals = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    if not are_terminals or invocation.no_input or invocation.json or invocation.quiet:
        return False
    return load(_TERMINAL)(invocation) is not None


def _follow(invocation: Invocation, config: Config, *, is_left: Callable[[], bool]) -> bool:
    """Print events, and say whether it was the bot that ended them."""
    socket = place_of(config).state.control_socket
    shown = _Shown(invocation, config)
    with closing(follow_holder(socket, WatchEvents(), clock=SystemClock(), timeout_s=_SILENCE_S)) as each_part:
        for news in each_part:
            shown.show(news)
            if is_left():
                return False
    return True


class _Shown:
    def __init__(self, invocation: Invocation, config: Config) -> None:
        self._invocation = invocation
        self._zone = config.trading.hours.timezone

    def show(self, news: Answer) -> None:
        """Print one part; an empty one has no news."""
        if (begun := part(news, "watching")) is not None and not self._invocation.quiet:
            notice(f"watching the bot of process {text(begun, 'pid')}; Ctrl-C ends it", self._invocation)
        event = part(news, "event")
        if event is None:
            return
        if self._invocation.json:
            print_json(event)
        else:
            click.echo(event_line(event, self._zone))
