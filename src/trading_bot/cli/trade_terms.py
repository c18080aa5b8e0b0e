"""The arguments of a trade, for ``buy``, ``sell`` and ``preview`` alike; nonsense is refused before anything opens."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import click

_QUANTITY = re.compile(r"[0-9]{1,12}")
_NEGATIVE = re.compile(r"-[0-9.]")
_F = TypeVar("_F", bound=Callable[..., object])


def _whole_shares(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    if not _QUANTITY.fullmatch(text):
        raise click.BadParameter(f"{ascii(text)[:40]} is no whole number of shares; write 1 or more in plain digits")
    return int(text)


def _ticker(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    from trading_bot.order_management.caller_values import ticker

    return ticker(text)


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


def trade_terms(command: _F) -> _F:
    """Add the terms of a trade to a command."""
    for add in reversed(_TERMS):
        command = add(command)
    return command


def refuse_nonsense(terms: Mapping[str, object]) -> None:
    """Judge what needs no account and no broker, so that a slip of the keyboard opens nothing.

    Raises:
        OrderValidationError, UnsupportedOrderTypeError: a term can never be part of an order.
    """
    from trading_bot.order_management.calculator import parse_price, validate_quantity, validate_symbol
    from trading_bot.order_management.client_ids import validate_client_order_id

    symbol = validate_symbol(terms["symbol"])
    validate_quantity(terms["quantity"], symbol=symbol)
    parse_price(terms["reference_price"], symbol=symbol)
    if terms["client_order_id"] is not None:
        validate_client_order_id(terms["client_order_id"])
