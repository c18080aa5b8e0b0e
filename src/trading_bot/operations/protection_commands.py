"""The commands that change protection plans: set one, end those of a symbol."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from trading_bot.operations.command import Command, CommandContext, Text, UsableCorrelationId
from trading_bot.operations.values import Dollars
from trading_bot.order_json import FORM_VERSION, JsonObject
from trading_bot.order_management.decisions.operator_decisions import LONGEST_REASON
from trading_bot.protection.shown import needs_watching
from trading_bot.protection_json import set_plan_json

_NOT_WATCHED = "no bot is running that watches prices; start one with 'trading-bot run'"
_Reason = Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]


class ProtectPosition(Command):
    """Sell ``quantity`` shares of what is held, or all, once a price is reached; ``trail`` is a per cent, as in 2%."""

    command: Literal["protect"] = "protect"
    symbol: Text
    stop: Dollars | None = None
    target: Dollars | None = None
    trail: Text | None = None
    quantity: int | None = None
    by: Text = "an operator"
    reason: _Reason = "asked for by an operator"
    correlation_id: UsableCorrelationId = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Record the plan, and let its stop rest at the broker."""
        answer = context.bot.protect(
            self.symbol,
            self.quantity,
            stop=self.stop,
            target=self.target,
            trail=self.trail,
            reason=self.reason,
            strategy_name=self.by,
            correlation_id=self.correlation_id,
        )
        is_watched = context.bot.protection.is_followed or not needs_watching(answer.shown)
        return set_plan_json(answer if is_watched else replace(answer, notes=(_NOT_WATCHED, *answer.notes)))


class UnprotectPosition(Command):
    """End the plans of a symbol, and cancel their stop orders."""

    command: Literal["unprotect"] = "unprotect"
    symbol: Text
    by: Text = "an operator"
    reason: _Reason = "asked for by an operator"
    correlation_id: UsableCorrelationId = None

    def perform(self, context: CommandContext) -> JsonObject:
        """End them."""
        ended = context.bot.unprotect(
            self.symbol, reason=self.reason, strategy_name=self.by, correlation_id=self.correlation_id
        )
        return {"v": FORM_VERSION, "symbol": ended[0].symbol, "ended": [plan.plan_id for plan in ended]}
