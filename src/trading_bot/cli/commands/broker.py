"""``trading-bot broker``: what the broker's own books say."""

import click

from trading_bot.cli.commands.options import ticker_of
from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.broker"


@common_options
@click.command(
    epilog=examples(
        "trading-bot broker AAPL",
        "trading-bot broker AAPL --levels 10",
        "trading-bot --json broker AAPL",
    )
)
@click.argument("symbol", callback=ticker_of)
@click.option(
    "--levels", type=click.IntRange(1, 50), default=5, show_default=True, help="Prices of each side of the book."
)
@runs(f"{_WORK}:broker")
def broker() -> None:
    """Show what the broker itself says of SYMBOL: whether it may be traded, the book, tax lots, the realised result.

    The official agent interface tells it, live or on paper that speaks it; the private one tells nothing of it. A
    running bot reads it; without one, this command does. What the broker does not say is "unknown", and a part that
    cannot be read is named. Exit 2 over the private interface, 7 if no part can be read.
    """
