"""Performs commands with a bot."""

from typing import Protocol

from trading_bot.bot import TradingBot
from trading_bot.lease import ProcessInfo
from trading_bot.operations.command import Command, CommandContext, Progress, no_progress
from trading_bot.order_json import JsonObject


class CommandRunner(Protocol):
    """Where commands are performed: in this process, or in the one that holds the account."""

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        """Return the answer.

        Raises:
            OrderError: it could not be done; the error says why and what to do next.
        """
        ...


class Operations:
    """Performs commands with a bot of this process; safe to use from several threads. ``holder`` is this process."""

    def __init__(self, bot: TradingBot, *, holder: ProcessInfo) -> None:
        self._bot = bot
        self._holder = holder

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        """Perform one command.

        Raises:
            OrderError: it could not be done; the error says why and what to do next.
        """
        return command.perform(CommandContext(bot=self._bot, holder=self._holder, on_progress=on_progress))
