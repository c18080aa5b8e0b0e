"""Prints the events of the bot that runs in another process."""

from collections.abc import Callable
from contextlib import closing

import click

from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
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


def watch(invocation: Invocation, *, is_left: Callable[[], bool] = reader_is_gone) -> ExitCode:
    """Print events until the bot stops, the reader goes away, or Ctrl-C."""
    config = Config.from_env_and_json(invocation.config, account=invocation.account)
    send_logs_to_stderr(invocation, config)
    socket = place_of(config).state.control_socket
    parts = follow_holder(socket, WatchEvents(), clock=SystemClock(), timeout_s=_SILENCE_S)
    shown = _Shown(invocation, config)
    try:
        with closing(parts):
            for news in parts:
                shown.show(news)
                if is_left():
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
