"""``trading-bot doctor``: look at machine, settings and account."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_EPILOG = """\b
Examples:
  trading-bot doctor
  trading-bot --quiet doctor && echo well
  trading-bot --json doctor"""


@common_options
@click.command(epilog=_EPILOG)
@runs("trading_bot.cli.work.doctor:doctor")
def doctor() -> None:
    """Check everything that trading needs; nothing is traded, locked or recorded.

    The exit code is that of the first failure; 0 if there is none. A closed market is no failure. With --quiet it says
    nothing but that failure, as a health check wants it.
    """
