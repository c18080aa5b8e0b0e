"""A look at the account: what the process that holds it knows, else what is on record."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from trading_bot.clock import Clock, Seconds
from trading_bot.control.client import HolderAbsentError, HolderSilentError, send_to_holder
from trading_bot.control.protocol import CallRefusal
from trading_bot.operations.command import Command, Progress, no_progress
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import OrderNotSentError


class Answers(Protocol):
    """What answers without a bot: `RecordedAnswers`, or a direct read of prices."""

    def answer(self, command: Command, *, problem: str | None) -> JsonObject:
        """Return the answer; ``problem`` is why a process that holds the account was not asked, though there is one."""
        ...


class LookUp:
    """Answers what ``recorded`` can; ``timeout_s`` is the longest silence of a holder while it works."""

    def __init__(
        self,
        *,
        recorded: Callable[[], Answers],
        control_socket: Path,
        clock: Clock,
        timeout_s: Seconds,
    ) -> None:
        self._recorded = recorded
        self._control_socket = control_socket
        self._clock = clock
        self._timeout_s = timeout_s

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        """Return what a running bot knows, else what is on record.

        Raises:
            OrderError: no order has that id, or the journal cannot be read; with the remedy.
        """
        try:
            return send_to_holder(
                self._control_socket, command, clock=self._clock, timeout_s=self._timeout_s, on_progress=on_progress
            )
        except HolderAbsentError:
            return self._recorded().answer(command, problem=None)
        except HolderSilentError as error:
            return self._recorded().answer(command, problem=str(error))
        except OrderNotSentError as error:
            if not comes_to_nothing(error):
                raise
            return self._recorded().answer(command, problem=str(error))


def comes_to_nothing(error: HolderAbsentError | OrderNotSentError) -> bool:
    """Whether the holder did nothing of what it was asked."""
    return isinstance(error, HolderAbsentError) or error.code in tuple(CallRefusal)
