"""Shows what the broker's own books say of a symbol."""

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.answers import Answer, listed, part, parts
from trading_bot.cli.render.broker_text import BOOK_HEADINGS, LOT_HEADINGS, broker_lines, level_rows, lot_row
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.table import print_table
from trading_bot.cli.session import AccountSession
from trading_bot.operations import ShowBroker


def broker(invocation: Invocation, *, symbol: str, levels: int) -> None:
    """Show tradability, book, lots and result.

    Raises:
        CommandError: no part of it could be read.
    """
    session = AccountSession(invocation)
    answer = session.perform(ShowBroker, {"symbol": symbol, "levels": levels})
    if invocation.json:
        print_json(answer)
    _refuse_if_empty(answer)
    if not invocation.json:
        _show(answer, invocation)


def _refuse_if_empty(answer: Answer) -> None:
    if all(answer[key] is None for key in ("tradability", "book", "lots", "realised")):
        problems = "; ".join(map(str, listed(answer, "problems")))
        message = f"nothing could be read of {answer['symbol']}: {problems or 'the broker told nothing'}"
        raise CommandError(message, exit_code=ExitCode.NOT_SENT, code="not_read")


def _show(answer: Answer, invocation: Invocation) -> None:
    for line in broker_lines(answer):
        print_line(line)
    if rows := list(level_rows(part(answer, "book") or {})):
        print_table(BOOK_HEADINGS, rows, invocation=invocation)
    elif answer.get("book") is not None:
        print_line(f"nobody bids for {answer['symbol']} or offers it")
    if lots := parts(answer, "lots"):
        print_table(LOT_HEADINGS, [lot_row(lot) for lot in lots], invocation=invocation)
    elif answer.get("lots") is not None:
        print_line(f"the broker holds no lots of {answer['symbol']}")
    for problem in listed(answer, "problems"):
        print_line(f"not read: {problem}")
