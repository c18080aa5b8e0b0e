"""``trading-bot quote`` and ``trading-bot history``: prices now and before."""

import click

from trading_bot.cli.commands.options import ticker_of
from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.prices"
_INTERVALS = ("5minute", "10minute", "hour", "day", "week")
_SPANS = ("day", "week", "month", "3month", "year", "5year")
_QUOTE_EPILOG = """\b
Examples:
  trading-bot quote AAPL MSFT BRK.B
  trading-bot --json quote SPY"""
_HISTORY_EPILOG = """\b
Examples:
  trading-bot history AAPL
  trading-bot history AAPL --interval day --span year --csv > aapl.csv
  trading-bot --json history SPY --interval hour --span month"""


@common_options
@click.command(epilog=_QUOTE_EPILOG)
@click.argument("symbols", metavar="SYMBOL...", nargs=-1, required=True, callback=ticker_of)
@runs(f"{_WORK}:quote")
def quote() -> None:
    """Show bid, ask, sizes, last trade, age, and the change since the previous close of each SYMBOL.

    A running bot reads them. Without one they are read directly: live and with "paper.quotes": "live" from the broker,
    over a session that can read prices and do nothing else; else from the paper market. What nobody says is "not
    known". Exit 7 if a symbol has no quote: it is named, and the others are shown.
    """


@common_options
@click.command(epilog=_HISTORY_EPILOG)
@click.argument("symbol", callback=ticker_of)
@click.option(
    "--interval", type=click.Choice(_INTERVALS), default="5minute", show_default=True, help="Length of a bar."
)
@click.option("--span", type=click.Choice(_SPANS), default="day", show_default=True, help="How far back.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values, times in UTC.")
@runs(f"{_WORK}:history")
def history() -> None:
    """Show the bars of the regular session that have ended, oldest first.

    Short intervals go with short spans: 5minute and 10minute with day and week, hour up to 3month, day from month on,
    week with year and 5year. Exit 2 for another pair, 7 if the bars cannot be had.
    """
