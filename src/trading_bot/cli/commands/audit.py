"""``trading-bot audit``: follow the journal, prove it, and tell the life of an order."""

import click

from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.audit"
_TAIL_EPILOG = """\b
Examples:
  trading-bot audit tail -n 50
  trading-bot --json audit tail --follow"""

_EXPLAIN_EPILOG = """\b
Examples:
  trading-bot audit explain first
  trading-bot sell TSLA 5 --reference-price 250.30 --correlation-id rebalance-7
  trading-bot audit explain rebalance-7"""


@common_options
@click.group()
def audit() -> None:
    """Follow, prove and explain the journal. Works while a bot runs, and without one."""


@common_options
@audit.command(short_help="Show the newest records in words.", epilog=_TAIL_EPILOG)
@click.option("-n", "count", type=click.IntRange(min=0), default=10, show_default=True, help="Records to begin with.")
@click.option("--follow", is_flag=True, help="Go on with new records as they come, until Ctrl-C.")
@runs(f"{_WORK}:tail")
def tail() -> None:
    """Show the newest records of the journal, one sentence each."""


@common_options
@audit.command(
    short_help="Prove that no record was changed, lost or moved.",
    epilog=examples(
        "trading-bot audit verify",
        "trading-bot --json audit verify",
    ),
)
@runs(f"{_WORK}:verify")
def verify() -> None:
    """Check the chain of the journal from its first record to its last; exit 0 if it holds, 11 if not.

    Both are proven, the database and the audit log, and each against the other; a bot may run meanwhile.
    """


@common_options
@audit.command(short_help="Tell the life of one order or request, record by record.", epilog=_EXPLAIN_EPILOG)
@click.argument("identifier", metavar="ID")
@click.option("--request", is_flag=True, help="ID is a correlation id, although an order may have the same.")
@runs(f"{_WORK}:explain")
def explain() -> None:
    """Tell what happened to an order or a request, each sentence with the number of the record that proves it.

    ID is an order's client order id, broker's order id or ref_id; or the correlation id of a request, of which every
    order that it made, every fill of them and every cancel is told. An order's id comes first.
    """
