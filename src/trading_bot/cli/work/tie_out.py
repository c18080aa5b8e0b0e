"""Compares shares and cash with the broker's, and accepts a difference."""

from collections.abc import Iterator

import click

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.answers import Answer, amount, difference_line, moment, parts
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.text import cents, signed
from trading_bot.cli.session import AccountSession
from trading_bot.operations import AcceptTieOut, CheckTieOut
from trading_bot.prose import clause, typed

_SAID = {
    "begun": "this is the first tie-out: the next one goes on from here",
    "agrees": "cash agrees",
    "more": "there is more than the fills explain (a deposit, a dividend, a sale elsewhere); nothing is halted",
    "explained": "shares that were bought elsewhere may explain it; nothing is halted",
    "less": "there is less than the fills explain",
    "not_told": "nothing can be concluded now",
}


def tie_out(invocation: Invocation, *, accept: bool, by: str | None, reason: str | None) -> None:
    """Compare, or accept what differs.

    Raises:
        CommandError: cash is missing, shares differ, or nothing can be concluded.
    """
    if accept and not (by and reason):
        raise click.UsageError("say who accepts it and why: give --by and --reason")
    if not accept and (by or reason):
        raise click.UsageError("--by and --reason belong to --accept")
    session = AccountSession(invocation)
    answer = session.perform(AcceptTieOut, {"by": by, "reason": reason}) if accept else session.perform(CheckTieOut)
    if invocation.json:
        print_json(answer)
    else:
        for line in _lines(session, answer, accepted_by=by):
            print_line(line)
    _refuse(answer, accepted=accept)


def _lines(session: AccountSession, answer: Answer, *, accepted_by: str | None) -> Iterator[str]:
    yield f"cash: the broker shows {cents(amount(answer, 'cash'))}"
    if answer["expected"] is not None:
        expected, tolerated = cents(amount(answer, "expected")), cents(amount(answer, "tolerated"))
        since = f"the tie-out of {moment(answer, 'since', session.zone)} and the fills since explain {expected}"
        yield f"{since}: {signed(amount(answer, 'difference'))}, of which {tolerated} are tolerated"
    yield _SAID[str(answer["verdict"])] if accepted_by is None else f"accepted by {accepted_by}"
    shares = parts(answer, "shares")
    yield from map(difference_line, shares) if shares else ("shares: all agree",)
    yield "fees that are on record are taken off what is expected; others are part of the cash that is tolerated"


def _refuse(answer: Answer, *, accepted: bool) -> None:
    verdict = answer["verdict"]
    if verdict == "not_told":
        message = f"{clause(str(answer['reason']))}; nothing was concluded: try it again"
        raise CommandError(message, exit_code=ExitCode.NOT_SENT, code="not_tied_out")
    if verdict == "less" and not accepted:
        remedy = f"entries are halted until it agrees again, or with {typed('tie-out', '--accept')}"
        raise CommandError(f"{answer['reason']}; {remedy}", exit_code=ExitCode.REFUSED_BY_RULE, code="cash_missing")
    if parts(answer, "shares"):
        message = "the shares of a symbol differ; the lines above name them, and 'trading-bot frozen' what is stopped"
        raise CommandError(message, exit_code=ExitCode.REFUSED_BY_RULE, code="shares_differ")
