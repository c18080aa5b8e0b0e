"""The look at the limits: each with its use, and what keeps the account from trading freely."""

from typing import Literal

from trading_bot.operations.command import Command, CommandContext
from trading_bot.order_json import JsonObject
from trading_bot.risk_json import risk_json


class ShowRisk(Command):
    """Show every limit, its use now, when it last refused an order, and the state of the account."""

    may_change_orders = False
    command: Literal["show_risk"] = "show_risk"

    def perform(self, context: CommandContext) -> JsonObject:
        """Judge what is known here; the broker is not read, and nothing is written."""
        return risk_json(context.bot.limits.picture())
