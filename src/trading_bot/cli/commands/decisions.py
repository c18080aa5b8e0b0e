"""``trading-bot resolve``, ``adopt``, ``release``, ``accept-position`` and ``resume``: what a person decides."""

import click

from trading_bot.cli.commands.options import decision_options, wish_options
from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.decisions"


@common_options
@click.command(
    epilog=examples(
        'trading-bot resolve my-order-7 --as filled --by ada --reason "seen in the app"',
        'trading-bot resolve my-order-7 --as never_accepted --by ada --reason "not in the history of the app"',
    )
)
@click.argument("order_id", metavar="ID")
@click.option(
    "--as",
    "as_",
    type=click.Choice(["never_accepted", "found", "cancelled", "filled"]),
    required=True,
    help="What became of it: the broker never took it, it was found there, or it ended there.",
)
@click.option("--order-id", "found_as", metavar="ORDER_ID", help="The broker's order id, with --as found.")
@decision_options
@runs(f"{_WORK}:resolve")
def resolve() -> None:
    """End the doubt about an order whose submit had no answer, after looking at the account yourself.

    The broker is asked first, and what it shows wins: an order that it lists is tracked, whatever was decided.
    "cancelled" and "filled" end an order that the broker shows under a word which this program does not know, or does
    not show any more.
    """


@common_options
@click.command(
    epilog=examples(
        'trading-bot adopt 2221c6a3-6236-50a3-97a5-ef6cf1519daa --by ada --reason "the journal was lost"',
    )
)
@click.argument("order_id", metavar="ORDER_ID")
@decision_options
@runs(f"{_WORK}:adopt")
def adopt() -> None:
    """Track an order that has this program's mark and is not in the journal, by the broker's order id.

    Such an order means a lost journal or a second copy of the program: find out which first. Trading resumes once no
    other such order is open.
    """


@common_options
@click.command(
    epilog=examples(
        'trading-bot release TSLA --by ada --reason "settled with the broker"',
    )
)
@click.argument("symbol")
@decision_options
@runs(f"{_WORK}:release")
def release() -> None:
    """Release a symbol that was frozen because of what the broker answered."""


@common_options
@click.command(
    "accept-position",
    epilog=examples(
        'trading-bot accept-position TSLA --by ada --reason "bought in the app"',
        'trading-bot accept-position TSLA --ratio 3:1 --by ada --reason "a split"',
    ),
)
@click.argument("symbol")
@click.option(
    "--ratio",
    metavar="NEW:OLD",
    help="The position comes from a split: 10:1 made ten shares of one, 1:8 one of eight. Their total cost stays.",
)
@decision_options
@runs(f"{_WORK}:accept_position")
def accept_position() -> None:
    """Take the broker's position of a symbol as right from now on, and release it where its position had frozen it.

    No order on the symbol may be open meanwhile. Without --ratio, the cost of the shares is unknown from here on where
    their number is another one: their sales count in no limit. A ratio has to lead from the old number to the new one
    within less than one share, the fraction that is paid in cash.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot resume TSLA",
        'trading-bot resume --all --reason "the news is out"',
    )
)
@click.argument("symbol", required=False)
@click.option("--all", "everything", is_flag=True, help="Everywhere in the account.")
@wish_options("Who decides")
@runs(f"{_WORK}:resume")
def resume() -> None:
    """Take entries again that an exit, a flatten or repeated refusals had stopped.

    In SYMBOL, or with --all in the whole account. In the first minute after an exit entries wait all the same.
    """
