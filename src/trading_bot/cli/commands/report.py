"""``trading-bot report``: a period in figures, as text, as JSON, or as a page with charts."""

from pathlib import Path

import click

from trading_bot.cli.commands.options import day_or_none
from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_EPILOG = """\b
Examples:
  trading-bot report
  trading-bot report --since 2026-11-23 --html week.html
  trading-bot demo
  trading-bot report --folder logs/demo --html demo.html
  trading-bot --json report"""


@common_options
@click.command(epilog=_EPILOG)
@click.option(
    "--since",
    metavar="DATE",
    callback=day_or_none,
    help="Begin with this day at the exchange [default: with the journal].",
)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with charts to FILE.")
@click.option(
    "--quotes",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Recorded quotes of the period [default: paper.quotes_file, else those in the logs folder].",
)
@click.option("--folder", type=click.Path(path_type=Path), help="Report of a demo or a replay, by its folder.")
@runs("trading_bot.cli.work.report:report")
def report() -> None:
    """Show what was done in a period, in figures.

    The result and its drawdown, fills, slippage against the reference prices, fill ratio and time to fill by offset,
    what other offsets would have given, latency, refusals, and what is in doubt. All of it is from the journal, read
    while a bot runs or without one; recorded quotes add what the market did meanwhile. docs/report.md defines each
    figure. Negative slippage is a gain.

    With --html, FILE is one page that needs no network to be looked at; it needs the extra 'report' (plotly). Amounts
    stand as text beside each chart. Ends with exit code 0; 2 if there is no journal yet, DATE is none or yet to come,
    or FILE cannot be written; 3 if plotly is missing; 11 if the journal cannot be read or is damaged.
    """
