"""The commands about ways out: leave a position, flatten, resume entries."""

from typing import Annotated, Literal

from pydantic import Field

from trading_bot.exit_json import exit_json, exits_json
from trading_bot.operations.command import Command, CommandContext, Text, UsableCorrelationId
from trading_bot.operations.values import Dollars, Shares
from trading_bot.order_json import FORM_VERSION, JsonObject
from trading_bot.order_management.book.exit_facts import ExitOrigin
from trading_bot.order_management.decisions.operator_decisions import LONGEST_REASON
from trading_bot.order_management.submit.exit_run import Leave

_Reason = Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]


class ExitPosition(Command):
    """Leave a position, all of it without a ``quantity``; with ``limit`` in one order at that price.

    ``held`` is the number of shares that a person sees at the broker, for where the positions cannot be read.
    """

    command: Literal["exit_position"] = "exit_position"
    symbol: Text
    quantity: int | None = None
    limit: Dollars | None = None
    extended_hours: bool = False
    held: Shares | None = None
    by: Text = "an operator"
    reason: _Reason = "asked for by an operator"
    correlation_id: UsableCorrelationId = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Never raise: a refusal is an answer too."""
        result = context.bot.leaving.leave(
            Leave(
                symbol=self.symbol,
                quantity=self.quantity,
                origin=ExitOrigin.PERSON,
                by=self.by,
                reason=self.reason,
                limit=self.limit,
                extended_hours=self.extended_hours,
                held=self.held,
                correlation_id=self.correlation_id,
            )
        )
        return exit_json(result)


class Flatten(Command):
    """Cancel every entry and leave every position that was traded here, or with ``everything`` all that is held."""

    command: Literal["flatten"] = "flatten"
    everything: bool = False
    extended_hours: bool = False
    by: Text = "an operator"
    reason: _Reason = "asked for by an operator"
    correlation_id: UsableCorrelationId = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Leave them; each position's end is progress as soon as it is known."""
        leave = Leave(
            symbol="",
            by=self.by,
            reason=self.reason,
            extended_hours=self.extended_hours,
            correlation_id=self.correlation_id,
        )
        results = context.bot.leaving.flatten(
            leave, everything=self.everything, on_result=lambda result: context.on_progress(exit_json(result))
        )
        return exits_json(results)


class ListHeld(Command):
    """List the symbols that `Flatten` would leave."""

    may_change_orders = False
    command: Literal["list_held"] = "list_held"
    everything: bool = False

    def perform(self, context: CommandContext) -> JsonObject:
        """Read the book; the broker is not read."""
        return {
            "v": FORM_VERSION,
            "symbols": list(context.bot.manager.ways_out.held_symbols(everything=self.everything)),
        }


class Resume(Command):
    """Take entries again after an exit: in ``symbol``, or without one everywhere."""

    may_change_orders = False
    command: Literal["resume"] = "resume"
    symbol: Text | None = None
    by: Text
    reason: _Reason

    def perform(self, context: CommandContext) -> JsonObject:
        """Record it."""
        resumed = context.bot.manager.decisions.resume(self.symbol, by=self.by, reason=self.reason)
        return {"v": FORM_VERSION, "resumed": list(resumed)}
