"""The looks that the journal can answer as well: at orders, positions, freezes and protection plans."""

from typing import Literal

from trading_bot.operations.command import AnyOrderId, Command, CommandContext
from trading_bot.order_json import (
    JsonObject,
    external_order_json,
    freezes_json,
    orders_json,
    status_json,
    valued_positions_json,
)
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError
from trading_bot.protection_json import protections_json


class ListOrders(Command):
    """List the orders that have not provably ended, or ``all`` of the journal, oldest first.

    Open orders placed elsewhere are counted, and listed with ``all_origins``.
    """

    may_change_orders = False
    command: Literal["list_orders"] = "list_orders"
    all: bool = False
    all_origins: bool = False

    def perform(self, context: CommandContext) -> JsonObject:
        """Read the book; the broker is not read.

        With a ``problem`` there may be orders that it does not know, or it is not up to date; ``complete`` is false.
        """
        listed = orders_json(context.bot.orders() if self.all else context.bot.open_orders())
        external = context.bot.manager.view.external_orders()
        listed["external_orders"] = None if external is None else len(external)
        if self.all_origins:
            listed["external"] = [external_order_json(order) for order in external or ()]
        broker = context.bot.manager.broker_problem
        stale = None if broker is None else f"the broker could not be read: {broker}"
        problem = context.bot.journal_problem or stale
        journal_ok = context.bot.journal_problem is None
        return {**listed, "complete": problem is None, "journal_ok": journal_ok, "problem": problem}


class ShowStatus(Command):
    """Read one order by either id, from the broker where it holds the order."""

    may_change_orders = False
    command: Literal["show_status"] = "show_status"
    id: AnyOrderId

    def perform(self, context: CommandContext) -> JsonObject:
        """Read it; the journal's own knowledge, with the ``problem``, where the broker cannot be read."""
        try:
            return {**status_json(context.bot.order_status(self.id)), "problem": None}
        except OrderNotFoundError:
            raise
        except OrderStatusError as error:
            known = status_json(context.bot.manager.status_on_record(self.id))
            return {**known, "problem": f"the broker could not be read: {error}"}


class ListPositions(Command):
    """List what is held: as the broker says now if a bot is running, else as our records explain it."""

    may_change_orders = False
    command: Literal["list_positions"] = "list_positions"

    def perform(self, context: CommandContext) -> JsonObject:
        """Read the positions and their prices afresh."""
        context.bot.account.invalidate_cache("positions")
        return valued_positions_json(context.bot.valued_positions())


class ListFreezes(Command):
    """List what stops entries now, in which symbol, why, since when, and what ends it."""

    may_change_orders = False
    command: Literal["list_freezes"] = "list_freezes"

    def perform(self, context: CommandContext) -> JsonObject:
        """Read the book; the broker is not read."""
        return freezes_json(context.bot.manager.ways_out.freezes(), halted=context.bot.manager.halted_because)


class ListProtections(Command):
    """List every plan as it stands."""

    may_change_orders = False
    command: Literal["list_protections"] = "list_protections"

    def perform(self, context: CommandContext) -> JsonObject:
        """Read the book; the broker is not read."""
        return protections_json(context.bot.protections())
