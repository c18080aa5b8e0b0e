"""Makes a command from what was typed."""

from typing import TypeVar

from pydantic import ValidationError

from trading_bot.operations.command import Command
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.wrong_values import in_words, named

_C = TypeVar("_C", bound=Command)


def new_command(kind: type[_C], **values: object) -> _C:
    """Make a command from what an operator typed.

    Raises:
        OrderValidationError: a value cannot be used; the message names each.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise refusal_of(error) from error


def refusal_of(error: ValidationError) -> OrderValidationError:
    """Return the refusal of values that make no command; it names each."""
    problems = error.errors(include_url=False)
    text = "; ".join(f"{_name(problem['loc'])} {in_words(problem)}" for problem in problems)
    return OrderValidationError(f"{text}; correct it and try again", code="bad_request")


def _name(location: tuple[int | str, ...]) -> str:
    # A key that no command has is the sender's own text.
    return named(str(location[-1])) if location else "request"
