"""The commands that record what a named person decides; see `OperatorDecisions`."""

from typing import Annotated, Literal

from pydantic import Field

from trading_bot.operations.command import AnyOrderId, Command, CommandContext, Text
from trading_bot.order_json import FORM_VERSION, JsonObject, envelope_json, shares_text
from trading_bot.order_management.decisions.operator_decisions import LONGEST_REASON, Resolution


class _Decision(Command):
    may_change_orders = False  # nothing is sent: repeated, it says what has been decided
    by: Text
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]


class ResolveOrder(_Decision):
    """End the doubt about an order: ``never_accepted``, or ``found`` under the broker's ``order_id``."""

    command: Literal["resolve_order"] = "resolve_order"
    id: AnyOrderId
    as_: Annotated[Resolution, Field(strict=False)]
    order_id: AnyOrderId | None = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Check and record it."""
        decisions = context.bot.manager.decisions
        order = decisions.resolve(self.id, as_=self.as_, by=self.by, reason=self.reason, order_id=self.order_id)
        return envelope_json(order)


class AdoptOrder(_Decision):
    """Track an order that has our mark and is not in the journal."""

    command: Literal["adopt_order"] = "adopt_order"
    order_id: AnyOrderId

    def perform(self, context: CommandContext) -> JsonObject:
        """Read it and record it."""
        return envelope_json(context.bot.manager.decisions.adopt(self.order_id, by=self.by, reason=self.reason))


class ReleaseSymbol(_Decision):
    """Trade a frozen symbol again."""

    command: Literal["release_symbol"] = "release_symbol"
    symbol: Text

    def perform(self, context: CommandContext) -> JsonObject:
        """Record it."""
        context.bot.manager.decisions.release(self.symbol, by=self.by, reason=self.reason)
        return {"v": FORM_VERSION, "symbol": self.symbol, "released": True}


class AcceptPosition(_Decision):
    """Take the broker's position of a symbol as ours from now on; ``ratio`` is that of a split, such as 10:1."""

    command: Literal["accept_position"] = "accept_position"
    symbol: Text
    ratio: Text | None = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Read it and record it."""
        quantity = context.bot.manager.decisions.accept_position(
            self.symbol, by=self.by, reason=self.reason, ratio=self.ratio
        )
        return {"v": FORM_VERSION, "symbol": self.symbol, "quantity": shares_text(quantity), "ratio": self.ratio}
