"""``trading-bot watch``: what a running bot does, as it happens."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_EPILOG = """\b
Examples:
  trading-bot watch
  trading-bot --json watch | my-dashboard"""


@common_options
@click.command(epilog=_EPILOG)
@runs("trading_bot.cli.work.watch:watch")
def watch() -> None:
    """Print every event of the running bot as it happens: orders, fills, ends, alerts, halts.

    It ends with the bot, or by Ctrl-C. Any number of lines may be missed where nobody reads them: a line says how many.
    Several may watch at once, and none of them holds the bot up. Without a running bot it ends with exit code 7.
    """
