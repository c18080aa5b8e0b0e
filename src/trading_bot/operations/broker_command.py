"""What the broker's own books say of a symbol."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from trading_bot.account.broker_view import BrokerView
from trading_bot.operations.command import Command, CommandContext, Text
from trading_bot.order_json import FORM_VERSION, JsonObject, amount_text, moment_text, shares_text
from trading_bot.order_management.portfolio import BookLevel, RealisedResult, TaxLot, Tradability

MOST_LEVELS = 50


class ShowBroker(Command):
    """Say what the broker itself says of a symbol: tradability, levels, lots, and the result of late."""

    may_change_orders = False
    command: Literal["show_broker"] = "show_broker"
    symbol: Text
    levels: Annotated[int, Field(ge=1, le=MOST_LEVELS)] = 5

    def perform(self, context: CommandContext) -> JsonObject:
        """Read it now; what cannot be had is null, and ``problems`` says why."""
        return broker_view_json(context.bot.broker_view(self.symbol), levels=self.levels)


def broker_view_json(view: BrokerView, *, levels: int) -> JsonObject:
    """Return a reading, with so many levels of each side."""
    book = view.book
    return {
        "v": FORM_VERSION,
        "symbol": view.symbol,
        "tradability": None if view.tradability is None else _tradability(view.tradability),
        "book": None
        if book is None
        else {
            "bids": [_level(each) for each in book.bids[:levels]],
            "asks": [_level(each) for each in book.asks[:levels]],
            "updated_at": moment_text(book.updated_at),
        },
        "lots": None if view.lots is None else [_lot(lot) for lot in view.lots],
        "realised": None if view.realised is None else _realised(view.realised),
        "problems": list(view.problems),
    }


def _tradability(told: Tradability) -> JsonObject:
    return {
        "state": told.state,
        "tradeable": told.is_tradeable,
        "fractional": told.fractional,
        "all_day": told.all_day,
        "account_types": dict(told.account_types),
        "halt": told.halt,
    }


def _level(level: BookLevel) -> JsonObject:
    return {"price": amount_text(level.price), "quantity": shares_text(level.quantity)}


def _lot(lot: TaxLot) -> JsonObject:
    return {
        "quantity": shares_text(lot.quantity),
        "available": None if lot.available is None else shares_text(lot.available),
        "opened_on": None if lot.opened_on is None else lot.opened_on.isoformat(),
        "cost_basis": amount_text(lot.cost_basis),
        "cost_per_share": amount_text(_per_share(lot)),
        "long_term": lot.is_long_term,
        "kind": lot.kind,
        "selectable": lot.is_selectable,
    }


def _per_share(lot: TaxLot) -> Decimal | None:
    # What the broker writes for it is absent on the lots of today; what the lot cost is not.
    if lot.cost_basis is None or not lot.quantity:
        return None
    return (lot.cost_basis / lot.quantity).quantize(Decimal("0.0001"))


def _realised(told: RealisedResult) -> JsonObject:
    return {
        "span": told.span,
        "total": amount_text(told.total),
        "days": [
            {
                "begins_at": moment_text(day.begins_at),
                "ends_at": moment_text(day.ends_at),
                "gain": amount_text(day.gain),
                "trades": day.trades,
            }
            for day in told.days
        ],
    }
