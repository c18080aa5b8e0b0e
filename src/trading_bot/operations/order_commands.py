"""The commands that place, preview and cancel orders."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from trading_bot.operations.command import AnyOrderId, Command, CommandContext, CorrelationId, Text, UsableCorrelationId
from trading_bot.operations.values import Dollars
from trading_bot.order_json import (
    FORM_VERSION,
    JsonObject,
    cancel_progress_json,
    cancel_result_json,
    cancel_results_json,
    envelope_json,
    preview_json,
    trade_result_json,
)
from trading_bot.order_management.models import LIMIT, Pricing, Side, TimeInForce
from trading_bot.trades import TradeRequest


class _Trade(Command):
    """The terms of a trade; ``quantity`` in whole shares, ``reference_price`` in dollars a share."""

    symbol: Text
    side: Annotated[Side, Field(strict=False)]
    quantity: int
    reference_price: Dollars
    strategy_name: Text = "manual"
    time_in_force: Annotated[TimeInForce, Field(strict=False)] = TimeInForce.GFD
    extended_hours: bool = False
    client_order_id: Text | None = None
    pricing: Annotated[Pricing, Field(strict=False)] | None = None

    def trade(self, *, reason: str, order_type: str = LIMIT, correlation_id: str | None = None) -> TradeRequest:
        """Return the trade with these terms."""
        return TradeRequest(
            symbol=self.symbol,
            action=self.side,
            shares=self.quantity,
            price=self.reference_price,
            reason=reason,
            strategy_name=self.strategy_name,
            order_type=order_type,
            time_in_force=self.time_in_force,
            extended_hours=self.extended_hours,
            client_order_id=self.client_order_id,
            pricing=self.pricing,
            correlation_id=correlation_id,
        )


class PlaceOrder(_Trade):
    """Trade: checks, order and trade record as for a signal. The answer has the trade's status, code and message."""

    command: Literal["place_order"] = "place_order"
    order_type: Text = LIMIT
    reason: Annotated[str, Field(min_length=1, max_length=2000)] = "asked for by an operator"
    correlation_id: CorrelationId | None = None
    stop: Dollars | None = None
    target: Dollars | None = None
    trail: Text | None = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Never raise: a refusal is an answer too."""
        trade = self.trade(reason=self.reason, order_type=self.order_type, correlation_id=self.correlation_id)
        return trade_result_json(
            context.bot.trade(replace(trade, stop=self.stop, target=self.target, trail=self.trail))
        )


class PreviewOrder(_Trade):
    """Show what `PlaceOrder` would send, and what would refuse it; nothing is sent or recorded."""

    may_change_orders = False
    command: Literal["preview_order"] = "preview_order"

    def perform(self, context: CommandContext) -> JsonObject:
        """Price and judge."""
        return preview_json(context.bot.preview_trade(self.trade(reason="preview").order()))


class CancelOrder(Command):
    """Cancel one order by either id."""

    command: Literal["cancel_order"] = "cancel_order"
    id: AnyOrderId
    correlation_id: UsableCorrelationId = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Cancel it and wait for proof until the cancel deadline."""
        with context.bot.manager.request(self.correlation_id) as correlation_id:
            return {**cancel_result_json(context.bot.cancel_order(self.id)), "correlation_id": correlation_id}


class ReplaceOrder(Command):
    """Replace one order by either id: cancel it and, once it has provably ended, place what it left unfilled."""

    command: Literal["replace_order"] = "replace_order"
    id: AnyOrderId
    reference_price: Dollars | None = None
    stop_price: Dollars | None = None
    quantity: int | None = None
    pricing: Annotated[Pricing, Field(strict=False)] | None = None
    client_order_id: Text | None = None
    correlation_id: CorrelationId | None = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Replace it; the answer has the order that stands now, and whether it is a new one."""
        manager = context.bot.manager
        with manager.request(self.correlation_id) as correlation_id:
            old = manager.status_on_record(self.id)
            order = context.bot.replace_order(
                self.id,
                reference_price=self.reference_price,
                stop_price=self.stop_price,
                quantity=self.quantity,
                pricing=self.pricing,
                client_order_id=self.client_order_id,
            )
        return {
            "v": FORM_VERSION,
            "replaced": old.client_order_id,
            "is_new": order.client_order_id != old.client_order_id,
            "order": envelope_json(order),
            "correlation_id": correlation_id,
        }


class CancelAll(Command):
    """Cancel every open order of ours; with ``include_external`` the account's others too, with ``all`` our stops."""

    command: Literal["cancel_all"] = "cancel_all"
    include_external: bool = False
    all: bool | None = None
    correlation_id: UsableCorrelationId = None

    def perform(self, context: CommandContext) -> JsonObject:
        """Cancel them; each order's end is progress as soon as it is known, and so is how far it is with many.

        The answer names the stops that stay.
        """
        with context.bot.manager.request(self.correlation_id) as correlation_id:
            results = context.bot.manager.cancel_all_open_orders(
                include_external=self.include_external,
                include_stops=self.all is True,
                on_result=lambda result: context.on_progress(
                    {**cancel_result_json(result), "correlation_id": correlation_id}
                ),
                on_progress=lambda progress: context.on_progress(cancel_progress_json(progress)),
            )
        kept = [envelope_json(order) for order in context.bot.manager.stops()]
        return {**cancel_results_json(results), "kept": kept, "correlation_id": correlation_id}
