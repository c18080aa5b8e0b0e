"""``trading-bot positions``, ``sync`` and ``frozen``: what the account has, and what stops entries."""

import click

from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.account"


@common_options
@click.command(
    epilog=examples(
        "trading-bot positions",
        "trading-bot --json positions",
    )
)
@runs(f"{_WORK}:positions")
def positions() -> None:
    """List the account's positions, with the shares free to sell.

    A running bot reads them from the broker. Without one, they are what the journal's records explain.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot sync",
        "trading-bot --json sync",
    )
)
@runs(f"{_WORK}:sync")
def sync() -> None:
    """Read every open order from the broker once and book fills and ends.

    Where no bot runs, the stop of a protected entry that has filled is placed too.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot frozen",
        "trading-bot --json frozen",
    )
)
@runs(f"{_WORK}:frozen")
def frozen() -> None:
    """List every freeze and halt: why, who, since when, and what ends it. None of them stops an exit.

    An account that is not armed is named too; it has to be armed, for exits only at the least, before anything is sold.
    """
