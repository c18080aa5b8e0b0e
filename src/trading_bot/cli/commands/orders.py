"""``trading-bot buy``, ``sell``, ``preview``, ``orders``, ``status``, ``replace``, ``cancel`` and ``cancel-all``."""

import click

from trading_bot.cli.commands.options import (
    TradeCommand,
    bracket_options,
    correlation_option,
    trade_terms,
    whole_shares_or_none,
)
from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.orders"
_LOOKS = "trading_bot.cli.work.looks"
_BUY_EPILOG = """\b
Examples:
  trading-bot buy TSLA 10 --reference-price 250.30
  trading-bot buy TSLA 10 --reference-price 250.30 --stop 240 --target 280
  trading-bot --json buy BRK.B 2 --reference-price 480 --client-order-id rebalance-7 --tif gtc"""
_SELL_EPILOG = """\b
Examples:
  trading-bot sell TSLA 10 --reference-price 250.30
  trading-bot sell TSLA 10 --reference-price 250.30 --pricing marketable"""
_PREVIEW_EPILOG = """\b
Examples:
  trading-bot preview buy TSLA 10 --reference-price 250.30
  trading-bot --json preview sell TSLA 10 --reference-price 250.30"""
_CANCEL_ALL_EPILOG = """\b
Examples:
  trading-bot cancel-all
  trading-bot --json cancel-all --yes
  trading-bot cancel-all --include-external --yes
  trading-bot cancel-all --all"""


@common_options
@click.command(cls=TradeCommand, epilog=_BUY_EPILOG)
@trade_terms
@bracket_options
@correlation_option
@runs(f"{_WORK}:buy")
def buy() -> None:
    """Buy QUANTITY whole shares of SYMBOL at a limit computed from the reference price.

    Exit 0 once the broker has the order; whether it fills is another matter. The same client order id again sends
    nothing, unless it is certain that nothing of the order left this machine. With --stop, --target or --trail, what it
    buys is protected as it fills; see 'trading-bot protect --help'.
    """


@common_options
@click.command(cls=TradeCommand, epilog=_SELL_EPILOG)
@trade_terms
@correlation_option
@runs(f"{_WORK}:sell")
def sell() -> None:
    """Sell QUANTITY whole shares of SYMBOL at a limit computed from the reference price.

    Exit 0 once the broker has the order; whether it fills is another matter. The same client order id again sends
    nothing, unless it is certain that nothing of the order left this machine.
    """


@common_options
@click.command(cls=TradeCommand, epilog=_PREVIEW_EPILOG)
@click.argument("side", type=click.Choice(["buy", "sell"]))
@trade_terms
@runs(f"{_WORK}:preview")
def preview() -> None:
    """Price and check a trade as buy and sell do; nothing is sent or recorded.

    The exit code is the one that buy or sell would end with as things stand.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot orders",
        "trading-bot orders --all-origins",
        "trading-bot --json orders --all",
    )
)
@click.option("--all", "everything", is_flag=True, help="Every order of the journal, not only the open ones.")
@click.option("--all-origins", is_flag=True, help="Also the account's open orders that were placed elsewhere.")
@runs(f"{_LOOKS}:orders")
def orders() -> None:
    """List the orders that have not provably ended, oldest first. Times are those of the exchange.

    A running bot answers. Without one, they are what is on record: 'trading-bot sync' reads the broker.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot status my-order-7",
        "trading-bot --json status 2221c6a3-6236-50a3-97a5-ef6cf1519daa",
    )
)
@click.argument("order_id", metavar="ID")
@runs(f"{_LOOKS}:status")
def status() -> None:
    """Show one order by its client order id or the broker's order id.

    A running bot reads it from the broker while it is open. Without one, it is what is on record.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot replace rebalance-7",
        "trading-bot replace rebalance-7 --reference-price 249.80 --pricing marketable",
        "trading-bot --json replace rebalance-7 --quantity 20",
        "trading-bot replace stop-1 --stop-price 245",
    )
)
@click.argument("order_id", metavar="ID")
@click.option(
    "--reference-price",
    metavar="DOLLARS",
    help="The price that the new limit is computed from [default: the middle of the market]. Of a stop: its limit "
    "itself [default: as far below the stop as before].",
)
@click.option("--stop-price", metavar="DOLLARS", help="The new stop price of a stop [default: the old one].")
@click.option(
    "--quantity",
    metavar="N",
    callback=whole_shares_or_none,
    help="Shares of the whole new order, what has filled of the old one included [default: the old one's].",
)
@click.option(
    "--pricing",
    type=click.Choice(["passive", "marketable"]),
    help="Wait on the near side of the reference price, or cross it [default: as configured].",
)
@click.option("--client-order-id", metavar="ID", help="Your name for the new order.")
@correlation_option
@runs(f"{_WORK}:replace")
def replace() -> None:
    """Cancel one order, and place what it left unfilled at another price, by its client order id or the broker's id.

    The new order is checked before the old one is cancelled, and is sent only once the old one has provably ended. So
    for a moment there is none, and a stop protects nothing. A cancel that comes in meanwhile wins. Exit 0 once the new
    order is at the broker, or the old one has filled; 8 while the old one may still trade.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot cancel my-order-7",
    )
)
@click.argument("order_id", metavar="ID")
@correlation_option
@runs(f"{_WORK}:cancel")
def cancel() -> None:
    """Cancel one order by its client order id or the broker's order id.

    Exit 0 once it provably cannot trade any more, 8 while it may: read its status and cancel it again.
    """


@common_options
@click.command("cancel-all", epilog=_CANCEL_ALL_EPILOG)
@click.option("--include-external", is_flag=True, help="Also the account's orders that were placed elsewhere.")
@click.option("--all", "everything", is_flag=True, help="Also our stops that rest at the broker.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@correlation_option
@runs(f"{_WORK}:cancel_all")
def cancel_all() -> None:
    """Cancel every open order of ours and prove it. No entry is taken while it runs.

    Stops stay at the broker, because they protect positions, and are named; --all cancels them too.

    The orders are listed before you are asked. Without a terminal nobody can be asked: --yes is needed. Exit 0 once no
    order can trade any more, 8 while one may.
    """
