"""What every question of an operator has in common: its form on the wire, and what it is answered with."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from trading_bot.bot import TradingBot
from trading_bot.lease import ProcessInfo
from trading_bot.order_json import JsonObject

Text = Annotated[str, Field(min_length=1, max_length=64)]
AnyOrderId = Annotated[str, Field(min_length=1, max_length=80)]

Progress: TypeAlias = Callable[[JsonObject], None]
"""Told of each part of a long piece of work as it is done; whatever it does with it, it must not raise."""


def no_progress(_part: JsonObject) -> None:
    """Wait for the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """What a question is answered with."""

    bot: TradingBot
    holder: ProcessInfo
    on_progress: Progress


class Command(BaseModel, ABC):
    """One question or order of an operator, as it stands on the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    may_change_orders: ClassVar[bool] = True
    """Whether a lost answer leaves open what became of an order; else the question can simply be asked again."""

    @abstractmethod
    def answer(self, counter: CommandContext) -> JsonObject:
        """Do it.

        Raises:
            OrderError: it could not be done; the error says why and what to do next.
        """
