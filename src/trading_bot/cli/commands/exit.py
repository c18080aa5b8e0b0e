"""``trading-bot exit``, ``flatten``, ``resume`` and ``frozen``: the ways out, and the way back in."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

import click

from trading_bot.cli.command_call import CommandCall
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.prompts import confirm
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.render.output import print_json, print_line, print_table
from trading_bot.cli.trade_exit import exit_code_of_trade

_EVERY_SHARE = "all"
_HEADINGS = ("SYMBOL", "CAUSE", "SINCE", "BY", "REASON", "WHAT ENDS IT")
_EPILOG = """\b
Examples:
  trading-bot exit AAPL
  trading-bot exit AAPL 50
  trading-bot exit AAPL --limit 187.20
  trading-bot exit AAPL --held 120"""


@click.command("exit", short_help="Leave a position, whatever stops entries.", epilog=_EPILOG)
@click.argument("symbol")
@click.argument("quantity", default=_EVERY_SHARE, metavar="[QTY|all]")
@click.option("--limit", metavar="DOLLARS", help="One order at this price in dollars; needed where there is no quote.")
@click.option("--extended-hours", is_flag=True, help="Sell outside the regular session too.")
@click.option(
    "--held", metavar="SHARES", help="The shares that you see at the broker, for where the positions cannot be read."
)
@click.option("--by", default="an operator", show_default=True, help="Who leaves it; recorded in the journal.")
@click.option("--reason", default="asked for by an operator", show_default=True, help="Why; recorded in the journal.")
@pass_invocation
def exit_(
    invocation: Invocation,
    *,
    symbol: str,
    quantity: str,
    limit: str | None,
    extended_hours: bool,
    held: str | None,
    by: str,
    reason: str,
) -> None:
    """Sell what is held and free of SYMBOL, below a fresh bid and lower step by step, and stop its entries.

    Open buys of the symbol are cancelled and resting sells are taken over. Limits, halts and freezes do not hold it
    up; a kill, a journal that cannot be written and a closed market do. Entries wait for 'trading-bot resume'.

    Exit 0 once all is sold, or the last order rests at the broker: the answer names it. 5 if nothing is free, 8 while
    an order of the exit is in doubt.
    """
    from trading_bot.operations import ExitPosition, new_command

    call = CommandCall(invocation)
    asked = None if quantity.lower() == _EVERY_SHARE else _whole(quantity)
    answer = call.ask(
        new_command(
            ExitPosition,
            symbol=symbol,
            quantity=asked,
            limit=limit,
            extended_hours=extended_hours,
            held=held,
            by=by,
            reason=reason,
        )
    )
    if (code := _code_of(answer)) is not ExitCode.DONE:
        raise CommandError(str(answer["message"]), exit_code=code, code=str(answer["code"]))
    call.show(answer, lambda result: (str(result["message"]),))


@click.command(short_help="Cancel the entries and leave every position.")
@click.option("--all", "everything", is_flag=True, help="Everything the account holds, not only what was traded here.")
@click.option("--extended-hours", is_flag=True, help="Sell outside the regular session too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--by", default="an operator", show_default=True, help="Who leaves them; recorded in the journal.")
@click.option("--reason", default="asked for by an operator", show_default=True, help="Why; recorded in the journal.")
@pass_invocation
def flatten(
    invocation: Invocation, *, everything: bool, extended_hours: bool, yes: bool, by: str, reason: str
) -> ExitCode:
    """Cancel every open buy and leave every position that was traded here, each as 'trading-bot exit' does.

    With --all everything the account holds is left, and entries wait everywhere for 'trading-bot resume --all'. The
    positions are listed before you are asked.
    """
    from trading_bot.operations import Flatten, ListHeld, new_command

    call = CommandCall(invocation)
    if not yes:
        listed = call.ask(new_command(ListHeld, everything=everything))["symbols"]
        symbols = [str(symbol) for symbol in listed] if isinstance(listed, list) else []
        confirm(invocation, _what_is_left(symbols), option="--yes")
    told = _Told(invocation)
    answer = call.ask(
        new_command(Flatten, everything=everything, extended_hours=extended_hours, by=by, reason=reason), told.take
    )
    results = words.parts(answer, "results")
    call.show({"v": 1, "positions": len(results)}, lambda _: (_left(results),))
    return max((_code_of(result) for result in results), default=ExitCode.DONE)


@click.command(short_help="Take entries again after an exit.")
@click.argument("symbol", required=False)
@click.option("--all", "everything", is_flag=True, help="Everywhere in the account.")
@click.option("--by", default="an operator", show_default=True, help="Who decides; recorded in the journal.")
@click.option("--reason", default="asked for by an operator", show_default=True, help="Why; recorded in the journal.")
@pass_invocation
def resume(invocation: Invocation, *, symbol: str | None, everything: bool, by: str, reason: str) -> None:
    """Take entries again that an exit, a flatten or repeated refusals had stopped.

    In SYMBOL, or with --all in the whole account. In the first minute after an exit entries wait all the same.
    """
    from trading_bot.operations import ListFreezes, Resume, new_command

    if (symbol is None) is not everything:
        raise click.UsageError("name a symbol, or give --all")
    call = CommandCall(invocation)
    answer = call.ask(new_command(Resume, symbol=symbol, by=by, reason=reason))
    waiting = [each for each in words.parts(call.ask(new_command(ListFreezes)), "freezes") if _concerns(each, answer)]
    call.show(answer, lambda done: (_resumed(done, waiting),))


@click.command(short_help="List what stops entries, and what ends it.")
@pass_invocation
def frozen(invocation: Invocation) -> None:
    """List every freeze and halt: why, who, since when, and what ends it. None of them stops an exit.

    An account that is not armed is named too; it has to be armed, for exits only at the least, before anything is sold.
    """
    from trading_bot.operations import ListFreezes, new_command

    call = CommandCall(invocation)
    answer = call.ask(new_command(ListFreezes))
    freezes = words.parts(answer, "freezes")
    if invocation.json:
        print_json(answer)
        return
    if freezes:
        print_table(_HEADINGS, [_row(freeze, call) for freeze in freezes], invocation=invocation)
    else:
        print_line("nothing is frozen")
    # What stops entries everywhere need not be a freeze: an account that is not armed, a start that is not complete.
    if answer["halted"] is not None and not any(freeze["symbol"] is None for freeze in freezes):
        print_line(f"no entry is taken in any symbol: {answer['halted']}")


def _row(freeze: Answer, call: CommandCall) -> tuple[str, ...]:
    since = words.moment(freeze, "since", call.zone)
    name, cause = freeze["symbol"] or "the account", freeze["cause"] or "not named"
    return (str(name), str(cause), since, str(freeze["by"]), str(freeze["reason"]), str(freeze["remedy"]))


def _what_is_left(symbols: list[str]) -> str:
    listed = f"leave {_positions(len(symbols))}: {', '.join(symbols)}" if symbols else "no position is held"
    return f"cancel every open buy; {listed}"


def _left(results: Sequence[Answer]) -> str:
    counted = Counter(str(result["ending"]).replace("_", " ") for result in results)
    endings = ", ".join(f"{count} {ending}" for ending, count in counted.items())
    return f"{_positions(len(results))}: {endings}" if results else "no position is held"


def _positions(count: int) -> str:
    return f"{count} position{'' if count == 1 else 's'}"


def _concerns(freeze: Answer, resumed: Answer) -> bool:
    return freeze["symbol"] is None or freeze["symbol"] in _listed(resumed, "resumed")


def _resumed(done: Answer, waiting: list[Answer]) -> str:
    names = ", ".join(map(str, _listed(done, "resumed")))
    if not waiting:
        return f"entries are taken again: {names}"
    still = "; ".join(f"{each['symbol'] or 'the account'}: {each['reason']}; {each['remedy']}" for each in waiting)
    return f"resumed: {names}; entries still wait: {still}"


def _listed(answer: Answer, key: str) -> list[object]:
    listed = answer[key]
    return listed if isinstance(listed, list) else []


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise click.UsageError(f"a quantity is a whole number of shares, or all, not {text[:40]!a}")
    return int(text)


def _code_of(answer: Answer) -> ExitCode:
    return exit_code_of_trade(status=str(answer["status"]), code=str(answer["code"]))


class _Told:
    """Writes one line a position as soon as it is left."""

    def __init__(self, invocation: Invocation) -> None:
        self._json = invocation.json

    def take(self, result: dict[str, object]) -> None:
        """Write the line of one position."""
        # A reader who has gone away must not keep the remaining positions from being left.
        with suppress(OSError):
            if self._json:
                print_json(result)
            else:
                print_line(str(result["message"]))


EXIT_COMMANDS = tuple(map(common_options, (exit_, flatten, resume, frozen)))
