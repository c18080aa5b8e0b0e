"""``trading-bot positions``: what the account holds."""

import click

from trading_bot.cli.command_call import CommandCall
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.output import print_json, print_line, print_table


@click.command(short_help="List what the account holds.")
@pass_invocation
def positions(invocation: Invocation) -> None:
    """List the account's positions, with the shares free to sell.

    A running bot reads them from the broker. Without one, they are what the journal's records explain.
    """
    from trading_bot.operations import ListPositions, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(ListPositions))
    if invocation.json:
        print_json(answer)
    elif rows := words.position_rows(words.parts(answer, "positions")):
        print_table(words.POSITION_HEADINGS, rows, invocation=invocation)
    elif answer.get("problem") is None:
        print_line("no positions")
    for line in () if invocation.json else words.position_notes(answer):
        print_line(line)


common_options(positions)
