"""``trading-bot cancel-all``: show the open orders, ask, cancel them, and tell how each one ended."""

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from trading_bot.cli.command_call import CommandCall
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.prompts import confirm
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.render.output import print_json, print_line, print_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_EPILOG = """\b
Examples:
  trading-bot cancel-all
  trading-bot --json cancel-all --yes
  trading-bot cancel-all --include-external --yes"""


@click.command("cancel-all", short_help="Cancel every open order.", epilog=_EPILOG)
@click.option("--include-external", is_flag=True, help="Also the account's orders that were placed elsewhere.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_invocation
def cancel_all(invocation: Invocation, *, include_external: bool, yes: bool) -> None:
    """Cancel every open order of ours and prove it. No entry is taken while it runs.

    The orders are listed before you are asked. Without a terminal nobody can be asked: --yes is needed. Exit 0 once no
    order can trade any more, 8 while one may.
    """
    from trading_bot.operations import ListOrders, new_command

    call = CommandCall(invocation)
    if not yes:
        answer = call.ask(new_command(ListOrders, all_origins=include_external))
        listed = words.parts(answer, "orders")
        if not listed and not include_external:
            _sum_up(call, orders=0, closed=0)
            return
        if not invocation.json:
            show_first(answer, call.zone, invocation)
        confirm(invocation, _question(len(listed), include_external=include_external), option="--yes")
    _cancel(call, include_external=include_external)


def _sum_up(call: CommandCall, *, orders: int, closed: int) -> None:
    said = f"{closed} of {orders} orders cannot trade any more" if orders else "no open orders"
    call.show({"v": 1, "orders": orders, "proven_closed": closed}, lambda _: (said,))


def show_first(answer: Answer, zone: "ZoneInfo", invocation: Invocation) -> None:
    """Write the orders that are to be cancelled; ``external`` ones too, where the answer lists them."""
    if listed := words.parts(answer, "orders"):
        print_table(words.ORDER_HEADINGS, words.order_rows(listed, zone), invocation=invocation)
    if external := words.external_rows(words.parts(answer, "external") if "external" in answer else ()):
        print_table(words.EXTERNAL_HEADINGS, external, invocation=invocation)


def _question(count: int, *, include_external: bool) -> str:
    others = " and every order of the account placed elsewhere" if include_external else ""
    return f"cancel {count} open order{'' if count == 1 else 's'}{others}"


def _cancel(call: CommandCall, *, include_external: bool) -> None:
    from trading_bot.operations import CancelAll, new_command

    answer = call.ask(new_command(CancelAll, include_external=include_external), Told(call.invocation).take)
    results = words.parts(answer, "results")
    _sum_up(call, orders=len(results), closed=sum(result["proven_closed"] is True for result in results))


class Told:
    """Writes one line an order as soon as its end is known."""

    def __init__(self, invocation: Invocation) -> None:
        self._json = invocation.json

    def take(self, result: dict[str, object]) -> None:
        """Write the line of one order."""
        # A reader who has gone away must not keep the remaining orders from being cancelled.
        with suppress(OSError):
            if self._json:
                print_json(result)
            else:
                print_line(words.cancel_line(result))


common_options(cancel_all)
