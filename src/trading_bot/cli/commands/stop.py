"""``trading-bot stop``: end the bot of another process."""

import click

from trading_bot.cli.commands.options import FiniteRange
from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_EPILOG = """\b
Examples:
  trading-bot stop
  trading-bot stop --wait 0"""


@common_options
@click.command(epilog=_EPILOG)
@click.option(
    "--wait",
    "wait_s",
    type=FiniteRange(min=0, max=3600),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for its end; 0 only asks.",
)
@runs("trading_bot.cli.work.stop:stop")
def stop() -> None:
    """End the running bot cleanly, as Ctrl-C does in its own terminal, and wait until it has ended.

    Open orders stay or are cancelled as order_management.on_stop says. Nothing is closed to trading: the next start
    trades on, and only kill stops an account. Where no bot runs, nothing is done. Exit code 7: it has not ended yet.
    """
