"""``trading-bot exit`` and ``trading-bot flatten``: leave one position, or all of them."""

import click

from trading_bot.cli.commands.options import correlation_option, wish_options
from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.exits"
_EPILOG = """\b
Examples:
  trading-bot exit AAPL
  trading-bot exit AAPL 50
  trading-bot exit AAPL --limit 187.20
  trading-bot exit AAPL --held 120"""


@common_options
@click.command("exit", epilog=_EPILOG)
@click.argument("symbol")
@click.argument("quantity", default="all", metavar="[QTY|all]")
@click.option("--limit", metavar="DOLLARS", help="One order at this price in dollars; needed where there is no quote.")
@click.option("--extended-hours", is_flag=True, help="Sell outside the regular session too.")
@click.option(
    "--held", metavar="SHARES", help="The shares that you see at the broker, for where the positions cannot be read."
)
@correlation_option
@wish_options("Who leaves it")
@runs(f"{_WORK}:leave")
def exit_() -> None:
    """Sell what is held and free of SYMBOL, below a fresh bid and lower step by step, and stop its entries.

    Open buys of the symbol are cancelled and resting sells are taken over. Limits, halts and freezes do not hold it
    up; a kill, a journal that cannot be written and a closed market do. Entries wait for 'trading-bot resume'.

    Exit 0 once all is sold, or the last order rests at the broker: the answer names it. 5 if nothing is free, 8 while
    an order of the exit is in doubt.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot flatten",
        "trading-bot flatten --all --yes",
    )
)
@click.option("--all", "everything", is_flag=True, help="Everything the account holds, not only what was traded here.")
@click.option("--extended-hours", is_flag=True, help="Sell outside the regular session too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@correlation_option
@wish_options("Who leaves them")
@runs(f"{_WORK}:flatten")
def flatten() -> None:
    """Cancel every open buy and leave every position that was traded here, each as 'trading-bot exit' does.

    With --all everything the account holds is left, and entries wait everywhere for 'trading-bot resume --all'. The
    positions are listed before you are asked.
    """
