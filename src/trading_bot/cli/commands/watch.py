"""``trading-bot watch``: a running bot's account on one screen, or its events as they happen."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_EPILOG = """\b
Examples:
  trading-bot watch
  trading-bot watch --no-input
  trading-bot --json watch | my-dashboard"""


@common_options
@click.command(epilog=_EPILOG)
@runs("trading_bot.cli.work.watch:watch")
def watch() -> None:
    """Show the account of the running bot: money, halts, every open order, positions and events, as old as it says.

    At a terminal it is one screen: arrows select, c cancels the selected order, K kills, both after a question; ? has
    the keys. Anywhere else, and with --json, --quiet or --no-input, it prints each event as it happens, until the bot
    ends or by Ctrl-C. Where nobody reads them lines may be missed: a line says how many. Several may watch at once, and
    none of them holds the bot up. Without a running bot it ends with exit code 7.
    """
