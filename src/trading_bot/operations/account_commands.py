"""The commands about the account as a whole: synchronise it, list what it holds, say who holds it."""

from typing import Literal

from trading_bot.operations.command import Command, CommandContext
from trading_bot.order_json import FORM_VERSION, JsonObject, moment_text, positions_json, sync_summary_json


class Synchronize(Command):
    """Book what the broker says of every open order."""

    may_change_orders = False
    command: Literal["synchronize"] = "synchronize"

    def perform(self, context: CommandContext) -> JsonObject:
        """Run one synchronisation."""
        return sync_summary_json(context.bot.synchronize_open_orders())


class ListPositions(Command):
    """List what is held: as the broker says now if a bot is running, else as our records explain it."""

    may_change_orders = False
    command: Literal["list_positions"] = "list_positions"

    def perform(self, context: CommandContext) -> JsonObject:
        """Read the positions afresh."""
        context.bot.account.invalidate_cache("positions")
        return positions_json(context.bot.manager.view.positions())


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
