"""The whole of what a live view shows, in one answer out of the bot's memory."""

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from trading_bot.clock import Seconds
from trading_bot.operations.command import Command, CommandContext
from trading_bot.order_json import (
    FORM_VERSION,
    JsonObject,
    amount_text,
    envelope_json,
    external_order_json,
    freeze_json,
    moment_text,
    shares_text,
    shown_position_json,
    unread_json,
)
from trading_bot.protection_json import protection_json

if TYPE_CHECKING:  # whoever only asks for a view needs no bot
    from trading_bot.kept_view import DayResult, KeptPosition, KeptView


class ShowView(Command):
    """Show orders of all origins, positions with their results, balances, halts and freezes, each with its age.

    It may be asked for every second: see `trading_bot.kept_view` for what is read of the broker for it.
    """

    may_change_orders = False
    command: Literal["show_view"] = "show_view"

    def perform(self, context: CommandContext) -> JsonObject:
        """Look at what is kept."""
        view = context.bot.kept_view()
        return {
            "v": FORM_VERSION,
            "at": moment_text(view.at),
            "pid": context.holder.pid,
            "since": moment_text(context.holder.since),
            "mode": context.bot.config.trading.mode.value,
            **_balances(view),
            "today": _today(view.today),
            "halted": view.halted,
            "freezes": [freeze_json(freeze) for freeze in view.freezes],
            "orders": [envelope_json(order) for order in view.orders],
            "external": None if view.external is None else [external_order_json(order) for order in view.external],
            "orders_age_s": _whole(view.orders_age_s),
            "problem": view.problem,
            "positions": None if view.positions is None else [_position(each) for each in view.positions],
            "protections": [protection_json(shown) for shown in context.bot.protections()],
            "unread": [unread_json(row) for row in view.unread],
            "positions_age_s": _whole(view.positions_age_s),
        }


def _balances(view: "KeptView") -> JsonObject:
    account = view.account
    cash = None if account is None else account.portfolio_cash
    return {
        "cash": amount_text(account.cash if account is not None and cash is None else cash),
        "buying_power": amount_text(None if account is None else account.buying_power),
        "balances_age_s": _whole(view.account_age_s),
    }


def _today(today: "DayResult") -> JsonObject:
    return {
        "realised": amount_text(today.realised),
        "unrealised": amount_text(today.unrealised),
        "unknown_sales": today.unknown_sales,
        "left_out": list(today.left_out),
    }


def _position(position: "KeptPosition") -> JsonObject:
    return {
        **shown_position_json(position.shown),
        "quantity": shares_text(position.quantity),
        "price": amount_text(position.price),
        "value": _cents(position.value),
        "cost": _cents(position.cost),
        "result": _cents(position.result),
    }


def _cents(dollars: Decimal | None) -> str | None:
    return None if dollars is None else f"{dollars:.2f}"


def _whole(age_s: Seconds | None) -> int | None:
    return None if age_s is None else int(age_s)
