"""Arguments and options that several commands have. What can never be right is a usage error, NaN included."""

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import click

from trading_bot.caller_values import ticker

_QUANTITY = re.compile(r"[0-9]{1,12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NEGATIVE = re.compile(r"-[0-9.]")
_F = TypeVar("_F", bound=Callable[..., object])


class FiniteRange(click.FloatRange):
    """A range of numbers. click's own lets NaN pass, which is neither below the least nor above the greatest."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number if it is finite and in the range."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a number of this range; write plain digits.", param, ctx)
        return number


def _whole_shares(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    if not _QUANTITY.fullmatch(text):
        raise click.BadParameter(f"{ascii(text)[:40]} is no whole number of shares; write 1 or more in plain digits")
    return int(text)


def whole_shares_or_none(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Read a number of shares that need not be given."""
    return None if text is None else _whole_shares(context, parameter, text)


def day_or_none(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date | None:
    """Read a day that need not be given."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError as error:
        raise click.BadParameter(f"{ascii(text)[:40]} is no date; write it like 2026-11-28") from error


def _ticker(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    return ticker(text)


def ticker_of(_context: click.Context, _parameter: click.Parameter, given: Any) -> Any:
    """Take one symbol, or several, in upper case."""
    return tuple(ticker(each) for each in given) if isinstance(given, tuple) else ticker(given)


class TradeCommand(click.Command):
    """A command that tells a negative quantity from an unknown option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if not _NEGATIVE.match(error.option_name):
                raise
            raise click.UsageError(
                "a quantity is a whole number of shares, 1 or more, and has no sign; use sell to sell", ctx
            ) from error


correlation_option = click.option(
    "--correlation-id", metavar="ID", help="Your name for this request: every record of it carries the name."
)
_TERMS = (
    click.argument("symbol", callback=_ticker),
    click.argument("quantity", callback=_whole_shares),
    click.option(
        "--reference-price", required=True, metavar="DOLLARS", help="The price that the limit is computed from."
    ),
    click.option("--strategy", "strategy_name", default="manual", show_default=True, help="Chooses its own offsets."),
    click.option(
        "--tif",
        "time_in_force",
        type=click.Choice(["gfd", "gtc"]),
        default="gfd",
        show_default=True,
        help="Good for the day, or until cancelled.",
    ),
    click.option("--extended-hours", is_flag=True, help="Let it trade outside the regular session too."),
    click.option("--client-order-id", metavar="ID", help="Your name for the order: it is sent once, however often."),
    click.option(
        "--pricing",
        type=click.Choice(["passive", "marketable"]),
        help="Wait on the near side of the reference price, or cross it [default: as configured].",
    ),
)


_BRACKETS = (
    click.option("--stop", metavar="DOLLARS", help="Protect what it buys: sell once the price has fallen to this."),
    click.option("--target", metavar="DOLLARS", help="Protect what it buys: sell once the price has risen to this."),
    click.option("--trail", metavar="PERCENT", help="Sell what it buys this far below its highest price, such as 2%."),
)


def bracket_options(command: _F) -> _F:
    """Add the prices at which what a buy buys is sold."""
    for add in reversed(_BRACKETS):
        command = add(command)
    return command


def trade_terms(command: _F) -> _F:
    """Add the terms of a trade to a command."""
    for add in reversed(_TERMS):
        command = add(command)
    return command


def decision_options(command: _F) -> _F:
    """Add who decides and why, both of which have to be said."""
    named = click.option("--by", required=True, help="Who decides; recorded in the journal.")
    return click.option("--reason", required=True, help="Why; recorded in the journal.")(named(command))


def wish_options(by: str) -> Callable[[_F], _F]:
    """Add who wishes it and why, which need not be said; ``by`` is the help of the first."""

    def add(command: _F) -> _F:
        named = click.option("--by", default="an operator", show_default=True, help=f"{by}; recorded in the journal.")
        why = "asked for by an operator"
        return named(
            click.option("--reason", default=why, show_default=True, help="Why; recorded in the journal.")(command)
        )

    return add
