"""The commands about what trading came to."""

from typing import Literal

from trading_bot.operations.command import Command, CommandContext
from trading_bot.order_json import JsonObject
from trading_bot.results_json import summary_json


class ShowAccount(Command):
    """Say what the account comes to: cash, buying power, equity, results of today and in all."""

    may_change_orders = False
    command: Literal["show_account"] = "show_account"

    def perform(self, context: CommandContext) -> JsonObject:
        """Read it from the broker and the journal; ``realised`` is null once old orders have left the memory."""
        return summary_json(context.bot.account_summary())
