"""``trading-bot resolve``, ``adopt``, ``release`` and ``accept-position``: what a named person decides."""

from collections.abc import Callable
from typing import TypeVar

import click

from trading_bot.cli.command_call import CommandCall
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation

_F = TypeVar("_F", bound=Callable[..., object])


def _decision_options(command: _F) -> _F:
    named = click.option("--by", required=True, help="Who decides; recorded in the journal.")
    return click.option("--reason", required=True, help="Why; recorded in the journal.")(named(command))


@click.command(short_help="End the doubt about an order.")
@click.argument("order_id", metavar="ID")
@click.option(
    "--as",
    "as_",
    type=click.Choice(["never_accepted", "found", "cancelled", "filled"]),
    required=True,
    help="What became of it: the broker never took it, it was found there, or it ended there.",
)
@click.option("--order-id", "found_as", metavar="ORDER_ID", help="The broker's order id, with --as found.")
@_decision_options
@pass_invocation
def resolve(invocation: Invocation, *, order_id: str, as_: str, found_as: str | None, by: str, reason: str) -> None:
    """End the doubt about an order whose submit had no answer, after looking at the account yourself.

    The broker is asked first, and what it shows wins: an order that it lists is tracked, whatever was decided.
    "cancelled" and "filled" end an order that the broker shows under a word which this program does not know, or does
    not show any more.
    """
    from trading_bot.operations import ResolveOrder, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(ResolveOrder, id=order_id, as_=as_, order_id=found_as, by=by, reason=reason))
    call.show(answer, lambda order: (f"order {order['client_order_id']} is {order['state']}, decided by {by}",))


@click.command(short_help="Track an order of ours that the journal does not know.")
@click.argument("order_id", metavar="ORDER_ID")
@_decision_options
@pass_invocation
def adopt(invocation: Invocation, *, order_id: str, by: str, reason: str) -> None:
    """Track an order that has this program's mark and is not in the journal, by the broker's order id.

    Such an order means a lost journal or a second copy of the program: find out which first. Trading resumes once no
    other such order is open.
    """
    from trading_bot.operations import AdoptOrder, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(AdoptOrder, order_id=order_id, by=by, reason=reason))
    call.show(answer, lambda order: (f"order {order['order_id']} is tracked as {order['client_order_id']}",))


@click.command(short_help="Trade a frozen symbol again.")
@click.argument("symbol")
@_decision_options
@pass_invocation
def release(invocation: Invocation, *, symbol: str, by: str, reason: str) -> None:
    """Release a symbol that was frozen because of what the broker answered."""
    from trading_bot.operations import ReleaseSymbol, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(ReleaseSymbol, symbol=symbol, by=by, reason=reason))
    call.show(answer, lambda released: (f"{released['symbol']} is released",))


@click.command("accept-position", short_help="Take the broker's position of a symbol as right.")
@click.argument("symbol")
@click.option(
    "--ratio",
    metavar="NEW:OLD",
    help="The position comes from a split: 10:1 made ten shares of one, 1:8 one of eight. Their total cost stays.",
)
@_decision_options
@pass_invocation
def accept_position(invocation: Invocation, *, symbol: str, ratio: str | None, by: str, reason: str) -> None:
    """Take the broker's position of a symbol as right from now on, and release it where its position had frozen it.

    No order on the symbol may be open meanwhile. Without --ratio, the cost of the shares is unknown from here on where
    their number is another one: their sales count in no limit. A ratio has to lead from the old number to the new one
    within less than one share, the fraction that is paid in cash.
    """
    from trading_bot.operations import AcceptPosition, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(AcceptPosition, symbol=symbol, ratio=ratio, by=by, reason=reason))
    split = "" if ratio is None else f" after a split of {ratio}"
    call.show(answer, lambda position: (f"{position['symbol']}: {position['quantity']} shares are accepted{split}",))


DECISION_COMMANDS = tuple(map(common_options, (resolve, adopt, release, accept_position)))
