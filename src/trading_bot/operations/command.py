"""What every command of an operator has in common: its form on the wire, and what it is performed with."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from trading_bot.order_json import JsonObject
from trading_bot.order_management.correlation import usable_correlation_id, validate_correlation_id
from trading_bot.order_management.exceptions import OrderValidationError

if TYPE_CHECKING:
    from trading_bot.bot import TradingBot
    from trading_bot.lease import ProcessInfo


def _correlation_id(given: str) -> str:
    try:
        return validate_correlation_id(given)
    except OrderValidationError as error:
        raise PydanticCustomError("bad_name", "must be 1 to 64 printable characters") from error


Text = Annotated[str, Field(min_length=1, max_length=64)]
CorrelationId = Annotated[str, AfterValidator(_correlation_id)]
"""The caller's name for the request of this command."""
UsableCorrelationId = Annotated[str | None, BeforeValidator(usable_correlation_id)]
"""The same for an exit or a cancel, which no wrong name holds up: it is dropped then, with a line in the log."""
AnyOrderId = Annotated[str, Field(min_length=1, max_length=80)]

Progress: TypeAlias = Callable[[JsonObject], bool | None]
"""Hears of each part of a long command as soon as it is done; whatever it does with it, it must not raise.

False says that nobody hears it any more. Only a command without an end ends for that.
"""

_KINDS: Final[dict[str, "type[Command]"]] = {}
COMMANDS: Final[Mapping[str, "type[Command]"]] = MappingProxyType(_KINDS)
"""Every kind of command by its word on the wire; a class with a ``command`` of its own is added when it is made."""


def no_progress(_part: JsonObject) -> None:
    """Wait for the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """What a command is performed with. ``holder`` is the process that does it."""

    bot: "TradingBot"
    holder: "ProcessInfo"
    on_progress: Progress


class Command(BaseModel, ABC):
    """One command of an operator, as it is on the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    may_change_orders: ClassVar[bool] = True
    """Whether a lost answer leaves open what became of an order; if not, the command can simply be repeated."""

    is_endless: ClassVar[bool] = False
    """Whether it goes on until the bot stops or the caller goes away; neither waits for it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: object) -> None:
        """Add the kind to `COMMANDS`, unless it has no word of its own."""
        if "command" in cls.__annotations__:
            _KINDS[str(cls.model_fields["command"].default)] = cls

    def on_the_wire(self) -> JsonObject:
        """Return it as it is sent. What is not given is left out: an older bot takes what uses nothing new."""
        return self.model_dump(mode="json", exclude_none=True)

    @abstractmethod
    def perform(self, context: CommandContext) -> JsonObject:
        """Do it and return the answer.

        Raises:
            OrderError: it could not be done; the error says why and what to do next.
        """
