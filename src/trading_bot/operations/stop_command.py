"""The command that ends the bot of another process."""

from typing import Literal

from trading_bot.operations.command import Command, CommandContext
from trading_bot.order_json import FORM_VERSION, JsonObject


class AskToStop(Command):
    """Ask the program that runs the bot to end it; the answer comes before it does."""

    may_change_orders = False  # what becomes of open orders is set by on_stop, and asking again changes nothing
    command: Literal["ask_to_stop"] = "ask_to_stop"

    def perform(self, context: CommandContext) -> JsonObject:
        """Ask, and say which process it is and what becomes of its open orders."""
        context.bot.is_asked_to_stop.make()
        return {
            "v": FORM_VERSION,
            "pid": context.holder.pid,
            "open_orders": len(context.bot.open_orders()),
            "on_stop": context.bot.config.order_management.on_stop.value,
        }
