"""``trading-bot canary``: one-share orders that try everything on the account."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_EPILOG = """\b
Examples:
  trading-bot canary F
  trading-bot canary F T --confirm "LIVE 0001" --kill
  trading-bot canary F --reference-price 12.50
  trading-bot --json canary F --confirm PAPER --kill"""


@common_options
@click.command(epilog=_EPILOG)
@click.argument("symbols", metavar="SYMBOL...", nargs=-1, required=True)
@click.option("--confirm", "phrase", metavar="PHRASE", help='"PAPER", or "LIVE" and the last four of the account.')
@click.option("--kill", "kills", is_flag=True, help="Go on to the kill, the last step, without asking.")
@click.option(
    "--reference-price", metavar="DOLLARS", help="A share's price on paper, where the first order begins the market."
)
@runs("trading_bot.cli.work.canary:canary")
def canary() -> None:
    """Walk one to three symbols through buy, repeated id, cancel race, replace, sell, stop, exit, and at last a kill.

    Each order is of one share, with real money on a live account, where it asks for a typed phrase and says the most
    that it may spend; on paper it is a rehearsal. Name symbols of a few dollars that are not held and have no open
    order. It needs the regular session, an armed account, and no bot that runs. Shares and orders of its own are never
    left behind; if something is, it is named. After the kill the account has to be armed again.

    A pass on a live account is kept in its state folder. Until there is one, live limits of an order and a position
    that are greater than 500 and 2,000 dollars are held at these. Each symbol is a day trade. Exit 0 if all of it
    passed, 5 if not.
    """
