"""Shows the positions, synchronises, and lists what stops entries."""

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.table import print_table
from trading_bot.cli.session import AccountSession
from trading_bot.operations import ListFreezes, ListPositions, Synchronize

_FREEZE_HEADINGS = ("SYMBOL", "CAUSE", "SINCE", "BY", "REASON", "WHAT ENDS IT")


def positions(invocation: Invocation) -> None:
    """List what the account holds."""
    answer = AccountSession(invocation).perform(ListPositions)
    if invocation.json:
        print_json(answer)
        return
    if rows := words.position_rows(words.parts(answer, "positions")):
        print_table(words.POSITION_HEADINGS, rows, invocation=invocation)
    elif answer.get("problem") is None:
        print_line("no positions")
    for line in words.position_notes(answer):
        print_line(line)


def sync(invocation: Invocation) -> None:
    """Synchronise once.

    Raises:
        CommandError: the orders could not be read in full.
    """
    session = AccountSession(invocation)
    answer = session.perform(Synchronize)
    session.show(answer, words.sync_lines)
    if not answer["complete"]:
        raise CommandError(
            f"the orders could not be read in full ({answer['problem']}); synchronise again",
            exit_code=ExitCode.NOT_SENT,
            code="not_complete",
        )


def frozen(invocation: Invocation) -> None:
    """List every freeze and halt."""
    session = AccountSession(invocation)
    answer = session.perform(ListFreezes)
    freezes = words.parts(answer, "freezes")
    if invocation.json:
        print_json(answer)
        return
    if freezes:
        print_table(_FREEZE_HEADINGS, [_row(freeze, session) for freeze in freezes], invocation=invocation)
    else:
        print_line("nothing is frozen")
    # What stops entries everywhere need not be a freeze: an account that is not armed, a start that is not complete.
    if answer["halted"] is not None and not any(freeze["symbol"] is None for freeze in freezes):
        print_line(f"no entry is taken in any symbol: {answer['halted']}")


def _row(freeze: Answer, session: AccountSession) -> tuple[str, ...]:
    since = words.moment(freeze, "since", session.zone)
    name, cause = freeze["symbol"] or "the account", freeze["cause"] or "not named"
    return (str(name), str(cause), since, str(freeze["by"]), str(freeze["reason"]), str(freeze["remedy"]))
