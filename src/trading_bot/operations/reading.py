"""Makes commands from what was typed and from what came over the wire."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from trading_bot.operations import account_commands, decision_commands, exit_commands, order_commands, watch_command
from trading_bot.operations.command import COMMANDS, Command
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.wrong_values import in_words

FAMILIES = (order_commands, account_commands, exit_commands, decision_commands, watch_command)
"""The files whose commands can be read; each has to be imported before the union below is made."""

_any_command: Any = reduce(or_, COMMANDS.values())
_ADAPTER: TypeAdapter[Command] = TypeAdapter(Annotated[_any_command, Field(discriminator="command")])
_C = TypeVar("_C", bound=Command)


def new_command(kind: type[_C], **values: object) -> _C:
    """Make a command from what an operator typed.

    Raises:
        OrderValidationError: a value cannot be used; the message names each.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _refusal(error) from error


def read_command(text: bytes) -> Command:
    """Read a command from JSON; its ``command`` says of which kind it is.

    Raises:
        OrderValidationError: the kind is not known, or a value cannot be used.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise _refusal(error) from error


def _refusal(error: ValidationError) -> OrderValidationError:
    problems = error.errors(include_url=False)
    text = "; ".join(f"{_name(problem['loc'])} {in_words(problem)}" for problem in problems)
    return OrderValidationError(f"{text}; correct it and try again", code="bad_request")


def _name(location: tuple[int | str, ...]) -> str:
    return str(location[-1]) if location else "request"
