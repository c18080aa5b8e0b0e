"""The commands about what trading came to."""

from typing import Annotated, Literal

from pydantic import Field

from trading_bot.operations.command import Command, CommandContext, Text
from trading_bot.order_json import JsonObject
from trading_bot.order_management.decisions.operator_decisions import LONGEST_REASON
from trading_bot.results_json import summary_json, tie_out_json


class ShowAccount(Command):
    """Say what the account comes to: cash, buying power, equity, results of today and in all."""

    may_change_orders = False
    command: Literal["show_account"] = "show_account"

    def perform(self, context: CommandContext) -> JsonObject:
        """Read it from the broker and the journal; ``realised`` is null once old orders have left the memory."""
        return summary_json(context.bot.account_summary())


class CheckTieOut(Command):
    """Compare shares and cash with the broker's; cash that is missing halts entries."""

    may_change_orders = False
    command: Literal["check_tie_out"] = "check_tie_out"

    def perform(self, context: CommandContext) -> JsonObject:
        """Compare, and put the conclusion on record."""
        return tie_out_json(context.bot.tie_outs.check())


class AcceptTieOut(Command):
    """Take the broker's cash as right from now on, and take entries again that waited for it."""

    may_change_orders = False  # repeated, it accepts what is there then
    command: Literal["accept_tie_out"] = "accept_tie_out"
    by: Text
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]

    def perform(self, context: CommandContext) -> JsonObject:
        """Read it and record it."""
        return tie_out_json(context.bot.tie_outs.accept(by=self.by, reason=self.reason))
