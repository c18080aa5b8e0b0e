"""Shows the limits."""

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.risk_text import (
    LIMIT_HEADINGS,
    SYMBOL_HEADINGS,
    limit_rows,
    notes,
    state_lines,
    symbol_rows,
)
from trading_bot.cli.render.table import print_table
from trading_bot.cli.session import AccountSession
from trading_bot.operations.risk_commands import ShowRisk


def show(invocation: Invocation) -> None:
    """Show every limit, its use, and the state of the account."""
    session = AccountSession(invocation)
    answer = session.perform(ShowRisk)
    if invocation.json:
        print_json(answer)
        return
    for line in state_lines(answer):
        print_line(line)
    print_table(LIMIT_HEADINGS, limit_rows(words.parts(answer, "limits"), session.zone), invocation=invocation)
    if symbols := words.parts(answer, "symbols"):
        print_table(SYMBOL_HEADINGS, symbol_rows(symbols), invocation=invocation)
    for line in notes(answer, session.zone):
        print_line(line)
