"""``trading-bot risk``: the limits of the account and how much of them is used."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_SHOW_EPILOG = """\b
Examples:
  trading-bot risk show
  trading-bot --json risk show"""


@common_options
@click.group()
def risk() -> None:
    """Show the limits of the account. Works beside a running bot, without one, and on a killed account."""


@common_options
@risk.command(short_help="Show every limit, its use now, and what stops trading.", epilog=_SHOW_EPILOG)
@runs("trading_bot.cli.work.risk:show")
def show() -> None:
    """Show whether the account is ACTIVE, REDUCING (only exits go) or HALTED, why, and what ends it.

    Then every limit of risk_management: its value, where that is set, how much of it is used now and when it last
    refused an order; and the symbols in which entries are stopped. A running bot counts held shares at the market;
    without one they count at what they cost. Nothing is changed, and the broker is not asked.
    """
