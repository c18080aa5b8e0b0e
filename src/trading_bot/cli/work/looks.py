"""Lists and shows orders."""

from zoneinfo import ZoneInfo

from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.table import print_table
from trading_bot.cli.session import AccountSession
from trading_bot.operations import ListOrders, ShowStatus
from trading_bot.prose import clause


def orders(invocation: Invocation, *, everything: bool, all_origins: bool) -> None:
    """List orders.

    Raises:
        CommandError: orders may be missing from the list, or may have ended.
    """
    session = AccountSession(invocation)
    answer = session.perform(ListOrders, {"all": everything, "all_origins": all_origins})
    if invocation.json:
        print_json(answer)
    else:
        _show_orders(session, answer, none="no orders" if everything else "no open orders")
    if (error := incomplete_listing(answer)) is not None:
        raise error


def incomplete_listing(answer: Answer) -> CommandError | None:
    """Return the error that a list is which may lack orders, or may show ended ones; None for a complete one."""
    if answer["problem"] is None:
        return None
    return CommandError(
        "there may be orders that are not listed here, or they may have ended: "
        f"{clause(str(answer['problem']))}; the broker's app shows them all",
        exit_code=ExitCode.NOT_SENT if answer["journal_ok"] else ExitCode.JOURNAL,
    )


def _show_orders(session: AccountSession, answer: Answer, *, none: str) -> None:
    show_listed(answer, session.zone, session.invocation)
    if not words.parts(answer, "orders") and answer["problem"] is None:
        print_line(none)
    for line in words.orders_notes(answer):
        print_line(line)


def show_listed(answer: Answer, zone: ZoneInfo, invocation: Invocation) -> None:
    """Write the listed orders as tables: ours, and those placed elsewhere where the answer has them."""
    if rows := words.order_rows(words.parts(answer, "orders"), zone):
        print_table(words.ORDER_HEADINGS, rows, invocation=invocation)
    if external := words.external_rows(words.parts(answer, "external")):
        print_table(words.EXTERNAL_HEADINGS, external, invocation=invocation)


def status(invocation: Invocation, *, order_id: str) -> None:
    """Show one order."""
    session = AccountSession(invocation)
    answer = session.perform(ShowStatus, {"id": order_id})
    session.show(answer, lambda order: words.status_lines(order, session.zone))
    if answer.get("problem") is not None:
        notice(f"this is what the journal knows, and it may have changed since: {answer['problem']}", invocation)
