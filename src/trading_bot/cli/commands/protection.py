"""``trading-bot protect`` and ``trading-bot protections``: plans for what is held."""

import click

from trading_bot.cli.commands.options import correlation_option, wish_options
from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.protection"
_EPILOG = """\b
Examples:
  trading-bot protect AAPL --stop 240
  trading-bot protect AAPL --stop 240 --target 280
  trading-bot protect AAPL --trail 2% --quantity 50
  trading-bot protect AAPL --off
  trading-bot protect --list"""
_LIST_EPILOG = """\b
Examples:
  trading-bot protections
  trading-bot --json protections"""


@common_options
@click.command(epilog=_EPILOG)
@click.argument("symbol", required=False)
@click.option("--stop", metavar="DOLLARS", help="Sell once the price has fallen to this.")
@click.option("--target", metavar="DOLLARS", help="Sell once the price has risen to this.")
@click.option("--trail", metavar="PERCENT", help="Sell once the price is this far below its highest, such as 2%.")
@click.option("--quantity", metavar="N", help="Whole shares to protect [default: all that are held now].")
@click.option("--off", is_flag=True, help="End the protection of SYMBOL and cancel its stop order.")
@click.option("--list", "listing", is_flag=True, help="List what is protected; no SYMBOL goes with it.")
@correlation_option
@wish_options("Who protects it")
@runs(f"{_WORK}:protect")
def protect() -> None:
    """Sell shares of SYMBOL that are held once their price reaches a stop, a target or a trail.

    The stop rests at the broker, good till cancelled, as a stop-limit order where it takes one. Target and trail are
    watched by a running bot, and so is a stop that cannot rest: it sells only if bid and last trade are both through,
    in two reads. The plan survives a restart; another one for SYMBOL replaces it; an exit takes it over. No guarantee:
    a gap or a halt sells far below the stop or not at all, and nothing is sold outside regular hours.

    Exit 0 once the plan is on record. 2 for a value that cannot be used, 5 if it would sell at once or nothing is
    known of the position. With --off, 0 once the stop is proven to have ended, and 8 while it may still be live.
    """


@common_options
@click.command(epilog=_LIST_EPILOG)
@runs("trading_bot.cli.work.protections:protections")
def protections() -> None:
    """List every plan: what it covers, its prices, where its stop is, and what suspends it.

    A running bot is asked. Without one, the answer is what is on record. Exit 0, also if nothing is protected.
    """
