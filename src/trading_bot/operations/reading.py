"""Reads commands of every kind from the wire."""

from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from trading_bot.operations import (
    account_commands,
    broker_command,
    decision_commands,
    exit_commands,
    look_ups,
    order_commands,
    price_commands,
    protection_commands,
    results_commands,
    risk_commands,
    stop_command,
    view_command,
    watch_command,
)
from trading_bot.operations.command import COMMANDS, Command
from trading_bot.operations.making import refusal_of

__all__ = ["COMMANDS", "FAMILIES", "read_command"]

FAMILIES = (
    order_commands,
    look_ups,
    account_commands,
    exit_commands,
    protection_commands,
    decision_commands,
    results_commands,
    risk_commands,
    price_commands,
    broker_command,
    stop_command,
    view_command,
    watch_command,
)
"""The files whose commands can be read; each has to be imported before the union below is made."""

_any_command: Any = reduce(or_, COMMANDS.values())
_ADAPTER: TypeAdapter[Command] = TypeAdapter(Annotated[_any_command, Field(discriminator="command")])


def read_command(text: bytes) -> Command:
    """Read a command from JSON; its ``command`` says of which kind it is.

    Raises:
        OrderValidationError: the kind is not known, or a value cannot be used.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise refusal_of(error) from error
