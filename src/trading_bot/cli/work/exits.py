"""Leaves one position, or all of them."""

from collections import Counter
from collections.abc import Sequence

import click

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode, exit_code_of_trade
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.prompts import confirm
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.session import AccountSession, progress_lines
from trading_bot.operations import ExitPosition, Flatten, ListHeld


def leave(invocation: Invocation, *, quantity: str, **terms: object) -> None:
    """Leave a position.

    Raises:
        CommandError: not all of it was sold, and no order for the rest is at the broker.
    """
    session = AccountSession(invocation)
    wanted = None if quantity.lower() == "all" else _whole(quantity)
    answer = session.perform(ExitPosition, {**terms, "quantity": wanted})
    if (code := _code_of(answer)) is not ExitCode.DONE:
        raise CommandError(str(answer["message"]), exit_code=code, code=str(answer["code"]))
    session.show(answer, lambda result: (str(result["message"]),))


def flatten(invocation: Invocation, *, everything: bool, yes: bool, **terms: object) -> ExitCode:
    """Cancel every open buy, leave the positions, and return the worst exit code of one of them."""
    session = AccountSession(invocation)
    if not yes:
        symbols = words.listed(session.perform(ListHeld, {"everything": everything}), "symbols")
        confirm(invocation, _what_is_left([str(symbol) for symbol in symbols]), option="--yes")
    answer = session.perform(
        Flatten,
        {**terms, "everything": everything},
        on_progress=progress_lines(invocation, lambda result: str(result["message"])),
    )
    results = words.parts(answer, "results")
    session.show({"v": 1, "positions": len(results)}, lambda _: (_left(results),))
    return max((_code_of(result) for result in results), default=ExitCode.DONE)


def _what_is_left(symbols: list[str]) -> str:
    listed = f"leave {_positions(len(symbols))}: {', '.join(symbols)}" if symbols else "no position is held"
    return f"cancel every open buy; {listed}"


def _left(results: Sequence[Answer]) -> str:
    counted = Counter(str(result["ending"]).replace("_", " ") for result in results)
    endings = ", ".join(f"{count} {ending}" for ending, count in counted.items())
    return f"{_positions(len(results))}: {endings}" if results else "no position is held"


def _positions(count: int) -> str:
    return f"{count} position{'' if count == 1 else 's'}"


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise click.UsageError(f"a quantity is a whole number of shares, or all, not {text[:40]!a}")
    return int(text)


def _code_of(answer: Answer) -> ExitCode:
    return exit_code_of_trade(status=str(answer["status"]), code=str(answer["code"]))
