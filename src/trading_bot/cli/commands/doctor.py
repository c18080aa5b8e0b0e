"""``trading-bot doctor``: look at machine, settings and account."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs


@common_options
@click.command()
@runs("trading_bot.cli.work.doctor:doctor")
def doctor() -> None:
    """Check everything that trading needs; nothing is traded, locked or recorded.

    The exit code is that of the first failure; 0 if there is none. A closed market is no failure.
    """
