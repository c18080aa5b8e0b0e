"""``trading-bot accounts``: every account of the config file at a glance."""

import click

from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs


@common_options
@click.command(epilog=examples("trading-bot accounts", "trading-bot --json accounts"))
@runs("trading_bot.cli.work.accounts:accounts")
def accounts() -> None:
    """Show a line for each account: its bot, whether it trades, open orders, cash, and the result of the day.

    What a running bot says comes from its memory. Without one, the open orders are those on record, and cash and result
    are not known. Exit 7 if one of them cannot be looked at.
    """
