"""``trading-bot buy``, ``sell``, ``preview``, ``orders``, ``status``, ``cancel``, ``cancel-all`` and ``sync``."""

import click

from trading_bot.cli.command_call import CommandCall
from trading_bot.cli.errors import CommandError, report
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.live_banner import show_live_banner
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.output import print_json, print_line, print_table
from trading_bot.cli.trade_exit import exit_code_of_trade
from trading_bot.cli.trade_terms import TradeCommand, refuse_nonsense, trade_terms
from trading_bot.prose import clause

_BUY_EPILOG = """\b
Examples:
  trading-bot buy TSLA 10 --reference-price 250.30
  trading-bot --json buy BRK.B 2 --reference-price 480 --client-order-id rebalance-7 --tif gtc"""
_SELL_EPILOG = """\b
Examples:
  trading-bot sell TSLA 10 --reference-price 250.30
  trading-bot sell TSLA 10 --reference-price 250.30 --pricing marketable"""
_PREVIEW_EPILOG = """\b
Examples:
  trading-bot preview buy TSLA 10 --reference-price 250.30
  trading-bot --json preview sell TSLA 10 --reference-price 250.30"""


@click.command(cls=TradeCommand, short_help="Buy shares at a limit below a reference price.", epilog=_BUY_EPILOG)
@trade_terms
@pass_invocation
def buy(invocation: Invocation, /, **terms: object) -> None:
    """Buy QUANTITY whole shares of SYMBOL at a limit computed from the reference price.

    Exit 0 once the broker has the order; whether it fills is another matter. The same client order id again sends
    nothing, unless it is certain that nothing of the order left this machine.
    """
    _trade(invocation, "buy", terms)


@click.command(cls=TradeCommand, short_help="Sell held shares at a limit above a reference price.", epilog=_SELL_EPILOG)
@trade_terms
@pass_invocation
def sell(invocation: Invocation, /, **terms: object) -> None:
    """Sell QUANTITY whole shares of SYMBOL at a limit computed from the reference price.

    Exit 0 once the broker has the order; whether it fills is another matter. The same client order id again sends
    nothing, unless it is certain that nothing of the order left this machine.
    """
    _trade(invocation, "sell", terms)


def _trade(invocation: Invocation, side: str, terms: dict[str, object]) -> None:
    from trading_bot.operations import PlaceOrder, new_command

    refuse_nonsense(terms)
    call = CommandCall(invocation)
    show_live_banner(invocation, call.config)
    answer = call.ask(new_command(PlaceOrder, side=side, reason=f"{side} at the command line", **terms))
    call.show(answer, words.trade_lines)
    exit_code = exit_code_of_trade(status=str(answer["status"]), code=str(answer["code"]))
    if exit_code is not ExitCode.DONE:
        raise CommandError(str(answer["message"]), exit_code=exit_code, code=str(answer["code"]))


@click.command(
    cls=TradeCommand, short_help="Show what buy or sell would send; nothing is sent.", epilog=_PREVIEW_EPILOG
)
@click.argument("side", type=click.Choice(["buy", "sell"]))
@trade_terms
@pass_invocation
def preview(invocation: Invocation, /, side: str, **terms: object) -> ExitCode:
    """Price and check a trade as buy and sell do; nothing is sent or recorded.

    The exit code is the one that buy or sell would end with as things stand.
    """
    from trading_bot.operations import PreviewOrder, new_command

    refuse_nonsense(terms)
    call = CommandCall(invocation)
    answer = call.ask(new_command(PreviewOrder, side=side, **terms))
    call.show(answer, words.preview_lines)
    refusal = words.part(answer, "refusal")
    if refusal is None:
        return ExitCode.DONE
    return exit_code_of_trade(status=str(refusal["status"]), code=str(refusal["code"]))


@click.command(short_help="List the open orders.")
@click.option("--all", "everything", is_flag=True, help="Every order of the journal, not only the open ones.")
@click.option("--all-origins", is_flag=True, help="Also the account's open orders that were placed elsewhere.")
@pass_invocation
def orders(invocation: Invocation, *, everything: bool, all_origins: bool) -> None:
    """List the orders that have not provably ended, oldest first. Times are those of the exchange.

    A running bot is asked. Without one, they are what is on record: 'trading-bot sync' asks the broker.
    """
    from trading_bot.operations import ListOrders, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(ListOrders, all=everything, all_origins=all_origins))
    if invocation.json:
        print_json(answer)
    else:
        _show_orders(invocation, call, answer, none="no orders" if everything else "no open orders")
    if (error := incomplete_listing(answer)) is not None:
        raise error


def incomplete_listing(answer: words.Answer) -> CommandError | None:
    """Return the error that a list is which may lack orders, or may show ended ones; None for a complete one."""
    if answer["problem"] is None:
        return None
    return CommandError(
        "there may be orders that are not listed here, or they may have ended: "
        f"{clause(str(answer['problem']))}; the broker's app shows them all",
        exit_code=ExitCode.NOT_SENT if answer["journal_ok"] else ExitCode.JOURNAL,
    )


def _show_orders(invocation: Invocation, call: CommandCall, answer: words.Answer, *, none: str) -> None:
    if rows := words.order_rows(words.parts(answer, "orders"), call.zone):
        print_table(words.ORDER_HEADINGS, rows, invocation=invocation)
    elif answer["problem"] is None:
        print_line(none)
    if external := words.external_rows(words.parts(answer, "external")):
        print_table(words.EXTERNAL_HEADINGS, external, invocation=invocation)
    for line in words.orders_notes(answer):
        print_line(line)


@click.command(short_help="Show one order and its fills.")
@click.argument("order_id", metavar="ID")
@pass_invocation
def status(invocation: Invocation, order_id: str) -> None:
    """Show one order by its client order id or the broker's order id.

    A running bot reads it from the broker while it is open. Without one, it is what is on record.
    """
    from trading_bot.operations import ShowStatus, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(ShowStatus, id=order_id))
    call.show(answer, lambda order: words.status_lines(order, call.zone))
    if answer.get("problem") is not None:
        message = f"this is what the journal knows, and it may have changed since: {answer['problem']}"
        report(message, exit_code=ExitCode.DONE, code="notice", invocation=invocation)


@click.command(short_help="Cancel one order.")
@click.argument("order_id", metavar="ID")
@pass_invocation
def cancel(invocation: Invocation, order_id: str) -> None:
    """Cancel one order by its client order id or the broker's order id.

    Exit 0 once it provably cannot trade any more, 8 while it may: read its status and cancel it again.
    """
    from trading_bot.operations import CancelOrder, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(CancelOrder, id=order_id))
    call.show(answer, lambda result: (words.cancel_line(result),))
    if not answer["proven_closed"]:
        raise CommandError(
            f"order {order_id} may still trade ({answer['verdict']}); read its status, and cancel it again while it is "
            "open",
            exit_code=ExitCode.OUTCOME_UNKNOWN,
            code="not_proven_closed",
        )


@click.command(short_help="Book what the broker says of every open order.")
@pass_invocation
def sync(invocation: Invocation) -> None:
    """Read every open order from the broker once and book fills and ends."""
    from trading_bot.operations import Synchronize, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(Synchronize))
    call.show(answer, words.sync_lines)
    if not answer["complete"]:
        raise CommandError(
            f"the orders could not be read in full ({answer['problem']}); synchronise again",
            exit_code=ExitCode.NOT_SENT,
            code="not_complete",
        )


ORDER_COMMANDS = tuple(map(common_options, (buy, sell, preview, orders, status, cancel, sync)))
