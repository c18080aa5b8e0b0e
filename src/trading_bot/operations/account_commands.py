"""The commands about the account as a whole: synchronise it, say who holds it."""

from typing import Literal

from trading_bot.operations.command import Command, CommandContext
from trading_bot.order_json import FORM_VERSION, JsonObject, moment_text, sync_summary_json


class Synchronize(Command):
    """Book what the broker says of every open order."""

    may_change_orders = False
    command: Literal["synchronize"] = "synchronize"

    def perform(self, context: CommandContext) -> JsonObject:
        """Run one synchronisation, and let the stops of what was bought rest."""
        summary = context.bot.manager.synchronize_open_orders()
        context.bot.protection.keep()
        return sync_summary_json(summary)


class Ping(Command):
    """Say which process holds the account, since when, and where its journal is."""

    may_change_orders = False
    command: Literal["ping"] = "ping"

    def perform(self, context: CommandContext) -> JsonObject:
        """Introduce the process."""
        return {
            "v": FORM_VERSION,
            "pid": context.holder.pid,
            "since": moment_text(context.holder.since),
            "mode": context.bot.config.trading.mode.value,
            "journal": context.bot.journal_name,
        }
