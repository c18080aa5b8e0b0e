"""``trading-bot account``, ``trades`` and ``tie-out``: what the account comes to, and what each trade earned."""

import click

from trading_bot.caller_values import ticker
from trading_bot.cli.commands.options import day_or_none
from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_ACCOUNT = "trading_bot.cli.work.account_results"
_TRADES = "trading_bot.cli.work.trades"
_ACCOUNT_EPILOG = """\b
Examples:
  trading-bot account
  trading-bot account --recorded
  trading-bot --json account"""
_TRADES_EPILOG = """\b
Examples:
  trading-bot trades --since 2026-11-01
  trading-bot trades --symbol TSLA --lots
  trading-bot trades --since 2026-01-01 --csv lots-2026.csv
  trading-bot --json trades"""
_TIE_OUT = "trading_bot.cli.work.tie_out"
_TIE_OUT_EPILOG = """\b
Examples:
  trading-bot tie-out
  trading-bot tie-out --accept --by ada --reason "took out 500 dollars"
  trading-bot --json tie-out"""


def _symbol(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    return None if text is None else ticker(text)


@common_options
@click.command(epilog=_ACCOUNT_EPILOG)
@click.option("--recorded", is_flag=True, help="Ask nobody: what the journal's records say, however old.")
@runs(f"{_ACCOUNT}:account")
def account() -> None:
    """Show cash, buying power and equity, and the results of today and in all, realised and not.

    A running bot reads the broker; without one, this command does it. Results are by average cost and without fees;
    docs/results.md says what each figure counts. A figure that is not known is said to be unknown, and why.
    """


@common_options
@click.command(epilog=_TRADES_EPILOG)
@click.option("--since", metavar="DATE", callback=day_or_none, help="From this day on, by the date in New York.")
@click.option("--symbol", metavar="SYMBOL", callback=_symbol, help="Of this symbol alone.")
@click.option("--lots", "open_lots", is_flag=True, help="The open lots: what is held, since when, at which cost.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write one line a closed lot to FILE, or to stdout for -.")
@runs(f"{_TRADES}:trades")
def trades() -> None:
    """List fills, and the lots that sells closed: first in, first out, with dates, cost, proceeds and result.

    All of it is what the journal's records tell; a bot may run meanwhile. Amounts and results are without fees, which
    are shown beside them where the broker told them. Where no record tells what shares cost, their cost is said to be
    unknown. A loss is flagged if shares were bought within 30 days of it: it may be a wash sale, which is yours to
    judge. docs/results.md describes the columns of the CSV file.
    """


@common_options
@click.command("tie-out", epilog=_TIE_OUT_EPILOG)
@click.option("--accept", is_flag=True, help="Take the broker's cash as right; with --by and --reason.")
@click.option("--by", help="Who accepts it; recorded in the journal.")
@click.option("--reason", help="Why; recorded in the journal.")
@runs(f"{_TIE_OUT}:tie_out")
def tie_out() -> None:
    """Compare shares and cash with the broker's, since the last tie-out. A running bot does it after each close.

    Cash that is missing halts entries, until it agrees again or a person accepts the difference; exits go on. Cash that
    came in is said and halts nothing. Exit 0 if all agrees, 5 if cash is missing or shares differ, 7 if nothing can be
    concluded now: try it again.
    """
